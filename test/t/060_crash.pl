# Kill -9 of the postmaster under load: what was delivered is still there.
#
# The writers commit asynchronously, so a crash takes some of their newest
# commits back.  A reader that is faster than the disk must not have seen those.
use strict;
use warnings;
use InventoryNode;
use PostgreSQL::Test::Utils;
use Test::More;

my $rounds = 3;

my $node = new_node('main', 'fsync = on', 'wal_writer_delay = 10s');
$node->start;
create_extension($node, 'shop');
$node->safe_psql('shop', <<'END');
SELECT FROM generate_series(1, 20) AS n
 CROSS JOIN LATERAL inventory_define('item' || n, 'shop', initial_quantity => 1000000)
END

my $sale = PostgreSQL::Test::Utils::tempdir() . '/sale.sql';
append_to_file($sale, <<'END');
\set n random(1, 20)
SET synchronous_commit = off;
SELECT FROM inventory_adjust('item' || :n, 'shop', 1, 'out');
END

my $columns = 'position, tick, id, product_id, data';
my $start;       # where the round's reading began; undef: at the oldest kept
my $position;    # where it has come

for my $round (1 .. $rounds)
{
	my ($output, @delivered) = ('');
	my $load = IPC::Run::start(
		[ 'pgbench', '-n', '-c', '8', '-j', '2', '-R', '1000', '-T', '600', '-f', $sale, $node->connstr('shop') ],
		'>', \my $ignored, '2>', \my $errors, IPC::Run::timeout(600));

	# Read the log as fast as it grows, until enough was delivered.
	my $reader = $node->background_psql('shop');
	while (@delivered < 1000 * $round)
	{
		my $after = defined $position ? "'$position'" : 'NULL';
		my @page = split /\n/, $reader->query_safe("SELECT $columns FROM inventory_events($after)");
		next unless @page;
		push @delivered, @page;
		($position) = split /\|/, $page[-1];
	}
	$node->kill9;
	$load->finish;
	eval { $reader->quit };

	start_after_crash($node);
	wait_for_workers($node, 'shop');

	my $after = defined $start ? "'$start'" : 'NULL';
	my $count = @delivered;
	my @kept = split /\n/, $node->safe_psql('shop', "SELECT $columns FROM inventory_events($after, $count)");
	is_deeply(\@kept, \@delivered, "round $round: the $count events delivered before the crash are read again, the same");

	is($node->safe_psql('shop', <<'END'), '0|0', "round $round: every counter is the sum of its ledger, its versions without a gap");
SELECT count(*) FILTER (WHERE i.quantity_available <> m.total),
       count(*) FILTER (WHERE i.version <> m.movements OR i.version <> m.newest)
  FROM inventory i
  JOIN (SELECT inventory_id, sum(delta_available) AS total, count(*) AS movements, max(version) AS newest
          FROM inventory_movement GROUP BY inventory_id) m USING (inventory_id)
END
	ok(wait_for_ticks($node, 'shop'), "round $round: what had committed and not been ticked is now");

	$start = $position = $node->safe_psql('shop', 'SELECT inventory_position()');
}

done_testing();
