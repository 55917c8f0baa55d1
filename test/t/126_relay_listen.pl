# A change made at any moment of a reconnection rings the bell.
#
# The link to the database lags, so that there is time between what the relay
# asks and what it asks next, and the poll that would hide a lost bell is a
# minute away.  As soon as the relay has read the log anew, a change is made.
use strict;
use warnings;
use FaultProxy;
use InventoryNode;
use RelayProcess;
use Test::More;
use Time::HiRes qw(time usleep);

my $trials = 5;

my $node = new_node('main');
$node->start;
create_extension($node, 'shop');
$node->safe_psql('shop', "SELECT FROM inventory_define('bean', 'shop', initial_quantity => 100)");
my $link = FaultProxy->start($node->host . '/.s.PGSQL.' . $node->port);
my $relay = RelayProcess->start($node, 'shop', '--dsn', 'host=127.0.0.1 port=' . $link->port . ' dbname=shop user=' . (getpwuid $>)[0],
	'--poll-interval', '60s', '--stale-after', '600s');
my $client = $relay->client(timeout => 30);
my $session = $node->background_psql('shop');
my $reader = "SELECT pid FROM pg_stat_activity WHERE datname = 'shop' AND query ~ 'inventory_relay_read' AND pid <> pg_backend_pid()";

$link->say('lag');
for my $trial (1 .. $trials)
{
	my $old = $session->query_safe($reader);
	my $new = '';
	my $deadline = time + $PostgreSQL::Test::Utils::timeout_default;

	$session->query_safe("SELECT pg_terminate_backend($old)");
	while ($new !~ /\d/)
	{
		die 'the relay does not come back' if time > $deadline;
		$new = $session->query_safe("$reader AND pid <> $old AND state = 'idle'");
	}
	$session->query_safe("SELECT FROM inventory_adjust('bean', 'shop', -1, 'out')");
	my $event = eval { $client->wait_for(sub { $_->{type} eq 'inventory.updated' }) };
	is($event ? $event->{data}{version} : $@, $trial + 1, "change $trial, made right after the relay has read the log, is heard");
}
$session->quit;
is($client->close_code, undef, 'the client stays connected');
$link->say('pass');
is($relay->stop, 0, 'the relay ends well');

done_testing();
