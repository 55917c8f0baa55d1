# The workers follow their databases, and never stand in the way of one.
use strict;
use warnings;
use InventoryNode;
use Test::More;

my $node = new_node('main');
$node->start;
my $log_start = -s $node->logfile;
my $schema = $ENV{INVENTORY_SCHEMA} // 'public';

sub adjust_is_ticked
{
	my ($database, $title) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$node->safe_psql($database, "SELECT FROM inventory_adjust('bean', 'shop', 1, 'in')");
	ok(wait_for_ticks($node, $database), $title);
}

note 'start';
is(worker_pid($node, 'publisher'), '', 'a server without the extension has no publisher');
isnt(worker_pid($node, 'launcher'), '', 'but a launcher');
create_extension($node, 'shop');
$node->safe_psql('shop', "SELECT FROM inventory_define('bean', 'shop', initial_quantity => 100)");
adjust_is_ticked('shop', 'changes are published after CREATE EXTENSION, without a restart');

note 'restart after a kill';
for my $kind (qw(publisher janitor launcher))
{
	my $database = $kind eq 'launcher' ? undef : 'shop';
	my $pid = worker_pid($node, $kind, $database);
	$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
	$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_activity
		WHERE backend_type = 'pg_inventory $kind' AND pid <> $pid");
	adjust_is_ticked('shop', "changes are published after the $kind was terminated");
}

note 'a new launcher';
$node->append_conf('postgresql.conf', 'log_min_messages = debug1');
$node->reload;
my $quiet_start = -s $node->logfile;
my $launched = $node->safe_psql('shop', 'SELECT clock_timestamp()');
ok($node->poll_query_until('shop', "SELECT last_round_at > '$launched'::timestamptz + interval '3 s' FROM inventory_status() WHERE component = 'publisher'"),
	'the publisher goes on');
is_deeply([ log_lines($node, qr/starting background worker process "pg_inventory/, $quiet_start) ], [], 'the workers of the former launcher are left alone');
$node->append_conf('postgresql.conf', 'log_min_messages = warning');
$node->reload;
my $orphan = worker_pid($node, 'publisher', 'shop');
$node->safe_psql('postgres', "SELECT pg_terminate_backend($orphan)");
adjust_is_ticked('shop', 'and replaced when they end');

note 'CREATE DATABASE ... TEMPLATE';
$node->safe_psql('postgres', 'CREATE DATABASE copy TEMPLATE shop');
pass('a database whose workers run can be a template');
# What ALTER DATABASE set for the original is not copied.
$node->safe_psql('postgres', "ALTER DATABASE copy SET search_path = $schema, public");
wait_for_workers($node, 'copy');
wait_for_workers($node, 'shop');
is($node->safe_psql('copy', 'SELECT quantity_available FROM inventory'),
	$node->safe_psql('shop', 'SELECT quantity_available FROM inventory'), 'the copy has the stock');
adjust_is_ticked('copy', 'changes in the copy are published');
adjust_is_ticked('shop', 'and in the original');

note 'ALTER DATABASE ... RENAME';
$node->safe_psql('postgres', 'ALTER DATABASE copy RENAME TO branch');
wait_for_workers($node, 'branch');
adjust_is_ticked('branch', 'changes are published after a rename');

note 'ALTER DATABASE ... ALLOW_CONNECTIONS';
for my $way ('ALTER DATABASE branch ALLOW_CONNECTIONS %s', q(UPDATE pg_database SET datallowconn = %s WHERE datname = 'branch'))
{
	for my $allowed (qw(false true))
	{
		$node->safe_psql('postgres', sprintf($way, $allowed));
		# The launcher looks once a minute, and when it is woken.
		$node->reload if $way =~ /UPDATE/;
		wait_for_workers($node, 'branch', $allowed eq 'true' ? () : (0));
	}
	adjust_is_ticked('branch', "changes are published when the database is open again ($way)");
}

note 'commands that fail';
for my $command (
	'DROP DATABASE branch',
	'ALTER DATABASE branch RENAME TO shop',
	'CREATE DATABASE other TEMPLATE branch')
{
	my $session = $node->background_psql('branch');
	my ($status, $out, $error) = $node->psql('postgres', $command);
	isnt($status, 0, "$command fails while somebody is connected");
	$session->quit;
	wait_for_workers($node, 'branch');
	adjust_is_ticked('branch', 'and the workers are back');
}
$node->safe_psql('postgres', 'CREATE ROLE nobody LOGIN');
my $pid = worker_pid($node, 'publisher', 'branch');
my ($status, $out, $error) = $node->psql('postgres', 'DROP DATABASE branch', extra_params => [ '-U', 'nobody' ]);
like($error, qr/must be owner/, 'who does not own a database cannot drop it');
is(worker_pid($node, 'publisher', 'branch'), $pid, 'nor send its workers away');

note 'DROP EXTENSION';
$node->safe_psql('branch', 'DROP EXTENSION pg_inventory');
wait_for_workers($node, 'branch', 0);
pass('DROP EXTENSION ends the workers');
$node->safe_psql('branch', 'CREATE EXTENSION pg_inventory');
wait_for_workers($node, 'branch');
$node->safe_psql('branch', "SELECT FROM inventory_define('bean', 'shop')");
adjust_is_ticked('branch', 'CREATE EXTENSION brings them again');
$node->safe_psql('branch', 'BEGIN; DROP EXTENSION pg_inventory; ROLLBACK');
adjust_is_ticked('branch', 'a DROP EXTENSION that was rolled back changes nothing');

note 'DROP DATABASE';
$node->safe_psql('postgres', 'DROP DATABASE branch');
is(worker_pid($node, 'publisher', 'branch'), '', 'a database whose workers run can be dropped');
create_extension($node, 'branch');
$node->safe_psql('postgres', 'DROP DATABASE branch WITH (FORCE)');
is(worker_pid($node, 'publisher', 'branch'), '', 'with force, too');

note 'restart of the server';
$node->restart;
wait_for_workers($node, 'shop');
adjust_is_ticked('shop', 'changes are published after a restart');
is($node->safe_psql('postgres', "SELECT count(DISTINCT datname) FROM pg_stat_activity
	WHERE backend_type = 'pg_inventory publisher'"), '1', 'only the database that has the extension has a publisher');

my @fatal = grep { !/terminating background worker|administrator command/ } log_lines($node, qr/FATAL|PANIC/, $log_start);
is_deeply(\@fatal, [], 'nothing of this left a FATAL in the log but the terminations asked for');

done_testing();
