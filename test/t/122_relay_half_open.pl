# A link that dies without a word: nothing is lost, and somebody notices.
#
# The proxy between relay and database takes everything and passes on nothing,
# as a pulled cable does.  And the relay itself is stopped for a while, as a
# machine that moves.
use strict;
use warnings;
use FaultProxy;
use InventoryNode;
use RelayProcess;
use Test::More;
use Time::HiRes qw(time usleep);

my $node = new_node('main');
$node->start;
create_extension($node, 'shop');
$node->safe_psql('shop', "SELECT FROM inventory_define('bean', 'shop', initial_quantity => 1000)");
my $link = FaultProxy->start($node->host . '/.s.PGSQL.' . $node->port);
my $relay = RelayProcess->start($node, 'shop', '--dsn', 'host=127.0.0.1 port=' . $link->port . ' dbname=shop user=' . (getpwuid $>)[0],
	'--query-timeout', '2s', '--connect-timeout', '2s');
my $plain = $relay->client(timeout => 60);
my $client = $relay->client(timeout => 60);
$client->send_json({ type => 'hello', protocol => 1 });
$client->wait_for(sub { $_->{type} eq 'subscribed' });

my $version = 1;
sub sell { $node->safe_psql('shop', "SELECT FROM inventory_adjust('bean', 'shop', -1, 'out')"); return ++$version }
sub hears
{
	my ($client, $first, $last, $title) = @_;
	my @heard;
	push @heard, eval { $client->wait_for(sub { $_->{type} eq 'inventory.updated' })->{data}{version} } // "nothing: $@" while @heard < $last - $first + 1 && !grep { /nothing/ } @heard;
	return is_deeply(\@heard, [ $first .. $last ], $title);
}

sell();
hears($_, 2, 2, 'a sale is heard') for $plain, $client;

for my $how (qw(freeze cut))
{
	note "the link: $how";
	my $first = $version + 1;
	$link->say($how);
	sell() for 1 .. 20;
	is($client->wait_for(sub { $_->{type} eq 'stale' })->{type}, 'stale', 'clients are told that what they see may be old');
	$relay->wait_until(sub { $relay->get('/readyz')->{status} == 503 }, 'it says so');
	pass('and so is who watches the relay');
	sell() for 1 .. 20;
	$link->say('pass');
	hears($_, $first, $version, 'all is heard afterwards, once and in order') for $plain, $client;
	$relay->wait_until_ready;
	# "fresh" may come before the last of the events, or behind them.
	is($client->close_code, undef, 'on the same connection');
}

note 'the relay stands still';
my $first = $version + 1;
$relay->signal('STOP');
my $until = time + 4;
while (time < $until) { sell(); usleep(100_000) }
$relay->signal('CONT');
hears($_, $first, $version, 'all is heard when it goes on') for $plain, $client;
is($client->close_code, undef, 'and no client was thrown out');
is($relay->stop, 0, 'the relay ends well');

done_testing();
