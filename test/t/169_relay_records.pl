# What the relay tells about one item: its movements, batches and reservations.
use strict;
use warnings;
use InventoryNode;
use JSON::PP;
use RelayProcess;
use Test::More;
use Token;

my $node = new_node('main');
$node->start;
create_extension($node, 'shop');

# In the name of an organization.
sub done
{
	my ($organization, $statements) = @_;
	return $node->safe_psql('shop', "SET inventory.organization = '$organization'; $statements");
}

done('acme', <<'END');
SELECT FROM inventory_define('bolt', 'W1', initial_quantity => 100);
SELECT FROM generate_series(1, 25) i, inventory_adjust('bolt', 'W1', -1, 'out', reason => 'sale', reference => 'order-' || i, performed_by => 'mina', idempotency_key => 'k' || i);
SELECT FROM inventory_adjust('bolt', 'W1', 5, 'in', occurred_at => '2024-02-03 04:05:06.789+00');
SELECT FROM inventory_define('bolt', 'W2', initial_quantity => 7);
SELECT FROM inventory_define('milk', 'W1', track_batches => true);
SELECT FROM generate_series(1, 5) i, inventory_adjust('milk', 'W1', i, 'in', batch_number => 'L' || i, expires_at => '2099-01-01 00:00:00+00');
SELECT FROM inventory_batch_set('milk', 'W1', 'L2', status => 'quarantined');
SELECT FROM inventory_define('nut', 'W1');
SELECT FROM inventory_retire('nut', 'W1');
END
done('globex', "SELECT FROM inventory_define('bolt', 'W1', initial_quantity => 3)");

my $relay = RelayProcess->start($node, 'shop', keys_options(), '--inventory-limit', 100, '--allow-origin', 'https://shop.example');
my $ann = bearer(org => 'acme');

sub asked { my ($path, $headers) = @_; return $relay->get("/api/inventory/$path", headers => $headers // $ann) }
sub rows { my $answer = asked(@_); is($answer->{status}, 200, "$_[0] is answered") or diag($answer->{body}); return decode_json($answer->{body}) }
sub encoded { return $_[0] =~ s/([^A-Za-z0-9_.~-])/sprintf '%%%02X', ord $1/ger }

# All pages of so many rows, each begun behind the last row of the one before.
sub paged
{
	my ($path, $limit, $name) = @_;
	my (@all, $before);

	while (1)
	{
		my $answer = asked("$path?limit=$limit" . (defined $before ? '&before=' . encoded($before) : ''));
		my $page = decode_json($answer->{body});
		return \@all if ref $page ne 'ARRAY' || !@$page;
		die 'more than was asked for' if @$page > $limit;
		push @all, @$page;
		$before = $page->[-1]{$name};
	}
}

note 'movements';
my $movements = rows('bolt/W1/movements');
is_deeply([ map { $_->{version} } @$movements ], [ reverse 1 .. 27 ], 'all of them, newest first');
is_deeply([ sort keys %{ $movements->[0] } ], [ sort qw(id version movementType quantity deltaAvailable deltaReserved availableAfter reservedAfter reason reference performedBy operationId occurredAt createdAt) ], 'with all that is known');
is_deeply([ @{ $movements->[1] }{qw(movementType quantity deltaAvailable deltaReserved availableAfter reservedAfter reason reference performedBy operationId occurredAt)} ],
	[ 'out', -1, -1, 0, 75, 0, 'sale', 'order-25', 'mina', 'k25', undef ], 'as it was written');
is($movements->[0]{occurredAt}, '2024-02-03T04:05:06.789Z', 'times are UTC with milliseconds');
like($movements->[0]{createdAt}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, 'all of them');
is_deeply(rows('movements?productId=bolt&warehouseId=W1'), $movements, 'the item may stand in the query');
is_deeply(paged('bolt/W1/movements', $_, 'version'), $movements, "pages of $_ are the same list") for 1, 7, 27, 100;
is_deeply([ map { $_->{version} } @{ rows('bolt/W1/movements?before=3') } ], [ 2, 1 ], 'before a version');
is_deeply(rows('bolt/W1/movements?before=1'), [], 'before the first is nothing');
is(@{ rows('bolt/W1/movements?before=9223372036854775807&limit=2') }, 2, 'before the largest number is the newest');
is(@{ rows('bolt/W1/movements?limit=999999999999') }, 27, 'a limit may be more than the option allows');
is_deeply([ map { $_->{movementType} } @{ rows('nut/W1/movements') } ], [ 'retired', 'created' ], 'a retired item keeps its history');

note 'batches';
my $batches = rows('milk/W1/batches');
is_deeply([ map { "$_->{batchNumber} $_->{quantity} $_->{status}" } @$batches ],
	[ 'L5 5 active', 'L4 4 active', 'L3 3 active', 'L2 2 quarantined', 'L1 1 active' ], 'newest first');
is_deeply([ sort keys %{ $batches->[0] } ], [ sort qw(batchId batchNumber quantity expiresAt receivedAt status version lastModifiedAt) ], 'with all that is known');
is($batches->[0]{expiresAt}, '2099-01-01T00:00:00.000Z', 'and when they expire');
is_deeply(paged('milk/W1/batches', 2, 'batchId'), $batches, 'in pages, too');
is_deeply(rows('bolt/W1/batches'), [], 'an item without batches has an empty list');

note 'reservations';
my $held = q{[{"product_id": "bolt", "warehouse_id": "W1", "quantity": %d}, {"product_id": "bolt", "warehouse_id": "W2", "quantity": 1}]};
# Ids that do not sort as they were made; two made at one moment.
my @ids = ('z:1', 'a/2', 'm 3', "q'4", '5%');
done('acme', sprintf "SELECT FROM inventory_reserve('$held', reservation_id => '%s', reference => 'cart', performed_by => 'mina')", $_ + 1, $ids[$_] =~ s/'/''/gr) for 0 .. $#ids;
$node->safe_psql('shop', "UPDATE inventory_reservation SET created_at = (SELECT created_at FROM inventory_reservation WHERE reservation_id = 'm 3') WHERE reservation_id = 'a/2'");
my $reservations = rows('bolt/W1/reservations');
is_deeply([ map { "$_->{reservationId} $_->{quantity}" } @$reservations ], [ '5% 5', "q'4 4", 'm 3 3', 'a/2 2', 'z:1 1' ], 'newest first, with what they hold of this item');
is_deeply([ sort keys %{ $reservations->[0] } ], [ sort qw(reservationId status quantity reference expiresAt createdAt performedBy) ], 'with all that is known');
is_deeply([ @{ $reservations->[0] }{qw(status reference performedBy)} ], [ 'active', 'cart', 'mina' ], 'as it was written');
is_deeply(paged('bolt/W1/reservations', $_, 'reservationId'), $reservations, "pages of $_ are the same list") for 1, 2, 5;
is_deeply([ map { $_->{quantity} } @{ rows('bolt/W2/reservations') } ], [ (1) x 5 ], 'each item has its own quantities');
done('acme', "SELECT FROM inventory_release('m 3')");
is_deeply([ map { $_->{reservationId} } @{ rows('bolt/W1/reservations') } ], [ '5%', "q'4", 'a/2', 'z:1' ], 'what has ended is no more in it');
is_deeply([ map { $_->{reservationId} } @{ rows('bolt/W1/reservations?before=m%203') } ], [ 'a/2', 'z:1' ], 'but still says where a page has ended');
is_deeply(rows('bolt/W1/reservations?before=nothing'), [], 'before what never was is nothing');

note 'the scope';
my $unknown = asked('nothing/W1/movements');
is($unknown->{status}, 404, 'an unknown item is not found');
is_deeply(decode_json($unknown->{body}), { error => 'Inventory not found', code => 'not_found' }, 'and that is said');
my $limited = bearer(sub => 'bob', org => 'acme', role => 'viewer', warehouses => ['W2']);
for my $kind (qw(movements batches reservations))
{
	is(asked("bolt/W2/$kind", $limited)->{status}, 200, "$kind in one's own warehouse");
	is_deeply([ @{ asked("bolt/W1/$kind", $limited) }{qw(status body)} ], [ @$unknown{qw(status body)} ], 'of another warehouse the answer is that of an unknown item');
	is_deeply([ @{ asked("bolt/W2/$kind", bearer(org => 'globex')) }{qw(status body)} ], [ @$unknown{qw(status body)} ], 'and of another organization');
	is(asked("bolt/W1/$kind", {})->{status}, 401, 'without a token there is none');
}
is_deeply([ map { $_->{availableAfter} } @{ rows('bolt/W1/movements', bearer(org => 'globex')) } ], [3], 'two organizations may have an item of one name');
is_deeply(rows('bolt/W1/reservations?before=m%203', bearer(org => 'globex')), [], 'a reservation of others is no place to begin');
is(asked('bolt/W1/movements', bearer(org => 'acme', warehouses => []))->{status} >= 400, 1, 'nor is there anything for who sees no warehouse');
is(asked('bolt/W1/movements', { %$ann, Origin => 'https://evil.example' })->{status}, 403, 'a foreign page reads nothing');
is(asked('bolt/W1/movements', { %$ann, Origin => 'https://shop.example' })->{headers}{'access-control-allow-origin'}, 'https://shop.example', 'a page that may is told so');

note 'what is malformed';
is(asked($_)->{status}, 400, "$_ is malformed")
  for (map { ("bolt/W1/$_?limit=0", "bolt/W1/$_?limit=x", "bolt/W1/$_?before=", "bolt/W1/$_?before=%ff", "bolt/W1/$_?before=" . 'x' x 201) } qw(movements batches reservations)),
  (map { ("bolt/W1/$_?before=0", "bolt/W1/$_?before=-1", "bolt/W1/$_?before=1.5", "bolt/W1/$_?before=x", "bolt/W1/$_?before=1%20", "bolt/W1/$_?before=9223372036854775808") } qw(movements batches)),
  'movements', 'movements?productId=bolt', 'movements?warehouseId=W1', 'movements?productId=&warehouseId=W1', 'movements?productId=bolt&warehouseId=%ff',
  'movements?warehouseId=W1&productId=' . 'x' x 201, 'bolt/movements', 'a/b/W1/movements', 'a%2Fb/W1/movements', '%ff/W1/movements', 'x' x 201 . '/W1/movements';
is(asked('bolt/W1/nothing')->{status}, 404, 'there are no other records');
is($relay->get('/api/inventory/bolt/W1/movements', port => $relay->{admin_port}, headers => $ann)->{status}, 404, 'nor any for the admin');
is($relay->request(method => 'POST', path => '/api/inventory/bolt/W1/movements', headers => { %$ann, 'Content-Length' => 2, 'Content-Type' => 'application/json' }, body => '{}')->{status}, 405, 'they are only read');
is(length($relay->request(method => 'HEAD', path => '/api/inventory/bolt/W1/movements', headers => $ann)->{body}), 0, 'HEAD has no body');

note 'hostile ids';
# By path all but those that are a path of their own; by query all.
my @hostile = ("bolt' OR '1'='1", 'a:b%c', '%2e%2e', 'x?y=1&z#w', "\xc3\xa5 \xe2\x82\xac", '$1', 'null', '{}', '"', '\\', '+ +', 'movements', 'x' x 200);
for my $id (@hostile, 'a/b', '/', '..', '.', '../../etc', '//')
{
	my ($product) = map { s/'/''/gr } $id;
	done('acme', "SELECT FROM inventory_define('$product', 'W1', initial_quantity => " . length($id) . ')');
	my $query = sprintf 'movements?productId=%s&warehouseId=W1', encoded($id);
	is_deeply([ map { $_->{availableAfter} } @{ rows($query) } ], [ length $id ], 'by query it is that item');
	next if !grep { $_ eq $id } @hostile;
	is_deeply([ map { $_->{availableAfter} } @{ rows(encoded($id) . '/W1/movements') } ], [ length $id ], 'by path, too');
}
is(asked(encoded("tab\there") . "/W1/movements")->{status}, 404, "an id that none can have is of no item");
is(asked(encoded('/') . '/W1/movements')->{status} >= 400, 1, 'an id of a slash is not found by path');
is($relay->metric('database_up'), 1, 'nothing of this harms the relay');

note 'many at once, while stock changes';
my @sockets = map { $relay->socket } 1 .. 20;
my $line = join '', map { "$_: $ann->{$_}\r\n" } keys %$ann;
for (@sockets) { $_->send_bytes("GET /api/inventory/bolt/W1/movements HTTP/1.1\r\nHost: localhost\r\n$line\r\n" x 3) }
done('acme', "SELECT FROM inventory_adjust('bolt', 'W1', -1, 'out')") for 1 .. 5;
my $gaps = 0;
for my $socket (@sockets)
{
	for (1 .. 3)
	{
		my @versions = map { $_->{version} } @{ decode_json($socket->http_response->{body}) };
		$gaps++ if "@versions" ne join ' ', reverse 1 .. $versions[0];
	}
}
is($gaps, 0, 'each of sixty lists is whole');
my $gone = $relay->socket;
$gone->send_bytes("GET /api/inventory/bolt/W1/movements HTTP/1.1\r\nHost: localhost\r\n$line\r\n");
$gone->drop;
is(asked('bolt/W1/movements')->{status}, 200, 'a client that does not wait for its answer does no harm');

note 'what a crash could take back is not shown';
my $publisher = worker_pid($node, 'publisher', 'shop');
kill 'STOP', $publisher;
my $waiting = $relay->socket;
$waiting->send_bytes("GET /api/inventory/bolt/W1/movements HTTP/1.1\r\nHost: localhost\r\n$line\r\n");
is(asked('nothing/W1/movements')->{status}, 404, 'while no tick covers it, an answer waits');
ok(!$waiting->is_readable(0.3), 'and nothing of it is sent');
kill 'CONT', $publisher;
is($waiting->http_response->{status}, 200, 'until there is one');

note 'without the database';
$node->stop('fast');
$relay->wait_until(sub { $relay->get('/readyz')->{status} == 503 }, 'it is not ready');
is(asked('bolt/W1/movements')->{status}, 503, 'it is said that there is none');
is($relay->stop, 0, 'and the relay ends as asked');

done_testing();
