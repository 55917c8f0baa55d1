# Many at once on one item: nothing is lost and nothing sold twice.
use strict;
use warnings;
use InventoryNode;
use Test::More;

my $node = new_node('main');
$node->start;
create_extension($node, 'shop');

sub define
{
	my ($product, $quantity) = @_;
	$node->safe_psql('shop', "SELECT FROM inventory_define('$product', 'shop', initial_quantity => $quantity)");
}

sub state_of
{
	my ($product) = @_;
	return $node->safe_psql('shop',
		"SELECT quantity_available, version FROM inventory WHERE product_id = '$product'");
}

# The sum of the ledger, the gaps in its versions.
sub ledger_of
{
	my ($product) = @_;
	return $node->safe_psql('shop', "SELECT sum(delta_available), max(version) - count(*) FROM inventory_movement
		WHERE inventory_id = (SELECT inventory_id FROM inventory WHERE product_id = '$product')");
}

note 'two adjustments';
define('two', 100);
my @output = at_once($node, 'shop',
	"SELECT version FROM inventory_adjust('two', 'shop', -10, 'out', reason => 'Sale from Terminal 1');",
	"SELECT version FROM inventory_adjust('two', 'shop', -5, 'out', reason => 'Sale from Terminal 2');");
is_deeply([ sort map { s/\s//gr } @output ], [ 2, 3 ], 'both of -10 and -5 apply, each with a version of its own');
is(state_of('two'), '85|3', 'the stock is down by 15, the version up by 2');

note 'five sales of one';
define('five', 100);
@output = at_once($node, 'shop',
	map { "SELECT version FROM inventory_adjust('five', 'shop', -1, 'out', reason => 'Concurrent sale $_');" } 1 .. 5);
is_deeply(verdicts(@output), { '00000' => 5 }, 'all five succeed');
is(state_of('five'), '95|6', 'the stock is down by exactly five');

note '400 sales of 100 units';
define('hundred', 100);
my $sale = "SELECT version FROM inventory_adjust('hundred', 'shop', 1, 'out');\n";
my %total;
my $open = 400;
for (my $round = 1; $open > 0 && $round <= 20; $round++)
{
	# Fifty sessions, or as many as there are sales left.
	my $sessions = $open < 50 ? $open : 50;
	my @share = map { int($open / $sessions) + ($_ <= $open % $sessions) } 1 .. $sessions;
	my $count = verdicts(at_once($node, 'shop', map { $sale x $_ } @share));
	# Who did not get the row in time tries again, as the error says.
	$open = delete $count->{IV409} // 0;
	$total{$_} += $count->{$_} for keys %$count;
}
is_deeply(\%total, { '00000' => 100, IV422 => 300 }, 'exactly 100 succeed, and 300 are told that stock is short');
is(state_of('hundred'), '0|101', 'nothing is left, and nothing below');
is(ledger_of('hundred'), '0|0', 'the ledger sums up to the counter, its versions without a gap');

note 'many items at once';
define("item$_", 1000) for 1 .. 10;
my $mixed = join '', map { "SELECT version FROM inventory_adjust('item$_', 'shop', 1, 'out');\n" } 1 .. 10;
my $count = verdicts(at_once($node, 'shop', ($mixed) x 20));
is_deeply($count, { '00000' => 200 }, '20 sessions sell 10 items each');
is($node->safe_psql('shop', "SELECT DISTINCT quantity_available, version FROM inventory WHERE product_id LIKE 'item%'"),
	'980|21', 'every item is down by 20');

note 'the log';
wait_for_ticks($node, 'shop');
is($node->safe_psql('shop', <<'END'), '0|0', 'the log has every version of every item, once and in order');
SELECT count(*) FILTER (WHERE version <> last_version + 1),
       (SELECT sum(version) FROM inventory) - count(*)
  FROM (SELECT (data ->> 'version')::bigint AS version,
               coalesce(lag((data ->> 'version')::bigint) OVER (PARTITION BY product_id ORDER BY place), 0) AS last_version
          FROM inventory_events(max_events => 10000) WITH ORDINALITY AS e
               (position, tick, id, organization_id, type, product_id, warehouse_id, op, data, created_at, place)
         WHERE type = 'inventory.updated') v
END

done_testing();
