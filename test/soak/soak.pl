# Many clients that come and go, for long: does the relay keep what it should let go?
#
#	make soak MINUTES=60
#
# Thousands of WebSockets follow products in which something changes all the
# time; a part of them is replaced in every second, with or without a word.
# Sampled are the relay's memory, its descriptors and the bytes that wait.  In
# the end everybody leaves, and nothing may be left.
#
#	SOAK_MINUTES   how long (1)
#	SOAK_CLIENTS   how many (5000)
use strict;
use warnings;
use InventoryNode;
use POSIX ();
use PostgreSQL::Test::Utils;
use RelayProcess;
use Test::More;
use Time::HiRes qw(time usleep);

my $minutes = $ENV{SOAK_MINUTES} || 1;
my $clients = $ENV{SOAK_CLIENTS} || 5000;
my $crowd_size = 500;    # clients of one process, below the usual limit of open files
my $churn = 10;          # of each crowd, in a second
my $products = 50;

my $node = new_node('main');
$node->start;
create_extension($node, 'shop');
$node->safe_psql('shop', "SELECT FROM generate_series(1, $products) AS n CROSS JOIN LATERAL inventory_define('item' || n, 'shop', initial_quantity => 1000000000)");
my $relay = RelayProcess->start($node, 'shop', '--log-level', 'warning', '--ring-size', '1MiB', '--max-connections-per-user', 1000000, '--max-connections', $clients + 1000);

sub join_in
{
	my $client = eval { WebSocketClient->connect(port => $relay->port, timeout => 30) } or return;
	$client->send_json({ type => 'hello', protocol => 1, channels => [ 'product:item' . (1 + int rand $products) ] });
	return $client;
}

# One process of the crowd: reads what comes, and replaces some.
sub be_crowd
{
	my ($size) = @_;
	my (%client, $is_over);
	my $next_at = time;

	srand $$;
	$SIG{PIPE} = 'IGNORE';
	$SIG{TERM} = sub { $is_over = 1 };
	until ($is_over)
	{
		while (keys %client < $size && !$is_over)
		{
			my $client = join_in() or last;
			$client{ fileno $client->{socket} } = $client;
		}
		my $bits = '';
		vec($bits, $_, 1) = 1 for keys %client;
		if (select($bits, undef, undef, 0.1) > 0)
		{
			for (grep { vec $bits, $_, 1 } keys %client)
			{
				# A ping is all that has to be answered.
				my $got = sysread $client{$_}{socket}, my $bytes, 65536;
				if (!$got) { delete($client{$_})->drop }
				elsif ($bytes =~ /\x89\x00/) { $client{$_}->send_frame('', opcode => WebSocketClient::PONG) }
			}
		}
		next if time < $next_at;
		$next_at = time + 1;
		for ((keys %client)[ map { int rand keys %client } 1 .. $churn ])
		{
			my $client = delete $client{ $_ // next } or next;
			$client->send_frame(pack('n', 1000), opcode => WebSocketClient::CLOSE) if rand > 0.5;
			$client->drop;
		}
	}
	POSIX::_exit(0);
}

my @crowd;
for (1 .. $clients / $crowd_size)
{
	my $pid = fork // die "fork: $!";
	be_crowd($crowd_size) if !$pid;
	push @crowd, $pid;
}
my $load = PostgreSQL::Test::Utils::tempdir() . '/load.sql';
append_to_file($load, "\\set n random(1, $products)\nSELECT FROM inventory_adjust('item' || :n, 'shop', -1, 'out');\n");
$relay->wait_until(sub { ($relay->metric('sessions') // 0) >= $clients * 0.98 }, 'everybody is there');
my $trade = IPC::Run::start([ 'pgbench', '-n', '-c', '2', '-R', '100', '-T', 60 * $minutes + 60, '-f', $load, $node->connstr('shop') ],
	'<', \undef, '>', \my $ignored, '2>', \my $errors, IPC::Run::timeout(60 * $minutes + 300));

sub sample
{
	my ($status) = slurp_file('/proc/' . $relay->pid . '/status') =~ /VmRSS:\s+(\d+)/;
	opendir my $dir, '/proc/' . $relay->pid . '/fd' or die "fd: $!";
	my $files = grep { /\d/ } readdir $dir;
	return { at => time, memory => $status / 1024, files => $files, connections => $relay->metric('connections'),
		queued => $relay->metric('queued_bytes'), delivered => $relay->metric('events_delivered_total') };
}

# The first third is for buffers to find their sizes.
my $ends_at = time + 60 * $minutes;
my @samples;
while (time < $ends_at)
{
	usleep(1_000_000);
	push @samples, sample();
}
splice @samples, 0, @samples / 3;
kill 'TERM', @crowd;
waitpid $_, 0 for @crowd;
$trade->signal('TERM');
eval { $trade->finish };

# Of the line through all samples, in MiB an hour.
sub slope
{
	my ($name) = @_;
	my ($n, $x, $y, $xx, $xy) = (scalar @samples, 0, 0, 0, 0);
	for (@samples)
	{
		my ($at, $value) = (($_->{at} - $samples[0]{at}) / 3600, $_->{$name});
		$x += $at; $y += $value; $xx += $at * $at; $xy += $at * $value;
	}
	return ($n * $xy - $x * $y) / ($n * $xx - $x * $x);
}

my ($most) = sort { $b <=> $a } map { $_->{files} - $_->{connections} } @samples;
my ($longest) = sort { $b <=> $a } map { $_->{queued} } @samples;
my $growth = slope('memory') * $minutes / 60;
diag sprintf '%d clients, %d of them replaced in a second, %d min: %.1f MiB, %+.2f MiB an hour; %d descriptors beside those of clients; at most %d bytes queued; %.0f events delivered',
  $clients, $churn * $clients / $crowd_size, $minutes, $samples[-1]{memory}, slope('memory'), $most, $longest, $samples[-1]{delivered} - $samples[0]{delivered};
cmp_ok($samples[-1]{delivered}, '>', $samples[0]{delivered}, 'events were delivered');
cmp_ok($growth, '<', 16, 'memory does not grow by more than what allocators keep');
# Who is just coming or going is counted by the one and not by the other.
cmp_ok($most, '<', 60 + $churn * $clients / $crowd_size, 'descriptors are those of clients and a few');
$relay->wait_until(sub { $relay->metric('sessions') == 0 && $relay->metric('connections') <= 1 }, 'everybody has left');
my $last = sample();
cmp_ok($last->{files}, '<', 60, 'the descriptors of those who have left are closed');
is($last->{queued}, 0, 'nothing waits for nobody');
is($relay->stop, 0, 'the relay ends well');

END
{
	my $status = $?;
	kill 'KILL', @crowd;
	$? = $status;
}

done_testing();
