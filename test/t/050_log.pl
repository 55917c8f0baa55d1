# The event log: read from a position on, across crashes, without loss.
use strict;
use warnings;
use InventoryNode;
use Test::More;

my $node = new_node('main', 'restart_after_crash = on');
$node->start;
create_extension($node, 'shop');
$node->safe_psql('shop', "SELECT FROM inventory_define('bean', 'shop', initial_quantity => 1000)");

sub read_from
{
	my ($position, $columns, $limit) = @_;
	my $after = defined $position ? "'$position'" : 'NULL';
	return [ split /\n/, $node->safe_psql('shop', "SELECT $columns FROM inventory_events($after, " . ($limit // 1000) . ')') ];
}

my $version = "data ->> 'version'";

note 'resume from a position';
wait_for_ticks($node, 'shop');
my $position = $node->safe_psql('shop', 'SELECT inventory_position()');
is_deeply(read_from($position, $version), [], 'after the head there is nothing');
$node->safe_psql('shop', "SELECT FROM inventory_adjust('bean', 'shop', 1, 'out')") for 1 .. 50;
wait_for_ticks($node, 'shop');
is_deeply(read_from($position, $version), [ 2 .. 51 ], 'the 50 adjustments after it are read in order');

note 'pages';
my (@seen, $last);
$last = $position;
while (my @page = @{ read_from($last, "position, $version", 7) })
{
	push @seen, map { (split /\|/)[1] } @page;
	($last) = split /\|/, $page[-1];
}
is_deeply(\@seen, [ 2 .. 51 ], 'pages of seven, each from the last position on, give the same');
$node->safe_psql('shop', <<'END');
SELECT FROM generate_series(1, 20) AS n
 CROSS JOIN LATERAL inventory_define('tea' || n, 'shop', initial_quantity => n)
END
wait_for_ticks($node, 'shop');
@seen = ();
while (my @page = @{ read_from($last, 'position, product_id', 3) })
{
	push @seen, map { (split /\|/)[1] } @page;
	($last) = split /\|/, $page[-1];
}
is_deeply(\@seen, [ map { "tea$_" } 1 .. 20 ], 'so do pages within one tick');

note 'a crash of a worker';
$position = $node->safe_psql('shop', 'SELECT inventory_position()');
$node->safe_psql('shop', "SELECT FROM inventory_adjust('bean', 'shop', 1, 'out')") for 1 .. 5;
my $log_end = -s $node->logfile;
kill 9, worker_pid($node, 'publisher', 'shop');
$node->wait_for_log(qr/database system is ready to accept connections/, $log_end);
wait_for_workers($node, 'shop');
wait_for_ticks($node, 'shop');
is_deeply(read_from($position, $version), [ 52 .. 56 ], 'kill -9 of the publisher loses nothing');

note 'a crash of the server';
$position = $node->safe_psql('shop', 'SELECT inventory_position()');
$node->safe_psql('shop', "SELECT FROM inventory_adjust('bean', 'shop', 1, 'out')") for 1 .. 5;
$node->kill9;
start_after_crash($node);
wait_for_workers($node, 'shop');
wait_for_ticks($node, 'shop');
is_deeply(read_from($position, $version), [ 57 .. 61 ], 'nor does kill -9 of the postmaster');

note 'what nobody sees';
$position = $node->safe_psql('shop', 'SELECT inventory_position()');
my $slow = $node->background_psql('shop');
$slow->query_safe("BEGIN; SELECT FROM inventory_define('slow', 'shop')");
$node->safe_psql('shop', "BEGIN; SELECT FROM inventory_adjust('bean', 'shop', 1, 'out'); ROLLBACK");
$node->safe_psql('shop', "SELECT FROM inventory_define('quick', 'shop')");
$node->poll_query_until('shop', "SELECT count(*) = 1 FROM inventory_events('$position')");
is_deeply(read_from($position, 'product_id'), ['quick'],
	'an open transaction delays nobody, and one that was rolled back is not in the log');
my $after_quick = read_from($position, 'position')->[0];
$slow->query_safe('COMMIT');
$slow->quit;
$node->poll_query_until('shop', "SELECT count(*) = 2 FROM inventory_events('$position')");
is_deeply(read_from($after_quick, 'product_id'), ['slow'],
	'the slow one is read after it, though its event is older');

note 'two-phase commit';
$node->append_conf('postgresql.conf', 'max_prepared_transactions = 5');
$node->restart;
wait_for_workers($node, 'shop');
$position = $node->safe_psql('shop', 'SELECT inventory_position()');
$node->safe_psql('shop', "BEGIN; SELECT FROM inventory_define('prepared', 'shop'); PREPARE TRANSACTION 'p'");
is_deeply(read_from($position, 'product_id'), [], 'a prepared transaction is not in the log');
$node->safe_psql('shop', "COMMIT PREPARED 'p'");
$node->poll_query_until('shop', "SELECT count(*) = 1 FROM inventory_events('$position')");
is_deeply(read_from($position, 'product_id'), ['prepared'], 'its commit brings it there');

note 'positions that are none';
create_extension($node, 'other');
$node->safe_psql('other', "SELECT FROM inventory_define('bean', 'shop')");
wait_for_ticks($node, 'other');
my %refused = (
	$node->safe_psql('other', 'SELECT inventory_position()') => 'IV410',
	'not a position' => '22023');
for my $wrong (sort keys %refused)
{
	my ($status, $out, $error) = $node->psql('shop', "SELECT * FROM inventory_events('$wrong')",
		extra_params => [ '-v', 'VERBOSITY=sqlstate' ]);
	like($error, qr/$refused{$wrong}/, "\"$wrong\" is refused");
}

done_testing();
