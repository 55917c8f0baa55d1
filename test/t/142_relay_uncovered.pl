# A page of items waits for the tick that covers it, whatever becomes of the
# server, of the publisher and of the wish for that tick; and it does not show
# what a crash has taken back while it waited.
#
# The publisher is stopped where a page is to wait, and the process that would
# bring an asynchronous commit to the disk, so that the crash takes it back.
use strict;
use warnings;
use InventoryNode;
use JSON::PP;
use PostgreSQL::Test::Utils;
use RelayProcess;
use Test::More;

my $node = new_node('main', 'fsync = on', 'wal_writer_delay = 10s', 'checkpoint_timeout = 1h', 'autovacuum = off');
$node->start;
create_extension($node, 'shop');
$node->safe_psql('shop', "SELECT FROM inventory_define('bean', 'shop', initial_quantity => 1000)");
wait_for_ticks($node, 'shop');
my $relay = RelayProcess->start($node, 'shop', '--snapshot-queries', 1);

sub wait_for_pages
{
	my ($count) = @_;
	return $relay->wait_until(sub { $relay->metric('snapshot_pages_total') >= $count }, "it has read $count pages");
}

# A screen whose first page has been read, and may not be shown yet.
sub waiting_screen
{
	my $read = $relay->metric('snapshot_pages_total');
	my $client = $relay->client;

	$client->send_json({ type => 'hello', protocol => 1, snapshot => JSON::PP::true });
	$client->wait_for(sub { $_->{type} eq 'subscribed' });
	wait_for_pages($read + 1);
	return $client;
}

# Pings come meanwhile, so the client's own bound does not hold.
sub next_snapshot
{
	my ($client) = @_;

	local $SIG{ALRM} = sub { die "no snapshot comes\n" };
	alarm 60;
	my $snapshot = $client->wait_for(sub { $_->{type} eq 'snapshot' });
	alarm 0;
	return $snapshot;
}

# A list that is asked for, on a connection of its own; the answer comes later.
sub ask_list
{
	my $socket = $relay->socket;

	$socket->send_bytes('GET /api/inventory HTTP/1.1' . "\r\nHost: 127.0.0.1:" . $relay->port . "\r\n\r\n");
	return $socket;
}

note 'the server crashes';
my @stopped = (worker_pid($node, 'publisher', 'shop'),
	$node->safe_psql('postgres', "SELECT pid FROM pg_stat_activity WHERE backend_type = 'walwriter'"));
kill 'STOP', @stopped;
$node->safe_psql('shop', "SET synchronous_commit = off; SELECT FROM inventory_adjust('bean', 'shop', -1, 'out')");
my $list = ask_list(); # its page is read before theirs
my @screens = map { waiting_screen() } 1 .. 3;
$node->kill9;
kill 'KILL', @stopped;
is($list->http_response->{status}, 503, 'a list that waits is given up with the server that it is from');
start_after_crash($node);
wait_for_workers($node, 'shop');
is($node->safe_psql('shop', 'SELECT quantity_available FROM inventory'), 1000, 'the crash took a sale back');
is_deeply([ map { next_snapshot($_)->{items}[0]{quantityAvailable} } @screens ], [ 1000, 1000, 1000 ],
	'screens that waited through it are shown what is there after it');
$relay->wait_until_ready;
is(decode_json(ask_list()->http_response->{body})->[0]{quantityAvailable}, 1000, 'and so is a new list');

note 'the wish for a tick is lost, and no connection';
for my $gets_in ('false', 'true')
{
	my $count = $gets_in eq 'true' ? 1 : 0;

	$list = ask_list() if $count;
	@screens = map { waiting_screen() } 1 .. 2 if $count;
	$node->safe_psql('postgres', "ALTER DATABASE shop ALLOW_CONNECTIONS $gets_in; SELECT pg_reload_conf()");
	wait_for_workers($node, 'shop', $count);
}
is_deeply([ map { next_snapshot($_)->{items}[0]{quantityAvailable} } @screens ], [ 1000, 1000 ],
	'the tick is asked for again where nothing else makes one');
is($list->http_response->{status}, 200, 'for lists as well');

note 'no tick comes';
my $slow = RelayProcess->start($node, 'shop', '--query-timeout', '2s');
my $publisher = worker_pid($node, 'publisher', 'shop');
kill 'STOP', $publisher;
is($slow->get('/api/inventory')->{status}, 503, 'a list waits no longer for it than for an answer of the database');
kill 'CONT', $publisher;
is($slow->get('/api/inventory')->{status}, 200, 'and is there when there are ticks');

is($_->stop, 0, 'the relay ends with status 0') for $slow, $relay;

done_testing();
