# However one comes to a version of the extension, it is the same.
#
# test/upgrade/ keeps the install script of each release from the day it is
# made (pg_inventory--1.0.sql will be the first).  From each of them ALTER
# EXTENSION UPDATE has to lead to what CREATE EXTENSION makes now.  The rest of
# this file proves that a difference would be noticed.
use strict;
use warnings;
use File::Basename qw(basename dirname);
use InventoryNode;
use PostgreSQL::Test::Utils;
use Test::More;

my $schema = $ENV{INVENTORY_SCHEMA} // 'public';
my $node = new_node('main');
my $stage = PostgreSQL::Test::Utils::tempdir();
my $folder = ($node->config_data('--sharedir')) . '/extension';
my $installed = ($ENV{INVENTORY_STAGE} // '') . $folder;
my $library_dir = $node->config_data('--pkglibdir');
my $list_members = dirname(__FILE__) . '/../lib/members.sql';

system_or_bail('mkdir', '-p', "$stage$folder", "$stage$library_dir");
system_or_bail('ln', '-s', ($ENV{INVENTORY_STAGE} // '') . "$library_dir/pg_inventory.so", "$stage$library_dir");
system_or_bail('sh', '-c', "cp '$installed'/pg_inventory* '$stage$folder' && cp '" . dirname(__FILE__) . "'/../upgrade/*.sql '$stage$folder' 2>/dev/null || :");
$node->append_conf('postgresql.conf', "extension_destdir = '$stage'");
$node->start;
create_database($node, $_) for qw(created updated);

my ($version) = slurp_file("$stage$folder/pg_inventory.control") =~ /default_version = '(.*)'/;
my $script = slurp_file("$stage$folder/pg_inventory--$version.sql");

sub members
{
	my ($database) = @_;
	my ($out, $error);

	IPC::Run::run([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr($database), '-f', $list_members ], '>', \$out, '2>', \$error)
	  or die $error;
	return split /\n/, $out;
}

# What one of the two ways has and the other has not.
sub differences
{
	my ($new, @way) = @_;

	$node->safe_psql('created', "CREATE EXTENSION pg_inventory VERSION '$new'");
	$node->safe_psql('updated', "CREATE EXTENSION pg_inventory VERSION '$way[0]'");
	$node->safe_psql('updated', "SELECT FROM inventory_define('bean', 'shop', initial_quantity => 7)");
	$node->safe_psql('updated', "ALTER EXTENSION pg_inventory UPDATE TO '$_'") for @way[ 1 .. $#way ];
	is($node->safe_psql('updated', "SELECT extversion, quantity_available FROM pg_extension, inventory WHERE extname = 'pg_inventory'"),
		"$new|7", "ALTER EXTENSION UPDATE from $way[0] comes to $new, and the stock is still there");
	my @members = map { [ members($_) ] } qw(created updated);
	cmp_ok(scalar @{ $members[0] }, '>', 300, 'there is something to compare');
	my %seen;
	$seen{$_}++ for @{ $members[0] };
	$seen{$_}-- for @{ $members[1] };
	$node->safe_psql($_, 'DROP EXTENSION pg_inventory') for qw(created updated);
	return sort grep { $seen{$_} } keys %seen;
}

note 'releases';
my @releases = map { basename($_) =~ /--(.*)\.sql$/ } glob dirname(__FILE__) . '/../upgrade/*.sql';
for my $release (grep { $_ ne $version } @releases)
{
	is_deeply([ differences($version, $release, $version) ], [], "$release, updated, is what $version is");
}
is_deeply([ differences($version, $version) ], [], "$version installed twice is the same");
is($node->safe_psql('created', "SELECT count(*) FROM pg_extension_update_paths('pg_inventory')
	WHERE target = '$version' AND source <> target AND path IS NULL AND source = ANY ('{" . join(',', @releases) . "}')"), '0',
	'there is a way from every release');

note 'a step, and its likely mistakes';

# In the install script of version a.b, and the same in a step to it?
sub publish
{
	my ($new, $in_install, $in_step) = @_;
	append_to_file("$stage$folder/pg_inventory--$new.sql", "$script\n$in_install\n");
	append_to_file("$stage$folder/pg_inventory--$version--$new.sql", "$in_step\n");
	return;
}

my $function = 'CREATE FUNCTION inventory_new() RETURNS int LANGUAGE sql IMMUTABLE RETURN 1;';
my $revoke = 'REVOKE ALL ON FUNCTION inventory_new() FROM PUBLIC;';
publish('9.0', "$function $revoke ALTER TABLE inventory ADD shelf text;", "ALTER TABLE inventory ADD shelf text; $function $revoke");
is_deeply([ differences('9.0', $version, '9.0') ], [], 'a step that does what the install script does leads to the same');

my @mistakes = (
	[ 'a function', $function, '' ],
	[ 'a privilege', "$function $revoke", $function ],
	[ 'a volatility', $function, $function =~ s/IMMUTABLE/STABLE/r ],
	[ 'a search path', "$function ALTER FUNCTION inventory_new() SET search_path = pg_catalog;", $function ],
	[ 'a body', $function, $function =~ s/RETURN 1/RETURN 2/r ],
	[ 'a comment', "$function COMMENT ON FUNCTION inventory_new() IS 'new';", $function ],
	[ 'a comment on a column', "COMMENT ON COLUMN inventory_tick.id IS 'new';", '' ],
	[ 'a column', 'ALTER TABLE inventory ADD shelf text;', '' ],
	[ 'a default', 'ALTER TABLE inventory ADD shelf text DEFAULT 1;', 'ALTER TABLE inventory ADD shelf text DEFAULT 2;' ],
	[ 'the order of columns', 'ALTER TABLE inventory_member ADD a text, ADD b text;', 'ALTER TABLE inventory_member ADD b text, ADD a text;' ],
	[ 'a constraint', 'ALTER TABLE inventory_tick ADD CHECK (event_count >= 0);', '' ],
	[ 'an index', 'CREATE INDEX inventory_new ON inventory (warehouse_id);', '' ],
	[ 'a trigger', 'CREATE TRIGGER t BEFORE DELETE ON inventory FOR EACH STATEMENT EXECUTE FUNCTION inventory_movement_refuse();', '' ],
	[ 'a policy', 'CREATE POLICY p ON inventory_tick USING (true);', '' ],
	[ 'a condition of a policy', 'ALTER POLICY inventory_scope ON inventory USING (false);', '' ],
	[ 'row security', 'ALTER TABLE inventory_tick ENABLE ROW LEVEL SECURITY;', '' ],
	[ 'a mark for pg_dump', 'CREATE TABLE inventory_new (); SELECT pg_catalog.pg_extension_config_dump(\'inventory_new\', \'\');', 'CREATE TABLE inventory_new ();' ],
	[ 'the fillfactor', 'ALTER TABLE inventory SET (fillfactor = 80);', '' ],
	[ 'a bound of a sequence', 'ALTER SEQUENCE inventory_event_id_seq CACHE 10;', '' ],
	[ 'an attribute of a type', 'ALTER TYPE inventory_change ADD ATTRIBUTE a int;', '' ],
	[ 'an unlogged table', 'CREATE TABLE inventory_new ();', 'CREATE UNLOGGED TABLE inventory_new ();' ],
	[ 'a view', 'CREATE VIEW inventory_new AS SELECT 1;', 'CREATE VIEW inventory_new AS SELECT 2;' ],
	[ 'a kind not thought of', 'CREATE OPERATOR @@@ (FUNCTION = int4eq, LEFTARG = int, RIGHTARG = int);', '' ]);
for my $n (0 .. $#mistakes)
{
	my ($what, $in_install, $in_step) = @{ $mistakes[$n] };

	publish("9.1.$n", $in_install, $in_step);
	my @differences = differences("9.1.$n", $version, "9.1.$n");
	isnt(scalar(@differences), 0, "a step that forgets $what is noticed") or note explain \@differences;
}

done_testing();
