# What a caller plants in his search path takes nothing over.
#
# A schema full of tables, functions, operators and types with the names that
# the extension uses, each of which gives an alarm, and temporary tables on top.
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
SELECT inventory_grant('manager', 'gateway'), inventory_grant('backend', 'gateway'), inventory_grant('relay', 'gateway');
GRANT CREATE, TEMPORARY ON DATABASE shop TO gateway;
SELECT FROM inventory_define('bolt', 'W1', initial_quantity => 100);
SELECT FROM inventory_define('milk', 'W1', track_batches => true);
END

note 'the catalogue';
my $functions = <<'END';
FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
	JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND e.oid = d.refobjid AND e.extname = 'pg_inventory'
END
is($node->safe_psql('shop', "SELECT p.oid::regprocedure $functions WHERE prosecdef AND NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (proconfig), false)"),
	'', 'every SECURITY DEFINER function has a search path of its own, with pg_temp at its end');
is($node->safe_psql('shop', "SELECT p.oid::regprocedure $functions WHERE prolang <> (SELECT oid FROM pg_language WHERE lanname = 'c')
	AND NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (proconfig), false)"), '', 'so has every function that is not C');
is($node->safe_psql('shop', "SELECT p.oid::regprocedure $functions WHERE has_function_privilege('public', p.oid, 'EXECUTE')"), '', 'PUBLIC may call none');
cmp_ok($node->safe_psql('shop', "SELECT count(*) $functions"), '>', 30, 'there are functions to ask about');

note 'planting';
# In the attacker's own name, but for what only a superuser may create.
$node->safe_psql('shop', <<'PLANT', extra_params => [ '-U', 'gateway' ]);
CREATE SCHEMA evil;
CREATE TABLE evil.alarm (who text, what text);
GRANT ALL ON SCHEMA evil TO PUBLIC;
GRANT ALL ON evil.alarm TO PUBLIC;
-- every function and operator of the names that inventory's SQL and C use, in every form
DO $$
DECLARE
	o record;
	n int := 0;
BEGIN
	FOR o IN
		SELECT p.proname, p.oid::regprocedure::text AS signature, pg_get_function_identity_arguments(p.oid) AS arguments,
			(SELECT string_agg(format_type(a, NULL), ', ' ORDER BY i) FROM unnest(p.proargtypes) WITH ORDINALITY x (a, i)) AS types,
			format_type(p.prorettype, NULL) AS result, p.proretset
		FROM pg_proc p
		WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.prokind IN ('f', 'a')
			AND p.proname ~ '^(now|clock_timestamp|format|array_position|octet_length|unnest|substr|replace|gen_random_uuid|json_build_object|json_agg|to_char|timezone|count|sum|max|min|coalesce|pg_current_snapshot|pg_current_xact_id|pg_snapshot_x.*|pg_visible_in_snapshot|pg_total_relation_size|pg_extension_config_dump|text.*|int8.*|int4.*|bool.*|timestamptz.*|interval.*|jsonb.*|regclass.*|quote_.*|set_config|current_setting|nextval|has_function_privilege|generate_series|to_regclass|length|md5|concat.*|lower|upper)$'
			AND NOT EXISTS (SELECT FROM unnest(p.proargtypes || p.prorettype) t JOIN pg_type y ON y.oid = t WHERE y.typtype = 'p')
	LOOP
		EXECUTE format('CREATE FUNCTION evil.%I(%s) RETURNS %s %s LANGUAGE plpgsql AS
			$f$ BEGIN INSERT INTO evil.alarm VALUES (current_user, %L); RAISE EXCEPTION ''taken over''; END $f$',
			o.proname, o.types, CASE WHEN o.proretset THEN 'SETOF' ELSE '' END, o.result, o.signature);
		n := n + 1;
	END LOOP;
	FOR o IN
		SELECT p.oprname, format_type(p.oprleft, NULL) AS l, format_type(p.oprright, NULL) AS r, format_type(p.oprresult, NULL) AS result, p.oprleft
		FROM pg_operator p
		WHERE p.oprnamespace = 'pg_catalog'::regnamespace AND p.oprname IN ('=', '<>', '<', '<=', '>', '>=', '||', '+', '-', '*', '/', '~', '!~', '->', '->>')
			AND NOT EXISTS (SELECT FROM pg_type y WHERE y.oid IN (p.oprleft, p.oprright, p.oprresult) AND y.typtype = 'p')
			AND p.oprleft <> 0
	LOOP
		n := n + 1;
		EXECUTE format('CREATE FUNCTION evil.op_%s(%s, %s) RETURNS %s LANGUAGE plpgsql AS
			$f$ BEGIN INSERT INTO evil.alarm VALUES (current_user, %L); RAISE EXCEPTION ''taken over''; END $f$', n, o.l, o.r, o.result, o.oprname);
		EXECUTE format('CREATE OPERATOR evil.%s (FUNCTION = evil.op_%s, LEFTARG = %s, RIGHTARG = %s)', o.oprname, n, o.l, o.r);
	END LOOP;
	IF n < 500 THEN
		RAISE EXCEPTION 'only % were planted', n;
	END IF;
END
$$;
-- types of the names of types, and a cast of one's own
CREATE DOMAIN evil.text AS pg_catalog.int4 CHECK (VALUE > 0);
CREATE DOMAIN evil.bigint AS pg_catalog.text;
CREATE DOMAIN evil.int8 AS pg_catalog.text;
CREATE DOMAIN evil.regclass AS pg_catalog.text;
CREATE DOMAIN evil.interval AS pg_catalog.text;
CREATE DOMAIN evil.pg_snapshot AS pg_catalog.text;
CREATE TYPE evil.inventory_change AS (a pg_catalog.int4);
CREATE TYPE evil.colour AS ENUM ('red');
CREATE FUNCTION evil.colour_text(evil.colour) RETURNS pg_catalog.text LANGUAGE plpgsql AS
	$f$ BEGIN INSERT INTO evil.alarm VALUES (current_user, 'cast'); RETURN 'red'; END $f$;
CREATE CAST (evil.colour AS pg_catalog.text) WITH FUNCTION evil.colour_text(evil.colour) AS IMPLICIT;
-- functions of the extension's own names, and of the wrong kind
CREATE FUNCTION evil.inventory_scope(OUT organization_id pg_catalog.text, OUT warehouses pg_catalog.text[], OUT role pg_catalog.text, OUT actor pg_catalog.text)
	LANGUAGE plpgsql AS $f$ BEGIN INSERT INTO evil.alarm VALUES (current_user, 'scope'); organization_id := 'hooli'; role := 'manager'; actor := 'eve'; END $f$;
CREATE FUNCTION evil.inventory_level_backend() RETURNS void LANGUAGE sql AS '';
CREATE FUNCTION evil.inventory_check_level(pg_catalog.text) RETURNS void LANGUAGE plpgsql AS $f$ BEGIN INSERT INTO evil.alarm VALUES (current_user, 'level'); END $f$;
PLANT
pass('hundreds of functions and operators are planted');

my @tables = split /\n/, $node->safe_psql('shop', "SELECT relname FROM pg_class WHERE relnamespace = '$schema'::regnamespace AND relkind = 'r' AND relname ~ '^inventory'");
my $temporary = join '', map { "CREATE TEMPORARY TABLE $_ AS SELECT * FROM $schema.$_ LIMIT 0;\n" } grep { !/event|tick/ } @tables;
$temporary .= "CREATE TEMPORARY TABLE $_ (id int8, mark int8, snapshot text, event_count int8);\n" for grep { /event|tick/ } @tables;
$temporary .= "CREATE TEMPORARY SEQUENCE $_;\n" for qw(inventory_movement_movement_id_seq inventory_event_id_seq);
$temporary .= "CREATE TEMPORARY TABLE pg_proc (oid oid, proname name, pronamespace oid); CREATE TEMPORARY TABLE pg_extension (extname name);\n";

# In the most hostile of sessions.  What stands in it itself is qualified.
sub under_attack
{
	my ($claims, $statements, @parameters) = @_;
	my $who = defined $claims ? "SET request.jwt.claims = '$claims';" : '';

	return $node->safe_psql('shop', "SET client_min_messages = error; SET request.jwt.claims = '{\"sub\": \"x\", \"inventory\": {\"role\": \"manager\"}}';
		$temporary RESET request.jwt.claims; SET search_path = evil, pg_temp, $schema, pg_catalog;\n$who\n$statements", @parameters);
}

my $mina = '{"sub": "mina", "inventory": {"role": "manager"}}';
my $lines = q{'[{"product_id": "bolt", "warehouse_id": "W1", "quantity": -1}]'::jsonb};
my $hold = q{'[{"product_id": "bolt", "warehouse_id": "W1", "quantity": 2}]'::jsonb};
my @calls = (
	[ "inventory_define('nut'::pg_catalog.text, 'W1'::pg_catalog.text, initial_quantity => 7)", 'new_quantity', 7 ],
	[ "inventory_define('nut'::pg_catalog.text, 'W2'::pg_catalog.text)", 'new_quantity', 0 ],
	[ "inventory_adjust('bolt', 'W1', -5, 'out', 'sale', NULL, 1, idempotency_key => 'k1')", 'new_quantity', 95 ],
	[ "inventory_adjust('bolt', 'W1', -5, 'out', 'sale', NULL, 1, idempotency_key => 'k1')", 'replayed', 't' ],
	[ "inventory_adjust('milk', 'W1', 4, 'in', batch_number => 'B1', expires_at => '2099-01-01')", 'new_quantity', 4 ],
	[ "inventory_adjust('bolt', 'W1', -1000, 'out', on_shortage => 'partial')", 'shortfall', 905 ],
	[ "inventory_adjust('bolt', 'W1', 50, 'in')", 'new_quantity', 50 ],
	[ "inventory_apply($lines)", 'new_quantity', 49 ],
	[ "inventory_set('bolt', 'W1', 60, NULL, counted_at => pg_catalog.clock_timestamp())", 'new_quantity', 60 ],
	[ "inventory_batch_set('milk', 'W1', 'B1', status => 'quarantined')", 'version', 3 ],
	[ "inventory_reserve($hold, reservation_id => 'r1')", 'quantity_reserved', 2 ],
	[ "inventory_commit('r1')", 'quantity_reserved', 0 ],
	[ "inventory_reserve($hold, '1 hour', reservation_id => 'r2')", 'quantity_reserved', 2 ],
	[ "inventory_reserve($hold, reservation_id => 'r3')", 'quantity_reserved', 4 ],
	[ "inventory_release('r3')", 'quantity_reserved', 2 ],
	[ "inventory_transfer('nut', 'W1', 'W2', 3)", 'new_quantity', "4\n3" ],
	[ "inventory_retire('nut', 'W9')", 'version', undef ],
	[ q{inventory_sync('[{"kind": "adjust", "idempotency_key": "k2", "product_id": "bolt", "warehouse_id": "W1", "quantity": -1}]')}, 'status', 'applied' ],
	[ q{inventory_relay_sync('[{"caller": 0, "kind": "adjust", "idempotency_key": "k3", "product_id": "bolt", "warehouse_id": "W1", "quantity": -1}]',
		'[{"sub": "mina", "inventory": {"role": "manager"}}]')}, 'status', 'applied' ],
	[ "inventory_list('bolt')", 'quantity_available', 54 ],
	[ "inventory_list('bolt', 'W1', pg_catalog.clock_timestamp())", 'quantity_available', 54 ],
	[ 'inventory_reconcile()', '"check"', '' ],
	[ 'inventory_reconcile(NULL, NULL, true)', '"check"', '' ],
	[ 'inventory_scope()', 'organization_id', '' ],
	[ "inventory_relay_scope('$mina')", 'actor', 'mina' ],
	[ 'inventory_events(max_events => 1)', 'product_id', 'bolt' ],
	[ 'inventory_relay_read(NULL)', 'more', 'f' ],
	[ 'inventory_relay_recent(10)', "inventory_relay_recent OPERATOR(pg_catalog.~) '^[0-9]'", 't' ],
	[ "inventory_relay_snapshot('', product_id => 'bolt')", 'version', 13 ],
	[ "inventory_relay_movements('', NULL, 'bolt', 'W1', 3)", "data OPERATOR(pg_catalog.->>) 'version'", "2\n1" ],
	[ "inventory_relay_batches('', NULL, 'milk', 'W1')", "data OPERATOR(pg_catalog.->>) 'status'", 'quarantined' ],
	[ "inventory_relay_reservations('', NULL, 'bolt', 'W1')", "data OPERATOR(pg_catalog.->>) 'reservationId'", 'r2' ],
	[ 'inventory_position()', "inventory_position OPERATOR(pg_catalog.~) '^[0-9]'", 't' ],
	[ "inventory_status() WHERE component OPERATOR(pg_catalog.=) 'publisher'", 'component', 'publisher' ],
	[ 'inventory_sweep()', 'reservations_expired', 0 ],
	[ "presence_touch('lease')", 'presence_touch', 'f' ],
	[ "presence_track('lease', 'tab', 'inventory_item', 'bolt')", 'presence_track IS NOT NULL', 't' ],
	[ "presence_update('tab', 'inventory_item', 'bolt', 'editing', '{\"field\": \"quantity\"}')", 'presence_update', 't' ],
	[ 'presence_list()', 'status', 'editing' ],
	[ "presence_leave('tab')", 'presence_leave', 1 ],
	[ "presence_relay_touch('relay')", 'presence_relay_touch', 'f' ],
	[ q{presence_relay_sync('relay', '[{"kind": "leave", "clientId": "tab", "resourceType": "inventory_list"}]')}, 'seq', '' ],
	[ 'presence_relay_list()', 'client_id', '' ],
	[ "presence_cleanup('1 hour')", 'sessions_ended', 0 ]);
my %called;
for my $call (@calls)
{
	my ($statement, $column, $expected) = @$call;
	my ($name) = $statement =~ /^(\w+)/;

	$called{$name} = 1;
	next if !defined $expected;
	# a status, a sweep and a cleanup are for backends without claims
	my $claims = $name =~ /status|sweep|cleanup/ ? undef : $mina;
	is(under_attack($claims, "SELECT $column FROM $schema.$statement", extra_params => [ '-U', 'gateway' ]), $expected, "$name works as ever: $statement");
}
under_attack($mina, qq{
	SELECT * FROM $schema.inventory; SELECT * FROM $schema.inventory_movement; SELECT * FROM $schema.inventory_batch;
	SELECT * FROM $schema.inventory_movement_batch; SELECT * FROM $schema.inventory_reservation;
	SELECT * FROM $schema.inventory_reservation_line; SELECT * FROM $schema.inventory_operation;
	SELECT * FROM $schema.inventory_member; SELECT * FROM $schema.inventory_organization}, extra_params => [ '-U', 'gateway' ]);
pass('row-level security works in that path');

note 'an administrator in the same path';
under_attack(undef, "INSERT INTO $schema.inventory_member VALUES ('', 'mina', NULL, 'manager'); UPDATE $schema.inventory_member SET role = 'viewer';
	DELETE FROM $schema.inventory_member; TRUNCATE $schema.inventory_member; UPDATE $schema.inventory_organization SET members_only = false");
is($node->safe_psql('shop', 'SELECT organization_id, members_only FROM inventory_organization'), '|f', 'the triggers on members do what they should');
$called{$_} = 1 for qw(inventory_retire inventory_grant inventory_revoke inventory_level_objects inventory_check_level);
under_attack(undef, "CREATE ROLE clerk; SELECT $schema.inventory_grant('reader', 'clerk'); SELECT $schema.inventory_grant('relay', 'clerk')");
is($node->safe_psql('shop', "SELECT has_table_privilege('clerk', '$schema.inventory', 'SELECT')"), 't', 'inventory_grant grants what is meant');
under_attack(undef, "SELECT $schema.inventory_revoke('reader', 'clerk'); SELECT $schema.inventory_revoke('relay', 'clerk')");
is($node->safe_psql('shop', "SELECT has_table_privilege('clerk', '$schema.inventory', 'SELECT')"), 'f', 'inventory_revoke revokes it');

my @uncalled = grep { !$called{$_} } split /\n/, $node->safe_psql('shop', "SELECT DISTINCT proname $functions
	WHERE p.prorettype <> 'trigger'::regtype AND proname !~ '^inventory_(level_backend|version_at|relay_want_tick)\$'");
is_deeply(\@uncalled, [], 'every function has been called');
is($node->safe_psql('shop', 'SELECT * FROM evil.alarm'), '', 'nothing that was planted has been called');
is($node->safe_psql('shop', 'SELECT * FROM inventory_reconcile()'), '', 'all adds up');

note 'an extension made in the hostile path';
$node->safe_psql('shop', 'DROP EXTENSION pg_inventory CASCADE; DROP FUNCTION evil.inventory_scope, evil.inventory_level_backend, evil.inventory_check_level; DROP TYPE evil.inventory_change');
$node->safe_psql('shop', 'CREATE SCHEMA "50% Off"');
for my $where ($schema, 'evil', '"50% Off"')
{
	$node->safe_psql('shop', "SET search_path = evil, pg_temp, $schema, pg_catalog; CREATE EXTENSION pg_inventory SCHEMA $where");
	is($node->safe_psql('shop', "SET search_path = pg_catalog; SELECT new_quantity FROM $where.inventory_define('bolt', 'W1', initial_quantity => 3)"), '3', "it can be made in schema $where");
	is($node->safe_psql('shop', "SET search_path = pg_catalog; SELECT new_quantity FROM $where.inventory_adjust('bolt', 'W1', 3)"), '6', 'and works');
	is($node->safe_psql('shop', "SET search_path = pg_catalog; SELECT product_id FROM $where.inventory_list()"), 'bolt', 'in its readers, too');
	is($node->safe_psql('shop', "SELECT pg_catalog.format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = '$where.inventory'::regclass AND attname IN ('product_id', 'version') ORDER BY 1"),
		"bigint\ntext", 'with types that are PostgreSQL\'s own');
	is($node->safe_psql('shop', "SET search_path = pg_catalog; SELECT count(*) FROM $where.inventory_reconcile(), $where.inventory_sweep(); SELECT count(*) > 1 FROM $where.inventory_relay_snapshot('')
		UNION ALL SELECT count(*) > 0 FROM $where.inventory_status()"), "0\nf\nt", 'and in all that looks after it');
	$node->safe_psql('shop', "SET search_path = pg_catalog; SELECT $where.inventory_grant(level, 'clerk') FROM unnest('{manager,relay}'::text[]) level");
	is($node->safe_psql('shop', "SELECT has_table_privilege('clerk', '$where.inventory', 'SELECT'), has_function_privilege('clerk', '$where.inventory_position()', 'EXECUTE')"),
		't|t', 'levels are given');
	$node->safe_psql('shop', "SET search_path = pg_catalog; SELECT $where.inventory_revoke(level, 'clerk') FROM unnest('{manager,relay}'::text[]) level");
	is($node->safe_psql('shop', "SELECT has_table_privilege('clerk', '$where.inventory', 'SELECT'), has_function_privilege('clerk', '$where.inventory_position()', 'EXECUTE')"),
		'f|f', 'and taken back');
	$node->safe_psql('shop', 'DROP EXTENSION pg_inventory');
}
is($node->safe_psql('shop', 'SELECT * FROM evil.alarm'), '', 'still nothing that was planted has been called');

done_testing();
