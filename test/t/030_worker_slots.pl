# Too few of max_worker_processes: said once, and mended without a restart of clients.
use strict;
use warnings;
use InventoryNode;
use Test::More;

my $node = new_node('main', 'max_worker_processes = 3', 'max_parallel_workers = 0');
$node->start;
create_database($node, 'one');
create_database($node, 'two');
my $log_start = -s $node->logfile;
# Logical replication's launcher has one of the three, ours another.
$node->safe_psql($_, 'CREATE EXTENSION pg_inventory') for qw(one two);
$node->safe_psql('two', "SELECT FROM inventory_define('bean', 'shop', initial_quantity => 10)");

$node->wait_for_log(qr/max_worker_processes/, $log_start);
pass('the log says that max_worker_processes is too small');
$node->poll_query_until('one',
	"SELECT bool_or(to_jsonb(s)::text LIKE '%max_worker_processes%') FROM inventory_status() s");
pass('inventory_status() warns of it');
is($node->safe_psql('two', "SELECT new_quantity FROM inventory_adjust('bean', 'shop', 3, 'out')"),
	'7', 'stock changes go on meanwhile');

# Anything that could repeat has had ten rounds to do so.
$node->poll_query_until('two', "SELECT clock_timestamp() > pg_postmaster_start_time() + interval '10 s'");
is(scalar(log_lines($node, qr/max_worker_processes/, $log_start)), 1, 'it is said once');

$node->append_conf('postgresql.conf', 'max_worker_processes = 8');
$node->restart;
wait_for_workers($node, $_) for qw(one two);
ok(wait_for_ticks($node, 'two'), 'with room, what was changed meanwhile is published');

done_testing();
