# Many come back at once, and what waits for all of them is more than may wait.
use strict;
use warnings;
use InventoryNode;
use RelayProcess;
use Test::More;

my $count = 10;
my $missed = 1500;
my $node = new_node('main');
$node->start;
create_extension($node, 'shop');
$node->safe_psql('shop', "SELECT FROM inventory_define('bean', 'shop', initial_quantity => 100000)");
my $relay = RelayProcess->start($node, 'shop', '--total-queue-size', '1MiB', '--poll-interval', '20ms');

sub adjust
{
	my ($times) = @_;
	$node->safe_psql('shop', "SELECT count(inventory_adjust('bean', 'shop', -1, 'out')) FROM generate_series(1, $times)");
	return $node->safe_psql('shop', 'SELECT version FROM inventory');
}

sub hello
{
	my (%hello) = @_;
	my $client = $relay->client;
	$client->send_json({ type => 'hello', protocol => 1, %hello });
	return $client;
}

my $since = hello()->wait_for(sub { $_->{type} eq 'welcome' })->{position};
my $last = adjust($missed);
$relay->wait_until(sub { $relay->metric('ring_events') >= $missed }, 'the relay remembers them');
for my $round (1 .. 2)
{
	my @clients = map { hello(since => $since) } 1 .. $count;
	my $more = adjust(1);
	my ($ended, $conflated) = (0, 0);
	for my $client (@clients)
	{
		my $seen = 0;
		while ($seen < $more)
		{
			my $message = $client->wait_for(sub { $_->{type} eq 'inventory.updated' });
			$seen = $message->{data}{version};
			$conflated++ if $message->{conflated};
		}
		$ended++;
	}
	is($ended, $count, "all are brought up to the newest state, round $round");
	note "$conflated frames stood for several";
	$_->drop for @clients;
}
is($relay->stop, 0, 'the relay ends well');

done_testing();
