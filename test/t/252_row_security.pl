# Ways around row-level security, and through other people's rights.
use strict;
use warnings;
use InventoryNode;
use Test::More;

my $schema = $ENV{INVENTORY_SCHEMA} // 'public';
my $node = new_node('main', 'inventory.janitor_interval = 1h');
$node->start;
create_extension($node, 'shop');
$node->safe_psql('shop', <<END);
CREATE ROLE gateway LOGIN;
SELECT inventory_grant('manager', 'gateway');
CREATE ROLE till LOGIN;
SELECT inventory_grant('backend', 'till');
CREATE ROLE stranger LOGIN;
CREATE ROLE app LOGIN NOINHERIT;
GRANT gateway, till TO app;
CREATE SCHEMA own AUTHORIZATION gateway;
GRANT USAGE ON SCHEMA own TO PUBLIC;
SET inventory.organization = 'globex';
SELECT FROM inventory_define('bolt', 'W1', initial_quantity => 10);
SELECT FROM inventory_define('bolt', 'W2', initial_quantity => 20);
SELECT FROM inventory_define('milk', 'W2', track_batches => true);
SELECT FROM inventory_adjust('milk', 'W2', 3, 'in', batch_number => 'B1', expires_at => '2099-01-01');
SELECT FROM inventory_reserve('[{"product_id": "bolt", "warehouse_id": "W2", "quantity": 5}]', reservation_id => 'held');
INSERT INTO inventory_member VALUES ('globex', 'vera', '{W1}', 'viewer'), ('globex', 'mina', NULL, 'manager');
SET inventory.organization = 'hooli';
SELECT FROM generate_series(1, 3000) n, inventory_define('secret' || n, 'W1', initial_quantity => n);
ANALYZE;
END

my $vera = '{"sub": "vera", "org": "globex"}';
my $mina = '{"sub": "mina", "org": "globex"}';

# Output, notices and errors of statements, as somebody with these claims.
sub told
{
	my ($role, $claims, $statements) = @_;
	my $who = defined $claims ? "SET request.jwt.claims = '$claims';" : '';
	my ($status, $out, $error) = $node->psql('shop', "$who\n$statements", extra_params => [ '-U', $role, '-v', 'VERBOSITY=verbose' ]);

	return "$out\n$error" =~ s/^LOCATION:.*\n?//mgr =~ s/psql:<stdin>:\d+: //gr;
}

my $hidden = qr/W2|secret|hooli|milk|B1\b/;
my @tables = qw(inventory inventory_movement inventory_batch inventory_movement_batch inventory_reservation
  inventory_reservation_line inventory_operation inventory_member inventory_organization);

note 'reading';
unlike(told('gateway', $vera, "SELECT * FROM $_"), $hidden, "$_ shows nothing hidden") for @tables;
like(told('gateway', $vera, 'SELECT warehouse_id FROM inventory'), qr/^W1\n/, 'but what is in the scope');
unlike(told('gateway', $vera, "COPY $_ TO STDOUT; COPY (SELECT * FROM $_) TO STDOUT"), $hidden, "nor does COPY of $_") for @tables;
unlike(told('gateway', $vera, "SELECT * FROM $_ TABLESAMPLE BERNOULLI (100); SELECT * FROM $_ TABLESAMPLE SYSTEM (100)"), $hidden, "nor TABLESAMPLE of $_") for @tables;
unlike(told('gateway', $vera, "SELECT *, ctid, tableoid FROM inventory WHERE ctid = ANY (SELECT ('(' || p || ',' || i || ')')::tid FROM generate_series(0, 60) p, generate_series(1, 100) i)"),
	$hidden, 'nor a search by ctid');
unlike(told('gateway', $vera, 'SELECT * FROM inventory i JOIN inventory_movement USING (inventory_id) RIGHT JOIN inventory_batch USING (inventory_id)'), $hidden, 'nor a join');
unlike(told('gateway', $vera, "BEGIN; DECLARE c SCROLL CURSOR WITH HOLD FOR SELECT * FROM inventory; COMMIT; FETCH ALL c; FETCH ABSOLUTE 1 c"), $hidden, 'nor a cursor');
unlike(told('gateway', $vera, "SELECT * FROM pg_stats WHERE schemaname = '$schema'"), $hidden, 'nor what ANALYZE has found');
unlike(told('gateway', $vera, "SELECT query_to_xml('SELECT * FROM inventory', true, true, ''), table_to_xml('$schema.inventory', true, true, '')"), $hidden, 'nor XML');
unlike(told('gateway', $vera, "EXPLAIN (VERBOSE, COSTS OFF) SELECT * FROM inventory WHERE product_id > 'a'; SET plan_cache_mode = force_custom_plan;
	PREPARE p AS SELECT * FROM inventory WHERE product_id = \$1; EXPLAIN EXECUTE p('nothing')"), $hidden, 'nor a plan');

note 'leaking functions';
my $leak = <<END;
CREATE OR REPLACE FUNCTION own.leak(text, text) RETURNS boolean COST 0.0000001 LANGUAGE plpgsql AS \$\$ BEGIN RAISE NOTICE 'saw % %', \$1, \$2; RETURN true; END \$\$;
DROP OPERATOR IF EXISTS own.<<< (text, text);
CREATE OPERATOR own.<<< (FUNCTION = own.leak, LEFTARG = text, RIGHTARG = text);
END
my $seen = told('gateway', $vera, "$leak SELECT count(*) FROM inventory WHERE own.leak(product_id, warehouse_id); SELECT count(*) FROM inventory WHERE product_id OPERATOR(own.<<<) warehouse_id;
	SELECT count(*) FROM inventory_movement WHERE own.leak(product_id, warehouse_id); SELECT count(*) FROM inventory_batch WHERE own.leak(product_id, warehouse_id);
	SELECT count(*) FROM inventory_member WHERE own.leak(subject, organization_id); SELECT count(*) FROM inventory_reservation WHERE own.leak(reservation_id, '');
	SELECT count(*) FROM inventory_operation WHERE own.leak(operation_id, '');");
like($seen, qr/saw bolt W1/, 'a function that is as good as free is asked about the rows of the scope');
unlike($seen, qr/$hidden|mina|held/, 'and about no others');
unlike(told('gateway', $vera, 'SELECT * FROM inventory WHERE 1 / (quantity_available - 20) >= 0 OR 1 / (quantity_available - 1500) >= 0'), qr/division by zero/, 'a division by zero tells nothing of hidden rows');
unlike(told('gateway', $vera, "SELECT (attributes ->> 'x')::int, product_id::int FROM inventory WHERE product_id <> 'bolt'"), qr/$hidden|ERROR/, 'nor a cast that fails');
like(told('gateway', $vera, 'CREATE FUNCTION own.quiet(text) RETURNS boolean LEAKPROOF LANGUAGE sql AS $$ SELECT true $$'), qr/ERROR:  42501: only superuser can define a leakproof function/, 'and nobody can call his function leakproof');

note 'writing and locking';
for my $statement (
	'SELECT * FROM inventory FOR UPDATE', 'SELECT * FROM inventory FOR KEY SHARE', 'SELECT * FROM inventory_member FOR SHARE',
	'BEGIN; LOCK TABLE inventory', 'BEGIN; LOCK TABLE inventory IN ROW EXCLUSIVE MODE',
	'UPDATE inventory SET quantity_available = 0', 'DELETE FROM inventory', 'TRUNCATE inventory', 'INSERT INTO inventory_movement DEFAULT VALUES',
	"INSERT INTO inventory_member VALUES ('globex', 'vera', NULL, 'manager')", "UPDATE inventory_member SET role = 'manager'", 'DELETE FROM inventory_member',
	"COPY inventory FROM STDIN", "INSERT INTO inventory_organization VALUES ('globex', false)", 'UPDATE inventory_organization SET members_only = false',
	'MERGE INTO inventory USING (SELECT 1) x ON true WHEN MATCHED THEN DELETE',
	'CREATE TABLE own.t (i bigint REFERENCES inventory (inventory_id))', 'CREATE TABLE own.t () INHERITS (inventory)',
	'CREATE TRIGGER t BEFORE INSERT ON inventory_event EXECUTE FUNCTION own.leak()', 'CREATE POLICY p ON inventory USING (true)',
	'ALTER TABLE inventory DISABLE ROW LEVEL SECURITY', 'DROP POLICY inventory_scope ON inventory', 'CREATE INDEX ON inventory (product_id)',
	'CREATE RULE r AS ON SELECT TO inventory DO INSTEAD SELECT 1', 'CREATE STATISTICS own.s ON product_id, warehouse_id FROM inventory',
	'SET row_security = off; SELECT * FROM inventory', "SET session_replication_role = replica", 'SET ROLE postgres', 'SET SESSION AUTHORIZATION till',
	"SELECT nextval('inventory_movement_movement_id_seq')", "SELECT * FROM inventory_movement_movement_id_seq", "SELECT setval('inventory_event_id_seq', 1)",
	'SELECT * FROM inventory_event', 'SELECT * FROM inventory_event_0', 'SELECT * FROM inventory_tick', 'DELETE FROM inventory_tick',
	"SELECT inventory_version_at(1, 1, now())", "SELECT inventory_relay_scope('$mina')", "SELECT inventory_relay_read(NULL)", "SELECT inventory_relay_recent(10)", "SELECT inventory_relay_snapshot('hooli')",
	"SELECT inventory_relay_movements('hooli', NULL, 'bolt', 'W1')", "SELECT inventory_relay_batches('hooli', NULL, 'bolt', 'W1')", "SELECT inventory_relay_reservations('hooli', NULL, 'bolt', 'W1')",
	"SELECT inventory_relay_sync('[]', '[]')", 'SELECT inventory_relay_want_tick(99999)', 'SELECT inventory_sweep()', 'SELECT inventory_status()', 'SELECT inventory_level_backend()',
	"SELECT inventory_grant('backend', 'gateway')", 'GRANT SELECT ON inventory TO stranger', 'SET inventory.require_organization = off',
	"ALTER ROLE gateway SET inventory.require_organization = off", 'ALTER EXTENSION pg_inventory UPDATE', 'DROP EXTENSION pg_inventory')
{
	# GRANT of what one may not grant is a warning, and nothing happens
	like(told('gateway', $vera, $statement), qr/ERROR:  42501: |WARNING:  01007: no privileges were granted/, "not allowed: $statement");
}

note 'views and functions of others';
$node->safe_psql('shop', <<END);
CREATE VIEW invoker_view WITH (security_invoker) AS SELECT * FROM inventory;
CREATE VIEW owner_view AS SELECT * FROM inventory;
CREATE FUNCTION owner_list() RETURNS SETOF inventory LANGUAGE sql SECURITY DEFINER SET search_path = $schema, pg_temp AS 'SELECT * FROM inventory_list()';
CREATE FUNCTION owner_sale() RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = $schema, pg_temp AS \$\$ SELECT new_quantity FROM inventory_adjust('bolt', 'W1', -1) \$\$;
GRANT USAGE ON SCHEMA $schema TO stranger;
GRANT SELECT ON invoker_view, owner_view TO gateway, stranger;
END
told('gateway', $vera, 'CREATE VIEW own.view AS SELECT * FROM inventory; GRANT SELECT ON own.view TO PUBLIC');
unlike(told('gateway', $vera, 'SELECT * FROM own.view'), $hidden, "a view of the gateway's own");
unlike(told('stranger', $vera, 'SELECT * FROM own.view'), $hidden, 'also for others who may read it');
unlike(told('gateway', $vera, 'SELECT * FROM invoker_view'), $hidden, 'a view with security_invoker of a superuser');
like(told('gateway', $vera, 'SELECT * FROM owner_view'), qr/hooli/, 'while one without shows everything, as docs/security.md warns');
unlike(told('gateway', $vera, 'SELECT * FROM owner_list()'), $hidden, 'a SECURITY DEFINER function of a superuser that asks inventory_list shows the scope');
like(told('gateway', undef, 'SELECT * FROM owner_list()'), qr/ERROR:  IV403/, 'and nothing to who has no claims');
like(told('stranger', undef, 'SELECT owner_sale()'), qr/ERROR:  IV403/, "nor does it sell for him: the superuser's level is not his");
like(told('gateway', $vera, 'SELECT owner_sale()'), qr/ERROR:  IV403: this needs the role operator/, 'nor for a viewer');

note 'other roles';
like(told('app', undef, 'SELECT * FROM inventory'), qr/ERROR:  42(501|P01)/, 'a member that does not inherit has nothing');
like(told('app', undef, 'SET ROLE gateway; SELECT * FROM inventory'), qr/ERROR:  IV403/, 'after SET ROLE gateway, no claims are no access');
unlike(told('app', $vera, 'SET ROLE gateway; SELECT * FROM inventory'), $hidden, 'with claims, their scope');
like(told('app', undef, "SET inventory.organization = 'hooli'; SET ROLE till; SELECT count(*) FROM inventory"), qr/^3000$/m, 'after SET ROLE till, the organization named');
unlike(told('app', $vera, "SET inventory.organization = 'hooli'; SET ROLE till; SELECT * FROM inventory_list()"), $hidden, 'but claims that are set count also there');
my $switch = told('app', undef, "SET inventory.organization = 'hooli'; SET ROLE till; PREPARE p AS SELECT * FROM inventory; PREPARE q AS SELECT * FROM inventory_list();
	CREATE TEMPORARY TABLE t AS EXECUTE p; CREATE TEMPORARY TABLE u AS EXECUTE q; SET ROLE gateway; SET request.jwt.claims = '$vera'; EXECUTE p; EXECUTE q");
like($switch, qr/W1/, 'a statement prepared as one role runs as another');
unlike($switch, $hidden, 'and shows what that one may see');
unlike(told('till', $vera, "SET inventory.organization = 'hooli'; SELECT * FROM inventory; SELECT * FROM inventory_list(); SELECT * FROM inventory_scope()"),
	$hidden, 'a backend with claims is no more than they say');
like(told('till', undef, "SET request.jwt.claims = ''; SELECT * FROM inventory"), qr/ERROR:  IV403/, 'with empty ones, nothing');
like(told('till', undef, "SET request.jwt.claims = '$vera'; RESET ALL; SELECT * FROM inventory"), qr/ERROR:  IV403/, 'and nothing after RESET ALL');
like(told('till', undef, "SET request.jwt.claims = '$vera'; DISCARD ALL; SELECT * FROM inventory"), qr/ERROR:  IV403/, 'or DISCARD ALL');
like(told('till', undef, "BEGIN; SAVEPOINT s; SET LOCAL request.jwt.claims = '$vera'; ROLLBACK TO s; SELECT * FROM inventory"), qr/ERROR:  IV403/, 'or a ROLLBACK');

note 'parallel query';
my $all = 'SELECT count(*), sum(quantity_available), min(warehouse_id) FROM inventory';
# Since PostgreSQL 16 the first setting is called by the second name.
my $parallel = q{DO $$ BEGIN PERFORM set_config(name, 'on', false) FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query'); END $$;}
  . ' SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET enable_indexscan = off; SET enable_bitmapscan = off;';
is(told('gateway', $mina, "$parallel $all"), told('gateway', $mina, $all), 'in parallel the rows are the same');
is(told('gateway', $vera, "$parallel $all"), "1|10|W1\n", 'for a viewer of one warehouse, too');
like(told('till', undef, "SET inventory.organization = 'hooli'; $parallel $all"), qr/^3000\|4501500\|W1$/m, 'and for a backend');
like(told('till', undef, "SET inventory.organization = 'hooli'; $parallel EXPLAIN (COSTS OFF) SELECT sum(delta_available) FROM inventory_movement"), qr/Gather/, 'though workers do take part');

note 'members change';
my $session = $node->background_psql('shop', on_error_stop => 0, extra_params => [ '-U', 'gateway' ]);
$session->query_safe("SET request.jwt.claims = '$vera'; PREPARE seen AS SELECT warehouse_id FROM inventory");
is($session->query_safe('EXECUTE seen'), 'W1', 'an open session sees its warehouse');
$node->safe_psql('shop', "UPDATE inventory_member SET warehouses = '{W2}' WHERE subject = 'vera'");
is($session->query_safe('SELECT DISTINCT warehouse_id FROM inventory_list()'), 'W2', 'the other one when its member row has changed');
is(join(' ', sort split /\n/, $session->query_safe('EXECUTE seen')), 'W2 W2', 'by its prepared statement, too');
$session->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM inventory');
$node->safe_psql('shop', "DELETE FROM inventory_member WHERE subject = 'vera'");
my ($out, $ok) = $session->query("SELECT count(*) FROM inventory_list()");
is($out, '', 'a revocation counts even in a transaction that began before it');
$session->quit;

is(scalar(log_lines($node, qr/PANIC|terminated by signal/)), 0, 'no server process has crashed');

done_testing();
