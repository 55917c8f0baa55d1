# Attacks, and what others notice of them.
#
#	make attacks SECONDS=15
#
# Well-behaved screens follow a shop in which something is sold a hundred times
# a second; meanwhile one address attacks in one way after the other, as fast as
# one process can.  All screens must be shown everything, the relay must stay
# within its bounds, and whoever has attacked must be gone or be limited.
#
# Printed is the time from a sale's call to the screen, calm and under attack.
# It is not judged here: the attacker shares the processors with all others, and
# gives way to them (nice 19).
#
#	ATTACK_SECONDS   of each (2)
#	ATTACKS          words; only these attacks
use strict;
use warnings;
use InventoryNode;
use IO::Select;
use POSIX qw(:sys_wait_h);
use PostgreSQL::Test::Utils;
use RelayProcess;
use Test::More;
use Time::HiRes qw(time usleep);
use Token;

my $seconds = $ENV{ATTACK_SECONDS} || 2;
my $rate = 100;
my $screen_count = 5;
my $evil = '127.0.0.66';
my $most_memory = 200 << 20;
# The sanitizers keep what was freed; that is not the relay's.
$ENV{ASAN_OPTIONS} = join ':', grep { $_ } $ENV{ASAN_OPTIONS}, 'quarantine_size_mb=4';
my $folder = PostgreSQL::Test::Utils::tempdir();

my $node = new_node('main');
$node->start;
create_extension($node, 'shop');
$node->safe_psql('shop', "SELECT FROM inventory_define('bean', 'shop', initial_quantity => 1000000000)");
$node->safe_psql('shop', "SELECT FROM generate_series(1, 2000) AS n CROSS JOIN LATERAL inventory_define('item' || n, 'shop', initial_quantity => 10)");
# Loopback addresses have limits here like any other.
my $relay = RelayProcess->start($node, 'shop', keys_options(), '--exempt-address', '192.0.2.1', '--log-level', 'warning');
$relay->wait_until(sub { slurp_file('/proc/' . $relay->pid . '/status') =~ /VmRSS/ }, 'it has memory');

sub memory { return slurp_file('/proc/' . $relay->pid . '/status') =~ /VmRSS:\s+(\d+)/ ? 1024 * $1 : 0 }
sub token_of { my ($subject) = @_; return bearer(sub => $subject, org => '', role => 'viewer') }

# The attacks --------------------------------------------------------------------

# Each is called again and again, and returns what it did: a number.
my @held;

sub attack_socket { return eval { WebSocketClient->open_socket(port => $relay->port, from => $evil, timeout => 1) } }

# So many open WebSockets, opened again when the relay has closed them.
sub with_clients
{
	my ($count, $act) = @_;
	my $done = 0;

	while (@held < $count)
	{
		my $client = eval { WebSocketClient->connect(port => $relay->port, from => $evil, timeout => 1, headers => token_of('mallory' . int rand 5)) } or last;
		push @held, $client;
	}
	for my $client (@held)
	{
		$done += eval { $act->($client) } // 0;
		# What the relay says is taken, so that the attack is not stopped by its own deafness.
		while (!$client->{is_over} && IO::Select->new($client->{socket})->can_read(0))
		{
			$client->{is_over} = 1 if !sysread $client->{socket}, my $rest, 65536;
		}
	}
	@held = grep { !$_->{is_over} } @held;
	usleep(10_000) if !@held;
	return $done;
}

my $ping = "\x89\x84" . ("\0" x 4) . 'ping';
my $message = do { my $text = '{"type":"ping"}'; "\x81" . pack('C', 0x80 | length $text) . ("\0" x 4) . $text };
my $bomb = do { my $text = ('{"a":' x 1000) . '1' . ('}' x 1000) . ' ' x 9000; "\x81\xfe" . pack('n', length $text) . ("\0" x 4) . $text };
my $fragments = "\x01\x81" . ("\0" x 4) . 'x' . ("\x00\x81" . ("\0" x 4) . 'x') x 5000;

my @attacks = (
	[ 'connections', sub { my $socket = attack_socket() or return 0; $socket->drop; return 1 } ],
	[ 'requests', sub { my $socket = attack_socket() or return 0; eval { $socket->http(path => '/readyz') }; $socket->drop; return 1 } ],
	[ 'tokens', sub {
		my $socket = attack_socket() or return 0;
		eval { $socket->upgrade(headers => bearer(sub => 'mallory', secret => 'not the secret ' . rand)) };
		$socket->drop;
		return 1;
	} ],
	[ 'half requests', sub {
		my $socket = @held < 400 ? attack_socket() : undef;
		push @held, $socket if $socket && $socket->send_bytes("GET /ws HTTP/1.1\r\nHost: lo");
		my $sent = 0;
		for (@held) { $sent += $_->send_bytes('c') ? 1 : 0 if rand > 0.99 }
		usleep(1000);
		return $sent;
	} ],
	[ 'messages', sub { with_clients(20, sub { $_[0]->send_bytes($message x 100) ? 100 : 0 }) } ],
	[ 'pings', sub { with_clients(20, sub { $_[0]->send_bytes($ping x 100) ? 100 : 0 }) } ],
	[ 'depth bombs', sub { with_clients(20, sub { $_[0]->send_bytes($bomb) }) } ],
	[ 'fragments', sub { with_clients(10, sub { $_[0]->send_bytes($fragments) ? 5001 : 0 }) } ],
	[ 'subscriptions', sub {
		with_clients(20, sub {
			my ($client) = @_;
			$client->send_json({ type => 'subscribe', channel => 'product:p' . int rand 1e6 }) for 1 .. 20;
			return 20;
		});
	} ],
	[ 'snapshots', sub {
		@held = grep { $_->drop; 0 } @held;
		with_clients(10, sub { $_[0]->send_json({ type => 'hello', protocol => 1, snapshot => JSON::PP::true }) });
	} ]);
my @wanted = split ' ', $ENV{ATTACKS} // '';
@attacks = grep { my $name = $_->[0]; !@wanted || grep { $name =~ /^$_/ } @wanted } @attacks;

# A process that attacks until it is told to stop, and then says what it has done.
sub begin_attack
{
	my ($act) = @_;
	my $file = "$folder/attack";

	unlink $file;
	my $pid = fork // die "fork: $!";
	if (!$pid)
	{
		my ($done, $is_over) = (0, 0);
		$SIG{TERM} = sub { $is_over = 1 };
		$SIG{PIPE} = 'IGNORE';
		POSIX::nice(19);
		$done += eval { $act->() } // 0 until $is_over;
		append_to_file($file, $done);
		POSIX::_exit(0);
	}
	return $pid;
}

sub end_attack
{
	my ($pid) = @_;

	# It may be in the middle of a write that nobody takes.
	for (my $tries = 0; waitpid($pid, WNOHANG) == 0; $tries++)
	{
		kill $tries < 100 ? 'TERM' : 'KILL', $pid if $tries % 20 == 0;
		usleep(50_000);
	}
	return -e "$folder/attack" ? slurp_file("$folder/attack") : 0;
}

# The screens, and the shop ----------------------------------------------------

my @screens = map {
	my $client = $relay->client(from => '127.0.0.10', headers => token_of("screen$_"), timeout => 30);
	$client->send_json({ type => 'hello', protocol => 1, channels => ['product:bean'] });
	$client->wait_for(sub { $_->{type} eq 'subscribed' });
	$client;
} 1 .. $screen_count;
my $version = 1;
my %last = map { $_ => 1 } 0 .. $#screens;
my $till = $node->background_psql('shop');
# However long it all takes, a sale is quick.
$till->set_query_timer_restart;

# Sells for some time, and returns what the screens noticed: milliseconds, each with a gap or none.
sub trade
{
	my ($duration) = @_;
	my (@late_ms, $gaps, $shown) = ();
	my $select = IO::Select->new(map { $_->{socket} } @screens);
	my %number = map { fileno $screens[$_]{socket} => $_ } 0 .. $#screens;
	my $take = sub {
		for my $socket ($select->can_read($_[0]))
		{
			my $n = $number{ fileno $socket };
			while (defined(my $text = $screens[$n]->text_at_hand))
			{
				my ($is_of, $at) = ($text =~ /"version":(\d+)/, $text =~ /"performedBy":"([0-9.]+)"/);
				my ($conflated) = $text =~ /"conflated":(\d+)/;
				next if !defined $at;
				push @late_ms, 1000 * (time - $at);
				$gaps++ if $is_of != $last{$n} + ($conflated // 1);
				$last{$n} = $is_of;
				$shown++;
			}
			die 'a screen was cut off, ' . ($screens[$n]->close_code // 'without a code') . "\n" if $screens[$n]->has_ended;
		}
	};
	my $ends_at = time + $duration;
	for (my $next_at = time; $next_at < $ends_at; $next_at += 1 / $rate)
	{
		while ((my $left = $next_at - time) > 0) { $take->($left) }
		$till->query_safe(sprintf "SELECT FROM inventory_adjust('bean', 'shop', -1, 'out', performed_by => '%.6f')", time);
		$version++;
	}
	$take->(0.01) while (grep { $_ < $version } values %last) && time < $ends_at + 30;
	@late_ms = sort { $a <=> $b } @late_ms;
	return { p50 => $late_ms[ @late_ms * 0.5 ], p99 => $late_ms[ @late_ms * 0.99 ], gaps => $gaps // 0, shown => $shown, missing => scalar grep { $_ < $version } values %last };
}

trade(1);
my $before = memory();
my $calm = trade(2 * $seconds);
my @rows = ([ 'calm', $calm, 0, memory() ]);
is($calm->{gaps} + $calm->{missing}, 0, 'all screens are shown everything, in calm');
for (@attacks)
{
	my ($name, $act) = @$_;
	my $pid = begin_attack($act);
	my $noticed = eval { trade($seconds) };
	my $error = $@;
	my $done = end_attack($pid);
	my $memory = memory();

	is($noticed ? $noticed->{gaps} + $noticed->{missing} : $error, 0, "all screens are shown everything, under attack by $name");
	cmp_ok($done, '>', 0, "and there was an attack ($name)");
	cmp_ok($memory, '<', $before + $most_memory, "and memory is bounded ($name)");
	push @rows, [ $name, $noticed, $done, $memory ] if $noticed;
	# Who attacks is let go; the next one finds a relay at rest.
	$relay->wait_until(sub { ($relay->metric('connections') // 1e9) <= $screen_count + 2 }, "the connections of $name are gone");
}
$till->quit;
$relay->signal('TERM');
$_->wait_for_close for @screens;
is($relay->wait_for_exit, 0, 'the relay has survived, and ends well');

diag sprintf '%-14s %9s %9s %7s %10s %8s', '', 'p50 ms', 'p99 ms', 'x calm', 'attacks/s', 'RSS MiB';
diag sprintf '%-14s %9.1f %9.1f %7.1f %10.0f %8.1f', $_->[0], $_->[1]{p50}, $_->[1]{p99}, $_->[1]{p99} / $calm->{p99}, $_->[2] / $seconds, $_->[3] / (1 << 20) for @rows;

done_testing();
