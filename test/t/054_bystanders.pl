# What other sessions do stops neither sales nor the log.
#
# A migration in another database keeps an old transaction id for an hour; and a
# session that notifies holds, while it waits for a standby that is lost, the
# lock that all who notify need.
use strict;
use warnings;
use InventoryNode;
use Test::More;

my $node = new_node('main', 'max_prepared_transactions = 2', 'wal_level = replica', 'max_wal_senders = 2');
$node->start;
create_extension($node, 'shop');
$node->safe_psql('shop', "SELECT FROM inventory_define('bean', 'shop', initial_quantity => 1000)");
$node->safe_psql('shop', 'CREATE TABLE noise (n int)');
$node->safe_psql('postgres', 'CREATE DATABASE elsewhere; CREATE TABLE work (n int)');
my $position;

sub versions
{
	return $node->safe_psql('shop', "SELECT coalesce(string_agg(data ->> 'version', ' ' ORDER BY id), '') FROM inventory_events('$position')");
}

note 'a migration in another database';
my $migration = $node->background_psql('elsewhere');
$migration->query_safe('BEGIN; CREATE TABLE migrated (n int); INSERT INTO migrated VALUES (1)');
$node->safe_psql('postgres', "BEGIN; INSERT INTO work VALUES (1); PREPARE TRANSACTION 'forgotten'");
wait_for_ticks($node, 'shop');
$position = $node->safe_psql('shop', 'SELECT inventory_position()');
$node->safe_psql('shop', "SELECT FROM inventory_adjust('bean', 'shop', -1, 'out')") for 1 .. 3;
ok($node->poll_query_until('shop', "SELECT count(*) = 3 FROM inventory_events('$position')"), 'does not delay the log of ours');
is(versions(), '2 3 4', 'which has all, in order');
$migration->query_safe('COMMIT');
$migration->quit;
$node->safe_psql('postgres', "COMMIT PREPARED 'forgotten'");
$position = $node->safe_psql('shop', 'SELECT inventory_position()');

note 'a standby that is lost';
$node->safe_psql('postgres', "ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
$node->reload;
$node->poll_query_until('postgres', "SELECT setting = 'nobody' FROM pg_settings WHERE name = 'synchronous_standby_names'");
my $notifier = $node->background_psql('shop');
$notifier->query_until(qr/sent/, "\\echo sent\nINSERT INTO noise VALUES (1)\\; NOTIFY somebody;\n");
ok($node->poll_query_until('shop', "SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND query ~ 'NOTIFY somebody'"),
	'a session that has notified waits for it');
$node->safe_psql('shop', "SET statement_timeout = '30s'; SET synchronous_commit = local; SELECT FROM inventory_adjust('bean', 'shop', -1, 'out')") for 1 .. 5;
is($node->safe_psql('shop', 'SELECT version FROM inventory'), 9, 'sales that need not wait for it do not wait for the other session either');
is(versions(), '', 'what is not on the standby is told to nobody');
$node->safe_psql('postgres', "SET synchronous_commit = local; ALTER SYSTEM RESET synchronous_standby_names");
$node->reload;
ok($node->poll_query_until('shop', "SELECT count(*) = 5 FROM inventory_events('$position')"), 'and all is told when nobody waits for it any more');
is(versions(), '5 6 7 8 9', 'in order');
$notifier->quit;
is(scalar(log_lines($node, qr/PANIC|terminated by signal/)), 0, 'no server process has crashed');

done_testing();
