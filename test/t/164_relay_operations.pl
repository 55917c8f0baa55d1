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

is($relay->stop, 0, 'the relay ends well');
done_testing();
