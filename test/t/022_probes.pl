# Which databases have the extension is found out whatever state one of them is in.
use strict;
use warnings;
use InventoryNode;
use Test::More;

my $node = new_node('main', 'max_prepared_transactions = 3');
$node->start;
my $log_start = -s $node->logfile;
create_extension($node, $_) for qw(stuck shop other);

sub open_database
{
	my ($database, $is_open) = @_;

	$node->safe_psql('postgres', "ALTER DATABASE $database ALLOW_CONNECTIONS $is_open");
	return;
}

note 'a database whose catalogs are locked';
my $stuck = $node->safe_psql('stuck', 'SELECT oid FROM pg_database WHERE datname = current_database()');
my $upkeep = $node->background_psql('stuck');
for my $database (qw(stuck shop))
{
	# Then it is forgotten, and to be looked at anew.
	open_database($database, 'false');
	wait_for_workers($node, $database, 0);
}
$upkeep->query_safe('BEGIN; LOCK pg_extension IN ACCESS EXCLUSIVE MODE');
open_database('stuck', 'true');
$node->poll_query_until('postgres', "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE backend_type = 'pg_inventory probe'");
my $publisher = worker_pid($node, 'publisher', 'other');
$node->safe_psql('postgres', "SELECT pg_terminate_backend($publisher)");
$node->poll_query_until('postgres', "SELECT pid <> $publisher FROM pg_stat_activity
	WHERE backend_type = 'pg_inventory publisher' AND datname = 'other'
		AND EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'pg_inventory probe' AND wait_event_type = 'Lock')");
pass('while its probe waits, workers of others are started again');
open_database('shop', 'true');
wait_for_workers($node, 'shop');
pass('and others are looked at after it');
$node->wait_for_log(qr/pg_inventory probe\s+ERROR:.*lock timeout.*\n.*CONTEXT: +looking for the extension in database $stuck\n/, $log_start);
pass('it gives up, and says of which');
wait_for_workers($node, 'stuck', 0);
my $launcher = worker_pid($node, 'launcher');
$upkeep->query_safe('COMMIT');
$upkeep->quit;
wait_for_workers($node, 'stuck');
pass('the database is served when it can be looked at, without a restart');
is(worker_pid($node, 'launcher'), $launcher, 'by the same launcher');

note 'a database whose DROP was interrupted';
# What it leaves.
$node->safe_psql('postgres', "UPDATE pg_database SET datconnlimit = -2 WHERE datname = 'other'");
# The launcher looks once a minute, and when it is woken.
$node->reload;
wait_for_workers($node, 'other', 0);
pass('it has no workers any more');

note 'CREATE EXTENSION in a prepared transaction';
create_database($node, 'prepared');
$node->safe_psql('prepared', "BEGIN; CREATE EXTENSION pg_inventory; PREPARE TRANSACTION 'extension'");
$node->safe_psql('prepared', "COMMIT PREPARED 'extension'");
wait_for_workers($node, 'prepared');
pass('the workers come when it is committed');

my @fatal = grep { !/administrator command/ } log_lines($node, qr/FATAL|PANIC/, $log_start);
is_deeply(\@fatal, [], 'nothing of this left a FATAL in the log but the termination asked for');

done_testing();
