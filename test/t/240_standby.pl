# Standbys, promotions and restored images: nothing acknowledged is lost, and
# no position goes silently on in another history.
use strict;
use warnings;
use InventoryNode;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = new_node('primary', 'synchronous_commit = on');
$primary->append_conf('postgresql.conf', "wal_level = replica\nmax_wal_senders = 5\nwal_keep_size = 256MB\nhot_standby = on");
$primary->append_conf('pg_hba.conf', "local replication all trust");
$primary->start;
create_extension($primary, 'shop');
$primary->safe_psql('shop', "SELECT FROM inventory_define('bean', 'shop', initial_quantity => 100000)");

# A copy of the primary that follows it.
sub new_standby
{
	my ($name) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);

	$primary->backup("for_$name");
	$node->init_from_backup($primary, "for_$name", has_streaming => 1);
	$node->start;
	return $node;
}

sub worker_count
{
	my ($node) = @_;
	return $node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE backend_type ~ '^pg_inventory'");
}

sub sell
{
	my ($node, $count) = @_;
	$node->safe_psql('shop', "SELECT FROM inventory_adjust('bean', 'shop', -1)") for 1 .. $count;
	return;
}

sub position_of { return $_[0]->safe_psql('shop', 'SELECT inventory_position()') }

sub versions_after
{
	my ($node, $position) = @_;
	my ($status, $out, $error) = $node->psql('shop', "SELECT data ->> 'version' FROM inventory_events('$position')",
		extra_params => [ '-v', 'VERBOSITY=sqlstate' ]);

	return $status == 0 ? $out : $error =~ s/^.*ERROR:\s+//sr;
}

note 'on a standby';
my $standby = new_standby('standby');
sell($primary, 3);
wait_for_ticks($primary, 'shop');
$primary->wait_for_catchup($standby);
is(worker_count($standby), '0', 'a standby has no workers');
is($standby->safe_psql('shop', "SELECT quantity_available FROM inventory_list('bean')"), '99997', 'stock can be read there');
my $start = position_of($primary);
is(position_of($standby), $start, 'and the position');
is($standby->safe_psql('shop', 'SELECT count(*) FROM inventory_events()'), '4', 'and events');
my ($status, $out, $error) = $standby->psql('shop', "SELECT FROM inventory_adjust('bean', 'shop', -1)", extra_params => [ '-v', 'VERBOSITY=sqlstate' ]);
like($error, qr/ERROR:  25006/, 'a change is refused there, as any write is');
is($standby->safe_psql('shop', qq(SET request.jwt.claims = '{"sub": "ann", "inventory": {"role": "viewer", "warehouses": ["nowhere"]}}'; SELECT count(*) FROM inventory_list())),
	'0', 'claims count there as everywhere');
$standby->restart;
is(worker_count($standby), '0', 'nor has it workers after a restart');

note 'synchronous replication, and the loss of the primary';
my $stale = new_standby('stale');
$primary->append_conf('postgresql.conf', "synchronous_standby_names = 'standby'");
$primary->reload;
$primary->poll_query_until('postgres', "SELECT sync_state = 'sync' FROM pg_stat_replication WHERE application_name = 'standby'");
$start = position_of($primary);
$primary->wait_for_catchup($stale);
# The third of us hears nothing more.
$stale->append_conf('postgresql.conf', "primary_conninfo = ''");
$stale->reload;
$primary->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_replication WHERE application_name = 'stale'");
my $image = PostgreSQL::Test::Utils::tempdir() . '/image';

my $script = PostgreSQL::Test::Utils::tempdir() . '/sale.sql';
append_to_file($script, "SELECT version FROM inventory_adjust('bean', 'shop', -1);\n" x 200);
my @acknowledged = map { '' } 1 .. 4;
my @load = map {
	IPC::Run::start([ 'psql', '-XAtq', '-d', $primary->connstr('shop'), '-f', $script ], '<', \undef, '>', \$acknowledged[$_], '2>', \my $ignored,
		IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default))
} 0 .. 3;
my ($middle, $delivered) = ('', 0);
until ($delivered >= 100)
{
	my ($last) = reverse split /\n/, $primary->safe_psql('shop', "SELECT position FROM inventory_events('" . ($middle || $start) . "')");
	next if !defined $last;
	$delivered += $primary->safe_psql('shop', "SELECT count(*) FROM inventory_events('" . ($middle || $start) . "')");
	$middle = $last;
}
$primary->kill9;
$_->finish for @load;
$standby->promote;
wait_for_workers($standby, 'shop');
pass('promotion starts the workers');
ok(wait_for_ticks($standby, 'shop'), 'and they go on with the ticks');

my @sold = sort { $a <=> $b } map { split /\n/ } @acknowledged;
my %kept = map { $_ => 1 } split /\n/, $standby->safe_psql('shop', 'SELECT version FROM inventory_movement');
is_deeply([ grep { !$kept{$_} } @sold ], [], 'of ' . @sold . ' sales that were acknowledged, none is missing');
cmp_ok(scalar @sold, '>=', 100, 'there were some');
is($standby->safe_psql('shop', 'SELECT * FROM inventory_reconcile()'), '', 'all adds up');
my @after = split /\n/, versions_after($standby, $middle);
my @all = split /\n/, versions_after($standby, $start);
is_deeply(\@all, [ $all[0] .. $all[0] + $#all ], 'from the position before, every version is read, once and in order');
is($all[-1], $standby->safe_psql('shop', 'SELECT version FROM inventory'), 'to the last');
is_deeply(\@after, [ @all[ @all - @after .. $#all ] ], 'a position from the midst of it goes on where it was');
sell($standby, 1);
wait_for_ticks($standby, 'shop');
is(versions_after($standby, position_of($standby)), '', 'and the new primary takes changes');

note 'a stale standby is promoted';
$stale->promote;
wait_for_workers($stale, 'shop');
is(versions_after($stale, $start), '', 'a position from before the fork is known there, and has nothing after it yet');
is(versions_after($stale, $middle), 'IV410', 'one from past the fork is lost');
# Go on until its ticks have the numbers of those that were lost.
my ($tick) = $middle =~ /^(\d+)/;
my $beyond = sub { return $stale->safe_psql('shop', 'SELECT max(id) > ' . $tick . ' FROM inventory_tick') eq 't' };
until ($beyond->())
{
	sell($stale, 5);
	wait_for_ticks($stale, 'shop');
}
is(versions_after($stale, $middle), 'IV410', 'it still is when a tick has the same number');
my $versions = versions_after($stale, $start);
like($versions, qr/^5\n6\n7/, 'the position from before the fork goes on in the new history');
is(scalar($versions =~ tr/\n//) + 1, $stale->safe_psql('shop', 'SELECT version - 4 FROM inventory'), 'without a gap');
$stale->stop;

note 'an image of the disk is put back';
my $shop = $standby;
$shop->stop('fast');
system_or_bail('cp', '-a', $shop->data_dir, $image);
$shop->start;
wait_for_workers($shop, 'shop');
my $before = position_of($shop);
sell($shop, 20);
wait_for_ticks($shop, 'shop');
my $past = position_of($shop);
my ($unfinished) = split /\n/, $shop->safe_psql('shop', "SELECT position FROM inventory_events('$before') OFFSET 10 LIMIT 1");
$shop->stop('immediate');
system_or_bail('rm', '-rf', $shop->data_dir);
system_or_bail('cp', '-a', $image, $shop->data_dir);
$shop->start;
wait_for_workers($shop, 'shop');
is(versions_after($shop, $before), '', 'a position older than the image is good');
is(versions_after($shop, $_), 'IV410', "one that is newer is lost: $_") for $past, $unfinished;
sell($shop, 40);
wait_for_ticks($shop, 'shop');
is(versions_after($shop, $_), 'IV410', 'and stays so') for $past, $unfinished;
is(scalar(split /\n/, versions_after($shop, $before)), 40, 'the older one goes on with what has been sold since');

is($shop->safe_psql('shop', 'SELECT * FROM inventory_reconcile()'), '', 'all adds up in the end');

is(scalar(log_lines($_, qr/PANIC|terminated by signal/)), 0, 'no server process of ' . $_->name . ' has crashed') for $standby, $stale;

done_testing();
