# What pg_dump carries into another cluster, and what it must not.
use strict;
use warnings;
use InventoryNode;
use PostgreSQL::Test::Utils;
use Test::More;

my $schema = $ENV{INVENTORY_SCHEMA} // 'public';
my $source = new_node('source', 'inventory.janitor_interval = 1h');
my $target = new_node('target', 'inventory.janitor_interval = 10ms');
$_->start for $source, $target;
$_->safe_psql('postgres', 'CREATE ROLE till LOGIN; CREATE ROLE gateway LOGIN; CREATE ROLE relay LOGIN') for $source, $target;

note 'a shop with everything in it';
create_extension($source, 'shop');
$source->safe_psql('shop', <<'END');
SELECT inventory_grant('backend', 'till'), inventory_grant('manager', 'gateway'), inventory_grant('relay', 'relay');
SELECT FROM generate_series(1, 200) n, inventory_define('item' || n, 'W' || n % 3, initial_quantity => n, minimum_stock => n % 7,
	attributes => jsonb_build_object('name', 'Item "' || n || '"' || chr(10) || '\'));
SELECT FROM inventory_adjust('item7', 'W1', -3, 'out', reason => 'sale', idempotency_key => 'sale 1', performed_by => 'till 4');
SELECT FROM inventory_adjust('item8', 'W2', -100, 'out', on_shortage => 'force');
SELECT FROM inventory_define('milk', 'W1', track_batches => true);
SELECT FROM inventory_adjust('milk', 'W1', 5, 'in', batch_number => 'B1', expires_at => '2099-01-01');
SELECT FROM inventory_adjust('milk', 'W1', 7, 'in', batch_number => 'B2', expires_at => '2098-01-01');
SELECT FROM inventory_adjust('milk', 'W1', -2, 'out');
SELECT FROM inventory_reserve('[{"product_id": "item9", "warehouse_id": "W0", "quantity": 2}, {"product_id": "milk", "warehouse_id": "W1", "quantity": 3}]',
	interval '1 day', reservation_id => 'cart', idempotency_key => 'cart 1');
SELECT FROM inventory_define('gone', 'W1');
SELECT FROM inventory_retire('gone', 'W1');
INSERT INTO inventory_member VALUES ('globex', 'otto', '{W1,W2}', 'operator'), ('hooli', 'rita', NULL, 'manager');
DELETE FROM inventory_member WHERE organization_id = 'hooli';
SET inventory.organization = 'globex';
SELECT FROM inventory_define('item1', 'W1', initial_quantity => 1);
SELECT FROM inventory_define('item1', 'W3', initial_quantity => 1);
END
wait_for_ticks($source, 'shop');
my $position = $source->safe_psql('shop', 'SELECT inventory_position()');
my $unread = $source->safe_psql('shop', 'SELECT position FROM inventory_events() LIMIT 1');

# Every row of every table that is to survive, and what the sequences have given out.
my $tables = join ' UNION ALL ', map {
	"SELECT '$_', md5(coalesce(string_agg(t::text, E'\\n' ORDER BY t::text COLLATE \"C\"), '')), count(*) FROM $_ t"
} qw(inventory inventory_movement inventory_batch inventory_movement_batch inventory_reservation inventory_reservation_line
  inventory_operation inventory_member inventory_organization);
my $sequences = join ' UNION ALL ', map { "SELECT '$_', last_value, is_called FROM $_" }
  qw(inventory_inventory_id_seq inventory_movement_movement_id_seq inventory_batch_batch_id_seq);
my $rights = <<'END';
SELECT x.object, x.grantee::regrole, x.privilege_type FROM (
	SELECT relname AS object, (aclexplode(relacl)).* FROM pg_class WHERE relname ~ '^(inventory|presence)'
	UNION ALL SELECT oid::regprocedure::text, (aclexplode(proacl)).* FROM pg_proc WHERE proname ~ '^(inventory|presence)_') x ORDER BY 1, 2, 3;
SELECT relname, relrowsecurity FROM pg_class WHERE relname ~ '^(inventory|presence)' AND relkind = 'r' ORDER BY 1;
SELECT polrelid::regclass, polname, pg_get_expr(polqual, polrelid) FROM pg_policy ORDER BY 1, 2;
END

sub restored
{
	my ($database, $way, $restore) = @_;

	note $way;
	$restore->($database);
	$target->safe_psql('postgres', "ALTER DATABASE $database SET search_path = " . ($schema eq 'public' ? 'public' : "$schema, public"));
	wait_for_workers($target, $database);

	is($target->safe_psql($database, $sequences), $source->safe_psql('shop', $sequences), 'the sequences go on where they were');
	my $mine = $source->safe_psql('shop', $tables);
	unlike($mine, qr/\|0$/m, 'no table to be compared is empty');
	is($target->safe_psql($database, $tables), $mine, 'stock, ledger, batches, reservations, operations and members are the same');
	is_deeply([ split /\n/, $target->safe_psql($database, $rights) ], [ split /\n/, $source->safe_psql('shop', $rights) ], 'so are grants and policies');
	is($target->safe_psql($database, 'SELECT * FROM inventory_reconcile()'), '', 'all adds up');

	note 'going on';
	is($target->safe_psql($database, "SELECT replayed, new_quantity FROM inventory_adjust('item7', 'W1', -3, 'out', reason => 'sale', idempotency_key => 'sale 1', performed_by => 'till 4')"),
		't|4', 'an idempotency key of the old cluster still answers');
	is($target->safe_psql($database, "SELECT version, new_quantity FROM inventory_adjust('item8', 'W2', 1, 'in')"),
		$source->safe_psql('shop', "SELECT version + 1, quantity_available + 1 FROM inventory WHERE product_id = 'item8'"), 'an item goes on by one version');
	is($target->safe_psql($database, "SELECT count(*) FROM inventory_define('new', 'W1', initial_quantity => 1)"), '1', 'a new item finds a free id');
	is($target->safe_psql($database, "SELECT new_quantity FROM inventory_adjust('milk', 'W1', 3, 'in', batch_number => 'B3')"), '10', 'a new batch, too');
	is($target->safe_psql($database, "SELECT count(*) FROM inventory_commit('cart')"), '2', 'a reservation can be committed');
	is($target->safe_psql($database, "SET inventory.organization = 'globex'; SELECT * FROM inventory_reconcile(); RESET inventory.organization; SELECT * FROM inventory_reconcile()"),
		'', 'all still adds up');
	ok(wait_for_ticks($target, $database), 'changes are published');
	isnt($target->safe_psql($database, "SELECT count(*) FROM inventory_events()"), '0', 'and read');

	note 'rights';
	my @as = (extra_params => [ '-U', 'gateway' ]);
	is($target->safe_psql($database, qq(SET request.jwt.claims = '{"sub": "otto", "org": "globex"}'; SELECT warehouse_id FROM inventory_list()), @as),
		'W1', 'a member still sees his warehouses');
	for my $org (qw(globex hooli))
	{
		my ($status, $out, $error) = $target->psql($database,
			qq(SET request.jwt.claims = '{"sub": "eve", "org": "$org", "inventory": {"role": "manager"}}'; SELECT * FROM inventory_list()), @as);
		like($error, qr/for its members only/, "an organization for members only still is: $org");
	}
	is($target->safe_psql($database, "SELECT new_quantity FROM inventory_adjust('item10', 'W1', 1)", extra_params => [ '-U', 'till' ]),
		'11', 'a role of level backend still is');
	$target->safe_psql($database, "SELECT count(*) FROM inventory_relay_read(NULL)", extra_params => [ '-U', 'relay' ]);

	note 'positions';
	for my $old ($position, $unread)
	{
		my ($status, $out, $error) = $target->psql($database, "SELECT * FROM inventory_events('$old')", extra_params => [ '-v', 'VERBOSITY=sqlstate' ]);
		is($error, 'psql:<stdin>:1: ERROR:  IV410', 'a position of the old cluster is lost');
	}
	return;
}

my $file = PostgreSQL::Test::Utils::tempdir() . '/dump';
restored('plain', 'pg_dump and psql', sub {
	my ($database) = @_;
	command_ok([ 'pg_dump', '-d', $source->connstr('shop'), '-f', "$file.sql" ], 'pg_dump succeeds');
	$target->safe_psql('postgres', "CREATE DATABASE $database TEMPLATE template0");
	command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-o', '/dev/null', '-d', $target->connstr($database), '-f', "$file.sql" ], 'its script runs without an error');
});
restored('custom', 'pg_dump -Fc and pg_restore', sub {
	my ($database) = @_;
	command_ok([ 'pg_dump', '-Fc', '-d', $source->connstr('shop'), '-f', "$file.dump" ], 'pg_dump succeeds');
	$target->safe_psql('postgres', "CREATE DATABASE $database TEMPLATE template0");
	command_ok([ 'pg_restore', '--exit-on-error', '-j', '2', '-d', $target->connstr($database), "$file.dump" ], 'pg_restore, two jobs at a time, succeeds');
});

note 'a janitor who is faster than the restore';
$source->safe_psql('shop', <<'END');
SELECT FROM inventory_reserve('[{"product_id": "item12", "warehouse_id": "W0", "quantity": 1}]', interval '1 ms', reservation_id => 'overdue');
SELECT FROM inventory_adjust('milk', 'W1', 4, 'in', batch_number => 'B4', expires_at => clock_timestamp() + interval '10 ms');
SELECT pg_sleep(0.02);
END
command_ok([ 'pg_dump', '-d', $source->connstr('shop'), '-f', "$file.late" ], 'a shop with things overdue is dumped');
$target->safe_psql('postgres', 'CREATE DATABASE late TEMPLATE template0');
my $number = 0;

# Until the janitor has seen what is there now.
sub wait_for_janitor
{
	my $now = $target->safe_psql('late', 'SELECT clock_timestamp()');

	$target->poll_query_until('late', "SELECT last_round_at > timestamptz '$now' + interval '20 ms' FROM $schema.inventory_status() WHERE component = 'janitor'")
	  or die 'the janitor makes no rounds';
	return;
}

for my $part (split /^(?=COPY |SELECT pg_catalog.setval)/m, slurp_file("$file.late") =~ s/^\\(un)?restrict .*//gmr)
{
	my $name = "$file.late." . $number++;

	append_to_file($name, "SET search_path = '';\nSET check_function_bodies = false;\n$part");
	system_or_bail('psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-o', '/dev/null', '-d', $target->connstr('late'), '-f', $name);
	wait_for_workers($target, 'late') if $number == 1;
	wait_for_janitor();
}
cmp_ok($number, '>', 12, 'a restore is done table by table, with a round of the janitor after each');
$target->safe_psql('postgres', 'ALTER DATABASE late SET search_path = ' . ($schema eq 'public' ? 'public' : "$schema, public"));
$target->poll_query_until('late', "SELECT status = 'expired' FROM inventory_reservation WHERE reservation_id = 'overdue'");
$target->poll_query_until('late', "SELECT status = 'expired' FROM inventory_batch WHERE batch_number = 'B4'");
is($target->safe_psql('late', "SELECT quantity_reserved, quantity_available FROM inventory WHERE product_id = 'item12'"), '0|12',
	'in the end what was overdue is given back');
is($target->safe_psql('late', 'SELECT * FROM inventory_reconcile()'), '', 'and all adds up');
is($target->safe_psql('late', 'SELECT count(*) - count(DISTINCT movement_id) FROM inventory_movement'), '0', 'no movement has the id of another');

$target->safe_psql('late', <<'END');
BEGIN;
SELECT FROM inventory_reserve('[{"product_id": "item15", "warehouse_id": "W0", "quantity": 1}]', interval '1 ms', reservation_id => 'in parts');
CREATE TABLE line AS SELECT * FROM inventory_reservation_line WHERE reservation_id = 'in parts';
DELETE FROM inventory_reservation_line WHERE reservation_id = 'in parts';
COMMIT;
END
wait_for_janitor();
is($target->safe_psql('late', "SELECT status FROM inventory_reservation WHERE reservation_id = 'in parts'"), 'active',
	'a reservation that comes before its lines, as in a parallel restore, waits for them');
$target->safe_psql('late', 'INSERT INTO inventory_reservation_line SELECT * FROM line');
$target->poll_query_until('late', "SELECT status = 'expired' FROM inventory_reservation WHERE reservation_id = 'in parts'");
is($target->safe_psql('late', 'SELECT * FROM inventory_reconcile()'), '', 'and is given back when it has them');

note 'once more';
command_ok([ 'pg_dump', '-d', $target->connstr('custom'), '-f', "$file.again" ], 'what was restored can be dumped again');
$target->safe_psql('postgres', 'CREATE DATABASE again TEMPLATE template0');
command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-o', '/dev/null', '-d', $target->connstr('again'), '-f', "$file.again" ], 'and restored again');

done_testing();
