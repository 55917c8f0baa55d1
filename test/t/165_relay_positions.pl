# Where a client stands: before its welcome, within a tick, while the link is down.
use strict;
use warnings;
use InventoryNode;
use JSON::PP;
use RelayProcess;
use Test::More;
use Time::HiRes qw(time);

my $node = new_node('main');
$node->start;
create_extension($node, 'shop');
$node->safe_psql('shop', <<'END');
SELECT FROM inventory_define('bean', 'north', initial_quantity => 100000);
SELECT FROM inventory_define('pea', 'north', initial_quantity => 100000);
END
my $relay = RelayProcess->start($node, 'shop', '--recent-events', 0, '--read-batch', 2);

# Changes in one transaction; the last version.
sub adjust
{
	my ($product, $count) = @_;
	$node->safe_psql('shop', "SELECT count(inventory_adjust('$product', 'north', -1, 'out')) FROM generate_series(1, $count)");
	return $node->safe_psql('shop', "SELECT version FROM inventory WHERE product_id = '$product'");
}

sub hello
{
	my ($relay, %hello) = @_;
	my $client = $relay->client;
	$client->send_json({ type => 'hello', protocol => 1, %hello });
	return ($client, $client->wait_for(sub { $_->{type} eq 'welcome' }));
}

sub next_of { my ($client, $type) = @_; return $client->wait_for(sub { $_->{type} eq $type }) }

# What is heard until a ping is answered.
sub heard { my ($client) = @_; return grep { $_->{type} eq 'inventory.updated' } $client->drain }

note 'before the welcome';
my $early = $relay->client;
$early->drain;
my $version = adjust('bean', 1);
my $plain = $early->next_json;
is_deeply([ sort keys %$plain ], [qw(data type)], 'before a hello frames are plain');
$early->send_json({ type => 'hello', protocol => 1, channels => ['product:bean'] });
my @frames = map { $early->next_json } 1 .. 2;
is_deeply([ map { $_->{type} } @frames ], [qw(welcome subscribed)], 'a welcome ends that');
adjust('pea', 1);
adjust('bean', 1);
my $event = $early->next_json;
is_deeply([ sort keys %$event ], [qw(data id position type)], 'after it they have id and position');
is($event->{data}{version}, $version + 1, 'and global is not followed any more');

note 'within a tick';
my ($witness, $welcome) = hello($relay, channels => ['product:bean']);
next_of($witness, 'subscribed');
my $first = adjust('bean', 7) - 6;
my @events = map { next_of($witness, 'inventory.updated') } 1 .. 7;
is_deeply([ map { $_->{data}{version} } @events ], [ $first .. $first + 6 ], 'a transaction of seven changes is heard in order');
my %ticks = map { $_->{position} =~ /^(\d+)-/ ? ($1 => 1) : () } @events;
is(scalar keys %ticks, 1, 'in one tick');
is(scalar keys %{ { map { $_->{position} => 1 } @events } }, 7, 'and each has a position of its own');
for my $from ('memory', 'the log')
{
	for my $i (0 .. 6)
	{
		my ($client, $welcome) = hello($relay, channels => ['product:bean'], since => $events[$i]{position});
		# The last of them is where even a new relay stands.
		is(!!$welcome->{recovered}, $from eq 'memory' || $i == 6, "position $i is found in $from");
		is_deeply([ map { $_->{data}{version} } heard($client) ], [], 'nothing is heard twice') if $i == 6;
		my @rest = map { next_of($client, 'inventory.updated')->{data}{version} } $i + 1 .. 6;
		is_deeply(\@rest, [ $first + $i + 1 .. $first + 6 ], 'what follows is the rest of the tick');
		$client->drop;
	}
	is($relay->stop, 0, 'the relay ends well');
	$relay->run;
	$relay->wait_until_ready;
}

note 'while the publisher stands still';
my $stale = RelayProcess->start($node, 'shop', '--poll-interval', '100ms', '--stale-after', '500ms');
my $publisher = worker_pid($node, 'publisher', 'shop');
my ($watcher) = hello($stale);
kill 'STOP', $publisher;
my $told = eval { next_of($watcher, 'stale') };
my $late = eval {
	my ($client) = hello($stale);
	[ $client, next_of($client, 'stale') ];
};
my @again = eval { grep { $_->{type} eq 'stale' } $watcher->drain };
kill 'CONT', $publisher;
ok($told, 'who is connected is told');
is(scalar @again, 0, 'once');
ok($late, 'and so is who comes meanwhile') or diag($@);
is($late->[1]{since}, $told->{since}, 'since when') if $late;
like(next_of($_, 'fresh')->{position}, qr/^\d+-/, 'and that it is over') for $watcher, $late ? $late->[0] : ();
is($stale->stop, 0, 'that relay ends well');

note 'before the log was read';
my $lock = $node->background_psql('shop');
$lock->query_until(qr/locked/, "BEGIN; LOCK inventory_tick;\n\\echo locked\n");
my $starting = RelayProcess->launch($node, 'shop', '--stale-after', '600s');
$starting->wait_until(sub { (eval { $starting->get('/api/session')->{status} } // 0) == 200 }, 'rights can be asked');
is($starting->get('/readyz')->{status}, 503, 'it cannot tell yet where it stands');
my $waiting = $starting->client;
$waiting->send_json({ type => 'hello', protocol => 1 });
is($starting->get('/api/session')->{status}, 200, 'rights are known meanwhile');
$lock->query_until(qr/unlocked/, "COMMIT;\n\\echo unlocked\n");
$lock->quit;
$welcome = next_of($waiting, 'welcome');
like($welcome->{position}, qr/^\d+-/, 'a welcome waits until there is a position');
is(next_of($waiting, 'subscribed')->{position}, $welcome->{position}, 'which is where one is subscribed');
$version = adjust('bean', 1);
is(next_of($waiting, 'inventory.updated')->{data}{version}, $version, 'and nothing is missed from there');
is($starting->stop, 0, 'that relay ends well too');

note 'fewer frames for everybody';
my $sparing = RelayProcess->start($node, 'shop', '--max-rate', 5);
my $listener = $sparing->client;
$listener->drain;
my ($eager, $limits) = hello($sparing, maxRate => 1000);
is($limits->{limits}{maxRate}, 5, 'the limit is told');
my $began = time;
my $newest = adjust('bean', 200);
for my $client ($listener, $eager)
{
	my ($frames, $seen) = (0, 0);
	until ($seen == $newest)
	{
		$seen = next_of($client, 'inventory.updated')->{data}{version};
		$frames++;
	}
	cmp_ok($frames, '<=', 2 + 5 * (time - $began), "200 changes come in $frames frames");
}
is($sparing->stop, 0, 'it ends well');
is($relay->stop, 0, 'so does the first');

done_testing();
