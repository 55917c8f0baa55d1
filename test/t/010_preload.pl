# The library has to be preloaded; without that, CREATE EXTENSION says what to do.
use strict;
use warnings;
use InventoryNode;
use Test::More;

my $node = new_node('main');
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'pg_stat_statements'");
$node->start;

my ($status, $out, $error) = $node->psql('postgres', 'CREATE EXTENSION pg_inventory');
isnt($status, 0, 'CREATE EXTENSION fails when the library is not preloaded');
like($error, qr/shared_preload_libraries/, 'the message names the setting');
like($error, qr/HINT:.*'?pg_stat_statements, ?pg_inventory/s, 'the hint appends to the current value');
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_class WHERE relname LIKE 'inventory%'"),
	'0', 'nothing is left behind');

$node->append_conf('postgresql.conf', "shared_preload_libraries = 'pg_stat_statements, pg_inventory'");
$node->restart;
create_extension($node, 'shop');
is($node->safe_psql('shop', "SELECT count(*) FROM pg_extension WHERE extname = 'pg_inventory'"),
	'1', 'what the hint says works');

done_testing();
