# What clients change over HTTP.
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
$node->safe_psql('shop', <<'END');
SELECT FROM inventory_define('prod_123', 'wh_456', initial_quantity => 100, minimum_stock => 10);
SELECT FROM inventory_define('bean', 'north', initial_quantity => 100);
END
sub value { return $node->safe_psql('shop', $_[0]) }
sub stock { return value("SELECT quantity_available FROM inventory WHERE product_id = '$_[0]'") }

my $relay = RelayProcess->start($node, 'shop', keys_options(), '--allow-origin', 'https://shop.example', '--anonymous', 'operator');

# The response with its body decoded as `json`.
sub post
{
	my ($verb, $body, %headers) = @_;
	my $text = ref $body ? encode_json($body) : $body;
	my $response = $relay->request(method => 'POST', path => "/api/inventory/$verb",
		headers => { 'Content-Type' => 'application/json', 'Content-Length' => length $text, %headers }, body => $text);
	$response->{json} = decode_json($response->{body}) if length $response->{body};
	return $response;
}
sub adjust { my ($body, @headers) = @_; return post('adjust', $body, @headers) }
my %sale = (productId => 'prod_123', warehouseId => 'wh_456', quantity => -10, movementType => 'out', reason => 'Sale from Terminal 1');

note 'an adjustment';
my $response = adjust(\%sale);
is($response->{status}, 200, 'is done');
my $json = $response->{json};
my $movement = delete $json->{movement};
is_deeply($json, { inventoryId => $json->{inventoryId}, productId => 'prod_123', warehouseId => 'wh_456', previousQuantity => 100,
		newQuantity => 90, version => 2, message => 'Inventory adjusted successfully' }, 'and answered');
like(delete $movement->{createdAt}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, 'with the time of its movement');
is_deeply($movement, { id => $movement->{id}, inventoryId => $json->{inventoryId}, productId => 'prod_123', warehouseId => 'wh_456',
		movementType => 'out', quantity => -10, reason => 'Sale from Terminal 1', performedBy => 'anonymous' }, 'and the movement');
is(value("SELECT quantity || ' ' || reason || ' ' || performed_by FROM inventory_movement WHERE movement_id = $movement->{id}"),
	'-10 Sale from Terminal 1 anonymous', 'as the ledger has it');

is($relay->stop, 0, 'the relay ends well');
done_testing();
