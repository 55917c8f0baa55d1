# The event log rotates: it stays small, and readers within what is kept lose nothing.
#
# INVENTORY_ROTATION_EVENTS says how many events; the full run has a million.
use strict;
use warnings;
use InventoryNode;
use Test::More;
use Time::HiRes qw(time);

my $events = $ENV{INVENTORY_ROTATION_EVENTS} // 60_000;
my $chunk = 2_000;
my $max_mb = 12;

my $node = new_node('main', "inventory.janitor_interval = '20ms'", "inventory.event_max_size = '${max_mb}MB'", "inventory.event_retention = '1h'");
$node->start;
create_extension($node, 'shop');
$node->safe_psql('shop', "SELECT FROM inventory_define('bean', 'shop', initial_quantity => 1)");

sub size_mb
{
	return $node->safe_psql('shop',
		"SELECT round(sum(pg_total_relation_size(('inventory_event_' || n)::regclass)) / 1048576.0, 1) FROM generate_series(0, 2) AS n");
}

sub adjust
{
	my ($count) = @_;
	$node->safe_psql('shop', "SELECT count(*) FROM generate_series(1, $count) AS n, LATERAL inventory_adjust('bean', 'shop', sign(n)::bigint, 'in', reason => 'rotation')");
	return;
}

# How many events are after a position, whether their versions go on from the one given; and the last of them.
sub read_from
{
	my ($position, $version) = @_;
	return split /\|/, $node->safe_psql('shop', <<"END");
SELECT count(*), coalesce(bool_and(v = $version + place), true), coalesce(max(v), $version), coalesce((array_agg(p ORDER BY place DESC))[1], '$position')
  FROM (SELECT (data ->> 'version')::bigint AS v, "position" AS p, row_number() OVER () AS place FROM inventory_events('$position', 100000)) e
END
}

# Until the newest version can be read after a position, by default from the
# oldest kept.  (Sums over all events and ticks, as in wait_for_ticks(), say
# nothing once some of them are gone.)
sub wait_for_log
{
	my ($position) = @_;
	my $from = defined $position ? "'$position'" : 'NULL';
	$node->poll_query_until('shop', <<"END") or die 'the log does not follow';
SELECT (SELECT version FROM inventory WHERE product_id = 'bean')
     = (SELECT max((data ->> 'version')::bigint) FROM inventory_events($from, 100000) WHERE product_id = 'bean')
END
	return;
}

sub refusal_of
{
	my ($position) = @_;
	my ($status, $out, $error) = $node->psql('shop', "SELECT count(*) FROM inventory_events('$position')", extra_params => [ '-v', 'VERBOSITY=sqlstate' ]);
	return $error =~ /(IV\d{3})/ ? $1 : "none: $out";
}

note "$events events, at most $max_mb MB";
ok(wait_for_ticks($node, 'shop'), 'the log is there');
my $start = $node->safe_psql('shop', 'SELECT inventory_position()');
my ($position, $version, $read, $largest, $in_order) = ($start, 1, 0, 0, 1);
my $begin = time;
for (my $written = 0; $written < $events; $written += $chunk)
{
	adjust($chunk);
	wait_for_log($position);
	(my $count, my $is_ordered, $version, $position) = read_from($position, $version);
	$read += $count;
	$in_order &&= $is_ordered eq 't';
	my $size = size_mb();
	$largest = $size if $size > $largest;
}
note sprintf '%d events in %.0f s, at most %.1f MB', $events, time - $begin, $largest;
is($read, $events, 'a reader that keeps up reads every event');
ok($in_order, 'once, and in order');
cmp_ok($largest, '<=', 1.5 * $max_mb, "the log never took more than $max_mb MB and a half");
ok($node->poll_query_until('shop', "SELECT sum(pg_total_relation_size(('inventory_event_' || n)::regclass)) <= $max_mb * 1048576 FROM generate_series(0, 2) AS n"),
	"and at its end, the bound is kept");
is(refusal_of($start), 'IV410', 'a reader that stayed where it began is told that its position is gone');
is($node->safe_psql('shop', "SELECT count(*) < $events, count(*) > 0 FROM inventory_events(NULL, 100000)"), 't|t', 'from the oldest kept, what is kept can be read');
is($node->safe_psql('shop', 'SELECT bool_and(v = first + place - 1) FROM (SELECT v, row_number() OVER () AS place, first_value(v) OVER () AS first FROM (SELECT (data ->> \'version\')::bigint AS v FROM inventory_events(NULL, 100000)) e) f'),
	't', 'without a gap');
is($node->safe_psql('shop', 'SELECT min(id) > 0, count(*) < 10000 FROM inventory_tick'), 't|t', 'old ticks went with their events');

note 'a restart in the middle';
my $before = $node->safe_psql('shop', 'SELECT max(version) FROM inventory');
adjust(500);
$node->restart;
wait_for_workers($node, 'shop');
adjust(500);
wait_for_log($position);
my ($count, $is_ordered) = read_from($position, $before);
is("$count $is_ordered", '1000 t', 'loses nothing and mixes nothing up');
$node->kill9;
start_after_crash($node);
wait_for_workers($node, 'shop');
($count, $is_ordered, $version, $position) = read_from($position, $before);
is("$count $is_ordered", '1000 t', 'nor does a crash');

note 'a transaction that stays open';
my $slow = $node->background_psql('shop');
$slow->query_safe("BEGIN; SELECT FROM inventory_define('slow', 'shop')");
# Less than what rotates: the events of others are read before its own.
adjust($chunk) for 1 .. 2;
wait_for_log($position);
($count, $is_ordered, $version, $position) = read_from($position, $version);
is("$count $is_ordered", 2 * $chunk . ' t', 'holds nobody up');
$slow->query_safe('COMMIT');
$slow->quit;
ok($node->poll_query_until('shop', "SELECT count(*) = 1 FROM inventory_events('$position', 100000)"), 'and its event is read when it ends');

note 'one that stays open until the log is too large';
$slow = $node->background_psql('shop');
$slow->query_safe("BEGIN; SELECT FROM inventory_define('slower', 'shop')");
adjust($chunk) for 1 .. 15;
wait_for_log();
$position = $node->safe_psql('shop', 'SELECT inventory_position()');
$slow->query_safe('COMMIT');
$slow->quit;
# Its events and those of all who came later go together, so it is one or the other; never a silent gap.
my $outcome = '';
for (1 .. 600)
{
	my ($status, $out, $error) = $node->psql('shop', "SELECT count(*) FROM inventory_events('$position', 100000) WHERE product_id = 'slower'", extra_params => [ '-v', 'VERBOSITY=sqlstate' ]);
	$outcome = $error =~ /IV410/ ? 'told' : $out eq '1' ? 'read' : '';
	last if $outcome;
	select undef, undef, undef, 0.05;
}
like($outcome, qr/^(told|read)$/, 'a reader at the head reads its event, or is told that it cannot');
ok($node->poll_query_until('shop', "SELECT sum(pg_total_relation_size(('inventory_event_' || n)::regclass)) <= $max_mb * 1048576 FROM generate_series(0, 2) AS n"),
	'once it has ended, the log becomes small again');

note 'by age';
$node->append_conf('postgresql.conf', "inventory.event_retention = '2s'\ninventory.event_max_size = '1GB'");
$node->reload;
$position = $node->safe_psql('shop', 'SELECT inventory_position()');
adjust(1);
wait_for_log($position);
$position = $node->safe_psql('shop', 'SELECT inventory_position()');
$version = $node->safe_psql('shop', "SELECT version FROM inventory WHERE product_id = 'bean'");
adjust(100);
wait_for_log($position);
($count, $is_ordered) = read_from($position, $version);
is("$count $is_ordered", '100 t', 'what is younger than the retention is kept');
# Rotation needs something to go on with; a quiet log keeps its end.
my $is_gone = 0;
for (1 .. 600)
{
	adjust(1);
	last if $is_gone = refusal_of($position) eq 'IV410';
	select undef, undef, undef, 0.05;
}
ok($is_gone, 'what is older goes, and its positions with it');
is($node->safe_psql('shop', 'SELECT count(*) FROM inventory_reconcile()'), '0', 'the stock has nothing to do with it');

note 'a sweep that fails';
sub refuse_to_expire
{
	my ($code, $message) = @_;

	$node->safe_psql('shop', "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
		\$\$BEGIN RAISE EXCEPTION USING ERRCODE = '$code', MESSAGE = $message; END\$\$");
	return;
}
refuse_to_expire('check_violation', "'no'");
$node->safe_psql('shop', <<'END');
CREATE TRIGGER refuse BEFORE UPDATE ON inventory_reservation FOR EACH ROW WHEN (NEW.status = 'expired') EXECUTE FUNCTION refuse();
SELECT FROM inventory_reserve('[{"product_id": "bean", "warehouse_id": "shop", "quantity": 1}]', reservation_id => 'late', ttl => '1 ms');
END
my $reserved = $node->safe_psql('shop', 'SELECT clock_timestamp()');
ok($node->poll_query_until('shop', "SELECT last_round_at > '$reserved' AND last_error LIKE '%could not expire reservation \"late\" of organization \"\": no'
	FROM inventory_status() WHERE component = 'janitor'"), 'what cannot be swept is told, and the sweep goes on');
refuse_to_expire('disk_full', "'xy' || repeat(chr(252), 200)");
ok($node->poll_query_until('shop', "SELECT last_error LIKE 'xy%' FROM inventory_status() WHERE component = 'janitor'"), 'what ends a sweep is told');
is($node->safe_psql('shop', "SELECT length(convert_to(last_error, 'UTF8')) FROM inventory_status() WHERE component = 'janitor'"),
	'254', 'in whole characters');
wait_for_log();
$position = $node->safe_psql('shop', 'SELECT inventory_position()');
$is_gone = 0;
for (1 .. 600)
{
	adjust(1);
	last if $is_gone = refusal_of($position) eq 'IV410';
	select undef, undef, undef, 0.05;
}
ok($is_gone, 'and the log rotates nevertheless');

done_testing();
