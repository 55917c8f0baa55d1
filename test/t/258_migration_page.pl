# A shop's own table of 100,000 rows moves in, is looked at, and moves out again,
# as docs/migration.md says.
use strict;
use warnings;
use File::Basename qw(dirname);
use InventoryNode;
use PostgreSQL::Test::Utils;
use Test::More;

plan skip_all => 'the page is about schema stock' if ($ENV{INVENTORY_SCHEMA} // 'public') ne 'stock';

my $page = slurp_file(dirname(__FILE__) . '/../../docs/migration.md');
my $node = new_node('main', 'inventory.janitor_interval = 1h');
$node->start;
$node->safe_psql('postgres', 'CREATE DATABASE shop');

my @blocks = $page =~ /^```sql\n(.*?)^```/gms;
my ($table) = $page =~ /^```text\n(CREATE TABLE public\.inventory .*?)^```/ms;
$node->safe_psql('shop', "$table INSERT INTO public.inventory
	SELECT n % 33334, (ARRAY['north', 'south', 'west'])[1 + n / 33334], n % 1000, CASE WHEN n % 5000 = 7 THEN 1 ELSE 0 END, 5, 'Product ' || n
	FROM generate_series(0, 99999) n;
	UPDATE public.inventory SET qty = -4 WHERE (product_id, warehouse) = (10, 'south')");

# The next statements of the page: those up to the first that match.  Their output.
sub run_to
{
	my ($pattern, %options) = @_;
	my $all = '';

	while (defined(my $block = shift @blocks))
	{
		my ($status, $out, $error) = $node->psql('shop', "\\set ON_ERROR_STOP on\n$block");
		is($status, 0, 'runs: ' . (split /\n/, $block)[0]) or diag $error;
		$all .= "$out\n" if $out ne '';
		return $all if $block =~ $pattern;
	}
	die "the page has no $pattern";
}

sub ask { return $node->safe_psql('shop', $_[0]) }

note 'the name is taken';
my ($status, $out, $error) = $node->psql('shop', 'CREATE EXTENSION pg_inventory');
like($error, qr/relation "inventory" already exists/, 'without a schema it says that the name is taken');
is(ask("SELECT count(*) FROM pg_class WHERE relname ~ '^inventory_'"), '1', 'and leaves nothing but the old table and its key');

note 'in';
my $before = ask('SELECT count(*), sum(qty), sum(reserved) FROM public.inventory');
run_to(qr/CREATE EXTENSION/);
run_to(qr/search_path/);
is(ask('SELECT count(qty) FROM inventory'), '100000', 'the old table keeps its name for the application');
is(ask("SELECT to_regprocedure('inventory_list(text, text, timestamptz)') IS NOT NULL"), 't', 'while the functions are found');
is(run_to(qr/question/), "10|south|-4|0|negative: becomes an oversold item\n", 'the row that does not fit is found');
run_to(qr/CALL move_in/);
is(ask('SELECT count(*), sum(quantity_on_hand) FROM stock.inventory'), '100000|49949656', 'everything is in');
is(ask("SELECT count(*) FROM stock.inventory_event WHERE type <> 'inventory.updated'"), '0', 'nobody was woken');
# Meanwhile the shop goes on.
ask("UPDATE public.inventory SET qty = qty - 1 WHERE qty > 0 AND product_id % 100 = 3;
	INSERT INTO public.inventory VALUES (77777, 'north', 12, 0, 1, 'New')");
ask('CALL move_in()');
$before = ask('SELECT count(*), sum(qty), sum(reserved) FROM public.inventory');
run_to(qr/RENAME TO inventory_before/);
is(ask('SELECT count(*), sum(quantity_on_hand), sum(quantity_reserved) FROM stock.inventory'), $before, 'rows, pieces and holds are those of the old table');
is(ask("SELECT quantity_available FROM stock.inventory WHERE (product_id, warehouse_id) = ('10', 'south')"), '-4', 'the one below zero, too');
run_to(qr/UPDATE public\.inventory SET qty = qty - 1/);
is(ask("SELECT i.quantity_on_hand - b.qty FROM stock.inventory i JOIN public.inventory_before b ON i.product_id = b.product_id::text AND i.warehouse_id = b.warehouse
	WHERE b.product_id = 1 AND b.warehouse = 'north'"), '-1', 'an old program sells through the view');
($status, $out, $error) = $node->psql('shop', "UPDATE public.inventory SET qty = qty - 5000 WHERE (product_id, warehouse) = (1, 'north')", extra_params => [ '-v', 'VERBOSITY=sqlstate' ]);
like($error, qr/IV422/, 'and cannot oversell any more');

note 'looking at it';
my ($shown) = $page =~ /^```text\n( inventory_id .*?)^```/ms;
my ($described) = run_command([ 'psql', '-X', '-d', $node->connstr('shop'), '-c', '\d stock.inventory' ]);
$described =~ s/ +/ /g;
like($described, qr/^\Q$_\E/m, 'psql shows what the page says:' . $_) for map { s/ +/ /gr } split /\n/, $shown;
my $looked = run_to(qr/inventory_status/);
like($looked, qr/\A1\|north\|\d+\|\d+\nlauncher\|running\|\npublisher\|running\|\njanitor\|running\|\ndatabase\|served\|\n\z/,
	'the checks find what was sold since, and nothing else');
like(run_to(qr/lockTimeouts/), qr/^\d+\|\d+\|0\|0\|1\|/, 'the counters are where the page says');

note 'out';
ask("SELECT FROM stock.inventory_define('88888', 'west', initial_quantity => 3)");
my $last = ask('SELECT count(*), sum(quantity_on_hand), sum(quantity_reserved) FROM stock.inventory');
run_to(qr/RENAME TO inventory;/);
is(ask('SELECT count(*), sum(qty), sum(reserved) FROM inventory'), $last, 'the old table has what there was in the end');
my $movements = ask('SELECT count(*) FROM stock.inventory_movement');
run_to(qr/DROP SCHEMA/);
is(ask('SELECT count(*) FROM ledger_of_stock'), $movements, 'the ledger is kept');
is(ask("SELECT count(*) FROM pg_extension WHERE extname = 'pg_inventory'"), '0', 'and the extension is gone');

note 'gateways and pools';
run_to(qr/api\.sell/);
ask("SELECT FROM stock.inventory_define('tea', 'north', initial_quantity => 5)");
is(ask("SELECT new_quantity FROM api.sell('tea', 'north', 2, 'k')"), '3', 'the function for PostgREST sells');
is(ask("SELECT replayed FROM api.sell('tea', 'north', 2, 'k')"), 't', 'once');
for my $case ([ "'tea', 'north', 9, 'l'", 'PT422' ], [ "'tea', 'south', 1, 'm'", 'PT404' ], [ "'tea', 'north', 1, 'k'", 'PT400' ], [ "'', 'north', 1, 'n'", '22023' ])
{
	($status, $out, $error) = $node->psql('shop', "SELECT * FROM api.sell($case->[0])", extra_params => [ '-v', 'VERBOSITY=sqlstate' ]);
	like($error, qr/ERROR:  $case->[1]/, "and its errors have their status: $case->[1]");
}
like(run_to(qr/set_config/), qr/^1$/m, 'claims for one transaction count in it');
# In one session with what comes before it.
my ($claims) = $page =~ /^```sql\n(BEGIN;\nSELECT set_config.*?)^```/ms;
($status, $out, $error) = $node->psql('shop', $claims . join('', @blocks) . "SELECT * FROM stock.inventory_list();", extra_params => [ '-v', 'VERBOSITY=sqlstate' ]);
like($out, qr/\nt\nt\z/, 'afterwards the setting is empty, and stays so');
like($error, qr/IV403/, 'which denies');

done_testing();
