# Nothing is lost: whoever restarts, hangs up or falls behind.
use strict;
use warnings;
use InventoryNode;
use RelayProcess;
use Test::More;

my $node = new_node('main');
$node->start;
create_extension($node, 'shop');
$node->safe_psql('shop', "SELECT FROM inventory_define('bean', 'shop', initial_quantity => 100000)");
# A reader that does not read answers no pings either, and is to be closed for the former.
my $relay = RelayProcess->start($node, 'shop', '--stale-after', '1s', '--queue-size', '1MiB', '--ping-interval', '60s', '--ping-timeout', '120s');

sub adjust
{
	my ($count) = @_;
	$node->safe_psql('shop', join ";\n", ("SELECT FROM inventory_adjust('bean', 'shop', -1, 'out')") x ($count // 1));
	return $node->safe_psql('shop', "SELECT version FROM inventory WHERE product_id = 'bean'");
}

# The versions told to a client up to this one.
sub versions_until
{
	my ($client, $last) = @_;
	my @versions;
	push @versions, $client->wait_for(sub { $_->{type} eq 'inventory.updated' && $_->{data}{productId} eq 'bean' })->{data}{version}
	  until @versions && $versions[-1] >= $last;
	return \@versions;
}

note 'the server restarts';
my $client = $relay->client;
my $version = adjust();
is_deeply(versions_until($client, $version), [$version], 'a change is told before');
$node->restart;
my $last = adjust(5);
is_deeply(versions_until($client, $last), [ $version + 1 .. $last ], 'changes made before the relay is back are told after');

note 'the server crashes';
$version = $last;
$node->stop('immediate');
$node->start;
$last = adjust(5);
is_deeply(versions_until($client, $last), [ $version + 1 .. $last ], 'so are changes made after a crash');

note 'the connection is cut, again and again';
$version = $last;
for (1 .. 5)
{
	$node->safe_psql('shop', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'inventory-relay'");
	$last = adjust(3);
}
is_deeply(versions_until($client, $last), [ $version + 1 .. $last ], 'every change is told once, in order');
is($client->close_code, undef, 'clients stay connected all the while');

note 'notifications are lost';
$version = $last;
$node->safe_psql('shop', "ALTER SYSTEM SET inventory.notify_channel = 'elsewhere'");
$node->safe_psql('shop', 'SELECT pg_reload_conf()');
$last = adjust(3);
is_deeply(versions_until($client, $last), [ $version + 1 .. $last ], 'the poll finds the changes');
$node->safe_psql('shop', 'ALTER SYSTEM RESET inventory.notify_channel');
$node->safe_psql('shop', 'SELECT pg_reload_conf()');

note 'the publisher stands still';
my $publisher = worker_pid($node, 'publisher', 'shop');
kill 'STOP', $publisher;
$relay->wait_until(sub { $relay->get('/readyz')->{status} == 503 }, 'it is stale');
like($relay->get('/readyz')->{body}, qr/publisher/, '/readyz is 503 and says why');
kill 'CONT', $publisher;
$relay->wait_until_ready;
pass('and 200 when the publisher is back');

note 'the relay is away';
my $position = $node->safe_psql('shop', 'SELECT inventory_position()');
is($relay->stop('KILL') & 127, 9, 'the relay is killed');
$version = $last;
$last = adjust(50);
ok(wait_for_ticks($node, 'shop'), '50 changes are made');
my $told = $node->safe_psql('shop', "SELECT string_agg(data->>'version', ' ') FROM inventory_events('$position')");
is($told, join(' ', $version + 1 .. $last), 'the log has the 50 in order for whoever reads on');
$relay->run;
$relay->wait_until_ready;
$client = $relay->client;
$version = $last;
$last = adjust(2);
is_deeply(versions_until($client, $last), [ $version + 1 .. $last ], 'who connects to the new relay hears what happens now');

note 'the log begins anew';
my $bystander = $relay->client;
$node->safe_psql('shop', 'UPDATE inventory_tick SET mark = mark + 1');
$last = adjust();
is($client->wait_for_close, 4202, 'clients are told to load anew');
is($bystander->wait_for_close, 4202, 'all of them');
is($relay->metric('resyncs_total{reason="log"}'), 1, 'it is counted');
$client = $relay->client;
$version = $last;
$last = adjust();
is(versions_until($client, $last)->[-1], $last, 'and what happens then is told');

note 'a reader that does not read';
my $slow = $relay->client(receive_buffer => 4096);
my $events = 0;
for (1 .. 30)
{
	$node->safe_psql('shop', "SELECT count(inventory_adjust('bean', 'shop', 1)) FROM generate_series(1, 500)");
	$events += 501;
	$version = adjust();
	die "the others miss events" if versions_until($client, $version)->[-1] != $version;
}
is($slow->close_code // $relay->metric('closes_total{code="4101"}') // 0, 0, "is not closed while its queue can be conflated ($events events)");
my @late = grep { $_->{type} eq 'inventory.updated' } $slow->drain;
is($late[-1]{data}{version}, $version, 'when it reads again it ends at the newest version');
my $stands_for = 0;
$stands_for += $_->{conflated} // 1 for @late;
is($stands_for, $events, 'and is told how many each frame stands for, which are all');
ok(@late < $events, 'in fewer frames (' . @late . ')');

for my $round (1 .. 100)
{
	last if $relay->metric('closes_total{code="4101"}');
	$node->safe_psql('shop', "SELECT FROM generate_series(1, 500) AS n CROSS JOIN LATERAL inventory_define('pea' || $round || '.' || n, 'shop')");
	$version = adjust();
	versions_until($client, $version);
}
is($relay->metric('closes_total{code="4101"}'), 1, 'it is closed when more waits than fits');
like($relay->log, qr/slow reader \(queued 10\d{5} bytes\)/, 'the log says so');
is_deeply(versions_until($client, adjust()), [ $version + 1 ], 'the others have heard everything');

note 'ending';
my @clients = map { $relay->client } 1 .. 5;
my $pid = $relay->pid;
kill 'TERM', $pid;
is($_->wait_for_close, 4200, 'a client is told that the relay restarts') for $client, @clients;
is($relay->wait_for_exit, 0, 'and the relay ends well');
$relay->run;
$relay->wait_until_ready;
my $silent = $relay->client(answers_pings => 0);
$relay->signal('INT');
is($relay->wait_for_exit, 0, 'also when a client does not answer');

note 'without the extension';
my $empty = RelayProcess->launch($node, 'postgres');
$empty->wait_for_log(qr/the extension pg_inventory is not installed in this database/);
pass('the log says what is missing');
is($empty->get('/readyz')->{status}, 503, 'and /readyz that it does not work');
create_database($node, 'later');
my $waiting = RelayProcess->launch($node, 'later');
$waiting->wait_for_log(qr/not installed/);
$node->safe_psql('later', 'CREATE EXTENSION pg_inventory');
$waiting->wait_until_ready;
pass('it begins when the extension has come');

note 'reloading';
$waiting->signal('HUP');
$waiting->wait_for_log(qr/configuration reloaded/);
pass('the configuration is read again');
is($waiting->stop, 0, 'and the relay goes on until it is stopped');

done_testing();
