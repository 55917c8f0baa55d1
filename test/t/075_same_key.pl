# One idempotency key, tried again from anywhere after anything: done once.
use strict;
use warnings;
use InventoryNode;
use Test::More;

my $node = new_node('main', 'max_prepared_transactions = 5', 'restart_after_crash = on');
$node->start;
create_extension($node, 'shop');
$node->safe_psql('shop', "SELECT FROM inventory_define('bean', 'shop', initial_quantity => 100)");

sub stock
{
	return $node->safe_psql('shop', 'SELECT quantity_available, quantity_reserved, version FROM inventory');
}

sub sale
{
	my ($key) = @_;
	return "SELECT version, replayed FROM inventory_adjust('bean', 'shop', -1, idempotency_key => '$key')";
}

# Until a session waits for a lock.
sub wait_for_waiter
{
	$node->poll_query_until('shop', "SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = 'shop'")
	  or die 'nobody waits';
	return;
}

note 'at once';
my $count = verdicts(at_once($node, 'shop', (sale('at once') . ";\n") x 32));
is_deeply($count, { '00000' => 32 }, '32 sessions with one key are all answered');
is(stock(), '99|0|2', 'and one unit is sold');

note 'the first session is ended before it commits';
my $first = $node->background_psql('shop', on_error_stop => 0);
my $pid = $first->query_safe('SELECT pg_backend_pid()');
$first->query_safe('BEGIN; ' . sale('ended'));
my $second = $node->background_psql('shop');
$second->query_until(qr/started/, "\\echo started\nSET inventory.lock_timeout = '2min'; " . sale('ended') . ";\n");
wait_for_waiter();
$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
is($second->query_safe(sale('ended')), "3|f\n3|t", 'the second does it in its place, and then no more');
is(stock(), '98|0|3', 'one unit is sold');
eval { $first->quit };

note 'a session is ended after it has committed';
$first = $node->background_psql('shop', on_error_stop => 0);
$pid = $first->query_safe('SELECT pg_backend_pid()');
$first->query_safe(sale('answer lost'));
$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
is($second->query_safe(sale('answer lost')), '4|t', 'the retry gets the answer that was lost');
is(stock(), '97|0|4', 'one unit is sold');
eval { $first->quit };

note 'a session is killed, and the server with it';
$first = $node->background_psql('shop', on_error_stop => 0);
$pid = $first->query_safe('SELECT pg_backend_pid()');
$first->query_safe('BEGIN; ' . sale('killed'));
my $log_end = -s $node->logfile;
kill 9, $pid;
$node->wait_for_log(qr/database system is ready to accept connections/, $log_end);
is($node->safe_psql('shop', sale('killed')), '5|f', 'the retry does what had not been done');
is($node->safe_psql('shop', sale('killed')), '5|t', 'once');
is(stock(), '96|0|5', 'one unit is sold');
eval { $_->quit } for $first, $second;
$node->safe_psql('shop', sale('before the crash'));
$node->kill9;
start_after_crash($node);
is($node->safe_psql('shop', sale('before the crash')), '6|t', 'what had committed is known after a crash of the server');

note 'a prepared transaction';
$node->safe_psql('shop', 'BEGIN; ' . sale('prepared') . "; PREPARE TRANSACTION 'p'");
my ($status, $out, $error) = $node->psql('shop', "SET inventory.lock_timeout = '100ms'; " . sale('prepared'), extra_params => [ '-v', 'VERBOSITY=sqlstate' ]);
like($error, qr/IV409/, 'while it is prepared, the retry does not get through');
$node->safe_psql('shop', "COMMIT PREPARED 'p'");
is($node->safe_psql('shop', sale('prepared')), '7|t', 'once it is committed, the retry is answered');

note 'two-phase commit of every verb delivers its events';
wait_for_workers($node, 'shop');
ok(wait_for_ticks($node, 'shop'), 'all is in the log');
my $position = $node->safe_psql('shop', 'SELECT inventory_position()');
$node->safe_psql('shop', <<'END');
BEGIN;
SELECT FROM inventory_define('tea', 'shop', initial_quantity => 10);
SELECT FROM inventory_apply('[{"product_id": "tea", "warehouse_id": "shop", "quantity": -1}, {"product_id": "bean", "warehouse_id": "shop", "quantity": -1}]');
SELECT FROM inventory_reserve('[{"product_id": "tea", "warehouse_id": "shop", "quantity": 2}]', reservation_id => 'r');
SELECT FROM inventory_commit('r');
SELECT FROM inventory_set('tea', 'shop', 5, NULL);
SELECT FROM inventory_sync('[{"kind": "adjust", "idempotency_key": "s", "product_id": "tea", "warehouse_id": "shop", "quantity": -1}]');
SELECT FROM inventory_sweep();
PREPARE TRANSACTION 'all';
END
is($node->safe_psql('shop', "SELECT count(*) FROM inventory_events('$position')"), '0', 'nothing before the second phase');
$node->restart;
is($node->safe_psql('shop', "SELECT count(*) FROM inventory_events('$position')"), '0', 'nor after a restart');
$node->safe_psql('shop', "COMMIT PREPARED 'all'");
ok($node->poll_query_until('shop', "SELECT count(*) = 7 FROM inventory_events('$position')"), 'all of it after');
is($node->safe_psql('shop', "SELECT string_agg(product_id || (data->>'version'), ' ') FROM inventory_events('$position')"),
	'tea1 tea2 bean8 tea3 tea4 tea5 tea6', 'in its order');
$node->safe_psql('shop', "BEGIN; SELECT FROM inventory_adjust('tea', 'shop', -1); PREPARE TRANSACTION 'q'");
$node->safe_psql('shop', "ROLLBACK PREPARED 'q'");
is($node->safe_psql('shop', 'SELECT count(*) FROM inventory_reconcile()'), '0', 'and the books agree');

done_testing();
