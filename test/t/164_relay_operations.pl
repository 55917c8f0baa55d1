# What clients change over the WebSocket.
use strict;
use warnings;
use InventoryNode;
use RelayProcess;
use Test::More;
use Token;

my $node = new_node('main');
$node->start;
create_extension($node, 'shop');
$node->safe_psql('shop', <<'END');
SELECT FROM inventory_define('bean', 'north', initial_quantity => 100, minimum_stock => 10);
SELECT FROM inventory_define('bean', 'south', initial_quantity => 100);
SELECT FROM inventory_define('pea', 'north', initial_quantity => 100);
END
sub value { return $node->safe_psql('shop', $_[0]) }
sub stock { return value("SELECT quantity_available FROM inventory WHERE product_id = '$_[0]' AND warehouse_id = '$_[1]'") }

my $relay = RelayProcess->start($node, 'shop', keys_options(), '--operations-per-second', 100000, '--operation-burst', 100000,
	'--ping-interval', '300s', '--ping-timeout', '600s');

# A client that has said hello, and follows nothing unless told.
sub greeted
{
	my ($claims, %hello) = @_;
	my $client = $relay->client(headers => bearer(%$claims));
	$client->send_json({ type => 'hello', protocol => 1, channels => [], %hello });
	$client->wait_for(sub { $_->{type} eq 'welcome' });
	return $client;
}

# Sends, and waits for the answer with the same id.
my $count = 0;
sub answer_to
{
	my ($client, $message) = @_;
	my $id = 'm' . ++$count;
	$client->send_json({ id => $id, %$message });
	return $client->wait_for(sub { ($_->{id} // '') eq $id });
}
sub item { return (productId => $_[0], warehouseId => $_[1]) }

note 'an adjustment';
my $ann = greeted({ sub => 'ann' }, channels => ['global']);
$ann->send_json({ type => 'adjust', id => 1, key => 'sale-1', item('bean', 'north'), quantity => 3, movementType => 'out', reason => 'sale' });
# Which of the two comes first is not promised.
my %heard = map { $_->{type} => $_ } map { $ann->wait_for(sub { $_->{type} eq 'ack' || $_->{type} eq 'inventory.updated' }) } 1 .. 2;
my $ack = $heard{ack};
is_deeply([ @{ $ack->{result} }{qw(productId warehouseId previousQuantity newQuantity quantityReserved version movementType)} ],
	[ 'bean', 'north', 100, 97, 0, 2, 'out' ], 'is acknowledged with what it did');
ok(!$ack->{replayed}, 'as done now');
is($ack->{id}, 1, 'under its id');
like($ack->{result}{createdAt}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, 'with its time');
is(stock('bean', 'north'), 97, 'and it is committed');
is(value("SELECT performed_by || ' ' || reason FROM inventory_movement WHERE movement_id = $ack->{result}{movementId}"), 'ann sale',
	'by whom the token names');
is($heard{'inventory.updated'}{op}, 'sale-1', 'the event carries the key');
my $again = answer_to($ann, { type => 'adjust', key => 'sale-1', item('bean', 'north'), quantity => 3, movementType => 'out', reason => 'sale' });
ok($again->{replayed}, 'the same key again is answered as replayed');
is_deeply($again->{result}, $ack->{result}, 'with the same result');
is(stock('bean', 'north'), 97, 'and changes nothing');

note 'all verbs';
my $max = greeted({ sub => 'max', role => 'manager' });
my $eve = greeted({ sub => 'eve', role => 'viewer' });
my $south = greeted({ sub => 'sue', warehouses => ['south'] });
is(answer_to($max, { type => 'define', item('tea', 'north'), minimumStock => 5, initialQuantity => 20, attributes => { name => "Th\x{e9}" } })->{result}{movementType}, 'created', 'define');
is(value("SELECT attributes ->> 'name' FROM inventory WHERE product_id = 'tea'"), 'Th' . "\xc3\xa9", 'with attributes as they were sent');
is(answer_to($ann, { type => 'set', item('tea', 'north'), quantity => 18 })->{result}{newQuantity}, 18, 'set');
is_deeply([ map { $_->{newQuantity} } @{ answer_to($ann, { type => 'apply', lines => [ { item('tea', 'north'), quantity => -1 }, { item('pea', 'north'), quantity => 2, movementType => 'in' } ] })->{result}{changes} } ],
	[ 17, 102 ], 'apply');
my $reserved = answer_to($ann, { type => 'reserve', reservationId => 'cart', ttl => '10 min', lines => [ { item('tea', 'north'), quantity => 7 } ] });
is($reserved->{result}{changes}[0]{quantityReserved}, 7, 'reserve');
like($reserved->{result}{changes}[0]{expiresAt}, qr/^\d{4}-.*\.\d{3}Z$/, 'until then');
is(answer_to($ann, { type => 'commit', reservationId => 'cart', lines => [ { item('tea', 'north'), quantity => 5 } ] })->{result}{changes}[1]{newQuantity}, 12, 'commit, which gives the rest back');
is(answer_to($ann, { type => 'commit', reservationId => 'cart' })->{code}, 'gone', 'once');
is_deeply(answer_to($ann, { type => 'release', reservationId => 'nothing' })->{code}, 'not_found', 'release of what is not there');
is(scalar @{ answer_to($ann, { type => 'transfer', productId => 'bean', fromWarehouseId => 'north', toWarehouseId => 'south', quantity => 7 })->{result}{changes} }, 2, 'transfer');
is(answer_to($max, { type => 'adjust', item('tea', 'north'), quantity => 12, movementType => 'out' })->{type}, 'ack', 'sold out');
is(answer_to($max, { type => 'retire', item('tea', 'north') })->{result}{movementType}, 'retired', 'retire');
is(answer_to($ann, { type => 'adjust', item('tea', 'north'), quantity => 1 })->{code}, 'not_found', 'what is retired is not there');

note 'rights';
for my $verb (qw(adjust set retire define))
{
	is(answer_to($eve, { type => $verb, item('bean', 'north'), $verb =~ /t$/ && $verb ne 'set' ? (quantity => 1) : (), $verb eq 'set' ? (quantity => 1) : () })->{code} =~ /forbidden|bad_request/, 1, "a viewer is refused $verb");
}
is(answer_to($eve, { type => 'adjust', item('bean', 'north'), quantity => 1 })->{code}, 'forbidden', 'a viewer changes nothing');
is(answer_to($ann, { type => 'adjust', item('bean', 'north'), quantity => 1000, movementType => 'out', onShortage => 'force' })->{code}, 'forbidden', 'an operator forces nothing');
is(answer_to($max, { type => 'adjust', item('bean', 'north'), quantity => 1000, movementType => 'out', onShortage => 'force' })->{type}, 'ack', 'a manager does');
is(answer_to($south, { type => 'adjust', item('bean', 'north'), quantity => 1 })->{code}, 'forbidden', 'another warehouse is out of reach');
is(answer_to($south, { type => 'adjust', item('bean', 'south'), quantity => 1 })->{type}, 'ack', 'the own one is not');
is(answer_to($south, { type => 'transfer', productId => 'bean', fromWarehouseId => 'south', toWarehouseId => 'north', quantity => 1 })->{code}, 'forbidden', 'nor is anything moved out of it');
is(answer_to($ann, { type => 'adjust', item('bean', 'south'), quantity => 1, performedBy => 'bob' })->{code}, 'forbidden', 'nobody acts in the name of others');
my $guild = greeted({ sub => 'ann', org => 'guild' });
is(answer_to($guild, { type => 'adjust', item('bean', 'south'), quantity => 1 })->{code}, 'not_found', 'another organization has other items');
is(answer_to($guild, { type => 'adjust', key => 'sale-1', item('bean', 'north'), quantity => 3, movementType => 'out', reason => 'sale' })->{code}, 'not_found', 'and other keys');

note 'batches';
my $before = stock('pea', 'north');
$ann->send_json({ type => 'batch', messages => [ map { { type => 'adjust', id => "b$_", item('pea', 'north'), $_ == 7 ? (quantitty => 1) : (quantity => $_ == 9 ? 0 : 1, movementType => 'out') } } 1 .. 12 ] });
my %answers = map { $_->{id} => $_ } map { $ann->wait_for(sub { ($_->{id} // '') =~ /^b/ }) } 1 .. 12;
is($answers{b7}{code}, 'bad_request', 'a malformed entry is refused');
is($answers{b9}{code}, 'bad_request', 'so is one that the database refuses');
is(stock('pea', 'north'), $before - 10, 'the others are done');
my @versions = map { $answers{"b$_"}{result}{version} } grep { $_ != 7 && $_ != 9 } 1 .. 12;
is_deeply(\@versions, [ sort { $a <=> $b } @versions ], 'in their order');
$ann->send_json({ type => 'batch', id => 'many', messages => [ map { { type => 'ping' } } 1 .. 101 ] });
is($ann->wait_for(sub { ($_->{id} // '') eq 'many' })->{code}, 'too_large', 'a batch of too many is refused');

note 'many at once';
my @clients = map { greeted({ sub => "till$_" }) } 1 .. 20;
$before = stock('bean', 'south');
for my $client (@clients) { $client->send_json({ type => 'adjust', id => $_, item('bean', 'south'), quantity => 1, movementType => 'in' }) for 1 .. 20 }
my %seen;
for my $client (@clients) { $seen{ $client->wait_for(sub { $_->{type} eq 'ack' })->{result}{version} }++ for 1 .. 20 }
is(stock('bean', 'south'), $before + 400, '20 clients with 20 operations on one item each lose none');
is(scalar keys %seen, 400, 'and each has a version of its own');
my ($applied, $batches) = map { $relay->metric($_) } qw(operations_applied_total operation_batches_total);
ok($batches < $applied / 2, "in fewer transactions ($batches for $applied)");
is(value('SELECT count(*) FROM inventory_reconcile()'), 0, 'the books are right');

note 'rates';
my $strict = RelayProcess->start($node, 'shop', keys_options(), '--operations-per-second', 10, '--operation-burst', 5);
my @hasty = map { $strict->client(headers => bearer(sub => 'hasty')) } 1 .. 2;
for my $client (@hasty) { $client->send_json({ type => 'adjust', id => $_, item('bean', 'south'), quantity => 1 }) for 1 .. 10 }
my @kinds;
for my $client (@hasty) { push @kinds, $client->wait_for(sub { $_->{type} eq 'ack' || $_->{type} eq 'error' }) for 1 .. 10 }
my @limited = grep { $_->{type} eq 'error' } @kinds;
ok(@limited >= 10 && @limited <= 15, 'over all of his connections a user sends no more than his burst');
ok(!(grep { $_->{code} ne 'rate_limited' || !$_->{retryable} || $_->{retryAfterMs} < 1 } @limited), 'and is told when to come again');
my $calm = $strict->client(headers => bearer(sub => 'calm'));
$calm->send_json({ type => 'adjust', id => 1, item('bean', 'south'), quantity => 1 });
is($calm->wait_for(sub { $_->{type} =~ /ack|error/ })->{type}, 'ack', 'another user is not');
is($strict->stop, 0, 'the relay ends well');

note 'the store of keys';
my $scans = value("SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'inventory_operation'");
value(<<'END');
DO $$
BEGIN
	FOR i IN 1 .. 100 LOOP
		PERFORM inventory_sync(jsonb_build_array(jsonb_build_object('kind', 'adjust', 'idempotency_key', 'scan-' || i,
			'product_id', 'pea', 'warehouse_id', 'north', 'quantity', 1)));
	END LOOP;
	PERFORM pg_stat_force_next_flush();
END $$;
END
ok(value("SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'inventory_operation'") - $scans < 20, 'is not read as a whole');

is($relay->stop, 0, 'the relay ends well');
done_testing();
