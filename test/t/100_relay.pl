# From COMMIT to a WebSocket: every committed change, once, in order, to whom it concerns.
use strict;
use warnings;
use InventoryNode;
use Relay;
use Test::More;
use WebSocket;

my $node = new_node('main');
$node->start;
create_extension($node, 'shop');
my $schema = $node->safe_psql('shop', 'SELECT current_schema');
$node->safe_psql('shop', <<"END");
CREATE ROLE relay LOGIN;
GRANT USAGE ON SCHEMA $schema TO relay;
GRANT EXECUTE ON FUNCTION inventory_relay_read, inventory_list TO relay;
SELECT FROM inventory_define('prod_123', 'wh_456', initial_quantity => 500);
SELECT FROM inventory_define('tea', 'wh_456', initial_quantity => 500);
SELECT FROM inventory_define('tea', 'harbour', initial_quantity => 500);
END

sub adjust
{
	my ($product, $warehouse, $count) = @_;
	$node->safe_psql('shop', "SELECT FROM inventory_adjust('$product', '$warehouse', -1, 'out');" x ($count // 1));
}

# The versions that come next, as many as asked.
sub next_versions
{
	my ($socket, $count) = @_;
	return [ map { my $m = $socket->read_json; $m->{data}{version} // "$m->{type} " . ($m->{code} // '') } 1 .. $count ];
}

my $relay = Relay->new($node, 'shop', 'relay');
is($relay->status_of('/livez'), 200, 'the relay lives, and needs no superuser');

note 'delivery';
my $socket = WebSocket->new($relay->port);
like($socket->answer, qr{^HTTP/1.1 101}, 'a WebSocket opens');
$socket->unsubscribe('global');
$socket->subscribe('product:prod_123');
$node->safe_psql('shop', "SELECT FROM inventory_adjust('prod_123', 'wh_456', -10, 'out', reason => 'Sale')");
my $message = $socket->read_json;
is($message->{type}, 'inventory.updated', 'a change arrives as inventory.updated');
is_deeply([ @{ $message->{data} }{qw(productId warehouseId previousQuantity quantityAvailable changeAmount version reason)} ],
	[ 'prod_123', 'wh_456', 500, 490, -10, 2, 'Sale' ], 'and says what happened');

note 'who hears what';
my %sockets;
for my $channel (qw(product:tea warehouse:harbour product:tea:warehouse:wh_456))
{
	$sockets{$channel} = WebSocket->new($relay->port);
	$sockets{$channel}->unsubscribe('global');
	$sockets{$channel}->subscribe($channel);
}
$sockets{global} = WebSocket->new($relay->port);
$sockets{several} = WebSocket->new($relay->port);
$sockets{several}->subscribe($_) for qw(product:tea warehouse:harbour);
adjust('tea', 'harbour');
adjust('tea', 'wh_456');
adjust('prod_123', 'wh_456');
$node->safe_psql('shop', "SELECT FROM inventory_adjust('tea', 'harbour', 100, 'in')");
$node->safe_psql('shop', "SELECT FROM inventory_adjust('tea', 'wh_456', 100, 'in')");
sub next_items
{
	my ($name, $count) = @_;
	return [ map { my $d = $sockets{$name}->read_json->{data}; "$d->{productId} $d->{warehouseId} $d->{version}" } 1 .. $count ];
}
is_deeply(next_items('product:tea', 4), [ 'tea harbour 2', 'tea wh_456 2', 'tea harbour 3', 'tea wh_456 3' ],
	'a product channel has the product in every warehouse');
is_deeply(next_items('warehouse:harbour', 2), [ 'tea harbour 2', 'tea harbour 3' ], 'a warehouse channel what is in it');
is_deeply(next_items('product:tea:warehouse:wh_456', 2), [ 'tea wh_456 2', 'tea wh_456 3' ], 'a channel of both only that item');
my $all = [ 'tea harbour 2', 'tea wh_456 2', 'prod_123 wh_456 3', 'tea harbour 3', 'tea wh_456 3' ];
is_deeply(next_items('global', 5), $all, 'global has everything');
is_deeply(next_items('several', 5), $all, 'who follows several channels gets an event once');
is_deeply(next_versions($socket, 1), [3], 'and the first client only what it asked for');

note 'a change that was rolled back';
$node->safe_psql('shop', "BEGIN; SELECT FROM inventory_adjust('prod_123', 'wh_456', -1, 'out'); ROLLBACK");
adjust('prod_123', 'wh_456');
is_deeply(next_versions($socket, 1), [4], 'is not delivered');

note 'the database link is lost';
$node->safe_psql('shop', 'ALTER ROLE relay NOLOGIN');
$node->safe_psql('shop', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'relay'");
$relay->wait_for_status(503);
pass('/readyz says 503');
is($relay->status_of('/livez'), 200, '/livez still 200');
adjust('prod_123', 'wh_456', 50);
$node->safe_psql('shop', 'ALTER ROLE relay LOGIN');
$relay->wait_for_status(200);
is_deeply(next_versions($socket, 50), [ 5 .. 54 ],
	'the 50 changes made meanwhile arrive in order at the client, which stayed connected');

note 'the relay is killed';
my $position = $node->safe_psql('shop', 'SELECT inventory_position()');
$relay->stop('KILL');
adjust('prod_123', 'wh_456', 50);
$relay->start;
wait_for_ticks($node, 'shop');
is($node->safe_psql('shop', "SELECT string_agg(data ->> 'version', ' ') FROM inventory_events('$position')"),
	join(' ', 55 .. 104), 'a reader of the log has the 50 changes made meanwhile, in order');
$socket = WebSocket->new($relay->port);
$socket->subscribe('product:prod_123');
adjust('prod_123', 'wh_456');
is_deeply(next_versions($socket, 1), [105], 'who is connected afterwards gets what happens then');

note 'the server restarts';
$node->restart;
wait_for_workers($node, 'shop');
$relay->wait_for_status(200);
adjust('prod_123', 'wh_456', 2);
is_deeply(next_versions($socket, 2), [ 106, 107 ], 'the client hears of the changes after it');

note 'SIGTERM';
adjust('prod_123', 'wh_456', 3);
is_deeply(next_versions($socket, 3), [ 108 .. 110 ], 'the last changes are delivered');
kill 'TERM', $relay->{pid};
is($socket->read_json->{type}, 'closed', 'the client gets a close frame');
is($relay->stop, 0, 'the relay ends with status 0');

done_testing();
