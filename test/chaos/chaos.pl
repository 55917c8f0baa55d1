# Writers, screens, and something that breaks every other second.
#
#	make chaos SEED=42 MINUTES=10
#
# Two servers, the one a synchronous standby of the other; a relay; proxies that
# can break the links from the relay to the servers and from the screens to the
# relay.  Writers change stock of two organizations, by SQL and through the
# relay, screens come and go, and
# faults follow a schedule that the seed decides.  After each round the writers
# rest, the screens settle, and everybody's books are held against the ledger
# (Oracle.pm says how).
#
# The schedule is replayable, the interleaving of processes is not: a seed that
# has found something may have to be tried again.
#
#	CHAOS_SEED       decides what happens when (random; printed)
#	CHAOS_MINUTES    how long (2)
#	CHAOS_RATE       operations a second, of all writers (600)
#	CHAOS_FAULTS     words; only these faults
#	CHAOS_WRITER     the program of writer.c
#	CHAOS_WAL_DIRS   two small file systems for pg_wal; without, the disk is never full
use strict;
use warnings;
use File::Basename qw(dirname);
use File::Copy qw(move);
use File::Path qw(remove_tree);
use lib dirname(__FILE__);
use FaultProxy;
use InventoryNode;
use Oracle;
use PostgreSQL::Test::Utils;
use RelayProcess;
use Subscriber;
use Test::More;
use Till;
use Time::HiRes qw(time usleep);
use Token;

my $seed = $ENV{CHAOS_SEED} || 1 + int rand 1_000_000;
my $minutes = $ENV{CHAOS_MINUTES} || 2;
my $rate = $ENV{CHAOS_RATE} || 600;
my @wal_dirs = split ' ', $ENV{CHAOS_WAL_DIRS} // '';
my $faults_a_round = $minutes < 10 ? 12 : 30;
my $products = 8;
my @organizations = qw(acme beta);
my $folder = PostgreSQL::Test::Utils::tempdir();
my @writers;

diag "seed $seed, $minutes min (again: make chaos SEED=$seed MINUTES=$minutes)";

# The schedule -----------------------------------------------------------------

# Those that break something are crash cycles; the numbers say how often.
my %faults = (
	'kill a backend' => [ 3, 1, \&kill_backend ],
	'kill the postmaster' => [ 4, 1, \&kill_postmaster ],
	'kill a worker' => [ 3, 1, \&kill_worker ],
	'kill the relay' => [ 4, 1, \&kill_relay ],
	'end a backend' => [ 2, 0, \&end_backend ],
	'restart the server' => [ 2, 0, \&restart_server ],
	'restart the relay' => [ 2, 0, \&restart_relay ],
	'stop the relay' => [ 1, 0, \&stop_relay ],
	'stop a worker' => [ 1, 0, \&stop_worker ],
	'stop a backend' => [ 1, 0, \&stop_backend ],
	'cut the relay off' => [ 2, 0, sub { break_link($_[0], 'cut', database_links()) } ],
	'freeze the link of the relay' => [ 1, 0, sub { break_link($_[0], 'freeze', database_links()) } ],
	'cut the screens off' => [ 2, 0, sub { break_link($_[0], 'cut', screen_links()) } ],
	'freeze the links of the screens' => [ 1, 0, sub { break_link($_[0], 'freeze', screen_links()) } ],
	'dribble to the screens' => [ 1, 0, sub { break_link($_[0], 'dribble', screen_links()) } ],
	'fill the disk' => [ 2, 1, \&fill_disk ],
	'promote the standby' => [ 1, 1, \&promote ]);
my @wanted = split ' ', $ENV{CHAOS_FAULTS} // '';
my @names = sort grep { my $name = $_; !@wanted || grep { $name =~ /\b$_/ } @wanted } keys %faults;
my %skipped;

if (!@wal_dirs)
{
	$skipped{'fill the disk'} = 'no small file system could be mounted';
	@names = grep { $_ ne 'fill the disk' } @names;
}

# Ours alone, so that nobody else's choices shift it: pause, fault, and a number that the fault may use.
srand $seed;
my @deck = map { ($_) x $faults{$_}[0] } @names;
my @schedule = map { [ 1 + rand 2, $deck[ rand @deck ], rand ] } 1 .. 60 * $minutes;

# The servers ------------------------------------------------------------------

my @settings = ('fsync = on', 'synchronous_commit = on', 'restart_after_crash = on', 'wal_writer_delay = 5s', 'max_wal_size = 96MB', 'min_wal_size = 32MB',
	'wal_retrieve_retry_interval = 100ms', 'hot_standby = on', 'max_wal_senders = 5', 'wal_level = replica', 'inventory.lock_timeout = 2s', 'deadlock_timeout = 500ms',
	# what a standby has not heard of is not waited for at its start
	'wal_sender_timeout = 10s', 'wal_receiver_timeout = 10s', 'log_statement = none');
my $primary = new_node('one', @settings);
$primary->append_conf('pg_hba.conf', "local replication all trust\nhost all all 127.0.0.1/32 trust");
move_wal($primary, 0);
$primary->start;
create_extension($primary, 'shop');
for my $organization (@organizations)
{
	$primary->safe_psql('shop', <<"END");
SET inventory.organization = '$organization';
SELECT FROM generate_series(0, @{[ $products - 1 ]}) AS p, generate_series(0, 1) AS w
 CROSS JOIN LATERAL inventory_define('$organization-' || p, 'w' || w, minimum_stock => 40, initial_quantity => 50)
END
}
my $standby = PostgreSQL::Test::Cluster->new('two');
my %wal_dir = ($primary->name => 0, $standby->name => 1);
my $backup_count = 0;
my %links = map { $_->name => FaultProxy->start($_->host . '/.s.PGSQL.' . $_->port) } $primary, $standby;
follow_anew();

my $dsn = 'host=127.0.0.1,127.0.0.1 port=' . join(',', map { $links{$_}->port } qw(one two))
  . ' dbname=shop target_session_attrs=read-write user=' . (getpwuid $>)[0];
my $relay = RelayProcess->start($primary, 'shop', keys_options(), '--dsn', $dsn, '--connect-timeout', '2s',
	'--messages-per-second', 100, '--message-burst', 100, '--hello-timeout', '20s', '--log-level', 'info', '--ping-interval', '2s', '--ping-timeout', '6s');
my $screen_link = FaultProxy->start('127.0.0.1:' . $relay->port);

sub database_links { return values %links }
sub screen_links { return $screen_link }

# pg_wal on a file system that can be filled.
sub move_wal
{
	my ($node, $number) = @_;
	my $dir = $wal_dirs[$number] // return;

	remove_tree("$dir/pg_wal");
	move_tree($node->data_dir . '/pg_wal', "$dir/pg_wal");
	symlink "$dir/pg_wal", $node->data_dir . '/pg_wal' or die "symlink: $!";
	return;
}

sub move_tree
{
	my ($from, $to) = @_;
	system_or_bail('cp', '-a', $from, $to);
	remove_tree($from);
	return;
}

# $standby is made a copy of $primary, and commits wait for it.
sub follow_anew
{
	my $backup = 'backup' . ++$backup_count;

	# A slow machine would otherwise write the log faster than it copies it.
	signal_writers('STOP');
	$primary->safe_psql('postgres', "ALTER SYSTEM SET synchronous_standby_names = ''");
	$primary->reload;
	remove_tree($standby->data_dir);
	# What the copy will need must not be gone before it can ask for it.
	$primary->safe_psql('postgres', "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots; SELECT FROM pg_create_physical_replication_slot('standby', true)");
	$primary->backup($backup, backup_options => ['-cfast']);
	$standby->init_from_backup($primary, $backup, has_streaming => 1);
	remove_tree($primary->backup_dir . "/$backup");
	move_wal($standby, $wal_dir{ $standby->name });
	$standby->append_conf('postgresql.conf', "primary_slot_name = 'standby'");
	$standby->start;
	await_replication('streaming');
	$primary->safe_psql('postgres', "ALTER SYSTEM SET synchronous_standby_names = '*'");
	$primary->reload;
	await_replication('synchronous');
	signal_writers('CONT');
	return;
}

sub signal_writers { my ($signal) = @_; return kill $signal, grep { defined } map { $_->{pid} } @writers }

# Until commits wait for the standby, and it has all there is.
sub await_replication
{
	my ($what) = @_;
	my $state = $what eq 'streaming' ? "state = 'streaming'" : "sync_state = 'sync' AND flush_lsn >= pg_current_wal_insert_lsn() - 65536";

	poll($primary, "SELECT 't' WHERE EXISTS (SELECT FROM pg_stat_replication WHERE $state)", 't');
	return;
}

# Until a query says so; a server that is away is waited for.
sub poll
{
	my ($node, $query, $expected) = @_;
	my $deadline = time + $PostgreSQL::Test::Utils::timeout_default;
	my ($out, $error);

	while (time < $deadline)
	{
		$out = '';
		eval { $node->psql('postgres', $query, stdout => \$out, stderr => \$error, timeout => 10) };
		return $out if defined $expected ? $out eq $expected : $out ne '';
		usleep(50_000);
	}
	my @log = split /\n/, slurp_file($node->logfile, (-s $node->logfile) > 4000 ? (-s $node->logfile) - 4000 : 0);
	die join "\n", "waited in vain for: $query", $error // '', @log, '';
}

sub await_server { return poll($primary, 'SELECT NOT pg_is_in_recovery()', 't') }

# The faults -------------------------------------------------------------------

# One of the processes that a condition on pg_stat_activity names.
sub pick_process
{
	my ($choice, $condition) = @_;
	my @pids = sort { $a <=> $b } split /\n/, poll($primary, "SELECT pid FROM pg_stat_activity WHERE $condition");

	return $pids[ $choice * @pids ];
}

my $clients = "backend_type = 'client backend' AND pid <> pg_backend_pid() AND datname = 'shop'";
my $workers = "backend_type ~ '^pg_inventory'";

sub kill_backend { return kill 'KILL', pick_process($_[0], $clients) }
sub kill_worker { return kill 'KILL', pick_process($_[0], $workers) }
sub end_backend { return poll($primary, 'SELECT pg_terminate_backend(' . pick_process($_[0], $clients) . ')') }

sub kill_postmaster
{
	await_server();
	$primary->kill9;
	usleep($_[0] * 500_000);
	start_after_crash($primary);
	return;
}

sub restart_server
{
	await_server();
	$primary->stop('fast');
	$primary->start;
	return;
}

sub kill_relay
{
	kill 'KILL', $relay->pid;
	$relay->wait_for_exit;
	$relay->run;
	return;
}

sub restart_relay
{
	my $status = $relay->stop;
	is($status, 0, 'the relay ends well') if $status != 0;
	$relay->run;
	return;
}

sub stop_process
{
	my ($pid) = @_;
	kill 'STOP', $pid;
	usleep(5_000_000);
	kill 'CONT', $pid;
	return;
}

sub stop_relay { return stop_process($relay->pid) }
sub stop_worker { return stop_process(pick_process($_[0], $workers)) }
sub stop_backend { return stop_process(pick_process($_[0], $clients)) }

sub break_link
{
	my ($choice, $order, @proxies) = @_;

	$_->say($order) for @proxies;
	usleep(500_000 + $choice * 4_500_000);
	$_->say('pass') for @proxies;
	return;
}

# The server stops in a panic, and does not come back while there is no room.
sub fill_disk
{
	my $dir = $wal_dirs[ $wal_dir{ $primary->name } ];
	my $ballast = "$dir/ballast";

	await_server();
	my $from = -s $primary->logfile;
	open my $out, '>', $ballast or die "$ballast: $!";
	1 while syswrite $out, "\0" x 65536;
	1 while syswrite $out, "\0" x 512;
	close $out;
	my $deadline = time + 20;
	usleep(50_000) until time > $deadline || grep { /No space left on device/ } log_lines($primary, qr/No space left/, $from);
	usleep(1_000_000 * $_[0]);
	$skipped{'fill the disk'} = 'the server did not notice, once or more' if time > $deadline;
	unlink $ballast;
	# It may have come back by itself, or have given up.
	if ($primary->psql('postgres', 'SELECT 1', timeout => 10) != 0)
	{
		eval { $primary->stop('immediate', fail_ok => 1) };
		start_after_crash($primary);
	}
	await_server();
	return;
}

# The primary dies under load, and what it was becomes the standby's.
sub promote
{
	await_server();
	await_replication('synchronous');
	$primary->kill9;
	$standby->promote;
	($primary, $standby) = ($standby, $primary);
	await_server();
	follow_anew();
	return;
}

# The people -------------------------------------------------------------------

@writers = map { { name => "writer$_", organization => $organizations[ $_ % 2 ], mode => $_ % 4 == 3 ? 'off' : 'on' } } 0 .. 7;
my $writers_in_all = 0;

# Those who write through the relay, over the links of the screens.
my @tills = map { { name => "till$_", organization => $organizations[ $_ % 2 ] } } 0 .. 3;

sub start_writers
{
	my $hosts = join ',', map { $_->host } sort { $a->name cmp $b->name } $primary, $standby;
	my $ports = join ',', map { $_->port } sort { $a->name cmp $b->name } $primary, $standby;

	for my $writer (@writers)
	{
		my $file = "$folder/$writer->{name}." . ++$writers_in_all;
		my @command = ($ENV{CHAOS_WRITER}, "host=$hosts port=$ports dbname=shop target_session_attrs=read-write connect_timeout=3",
			"$writer->{name}.$writers_in_all", $seed * 1000 + $writers_in_all, int($rate / @writers), $writer->{mode}, $writer->{organization}, $products);
		$writer->{pid} = fork // die "fork: $!";
		if (!$writer->{pid})
		{
			open STDOUT, '>', $file;
			exec @command or POSIX::_exit(127);
		}
		push @{ $writer->{files} }, $file;
	}
	for my $till (@tills)
	{
		push @{ $till->{files} }, "$folder/$till->{name}." . ++$writers_in_all;
		$till->{process} = Till->start(name => "$till->{name}.$writers_in_all", port => $screen_link->port, file => $till->{files}[-1],
			seed => $seed * 1000 + $writers_in_all, rate => 25, organization => $till->{organization}, products => $products,
			headers => bearer(sub => $till->{name}, org => $till->{organization}, role => 'operator', exp => time + 36000));
	}
	return;
}

sub end_writers
{
	for (@tills)
	{
		my $status = $_->{process}->stop;
		is($status, 0, "$_->{name} ends well") if $status != 0;
	}
	kill 'TERM', map { $_->{pid} } @writers;
	for (@writers)
	{
		waitpid $_->{pid}, 0;
		is($?, 0, "$_->{name} ends well") if $? != 0;
		$_->{pid} = undef;
	}
	return;
}

# What each may see, as the protocol says; the token decides the organization.
my @screens = map { my $n = $_; {
	name => "screen$n",
	organization => $organizations[ $n % 2 ],
	warehouses => $n % 6 == 4 ? ['w1'] : undef,
	channels => $n % 3 == 0 ? ['global'] : $n % 3 == 1 ? [ 'warehouse:w1', "product:$organizations[$n % 2]-2" ] : [ map { "product:$organizations[$n % 2]-$_:warehouse:w0" } 0 .. 3 ],
	batch => $n % 2 || $n > 4,
} } 0 .. 7;

sub is_in_slice
{
	my ($screen, $product, $warehouse) = @_;

	return 0 if $product !~ /^$screen->{organization}-/;
	return 0 if $screen->{warehouses} && !grep { $_ eq $warehouse } @{ $screen->{warehouses} };
	return !!grep { $_ eq 'global' || $_ eq "warehouse:$warehouse" || $_ eq "product:$product" || $_ eq "product:$product:warehouse:$warehouse" } @{ $screen->{channels} };
}

for my $screen (@screens)
{
	$screen->{file} = "$folder/$screen->{name}";
	$screen->{settle_file} = "$screen->{file}.settle";
	$screen->{process} = Subscriber->start(%$screen, port => $screen_link->port, seed => $seed + length $screen->{name},
		headers => bearer(sub => $screen->{name}, org => $screen->{organization}, role => 'viewer', exp => time + 36000,
			$screen->{warehouses} ? (warehouses => $screen->{warehouses}) : ()));
}

# Judgement --------------------------------------------------------------------

my ($crashes, %done) = (0);
my $oracle;

sub dump_table
{
	my ($name, $query) = @_;
	append_to_file("$folder/$name", '');
	$primary->safe_psql('shop', "\\copy ($query) TO '$folder/$name'");
	return "$folder/$name";
}

sub is_settled
{
	my ($screen) = @_;
	my $size = -s $screen->{file};

	return slurp_file($screen->{file}, $size > 8 ? $size - 8 : 0) eq "settled\n";
}

sub judge
{
	my ($round) = @_;
	my %version;

	await_server();
	wait_for_workers($primary, 'shop');
	wait_for_ticks($primary, 'shop') or die 'what has committed was not ticked';
	for (split /\n/, $primary->safe_psql('shop', 'SELECT product_id, warehouse_id, version FROM inventory'))
	{
		my ($product, $warehouse, $version) = split /\|/;
		$version{"$product $warehouse"} = $version;
	}
	for my $screen (@screens)
	{
		open my $out, '>', "$screen->{settle_file}.new" or die $!;
		print $out "$_ $version{$_}\n" for grep { is_in_slice($screen, split / /) } sort keys %version;
		close $out;
		rename "$screen->{settle_file}.new", $screen->{settle_file};
		$screen->{process}->settle;
	}
	# Who was away has much to read; what is not to be is that nothing more comes.
	my ($heard, $deadline) = (0, time + 60);
	while (grep({ !is_settled($_) } @screens) && time < $deadline)
	{
		usleep(100_000);
		my $now = 0;
		$now += -s $_->{file} for @screens;
		$deadline = time + 60 if $now > $heard;
		$heard = $now;
	}
	is($primary->safe_psql('shop', 'SELECT * FROM inventory_reconcile()'), '', "round $round: counters, holds and ledger agree");

	$oracle = Oracle->new(
		ledger => dump_table("ledger$round", 'SELECT product_id, warehouse_id, version, movement_id, delta_available, delta_reserved, available_after, reserved_after, CASE WHEN reason IS DISTINCT FROM $$reservation expired$$ THEN coalesce(reference, $$$$) ELSE $$$$ END FROM inventory_movement ORDER BY 1, 2, 3'),
		events => dump_table("events$round", 'SELECT id, type, product_id, warehouse_id, data ->> $$version$$ FROM inventory_event WHERE product_id IS NOT NULL ORDER BY id'));
	$oracle->check_ledger;
	$oracle->check_writer($_) for map { @{ $_->{files} // [] } } @writers, @tills;
	$oracle->check_real_time;
	$oracle->check_subscriber($_->{file}, do { my $screen = $_; sub { is_in_slice($screen, @_) } }) for @screens;
	ok(!$oracle->violations, "round $round: nothing lost, nothing twice, nothing out of order, nothing of others, nothing that is gone")
	  or diag join "\n", $oracle->violations;
	unlink glob "$folder/{ledger,events}*";
	return;
}

# The run ----------------------------------------------------------------------

my $ends_at = time + 60 * $minutes;
my $round = 0;

while (time < $ends_at)
{
	start_writers();
	for (1 .. $faults_a_round)
	{
		last if time > $ends_at;
		my ($pause, $fault, $choice) = @{ shift @schedule // last };
		usleep(1e6 * $pause);
		note sprintf '%s (%.3f)', $fault, $choice;
		$faults{$fault}[2]->($choice);
		$done{$fault}++;
		$crashes += $faults{$fault}[1];
	}
	usleep(1_000_000);
	end_writers();
	judge(++$round);
	last if $oracle->violations;
	$_->{process}->resume for @screens;
}
$_->{process}->stop for @screens;
is($relay->stop, 0, 'the relay ends well');
ok(!grep({ /AddressSanitizer|runtime error/ } $relay->log), 'and the sanitizers have found nothing in it');
$_->stop('immediate') for $primary, $standby;

my $counts = $oracle->counts;
diag sprintf '%3d x %s', $done{$_}, $_ for sort keys %done;
diag "skipped: $_: $skipped{$_}" for sort keys %skipped;
diag sprintf '%d crash cycles in %d rounds; %d operations acknowledged, %d unknown, %d refused (%s)', $crashes, $round,
  @$counts{qw(acknowledged unknown refused)}, join ', ', map { "$_ $counts->{sqlstates}{$_}" } sort keys %{ $counts->{sqlstates} };
diag sprintf '%d events shown on %d screens over %d connections, %d of them resynced; %d violations', $counts->{shown}, scalar @screens,
  @$counts{qw(opens resyncs)}, scalar $oracle->violations;
cmp_ok($crashes, '>', 0, 'something was broken') if !@wanted;
cmp_ok($counts->{acknowledged}, '>', 0, 'and something was sold');

END
{
	my $status = $?;
	kill 'KILL', map { $_->{pid} // () } @writers;
	$? = $status;
}

done_testing();
