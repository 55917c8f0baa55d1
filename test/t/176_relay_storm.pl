# Everybody comes back at once: to a relay that has just been started, which
# serves them from memory, and asks the database about nearly nothing.
#
#	RELAY_STORM_CLIENTS    how many (1000)
use strict;
use warnings;
use InventoryNode;
use JSON::PP;
use RelayProcess;
use Test::More;
use Time::HiRes qw(time);
use Token;

my $count = $ENV{RELAY_STORM_CLIENTS} // 1000;
my ($files) = qx(sh -c 'ulimit -n') =~ /^(\d+)/;
$count = $files - 200 if defined $files && $count > $files - 200;

my $node = new_node('main');
$node->start;
create_extension($node, 'shop');
$node->safe_psql('shop', "SELECT FROM inventory_define('bean', 'shop', initial_quantity => 1000000)");
$node->safe_psql('shop', "SELECT FROM generate_series(1, 40) AS n CROSS JOIN LATERAL inventory_define('item' || n, 'shop')");
my @options = (keys_options(), '--max-unidentified', 20000, '--hello-timeout', '60s', '--handshake-timeout', '60s', '--messages-per-second', 1000, '--ping-interval', '60s', '--ping-timeout', '300s');
my $relay = RelayProcess->start($node, 'shop', @options);

sub adjust
{
	my ($times) = @_;
	return $node->safe_psql('shop', "SELECT max(version) FROM generate_series(1, $times) AS n CROSS JOIN LATERAL inventory_adjust('bean', 'shop', -1 - 0 * n, 'out')");
}

sub is_update { return $_->{type} eq 'inventory.updated' }

# Where one may have stood when the relay went away.
note 'before';
my $witness = $relay->client(headers => bearer(sub => 'witness'));
$witness->send_json({ type => 'hello', protocol => 1 });
$witness->wait_for(sub { $_->{type} eq 'welcome' });
my @stands;
for (1 .. 20)
{
	my $version = adjust(1);
	push @stands, [ $version, $witness->wait_for(sub { is_update() && $_->{data}{version} == $version })->{position} ];
}
is($relay->stop('KILL') & 127, 9, 'the relay is killed');
my $last = adjust(5);
ok(wait_for_ticks($node, 'shop'), 'and stock goes on changing');

sub values_of { return map { $relay->metric($_) // 0 } qw(database_questions_total events_replayed_total database_reads_total) }

# Clients that do one step after the other all together; each step is a sub.
sub in_step
{
	my ($clients, @steps) = @_;
	for my $step (@steps) { $step->($_) for @$clients }
	return;
}

# Opens so many at once, each of its own user, who says hello.
sub storm
{
	my (%hello) = @_;
	my @clients = map { { number => $_, stand => $stands[ $_ % @stands ] } } 1 .. $count;
	in_step(
		\@clients,
		sub { $_[0]{socket} = $relay->socket(timeout => 120) },
		sub { $_[0]{socket}->send_bytes("GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: inventory.v1\r\n\r\n") },
		sub { my $response = $_[0]{socket}->http_response; die "client $_[0]{number}: " . ($response ? $response->{status} : 'cut') if !$response || $response->{status} != 101 },
		sub { $_[0]{socket}->send_json({ type => 'hello', protocol => 1, token => token(sub => "user$_[0]{number}"), channels => ['product:bean'],
			accept => ['batch'], $hello{snapshot} ? (snapshot => JSON::PP::true) : (since => $_[0]{stand}[1]) }) });
	return @clients;
}

# Versions of the bean until the last, however they come.  Of a thousand
# clients not every message is decoded.
sub versions
{
	my ($socket) = @_;
	my @versions;

	while (!@versions || $versions[-1] < $last)
	{
		my $text = $socket->next_text or die 'the connection ended with ' . ($socket->close_code // 'nothing');
		push @versions, $text =~ /"version": ?(\d+)/g;
	}
	return \@versions;
}

note "$count clients come back";
$relay->run;
$relay->wait_until_ready;
my @before = values_of();
my $started = time;
my @clients = storm();
my ($recovered, @wrong) = (0);
for my $client (@clients)
{
	my $welcome = $client->{socket}->wait_for(sub { $_->{type} eq 'welcome' });
	$recovered++ if $welcome->{recovered};
	my $versions = versions($client->{socket});
	my @wanted = ($client->{stand}[0] + 1 .. $last);
	push @wrong, "client $client->{number} got @$versions and not @wanted" if "@$versions" ne "@wanted";
}
note sprintf '%d clients were served in %.1f s', $count, time - $started;
my @after = values_of();
is($recovered, $count, 'all go on from memory, which the relay has filled at its start');
is_deeply([ splice @wrong, 0, 3 ], [], 'each gets what it has missed, once and in order');
is($after[1] - $before[1], 0, 'the log is not read for them');
my $questions = $after[0] - $before[0];
cmp_ok($questions, '<', $count / 5, "and for $count users the database is asked $questions times about rights");
my ($reads, $seconds) = ($after[2] - $before[2], time - $started);
cmp_ok($reads, '<', 10 + 3 * $seconds, "the relay itself looks into the log as it always does ($reads times)");

note 'and go on';
$last = adjust(2);
my @late = grep { "@{ versions($_->{socket}) }" ne join ' ', $last - 1, $last } @clients;
is(scalar @late, 0, 'every one hears what happens then');
is($relay->metric('sessions_by_protocol{protocol="1"}'), $count, 'they are all there');
$_->{socket}->drop for @clients;
$relay->wait_until(sub { $relay->metric('sessions') == 0 }, 'they have gone');

note 'everybody wants everything';
@before = values_of();
@clients = storm(snapshot => 1);
my @snapshots = map { $_->{socket}->wait_for(sub { $_->{type} eq 'snapshot' }) } @clients;
@after = values_of();
is(scalar(grep { $_->{items}[0]{version} == $last && !$_->{more} } @snapshots), $count, 'each gets a snapshot');
$questions = $after[0] - $before[0];
cmp_ok($questions, '<', $count / 3, "of which many share one: $questions questions");
my $signal_at = time;
$relay->signal('TERM');
$relay->signal('TERM');
is(scalar(grep { ($_->{socket}->wait_for_close // 0) == 4200 } @clients), $count, 'all are told when the relay ends');
is($relay->wait_for_exit, 0, 'and it ends well');

note 'a log without a past';
$relay = RelayProcess->start($node, 'shop', @options, '--recent-events', 0);
my $one = $relay->client(headers => bearer(sub => 'one'));
$one->send_json({ type => 'hello', protocol => 1, since => $stands[0][1] });
ok(!$one->wait_for(sub { $_->{type} eq 'welcome' })->{recovered}, 'without events in memory');
my @all;
push @all, $one->wait_for(\&is_update)->{data}{version} until @all && $all[-1] == $last;
is_deeply(\@all, [ $stands[0][0] + 1 .. $last ], 'the log serves who comes back');
cmp_ok($relay->metric('events_replayed_total'), '>', 0, 'which is counted');
is($relay->stop, 0, 'the relay ends well');

note 'a role that may not ask for the past';
$node->safe_psql('shop', <<'END');
CREATE ROLE old_relay LOGIN;
SELECT inventory_grant('relay', 'old_relay');
DO $$ BEGIN EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM old_relay', 'inventory_relay_recent'::regproc::regprocedure); END $$;
END
my $old = RelayProcess->launch($node, 'shop', @options, '--dsn', $node->connstr('shop') . ' user=old_relay');
$old->wait_until_ready;
like($old->log, qr/the ring begins empty: permission denied/, 'begins without, and says so to who debugs');
is($old->stop, 0, 'the relay ends well');

done_testing();
