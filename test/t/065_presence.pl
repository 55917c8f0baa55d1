# Leases of presence without a relay: the janitor, its pauses, restarts and crashes, and many at once.
use strict;
use warnings;
use InventoryNode;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

my $timeout_s = 4;
my $node = new_node('main', 'inventory.janitor_interval = 50ms', "inventory.presence_timeout = ${timeout_s}s");
$node->start;
create_extension($node, 'shop');

sub sql { my ($statements) = @_; return $node->safe_psql('shop', $statements) }
sub begin { return sql("SELECT presence_touch('till'); SELECT FROM presence_track('till', 'tab', 'inventory_list', user_id => 'ann')") }
sub is_there { my $client = shift // 'tab'; return sql("SELECT count(*) FROM presence_status WHERE client_id = '$client'") }

# What holds for the length of the timeout after the janitor has begun (again):
# looked at once it has been round, and taken for true when this machine was
# too slow to look in time.
sub holds
{
	my ($since, $condition) = @_;
	$node->poll_query_until('shop', "SELECT last_round_at > to_timestamp($since) FROM inventory_status() WHERE component = 'janitor'")
	  or die 'the janitor makes no round';
	return sql("SELECT ($condition) OR clock_timestamp() > to_timestamp($since) + interval '$timeout_s s'") eq 't';
}

my $is_there = "SELECT count(*) = 1 FROM presence_status WHERE client_id = 'tab'";

note 'the janitor';
begin();
my $since = sql("SELECT extract(epoch FROM max(last_seen)) FROM presence_session");
$node->poll_query_until('shop', 'SELECT count(*) = 0 FROM presence_session') or die 'the lease is not ended';
my $ended = sql("SELECT extract(epoch FROM created_at) FROM inventory_event WHERE type = 'presence.left'");
ok($ended - $since >= $timeout_s, 'ends a lease that is not renewed, when its time is over');
is(is_there(), 0, 'with its viewers');
is(sql("SELECT data->>'reason' FROM inventory_event WHERE type = 'presence.left'"), 'timeout', 'for that reason');
is(sql("SELECT presence_touch('till')"), 'f', 'of which the holder hears when it renews too late');
begin();
my $begun_at = time;
while (time < $begun_at + 1.5 * $timeout_s)
{
	sleep 0.2;
	sql("SELECT presence_touch('till')");
}
is(is_there(), 1, 'it ends none that is renewed');

note 'pauses';
my $janitor = worker_pid($node, 'janitor', 'shop');
sql("SELECT presence_touch('till')");
kill STOP => $janitor;
$node->poll_query_until('shop', "SELECT last_seen < clock_timestamp() - interval '$timeout_s s' FROM presence_session") or die;
$since = time;
kill CONT => $janitor;
ok(holds($since, $is_there), 'after a pause it gives everybody time, whose pause it may have been, too');
ok(holds($since, "SELECT presence_touch('till')"), 'so a renewal that was late because of it is not too late');
my $renewed_at = sql('SELECT coalesce(extract(epoch FROM max(last_seen)), 0) FROM presence_session');
$node->poll_query_until('shop', 'SELECT count(*) = 0 FROM presence_session') or die 'the lease is not ended';
ok(time - $renewed_at >= $timeout_s, 'and a lease that is not renewed then ends after all');

note 'restarts';
begin();
$node->restart;
wait_for_workers($node, 'shop');
is(is_there(), 1, 'who was there before a restart still is');
begin();
$node->stop;
sleep $timeout_s + 0.1;
$since = time;
$node->start;
wait_for_workers($node, 'shop');
ok(holds($since, $is_there), 'though the server was away for longer than the timeout');
ok(holds($since, "SELECT presence_touch('till')"), 'since nobody could renew while it was away');

note 'a crash';
$node->stop('immediate');
$node->start;
wait_for_workers($node, 'shop');
is(sql('SELECT count(*) FROM presence_session') + sql('SELECT count(*) FROM presence_status'), 0, 'empties the tables');
is(sql("SELECT presence_touch('till')"), 'f', 'of which the holder hears');
begin();
is(is_there(), 1, 'and begins anew');

note 'one that cannot be ended';
sql(<<'END');
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'no'; END$$;
CREATE TRIGGER refuse BEFORE DELETE ON presence_status FOR EACH ROW WHEN (OLD.client_id = 'stuck') EXECUTE FUNCTION refuse();
SELECT presence_touch(l), presence_track(l, l, 'inventory_list') FROM unnest('{stuck,fine}'::text[]) l;
UPDATE presence_session SET last_seen = last_seen - interval '1 s' WHERE session_id = 'stuck';
END
ok($node->poll_query_until('shop', "SELECT count(*) = 0 FROM presence_session WHERE session_id = 'fine'"), 'keeps none of the others');
is(is_there('stuck'), 1, 'and stays');
is(sql("SELECT last_error FROM inventory_status() WHERE component = 'janitor'"), 'could not end a lease of presence: no', 'which is told');
sql('DROP TRIGGER refuse ON presence_status');
ok($node->poll_query_until('shop', 'SELECT count(*) = 0 FROM presence_session'), 'until it can be');

note 'many at once';
sql('DELETE FROM presence_status; DELETE FROM presence_session');
sql('ALTER SYSTEM SET inventory.janitor_interval = 10');
$node->reload;
my $first = sql('SELECT coalesce(max(id), 0) FROM inventory_event');
# Sixteen sessions come and go on four leases, of which now and then one is ended under them.
my $script = <<'END';
DO $$
DECLARE
	lease text;
	client text;
BEGIN
	FOR i IN 1 .. 150 LOOP
		lease := 'lease ' || (random() * 3)::int;
		client := 'c' || (random() * 5)::int;
		BEGIN
			CASE (random() * 6)::int
				WHEN 0 THEN PERFORM presence_cleanup(interval '0');
				WHEN 1 THEN PERFORM presence_leave(client);
				WHEN 2 THEN PERFORM presence_touch(lease);
				WHEN 3 THEN PERFORM presence_update(client, 'inventory_list', status => CASE WHEN random() < 0.5 THEN 'editing' ELSE 'idle' END);
				ELSE PERFORM presence_track(lease, client, 'inventory_list');
			END CASE;
		EXCEPTION WHEN SQLSTATE 'IV410' THEN
			PERFORM presence_touch(lease);
		WHEN SQLSTATE 'IV404' THEN
			NULL;
		END;
		COMMIT;
	END LOOP;
END $$;
END
my @output = at_once($node, 'shop', ($script) x 16);
is(join('', @output), '', 'nobody waits for ever, and nothing fails');
my $deadlocks = sql("SELECT deadlocks FROM pg_stat_database WHERE datname = 'shop'");
is($deadlocks, 0, 'without a deadlock');
is(sql('SELECT count(*) FROM presence_status s WHERE NOT EXISTS (SELECT FROM presence_session l WHERE l.session_id = s.session_id)'), 0,
	'nobody is left on a lease that is gone');
cmp_ok(sql("SELECT count(*) FROM inventory_event WHERE id > $first AND data->>'reason' = 'timeout'"), '>', 0, 'leases did end under them');
# What the log tells, in its order, is what there is: of each presence one coming first, changes, one going last.
is(sql(<<END), '', 'each presence comes once, changes, and goes once');
SELECT data->>'id', string_agg(replace(type, 'presence.', ''), ' ' ORDER BY id)
FROM inventory_event WHERE id > $first AND type LIKE 'presence.%'
GROUP BY 1 HAVING string_agg(replace(type, 'presence.', ''), ' ' ORDER BY id) !~ '^joined( updated)*( left)?\$'
END
is(sql(<<END), sql("SELECT string_agg(id::text || ' ' || client_id || ' ' || status, ',' ORDER BY id) FROM presence_status"), 'and what the log has left is what is there');
SELECT string_agg(id || ' ' || client || ' ' || status, ',' ORDER BY id::uuid) FROM (
	SELECT DISTINCT ON (data->>'id') data->>'id' AS id, data->>'clientId' AS client, data->>'status' AS status, type
	FROM inventory_event WHERE id > $first AND type LIKE 'presence.%' ORDER BY data->>'id', inventory_event.id DESC) e
WHERE type <> 'presence.left'
END
done_testing;
