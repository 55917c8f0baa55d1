# Clients that give up before the answer comes: the connection is cut, or an
# HTTP request takes too long.  What became of it, asking again tells.
use strict;
use warnings;
use InventoryNode;
use JSON::PP;
use RelayProcess;
use Test::More;

my $node = new_node('main');
$node->start;
create_extension($node, 'shop');
$node->safe_psql('shop', "SELECT FROM inventory_define('bean', 'shop', initial_quantity => 100)");
my $relay = RelayProcess->start($node, 'shop');
my $count = 4;
my $json = JSON::PP->new->canonical;
my %sale = (productId => 'bean', warehouseId => 'shop', quantity => 1, movementType => 'out');

sub stock { return $node->safe_psql('shop', "SELECT quantity_available || ' ' || version FROM inventory") }

sub posting
{
	my ($key) = @_;
	my $body = $json->encode(\%sale);

	return (method => 'POST', path => '/api/inventory/adjust', headers => { 'Content-Type' => 'application/json', 'Idempotency-Key' => $key,
		'Content-Length' => length $body }, body => $body);
}

sub greeted
{
	my $client = $relay->client;

	$client->send_json({ type => 'hello', protocol => 1, channels => [] });
	$client->wait_for(sub { $_->{type} eq 'welcome' });
	return $client;
}

# All of them are on their way at once, and wait for a row that somebody else holds.
my $holder = $node->background_psql('shop');
$holder->query_safe("BEGIN; SELECT FROM inventory FOR UPDATE");
my @sockets = map { greeted() } 1 .. $count;
$sockets[ $_ - 1 ]->send_json({ type => 'adjust', id => $_, key => "socket $_", %sale }) for 1 .. $count;
my @requests = map { $relay->socket(timeout => 0.1) } 1 .. $count;
ok(!eval { $requests[ $_ - 1 ]->http(posting("request $_")) }, "request $_ takes too long") for 1 .. $count;
$relay->wait_until(sub { $relay->metric('operations_waiting') == 2 * $count }, 'all operations wait');
$_->drop for @sockets, @requests;
$holder->query_safe('COMMIT');
$holder->quit;
$relay->wait_until(sub { $relay->metric('operations_waiting') == 0 }, 'none waits any more');
my $done = $node->safe_psql('shop', 'SELECT count(*) FROM inventory_operation');
is(stock(), 100 - $done . ' ' . (1 + $done), "what was done ($done) was done once");
cmp_ok($done, '>', 0, 'and some of it was');

# Everybody asks again, the other way than before, too.
my $replayed = 0;
my @answers = map { $relay->request(posting($_)) } map { ("socket $_", "request $_") } 1 .. $count;
is_deeply([ map { $_->{status} } @answers ], [ (200) x (2 * $count) ], 'asking again over HTTP is answered');
is(stock(), 100 - 2 * $count . ' ' . (1 + 2 * $count), 'and now all has been done once');
my $client = greeted();
for my $key (map { ("socket $_", "request $_") } 1 .. $count)
{
	$client->send_json({ type => 'adjust', id => $key, key => $key, %sale });
	my $ack = $client->wait_for(sub { ($_->{id} // '') eq $key });
	$replayed++ if $ack->{type} eq 'ack' && $ack->{replayed};
}
is($replayed, 2 * $count, 'asking once more over a WebSocket is a replay, whichever way the first came');
is(stock(), 100 - 2 * $count . ' ' . (1 + 2 * $count), 'which changes nothing');
is($relay->stop, 0, 'the relay ends well');

done_testing();
