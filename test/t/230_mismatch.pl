# A library and an install script that do not fit: an error that says so, never a crash.
use strict;
use warnings;
use InventoryNode;
use PostgreSQL::Test::Utils;
use Test::More;

my $schema = $ENV{INVENTORY_SCHEMA} // 'public';
my $node = new_node('main', 'inventory.poll_interval = 100ms', 'inventory.janitor_interval = 100ms');
$node->start;
create_extension($node, 'shop');
$node->safe_psql('shop', "SELECT FROM inventory_define('bean', 'shop', initial_quantity => 10)");
my $sell = "SELECT new_quantity FROM inventory_adjust('bean', 'shop', -1)";

sub error_of
{
	my ($statement) = @_;
	my ($status, $out, $error) = $node->psql('shop', $statement, extra_params => [ '-v', 'VERBOSITY=verbose' ]);

	return $status == 0 ? 'no error' : $error;
}

note 'a new library with old objects';
my @missing = ("TABLE $schema.inventory_event_2", "SEQUENCE $schema.inventory_batch_batch_id_seq",
	"INDEX $schema.inventory_movement_pkey", "FUNCTION $schema.inventory_level_backend()");
for my $object (@missing)
{
	my ($kind, $name) = $object =~ /^(\w+) \w+\.(\w+)/;
	my $log_end = -s $node->logfile;
	my @pids = map { worker_pid($node, $_, 'shop') } qw(publisher janitor);

	$node->safe_psql('shop', "ALTER $object RENAME TO something_else");
	for my $statement ($sell, 'SELECT * FROM inventory_list()', 'SELECT * FROM inventory_events()', 'SELECT * FROM inventory_sync(\'[{}]\')',
		"SELECT * FROM inventory_reconcile()", 'SELECT * FROM inventory_scope()', "SELECT * FROM inventory_relay_read(NULL)",
		"INSERT INTO inventory_member VALUES ('', 'x', NULL, 'viewer')")
	{
		like(error_of($statement), qr/^psql:\S+ ERROR:  55000: \w+ "$name" of extension pg_inventory is missing\nHINT:.*ALTER EXTENSION pg_inventory UPDATE/,
			"without \L$kind\E $name, this says what is missing and what to do: $statement");
	}
	$node->wait_for_log(qr/pg_inventory publisher  ERROR:  \w+ "$name" of extension pg_inventory is missing/, $log_end);
	$node->wait_for_log(qr/pg_inventory janitor  ERROR:  \w+ "$name" of extension pg_inventory is missing/, $log_end);
	is($node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE pid IN ($pids[0], $pids[1])"), '2', 'the workers live on');

	$node->safe_psql('shop', "ALTER " . ($object =~ s/\.\w+/.something_else/r) . " RENAME TO $name");
	is($node->safe_psql('shop', $sell) > 0, 1, 'when it is there again, changes go on');
	ok(wait_for_ticks($node, 'shop'), 'and are published by the same workers');
	is_deeply([ map { worker_pid($node, $_, 'shop') } qw(publisher janitor) ], \@pids, 'which have not been started anew');
	my @said = log_lines($node, qr/pg_inventory (publisher|janitor)  ERROR/, $log_end);
	is(scalar(@said), 2, 'each said it once') or diag(@said);
}

note 'a fault that stays';
my $log_end = -s $node->logfile;
$node->safe_psql('shop', "ALTER TABLE inventory_event_2 RENAME TO something_else");
$node->wait_for_log(qr/pg_inventory $_  ERROR/, $log_end) for qw(publisher janitor);
$node->poll_query_until('postgres', "SELECT clock_timestamp() > '" . $node->safe_psql('postgres', 'SELECT clock_timestamp()') . "'::timestamptz + interval '3 s'");
is(scalar(log_lines($node, qr/ERROR.*is missing/, $log_end)), 2, 'thirty rounds later each worker has said it once');
is(scalar(log_lines($node, qr/FATAL|PANIC/, $log_end)), 0, 'and none has died of it');
$node->restart;
wait_for_workers($node, 'shop');
is(worker_pid($node, 'launcher') ne '', 1, 'a restart of the server with the fault starts the workers');
$node->safe_psql('shop', 'DROP EXTENSION pg_inventory CASCADE');
wait_for_workers($node, 'shop', 0);
pass('an extension with a fault can be dropped');
$node->safe_psql('shop', "CREATE EXTENSION pg_inventory; SELECT FROM inventory_define('bean', 'shop', initial_quantity => 10)");
wait_for_workers($node, 'shop');

note 'columns';
$node->safe_psql('shop', "ALTER TABLE inventory ADD shelf text DEFAULT 'A1', ADD colour text; ALTER TABLE inventory_movement ADD a int; ALTER TABLE inventory_event ADD b int");
is($node->safe_psql('shop', $sell), '9', 'columns that somebody has added do no harm to changes');
is($node->safe_psql('shop', 'SELECT shelf, colour IS NULL FROM inventory'), 'A1|t', 'and keep what is in them');
is($node->safe_psql('shop', 'SELECT quantity_available, version FROM inventory_list()'), '9|2', 'nor to inventory_list');
$node->safe_psql('shop', 'ALTER TABLE inventory DROP shelf, DROP colour');
is($node->safe_psql('shop', 'SELECT quantity_available, version FROM inventory_list()'), '9|2', 'also once they are dropped');
is($node->safe_psql('shop', $sell), '8', 'changes go on after that, too');
my $waiting = $node->background_psql('shop');
$waiting->query_safe('BEGIN');
$waiting->query_safe('ALTER TABLE inventory ADD late text; ALTER TABLE inventory_movement ADD late text');
my @output = ('');
my $sale = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('shop'), '-c', $sell, '-c', $sell ], '>', \$output[0], '2>&1', IPC::Run::timeout(60));
$node->poll_query_until('shop', "SELECT count(*) = 1 FROM pg_locks WHERE NOT granted AND relation = 'inventory'::regclass");
$waiting->query_safe('COMMIT');
$sale->finish;
$waiting->quit;
is($output[0], "7\n6\n", 'nor does a column that comes while a sale waits for the table');
$node->safe_psql('shop', 'ALTER TABLE inventory DROP late');
is($node->safe_psql('shop', 'SELECT * FROM inventory_reconcile()'), '', 'all adds up');

note 'old columns under a new library';
$node->safe_psql('shop', 'DROP EXTENSION pg_inventory CASCADE');
my ($installed) = ($ENV{INVENTORY_STAGE} // '') . $node->config_data('--sharedir') . '/extension';
my $stage = PostgreSQL::Test::Utils::tempdir();
my $folder = $stage . $node->config_data('--sharedir') . '/extension';
my $library_dir = $node->config_data('--pkglibdir');
system_or_bail('mkdir', '-p', $folder, "$stage$library_dir");
system_or_bail('ln', '-s', ($ENV{INVENTORY_STAGE} // '') . "$library_dir/pg_inventory.so", "$stage$library_dir");
system_or_bail('sh', '-c', "cp '$installed'/pg_inventory* '$folder'");
$node->append_conf('postgresql.conf', "extension_destdir = '$stage'");
$node->reload;
my $script = slurp_file("$folder/pg_inventory--1.0.sql");
my %older = (
	inventory => [ qr/^\tretired_at timestamptz,\n/m, qr/COMMENT ON COLUMN inventory\.retired_at.*?;\n/ ],
	inventory_movement => [ qr/^\tdb_user text NOT NULL,\n/m, qr/COMMENT ON COLUMN inventory_movement\.db_user.*?;\n/ ],
	inventory_event => [ qr/^\top text COLLATE "C",\n/m, qr/COMMENT ON COLUMN inventory_event\.op.*?;\n/ ],
	'type inventory_change' => [ qr/,\n\treservation_id text,\n\texpires_at timestamptz\n(?=\);)/ ]);
for my $table (sort keys %older)
{
	my $version = '0.9.' . $table =~ s/\W/_/r;
	my $old = "SET check_function_bodies = false;\n$script";

	$old =~ s/$_// or die "the script has no $_" for @{ $older{$table} };
	append_to_file("$folder/pg_inventory--$version.sql", $old);
	my ($status, $out, $error) = $node->psql('shop', "CREATE EXTENSION pg_inventory VERSION '$version'");
	is($status, 0, "an older script, without a column of $table, can be installed") or diag $error;
	next if $status != 0;
	my $expected = $table =~ /^type/ ? qr/return type must be inventory_change/
	  : qr/55000: table "$table\w*" of extension pg_inventory has \d+ columns, not \d+\nHINT:.*ALTER EXTENSION pg_inventory UPDATE/;
	like(error_of("SELECT FROM inventory_define('bean', 'shop', initial_quantity => 10)"), $expected, 'and says what is wrong when it is used');
	$node->safe_psql('shop', 'DROP EXTENSION pg_inventory');
}

note 'an old library with new objects';
append_to_file("$folder/pg_inventory--9.0.sql", "$script\nCREATE FUNCTION inventory_new() RETURNS int LANGUAGE c AS 'MODULE_PATHNAME', 'inventory_new';\n");
append_to_file("$folder/pg_inventory--1.0--9.0.sql", "CREATE FUNCTION inventory_new() RETURNS int LANGUAGE c AS 'MODULE_PATHNAME', 'inventory_new';\n");
like(error_of("CREATE EXTENSION pg_inventory VERSION '9.0'"), qr/42883: could not find function "inventory_new" in file/, 'a newer script does not install under an older library');
is($node->safe_psql('shop', "SELECT count(*) FROM pg_class WHERE relname ~ '^inventory'"), '0', 'and leaves nothing behind');
$node->safe_psql('shop', "CREATE EXTENSION pg_inventory; SELECT FROM inventory_define('bean', 'shop', initial_quantity => 10)");
like(error_of("ALTER EXTENSION pg_inventory UPDATE TO '9.0'"), qr/42883: could not find function "inventory_new" in file/, 'nor can one update to it');
is($node->safe_psql('shop', $sell), '9', 'what is there goes on');

is(scalar(log_lines($node, qr/terminated by signal|PANIC/)), 0, 'nothing of all this ended a server process');

done_testing();
