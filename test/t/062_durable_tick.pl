# What can be read is on disk, whoever wrote it and however.
#
# The writer commits asynchronously, and the process that would bring its commit
# to the disk in time is stopped.  So what can be read in the log after that is
# there because the tick took it to the disk; a crash must not take it back.
use strict;
use warnings;
use InventoryNode;
use PostgreSQL::Test::Utils;
use Test::More;

my $rounds = 3;

my $node = new_node('main', 'fsync = on', 'wal_writer_delay = 10s', 'checkpoint_timeout = 1h', 'autovacuum = off');
$node->start;
create_extension($node, 'shop');
$node->safe_psql('shop', "SELECT FROM inventory_define('bean', 'shop', initial_quantity => 1000)");

for my $round (1 .. $rounds)
{
	my $position = $node->safe_psql('shop', 'SELECT inventory_position()');
	my ($walwriter) = split /\n/, $node->safe_psql('shop', "SELECT pid FROM pg_stat_activity WHERE backend_type = 'walwriter'");

	kill 'STOP', $walwriter;
	$node->safe_psql('shop', "SET synchronous_commit = off; SELECT FROM inventory_adjust('bean', 'shop', -1, 'out')");
	ok($node->poll_query_until('shop', "SELECT count(*) = 1 FROM inventory_events('$position')"), "round $round: the sale can be read");
	my $read = $node->safe_psql('shop', "SELECT data FROM inventory_events('$position')");
	$node->kill9;
	kill 'KILL', $walwriter;
	start_after_crash($node);
	wait_for_workers($node, 'shop');
	is(eval { $node->safe_psql('shop', "SELECT data FROM inventory_events('$position')") } // $@, $read, "round $round: and is still there after a crash");
}

done_testing();
