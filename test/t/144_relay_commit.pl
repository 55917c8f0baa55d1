# An operation is acknowledged after its COMMIT, and not before.
#
# A deferred trigger refuses some changes when everything else is done: their
# statements succeed, and their transactions do not.
use strict;
use warnings;
use InventoryNode;
use RelayProcess;
use Test::More;

my $node = new_node('main', 'restart_after_crash = on');
$node->start;
create_extension($node, 'shop');
$node->safe_psql('shop', <<'END');
SELECT FROM inventory_define('doomed', 'shop', initial_quantity => 100);
SELECT FROM inventory_define('fine', 'shop', initial_quantity => 100);
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not today'; END $$;
CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON inventory_movement DEFERRABLE INITIALLY DEFERRED
	FOR EACH ROW WHEN (NEW.product_id = 'doomed') EXECUTE FUNCTION refuse();
END
my $relay = RelayProcess->start($node, 'shop', '--operations-per-second', 100000, '--operation-burst', 100000, '--messages-per-second', 1000,
	'--message-burst', 1000);
my @clients = map { $relay->client(timeout => 60) } 1 .. 4;
for my $client (@clients)
{
	$client->send_json({ type => 'hello', protocol => 1, channels => [] });
	$client->wait_for(sub { $_->{type} eq 'welcome' });
}

# Of all clients at the same time, so that they travel together.
my (%answers, $shown);
for my $n (1 .. 10)
{
	$_->send_json({ type => 'adjust', id => "$n", productId => $n % 2 ? 'doomed' : 'fine', warehouseId => 'shop', quantity => 1, movementType => 'out' }) for @clients;
}
for my $client (@clients)
{
	for my $n (1 .. 10)
	{
		my $answer = $client->wait_for(sub { ($_->{id} // '') =~ /^\d+$/ });
		$answers{ $answer->{id} % 2 ? 'doomed' : 'fine' }{ $answer->{type} }++;
	}
}
is_deeply($answers{doomed}, { error => 20 }, 'what is refused at its COMMIT is answered with an error');
is_deeply($answers{fine}, { ack => 20 }, 'and its company is acknowledged');
is($node->safe_psql('shop', "SELECT string_agg(product_id || ' ' || quantity_available || ' ' || version, ', ' ORDER BY 1) FROM inventory"),
	'doomed 100 1, fine 80 21', 'as the database has it');

# A backend that is killed says nothing: what it was at may have committed, or
# not, and only asking again can tell.
my $other = $node->background_psql('shop');
$other->query_safe("BEGIN; SELECT FROM inventory WHERE product_id = 'fine' FOR UPDATE");
$clients[0]->send_json({ type => 'adjust', id => 'killed', productId => 'fine', warehouseId => 'shop', quantity => 1, movementType => 'out', timeoutMs => 60000 });
my $pid;
$relay->wait_until(sub {
	$pid = $node->safe_psql('postgres', "SELECT coalesce(max(pid), 0) FROM pg_stat_activity WHERE query ~ 'inventory_relay_sync' AND state = 'active' AND pid <> pg_backend_pid()");
}, 'the operation is on its way');
kill 'KILL', $pid;
my $answer = $clients[0]->wait_for(sub { ($_->{id} // '') eq 'killed' });
is($answer->{type}, 'ack', 'an operation whose backend was killed is asked about, and done') or diag explain $answer;
eval { $other->quit };
is($node->poll_query_until('postgres', 'SELECT true'), 1, 'the server is back');
is($node->safe_psql('shop', "SELECT quantity_available || ' ' || version FROM inventory WHERE product_id = 'fine'"), '79 22', 'once');
is($relay->stop, 0, 'the relay ends well');

done_testing();
