# Thirty-two at once with all the verbs: no deadlock, nothing oversold, the books agree.
use strict;
use warnings;
use InventoryNode;
use Test::More;

my $sessions = 32;
my $statements = 40;
my @items = map { sprintf 'item%02d', $_ } 1 .. 20;

my $node = new_node('main', "deadlock_timeout = '20ms'", "inventory.lock_timeout = '3min'", "inventory.janitor_interval = '50ms'");
$node->start;
create_extension($node, 'shop');
for my $item (@items)
{
	$node->safe_psql('shop', "SELECT FROM inventory_define('$item', '$_', initial_quantity => 40)") for qw(east west);
}
$node->safe_psql('shop', <<'END');
SELECT FROM inventory_define('milk', 'east', track_batches => true);
SELECT FROM generate_series(1, 9) AS n, LATERAL inventory_adjust('milk', 'east', 30, 'in', batch_number => 'm' || n, expires_at => now() + n * interval '1 month')
END

srand(20);    # the same carts every time; who comes first is what differs

sub any
{
	return $_[ rand @_ ];
}

# Five lines in any order, some of them of the same item.
sub cart
{
	my ($sign) = @_;
	return '[' . join(', ', map {
		my $quantity = $sign * (1 + int rand 4);
		sprintf '{"product_id": "%s", "warehouse_id": "%s", "quantity": %d}', any(@items), any('east', 'west'), $quantity
	} 1 .. 5) . ']';
}

sub sync
{
	my ($key) = @_;
	my $n = 0;
	return '[' . join(', ', map {
		sprintf '{"kind": "adjust", "idempotency_key": "%s.%d", "product_id": "%s", "warehouse_id": "east", "quantity": %d}', $key, $n++, any(@items), 2 - int rand 5 || -1
	} 1 .. 5) . ']';
}

sub statement
{
	my ($session, $n) = @_;
	my ($id, $item) = ("r$session", any(@items));
	my @choice = (
		("SELECT count(*) FROM inventory_apply('" . cart(-1) . "')") x 5,
		"SELECT count(*) FROM inventory_apply('" . cart(1) . "', idempotency_key => 'cart$session.$n')",
		("SELECT count(*) FROM inventory_reserve('" . cart(1) . "', reservation_id => '$id')") x 3,
		"SELECT count(*) FROM inventory_reserve('" . cart(1) . "', '1 ms', '$id.$n')",
		"SELECT count(*) FROM inventory_commit('$id')",
		"SELECT count(*) FROM inventory_release('$id')",
		"SELECT count(*) FROM inventory_commit('r" . (1 + int rand $sessions) . "')",
		("SELECT count(*) FROM inventory_adjust('$item', 'east', 2, 'out')") x 4,
		"SELECT count(*) FROM inventory_adjust('$item', 'west', 3, 'out', on_shortage => 'partial')",
		"SELECT count(*) FROM inventory_adjust('milk', 'east', 3, 'out')",
		"SELECT count(*) FROM inventory_transfer('$item', 'east', 'west', 2)",
		"SELECT count(*) FROM inventory_transfer('$item', 'west', 'east', 2)",
		"SELECT count(*) FROM inventory_sync('" . sync("s$session.$n") . "') GROUP BY ()",
		"SELECT count(*) FROM inventory_sweep()");
	return any(@choice) . ";\n";
}

my @scripts = map { my $session = $_; join '', map { statement($session, $_) } 1 .. $statements } 1 .. $sessions;
my $verdicts = verdicts(at_once($node, 'shop', @scripts));
note join ', ', map { "$_: $verdicts->{$_}" } sort keys %$verdicts;
my %unexpected = %$verdicts;
# done; no such reservation yet; reservation closed; short; the same id reserved after its commit
delete @unexpected{qw(00000 IV404 IV410 IV422)};
is_deeply(\%unexpected, {}, 'nothing but done, gone and short: no deadlock, no time-out, no surprise');
cmp_ok($verdicts->{IV422} // 0, '>', 0, 'stock did run short');
my $total = 0;
$total += $_ for values %$verdicts;
is($total, $sessions * $statements, 'each got an answer');
is($node->safe_psql('shop', "SELECT deadlocks FROM pg_stat_database WHERE datname = 'shop'"), '0', 'the server counts no deadlock');

is($node->safe_psql('shop', 'SELECT count(*) FROM inventory_movement WHERE available_after < 0 OR reserved_after < 0'), '0', 'nothing was ever oversold');
is($node->safe_psql('shop', 'SELECT count(*) FROM inventory_reconcile()'), '0', 'inventory_reconcile() finds nothing');
is($node->safe_psql('shop', <<'END'), '0', 'every movement follows on the one before');
SELECT count(*) FROM (
	SELECT version - 1 IS DISTINCT FROM lag(version, 1, 0::bigint) OVER w
	    OR available_after - delta_available IS DISTINCT FROM lag(available_after, 1, 0::bigint) OVER w
	    OR reserved_after - delta_reserved IS DISTINCT FROM lag(reserved_after, 1, 0::bigint) OVER w
	    OR created_at < lag(created_at) OVER w AS broken
	  FROM inventory_movement WINDOW w AS (PARTITION BY inventory_id ORDER BY version)) m
 WHERE broken
END

note 'the log';
wait_for_ticks($node, 'shop');
is($node->safe_psql('shop', <<'END'), '0|0', 'it has every version once, in order');
SELECT count(*) FILTER (WHERE version <> last_version + 1), (SELECT sum(version) FROM inventory) - count(*)
  FROM (SELECT (data ->> 'version')::bigint AS version,
               coalesce(lag((data ->> 'version')::bigint) OVER (PARTITION BY product_id, warehouse_id ORDER BY place), 0) AS last_version
          FROM inventory_events(max_events => 100000) WITH ORDINALITY AS e
               (position, tick, id, organization_id, type, product_id, warehouse_id, op, data, created_at, place)
         WHERE type = 'inventory.updated') v
END

note 'what is overdue';
$node->safe_psql('shop', "UPDATE inventory_reservation SET expires_at = '2001-01-01' WHERE status = 'active'");
ok($node->poll_query_until('shop', "SELECT count(*) = 0 FROM inventory_reservation WHERE status = 'active'"), 'the janitor takes back every hold that is overdue');
is($node->safe_psql('shop', 'SELECT sum(quantity_reserved) FROM inventory'), '0', 'and then nothing is held');
is($node->safe_psql('shop', 'SELECT count(*) FROM inventory_reconcile()'), '0', 'and the books still agree');

note 'one last unit, many hands';
for my $round (1 .. 5)
{
	$node->safe_psql('shop', "SELECT FROM inventory_define('last$round', 'east', initial_quantity => 1)");
	my $line = "[{\"product_id\": \"last$round\", \"warehouse_id\": \"east\", \"quantity\":";
	my $count = verdicts(at_once($node, 'shop', map {
		("SELECT version FROM inventory_adjust('last$round', 'east', 1, 'out');\n",
		 "SELECT version FROM inventory_apply('$line -1}]');\n",
		 "SELECT version FROM inventory_reserve('$line 1}]');\n",
		 "SELECT version FROM inventory_adjust('last$round', 'east', 1, 'out', idempotency_key => 'l$round.$_');\n")
	} 1 .. 8));
	is_deeply($count, { '00000' => 1, IV422 => 31 }, "round $round: of 32, exactly one gets it");
}

done_testing();
