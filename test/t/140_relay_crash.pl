# Kill -9 of the postmaster under load: what a WebSocket was shown has happened.
#
# The writers commit asynchronously, so the crash takes their newest commits
# back; a relay that delivered before the tick was durable would have shown some.
use strict;
use warnings;
use InventoryNode;
use PostgreSQL::Test::Utils;
use RelayProcess;
use Test::More;

my $node = new_node('main', 'fsync = on', 'wal_writer_delay = 10s');
$node->start;
create_extension($node, 'shop');
$node->safe_psql('shop', <<'END');
SELECT FROM generate_series(1, 20) AS n
 CROSS JOIN LATERAL inventory_define('item' || n, 'shop', initial_quantity => 1000000)
END
my $relay = RelayProcess->start($node, 'shop');
my $client = $relay->client;

my $sale = PostgreSQL::Test::Utils::tempdir() . '/sale.sql';
append_to_file($sale, <<'END');
\set n random(1, 20)
SET synchronous_commit = off;
SELECT FROM inventory_adjust('item' || :n, 'shop', 1, 'out');
END
# No faster than this client reads: a slow reader would be closed.
my $load = IPC::Run::start(
	[ 'pgbench', '-n', '-c', '8', '-j', '2', '-R', '1000', '-T', '600', '-f', $sale, $node->connstr('shop') ],
	'>', \my $ignored, '2>', \my $errors, IPC::Run::timeout(600));

my @shown;
push @shown, $client->next_json->{data} while @shown < 3000;
$node->kill9;
$load->finish;
start_after_crash($node);
wait_for_workers($node, 'shop');
$relay->wait_until_ready;

# What was on its way when the server died, up to the first change made now.
$node->safe_psql('shop', "SELECT FROM inventory_define('last', 'shop')");
while (defined(my $message = $client->next_json))
{
	last if $message->{data}{productId} eq 'last';
	push @shown, $message->{data};
}
is($client->close_code, undef, 'the client stays connected through the crash');

my %kept = map { $_ => 1 } split /\n/, $node->safe_psql('shop',
	'SELECT product_id, version, available_after, movement_id FROM inventory_movement');
my @missing = grep { !$kept{ join '|', @$_{qw(productId version quantityAvailable movementId)} } } @shown;
is_deeply(\@missing, [], 'each of the ' . @shown . ' changes shown is in the ledger');

my %last;
my @disorder = grep { my $d = $_; my $before = $last{ $d->{productId} } // $d->{version} - 1;
	$last{ $d->{productId} } = $d->{version}; $d->{version} != $before + 1 } @shown;
is_deeply(\@disorder, [], 'every item was shown version by version, across the crash too');
is($node->safe_psql('shop', "SELECT string_agg(product_id || ' ' || version, ', ' ORDER BY product_id)
		FROM inventory WHERE product_id <> 'last'"),
	join(', ', map { "$_ $last{$_}" } sort keys %last), 'and up to its last');

is($relay->stop, 0, 'the relay ends with status 0');

done_testing();
