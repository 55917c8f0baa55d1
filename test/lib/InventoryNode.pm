# InventoryNode.pm
#	  A PostgreSQL::Test::Cluster with the extension, and what its tests share.
#
# test/run says through the environment where the extension was staged
# (INVENTORY_STAGE; empty: installed in the system) and into which schema it
# goes (INVENTORY_SCHEMA).
#
# Nothing here sleeps for a time and hopes: every wait is for a condition, and
# ends in a failure when PG_TEST_TIMEOUT_DEFAULT (180 s) is over.
package InventoryNode;

use strict;
use warnings;
use Exporter 'import';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

our @EXPORT = qw(new_node create_database create_extension wait_for_workers
  wait_for_ticks worker_pid at_once verdicts start_after_crash log_lines);

my $stage = $ENV{INVENTORY_STAGE} // '';
my $schema = $ENV{INVENTORY_SCHEMA} // 'public';

# A server that preloads the extension, not started.
sub new_node
{
	my ($name, @settings) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	my $library_dir = $node->config_data('--pkglibdir');

	$node->init(extra => [ '--locale=C.UTF-8', '--encoding=UTF8' ]);
	$node->append_conf('postgresql.conf', <<END);
shared_preload_libraries = 'pg_inventory'
extension_destdir = '$stage'
dynamic_library_path = '$stage$library_dir:\$libdir'
log_line_prefix = '%m [%p] %b %d '
log_statement = none
max_connections = 100
max_worker_processes = 16
END
	$node->append_conf('postgresql.conf', join("\n", @settings)) if @settings;
	return $node;
}

# A database whose search path begins with the schema under test.
sub create_database
{
	my ($node, $database) = @_;
	my $path = $schema eq 'public' ? 'public' : "$schema, public";

	$node->safe_psql('postgres', "CREATE DATABASE $database TEMPLATE template0");
	$node->safe_psql($database, "CREATE SCHEMA $schema") if $schema ne 'public';
	$node->safe_psql('postgres', "ALTER DATABASE $database SET search_path = $path");
	return;
}

# A database with the extension, its workers at work.
sub create_extension
{
	my ($node, $database) = @_;

	create_database($node, $database);
	$node->safe_psql($database, 'CREATE EXTENSION pg_inventory');
	wait_for_workers($node, $database);
	return;
}

# Until the database has this many of each of its two workers.
sub wait_for_workers
{
	my ($node, $database, $count) = @_;
	my $expected = join "\n", map { "pg_inventory $_|" . ($count // 1) } qw(janitor publisher);

	$node->poll_query_until('postgres', <<END, $expected) or die "the workers of $database did not become as expected";
SELECT kind, count(pid)
  FROM unnest(ARRAY['pg_inventory janitor', 'pg_inventory publisher']) AS kind
  LEFT JOIN pg_stat_activity ON backend_type = kind AND datname = '$database'
 GROUP BY kind ORDER BY kind
END
	return;
}

# Until everything that has committed stands in a tick.
sub wait_for_ticks
{
	my ($node, $database) = @_;

	return $node->poll_query_until($database,
		'SELECT (SELECT count(*) FROM inventory_event) = (SELECT coalesce(sum(event_count), 0) FROM inventory_tick)');
}

sub worker_pid
{
	my ($node, $kind, $database) = @_;

	return $node->safe_psql('postgres',
		"SELECT pid FROM pg_stat_activity WHERE backend_type = 'pg_inventory $kind'"
		  . (defined $database ? " AND datname = '$database'" : ''));
}

# Run each script in a session of its own, all of them let loose by one COMMIT.
# Returns what each printed, errors as their SQLSTATE.
sub at_once
{
	my ($node, $database, @scripts) = @_;
	my $gate = $node->background_psql($database);
	my $folder = PostgreSQL::Test::Utils::tempdir();
	my (@sessions, @output);

	$gate->query_safe('BEGIN; SELECT pg_advisory_xact_lock(1)');
	for my $script (@scripts)
	{
		my $file = "$folder/" . @sessions;

		append_to_file($file, "\\set VERBOSITY sqlstate\nSELECT pg_advisory_lock_shared(1) \\gset\n$script\n");
		push @output, '';
		push @sessions,
		  IPC::Run::start(
			[ 'psql', '-XAtq', '-d', $node->connstr($database), '-f', $file ],
			'<', \undef, '>&', \$output[-1],
			IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
	}
	my $count = @scripts;
	$node->poll_query_until($database,
		"SELECT count(*) = $count FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
	  or die 'the sessions did not reach the gate';
	$gate->query_safe('COMMIT');
	$_->finish for @sessions;
	$gate->quit;
	return @output;
}

# How often each SQLSTATE stands in the output; 00000 counts the other lines.
sub verdicts
{
	my %count;

	for my $line (map { split /\n/ } @_)
	{
		$count{ $line =~ /ERROR:\s+(\w{5})/ ? $1 : '00000' }++;
	}
	return \%count;
}

# After kill -9 of the postmaster its children still hold the shared memory
# for a moment, and a start is refused until the last has noticed.
sub start_after_crash
{
	my ($node) = @_;

	for (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
	{
		return if $node->start(fail_ok => 1);
		usleep(100_000);
		$node->stop('fast', fail_ok => 1);
	}
	die 'the server did not start again';
}

# The lines of the server's log that match, from an offset on.
sub log_lines
{
	my ($node, $pattern, $offset) = @_;

	return grep { /$pattern/ } split /\n/, slurp_file($node->logfile, $offset // 0);
}

1;
