# What docs/security.md tells one to run, and what it promises of it.
use strict;
use warnings;
use File::Basename qw(dirname);
use InventoryNode;
use PostgreSQL::Test::Utils;
use Test::More;

my $schema = $ENV{INVENTORY_SCHEMA} // 'public';
my $page = slurp_file(dirname(__FILE__) . '/../../docs/security.md');
my $node = new_node('main', 'inventory.janitor_interval = 1h');
$node->start;
create_extension($node, 'shop');

note 'the statements';
my $number = 0;
for my $block ($page =~ /^```sql\n(.*?)^```/gms)
{
	my ($status, $out, $error) = $node->psql('shop', "\\set ON_ERROR_STOP on\n$block");

	$number++;
	is("$status $error", '0 ', 'runs: ' . (split /\n/, $block)[0]);
	is($out, '', 'and finds nothing') if $block =~ /proconfig/;
}
cmp_ok($number, '>=', 8, 'the page has statements');

$node->safe_psql('shop', <<'END');
SET inventory.organization = 'globex';
SELECT FROM inventory_define('bolt', 'W1', initial_quantity => 10, minimum_stock => 50);
SELECT FROM inventory_define('bolt', 'W2', initial_quantity => 20);
SET inventory.organization = 'acme';
SELECT FROM inventory_define('anvil', 'A1', initial_quantity => 3);
END
wait_for_ticks($node, 'shop');

sub answer_to
{
	my ($role, @statements) = @_;
	my ($status, $out, $error) = $node->psql('shop', join(";\n", @statements), extra_params => [ '-U', $role, '-v', 'VERBOSITY=sqlstate' ]);

	return $status == 0 && $error eq '' ? $out : $error =~ s/^.*?(ERROR|WARNING):\s+//sr;
}

note 'gateway, backend and tenant';
my $mina = qq(SET request.jwt.claims = '{"sub": "mina", "org": "globex"}');
is(answer_to('authenticator', 'SELECT * FROM inventory_list()') =~ /^42/, 1, 'what PostgREST logs in as has nothing');
is(answer_to('authenticator', 'SET ROLE gateway', $mina, 'SELECT warehouse_id FROM low_stock'), 'W1', 'as gateway with claims, the view shows the scope');
is(answer_to('authenticator', 'SET ROLE gateway', 'SELECT * FROM low_stock'), 'IV403', 'and without claims nothing');
is(answer_to('shop_app', 'SELECT * FROM inventory_list()'), 'IV403', 'a backend that names no organization is refused');
is(answer_to('shop_app', "SET inventory.organization = 'acme'", 'SELECT product_id FROM inventory_list()'), 'anvil', 'one that does has its stock');
is(answer_to('shop_app', 'SET inventory.require_organization = off'), '42501', 'and cannot do without');
is(answer_to('acme', 'SELECT product_id FROM tenant.stock()'), 'anvil', 'a tenant with an SQL login has his stock');
is(answer_to('acme', "SET inventory.organization = 'globex'", $mina, 'SELECT product_id FROM tenant.stock()'), 'anvil', 'whatever he sets');
like(answer_to('acme', "SELECT * FROM $schema.inventory_list()"), qr/^42501/, 'and nothing else');
like(answer_to('acme', "SELECT * FROM $schema.inventory"), qr/^42501/, 'nor the table');

note 'the relay';
is(answer_to('inventory_relay', 'LISTEN pg_inventory', "SELECT count(*) > 2 FROM $schema.inventory_relay_read((SELECT NULL))"), 'f', 'it may listen, and read the log');
my $first = $node->safe_psql('shop', "SET inventory.organization = 'globex'; SELECT position FROM inventory_events() LIMIT 1");
is(answer_to('inventory_relay', "SELECT string_agg(DISTINCT organization_id, ' ') FROM $schema.inventory_relay_read('$first')"), 'acme globex', 'of all organizations');
is(answer_to('inventory_relay', qq(SELECT organization_id, role FROM $schema.inventory_relay_scope('{"sub": "mina", "org": "globex"}'))), 'globex|manager', 'ask for a scope');
is(answer_to('inventory_relay', qq(SELECT organization_id, role FROM $schema.inventory_relay_scope('{"sub": "nobody"}'))), 'IV403', 'which may be none');
is(answer_to('inventory_relay', "SELECT product_id FROM $schema.inventory_relay_snapshot('globex', '{W2}')"), 'bolt', 'read items of a scope');
is(answer_to('inventory_relay', qq(SELECT status, sqlstate FROM $schema.inventory_relay_sync(
	'[{"caller": 0, "kind": "adjust", "idempotency_key": "a", "product_id": "bolt", "warehouse_id": "W1", "quantity": -1},
	  {"caller": 1, "kind": "adjust", "idempotency_key": "b", "product_id": "bolt", "warehouse_id": "W1", "quantity": -1},
	  {"caller": 0, "kind": "adjust", "idempotency_key": "c", "product_id": "bolt", "warehouse_id": "W1", "quantity": -1, "performed_by": "eve"}]',
	'[{"sub": "mina", "org": "globex"}, {"sub": "nobody", "org": "globex"}]'))), "applied|\nrejected|IV403\nrejected|IV403", 'and hand in operations, each under its own claims');
is(answer_to('inventory_relay', "SELECT component FROM $schema.inventory_status() WHERE component = 'database'"), 'database', 'and see the status');
my @allowed = split /\n/, $node->safe_psql('shop', "SELECT proname FROM pg_proc WHERE pronamespace = '$schema'::regnamespace AND proname ~ '^inventory' AND has_function_privilege('inventory_relay', oid, 'EXECUTE') ORDER BY 1");
is_deeply(\@allowed, [qw(inventory_relay_batches inventory_relay_movements inventory_relay_read inventory_relay_recent inventory_relay_reservations inventory_relay_scope inventory_relay_snapshot inventory_relay_sync inventory_status)], 'these functions, and no others');
is($node->safe_psql('shop', "SELECT relname FROM pg_class WHERE relnamespace = '$schema'::regnamespace AND relname ~ '^inventory' AND relkind IN ('r', 'S', 'v')
	AND CASE relkind WHEN 'S' THEN has_sequence_privilege('inventory_relay', oid, 'SELECT, USAGE, UPDATE')
		ELSE has_any_column_privilege('inventory_relay', oid, 'SELECT, INSERT, UPDATE, REFERENCES') OR has_table_privilege('inventory_relay', oid, 'DELETE, TRUNCATE, TRIGGER') END"),
	'', 'no table, and no sequence');
is($node->safe_psql('shop', "SELECT rolsuper OR rolcreatedb OR rolcreaterole OR rolinherit OR rolreplication OR rolbypassrls FROM pg_roles WHERE rolname = 'inventory_relay'"), 'f', 'and is nothing special');
like(answer_to('inventory_relay', "SELECT * FROM $schema.inventory_relay_want_tick(1)"), qr/^42501/, 'not even what its own functions use');

note 'its line in pg_hba.conf';
my ($line) = $page =~ /^(local +shop +inventory_relay.*)$/m;
$node->safe_psql('shop', "ALTER ROLE inventory_relay PASSWORD 'rel4y'");
my $hba = slurp_file($node->data_dir . '/pg_hba.conf');
unlink $node->data_dir . '/pg_hba.conf';
$node->append_conf('pg_hba.conf', "$line\nlocal all inventory_relay reject\n$hba");
$node->reload;
{
	local $ENV{PGPASSWORD} = 'rel4y';
	is(answer_to('inventory_relay', 'SELECT 1'), '1', 'with its password the relay is let in');
	my ($status) = $node->psql('postgres', 'SELECT 1', extra_params => [ '-U', 'inventory_relay' ]);
	isnt($status, 0, 'to its database only');
}
{
	local $ENV{PGPASSWORD} = 'wrong';
	my ($status) = $node->psql('shop', 'SELECT 1', extra_params => [ '-U', 'inventory_relay' ]);
	isnt($status, 0, 'and not with another');
}
like($page, qr/^hostssl +shop +inventory_relay +\S+ +scram-sha-256$/m, 'the page has the line for another machine');
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_hba_file_rules WHERE error IS NOT NULL"), '0', 'the file has no fault');
$node->append_conf('pg_hba.conf', $page =~ /^(hostssl .*)$/m);
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_hba_file_rules WHERE error IS NOT NULL AND error !~ 'SSL'"), '0', 'nor with that one');

note 'who may connect, and hear';
$node->safe_psql('postgres', 'CREATE ROLE stranger LOGIN');
my ($status) = $node->psql('shop', 'SELECT 1', extra_params => [ '-U', 'stranger' ]);
isnt($status, 0, 'without CONNECT nobody listens');
sub heard
{
	my ($payload) = @_;
	$node->append_conf('postgresql.conf', "inventory.notify_payload = $payload");
	$node->reload;
	my $listener = $node->background_psql('shop', extra_params => [ '-U', 'shop_app' ]);
	$listener->query_safe('LISTEN pg_inventory');
	$node->poll_query_until('shop', "SELECT current_setting('inventory.notify_payload') = '$payload'");
	my $heard = '';
	until ($heard =~ /notification/)
	{
		$node->safe_psql('shop', "SET inventory.organization = 'acme'; SELECT FROM inventory_adjust('anvil', 'A1', 1)");
		wait_for_ticks($node, 'shop');
		$heard .= $listener->query_safe('SELECT 1');
	}
	$listener->quit;
	return $heard;
}
unlike(heard('position'), qr/anvil|acme|quantity/, 'a notification says nothing about stock');
like(heard('events'), qr/anvil/, 'unless it is told to');

note 'what a dump leaves out';
$node->safe_psql('shop', 'CREATE INDEX own_index ON inventory (warehouse_id); CREATE POLICY own_policy ON inventory USING (true)');
my ($dump, $ignored) = run_command([ 'pg_dump', '-d', $node->connstr('shop') ]);
unlike($dump, qr/own_index|own_policy/, 'indexes and policies of your own on these tables are not in a dump');

done_testing();
