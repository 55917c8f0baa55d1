# DROP EXTENSION leaves nothing behind: no object, no dependency, no worker.
use strict;
use warnings;
use InventoryNode;
use Test::More;
use Time::HiRes qw(time);

my $schema = $ENV{INVENTORY_SCHEMA} // 'public';
my $node = new_node('main', 'autovacuum = off');
$node->start;
create_database($node, 'shop');
$node->safe_psql('shop', 'CREATE SCHEMA elsewhere; CREATE ROLE clerk');

# Every row of every catalogue of the database, but for what VACUUM and ANALYZE
# keep there; and what the shared ones say of it.
my $catalogues = $node->safe_psql('shop', <<'END');
SELECT string_agg(format($$SELECT %L, count(*), md5(string_agg(x, ' ' ORDER BY x COLLATE "C"))
		FROM (SELECT (to_jsonb(t) - '{relpages,reltuples,relallvisible,relfrozenxid,relminmxid,relfilenode,relhastriggers,relhasrules,relhasindex}'::text[])::text x FROM %s t %s) r$$,
	c.oid::regclass, c.oid::regclass,
	CASE WHEN c.relisshared THEN 'WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())' END), ' UNION ALL ')
FROM pg_class c
WHERE c.relnamespace = 'pg_catalog'::regnamespace AND c.relkind = 'r'
	AND c.relname !~ '^pg_statistic' AND (NOT c.relisshared OR c.relname = 'pg_shdepend')
END

sub state_of_catalogues { return [ split /\n/, $node->safe_psql('shop', "$catalogues ORDER BY 1") ] }

sub objects
{
	my ($where) = @_;
	return $node->safe_psql('shop', "SELECT count(*) FROM pg_class WHERE relname ~ '^inventory' AND relnamespace = '$where'::regnamespace");
}

my $fresh = state_of_catalogues();
cmp_ok(scalar @$fresh, '>', 50, 'there are catalogues to compare');

my $use = <<'END';
SELECT FROM inventory_define('bean', 'shop', initial_quantity => 10, idempotency_key => 'k');
SELECT FROM inventory_reserve('[{"product_id": "bean", "warehouse_id": "shop", "quantity": 1}]');
INSERT INTO inventory_member VALUES ('globex', 'otto', NULL, 'viewer');
END

# Until no worker of the database is left; how long it took.
sub drop_and_wait
{
	my ($command) = @_;
	my $begin = time;

	$node->safe_psql('shop', $command);
	wait_for_workers($node, 'shop', 0);
	return time - $begin;
}

note 'drop, and create again';
for my $where ($schema, 'elsewhere', $schema)
{
	$node->safe_psql('shop', "CREATE EXTENSION pg_inventory SCHEMA $where");
	wait_for_workers($node, 'shop');
	$node->safe_psql('shop', "SET search_path = $where; $use");
	ok(objects($where) > 20 && state_of_catalogues()->[0], "it is in schema $where and is used");
	isnt(join("\n", @{ state_of_catalogues() }), join("\n", @$fresh), 'the catalogues are others');
	my $seconds = drop_and_wait('DROP EXTENSION pg_inventory');
	cmp_ok($seconds, '<', 5, 'no worker is left after 5 s');
	is_deeply(state_of_catalogues(), $fresh, 'and the catalogues are those of a fresh database');
}

note 'other ways to go';
$node->safe_psql('shop', 'CREATE EXTENSION pg_inventory SCHEMA elsewhere');
wait_for_workers($node, 'shop');
drop_and_wait('DROP SCHEMA elsewhere CASCADE');
pass('DROP SCHEMA CASCADE ends the workers');
$node->safe_psql('shop', 'CREATE SCHEMA elsewhere; CREATE EXTENSION pg_inventory SCHEMA elsewhere');
wait_for_workers($node, 'shop');
my ($status, $out, $error) = $node->psql('shop', 'CREATE VIEW stock_list AS SELECT * FROM elsewhere.inventory; DROP EXTENSION pg_inventory');
like($error, qr/other objects depend on it/, 'what somebody built on it is not dropped silently');
wait_for_workers($node, 'shop');
drop_and_wait('DROP EXTENSION pg_inventory CASCADE');
pass('DROP EXTENSION CASCADE ends them, too');

note 'grants';
$node->safe_psql('shop', "CREATE EXTENSION pg_inventory SCHEMA elsewhere; SET search_path = elsewhere; SELECT inventory_grant(level, 'clerk') FROM unnest('{manager,relay}'::text[]) level");
wait_for_workers($node, 'shop');
drop_and_wait('DROP EXTENSION pg_inventory');
is($node->safe_psql('shop', "SELECT pg_describe_object(classid, objid, objsubid) FROM pg_shdepend WHERE refobjid = 'clerk'::regrole"),
	'schema elsewhere', 'of the grants, only USAGE of the schema is left, which is not ours to take');
$node->safe_psql('shop', 'DROP SCHEMA elsewhere; DROP ROLE clerk');
pass('the role can be dropped with it');

note 'sessions that knew it';
my $session = $node->background_psql('shop');
$node->safe_psql('shop', "CREATE EXTENSION pg_inventory SCHEMA $schema");
$session->query_safe("SELECT version FROM inventory_define('bean', 'shop', initial_quantity => 10)");
$session->query_safe("PREPARE take AS SELECT new_quantity FROM inventory_adjust('bean', 'shop', -1)");
$node->safe_psql('shop', "DROP EXTENSION pg_inventory; CREATE SCHEMA elsewhere; CREATE EXTENSION pg_inventory SCHEMA elsewhere;
	SELECT FROM elsewhere.inventory_define('bean', 'shop', initial_quantity => 50)");
is($session->query_safe("SELECT new_quantity FROM elsewhere.inventory_adjust('bean', 'shop', -1)"), '49', 'a session from before finds it in its new schema');
is($session->query_safe('SET search_path = elsewhere; EXECUTE take'), '48', 'so does its prepared statement');
$session->quit;
is($node->safe_psql('shop', 'SELECT * FROM elsewhere.inventory_reconcile()'), '', 'all adds up');

note 'a session that looks while another takes its place';
$session = $node->background_psql('shop', on_error_stop => 0);
my $changes = $node->background_psql('shop');
$session->query_safe('SET search_path = elsewhere; PREPARE look AS SELECT inventory_position(); EXECUTE look');
# What it knows of this function is no longer so, and it has to wait to know better.
$node->safe_psql('shop', 'ALTER FUNCTION elsewhere.inventory_level_backend() COST 2');
$changes->query_safe('BEGIN; DROP EXTENSION pg_inventory; CREATE EXTENSION pg_inventory SCHEMA elsewhere; LOCK pg_proc IN ACCESS EXCLUSIVE MODE');
$session->query_until(qr/asked/, "\\echo asked\nEXECUTE look;\n");
ok($node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE query ~ '^EXECUTE look' AND wait_event_type = 'Lock'"), 'it waits');
$changes->query_safe('COMMIT');
$changes->quit;
$session->query("SELECT inventory_define('tea', 'shop', initial_quantity => 5)");
$session->query("SELECT inventory_adjust('tea', 'shop', 1)");
$session->quit;
is($node->safe_psql('shop', 'SELECT quantity_available FROM elsewhere.inventory'), '6', 'and works with the new one');

note 'ticks that somebody has waited for';
for my $way ('BEGIN; %s; %s; COMMIT', '%s; %s')
{
	$node->safe_psql('shop', 'SELECT elsewhere.inventory_relay_want_tick(1000000000)');
	$node->safe_psql('shop', sprintf($way, 'DROP EXTENSION pg_inventory', 'CREATE EXTENSION pg_inventory SCHEMA elsewhere'));
	wait_for_workers($node, 'shop');
	my $since = $node->safe_psql('shop', 'SELECT clock_timestamp()');
	$node->poll_query_until('shop', "SELECT last_round_at > '$since'::timestamptz + interval '2 s' FROM elsewhere.inventory_status() WHERE component = 'publisher'");
	is($node->safe_psql('shop', 'SELECT count(*) FROM elsewhere.inventory_tick'), '1', sprintf("are not made after $way", "DROP", "CREATE"));
}

my @fatal = grep { !/terminating background worker|administrator command/ } log_lines($node, qr/FATAL|PANIC|WARNING/);
is_deeply(\@fatal, [], 'nothing of this left a warning in the log');

done_testing();
