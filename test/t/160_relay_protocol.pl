# Protocol 1: hello and welcome, positions, replay, snapshots, batches.
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
SELECT FROM inventory_define('bean', 'north', initial_quantity => 1000);
SELECT FROM inventory_define('bean', 'south', initial_quantity => 1000);
SELECT FROM inventory_define('pea', 'north', initial_quantity => 1000);
END
my $relay = RelayProcess->start($node, 'shop', '--recent-events', 0, '--snapshot-page', 2, '--read-batch', 7);

sub adjust
{
	my ($product, $warehouse, $count) = @_;
	$node->safe_psql('shop', "SELECT FROM inventory_adjust('$product', '$warehouse', -1, 'out')") for 1 .. $count // 1;
	return $node->safe_psql('shop', "SELECT version FROM inventory WHERE product_id = '$product' AND warehouse_id = '$warehouse'");
}

# A client that has said hello, and its welcome.
sub hello
{
	my ($relay, %hello) = @_;
	my $client = $relay->client;
	$client->send_json({ type => 'hello', protocol => 1, %hello });
	return ($client, $client->wait_for(sub { $_->{type} eq 'welcome' }));
}

sub next_of
{
	my ($client, $type) = @_;
	return $client->wait_for(sub { $_->{type} eq $type });
}

# Versions of updates up to one, conflated or not, batched or not.
sub versions_until
{
	my ($client, $last) = @_;
	my @versions;
	until (@versions && $versions[-1] >= $last)
	{
		my $message = $client->next_json // die 'the connection ended';
		push @versions, map { $_->{data}{version} } grep { $_->{type} eq 'inventory.updated' } @{ $message->{events} // [$message] };
	}
	return \@versions;
}

note 'hello';
my ($client, $welcome) = hello($relay, id => 'h', client => { name => 'test', version => '1' });
is($welcome->{protocol}, 1, 'a hello is welcomed');
is($welcome->{id}, 'h', 'with its id');
like($welcome->{connectionId}, qr/^[0-9a-f]{32}$/, 'a number for the connection');
ok(abs($welcome->{serverTime} / 1000 - time) < 60, 'the time');
is_deeply($welcome->{limits}, { maxMessageBytes => 16384, maxChannels => 64, maxBatch => 100, messagesPerSecond => 10, operationsPerSecond => 200, maxPresence => 8 }, 'the limits');
is_deeply($welcome->{scope}, { organization => '', role => 'operator', warehouses => undef }, 'what one may see');
is_deeply($welcome->{user}, { id => 'anonymous' }, 'and who one is');
like($welcome->{position}, qr/^[0-9a-z.-]{1,64}$/, 'and where one stands');
my $subscribed = $client->next_json;
is("$subscribed->{type} $subscribed->{channel} $subscribed->{position}", "subscribed global $welcome->{position}", 'on global unless told otherwise');
my $version = adjust('bean', 'north');
my $event = $client->next_json;
is_deeply([ sort keys %$event ], [qw(data id position type)], 'an event has id and position');
is($event->{id}, $node->safe_psql('shop', 'SELECT max(id) FROM inventory_event'), 'its number in the log');
isnt($event->{position}, $welcome->{position}, 'and a position after the one before');
$client->send_json({ type => 'ping' });
is(next_of($client, 'pong')->{position}, $event->{position}, 'a pong says where one stands');
$client->send_json({ type => 'hello', protocol => 1, id => 2 });
is($client->next_json->{code}, 'bad_request', 'a second hello is refused');
$node->safe_psql('shop', "SELECT FROM inventory_adjust('bean', 'north', -1, 'out', idempotency_key => 'sale 1')");
$version++;
is(next_of($client, 'inventory.updated')->{op}, 'sale 1', 'an event carries the key of its operation');

note 'channels';
my ($two) = hello($relay, channels => [ 'product:pea', 'warehouse:south' ]);
is_deeply([ map { $two->next_json->{channel} } 1 .. 2 ], [ 'product:pea', 'warehouse:south' ], 'channels may be named in the hello');
$version = adjust('bean', 'north');
adjust('bean', 'south');
is(next_of($two, 'inventory.updated')->{data}{warehouseId}, 'south', 'which then are all that is heard');
my ($none) = hello($relay, channels => []);
$none->send_json({ type => 'subscribe', channels => [ 'global', 'product:pea' ], id => 5 });
is_deeply([ map { my $m = $none->next_json; "$m->{type} $m->{channel} $m->{id}" } 1 .. 2 ],
	[ 'subscribed global 5', 'subscribed product:pea 5' ], 'several can be followed at once');
is($none->drain, 0, 'and nothing is heard from before');

note 'snapshots';
my ($shown) = hello($relay, snapshot => JSON::PP::true);
my $page = next_of($shown, 'snapshot');
is($page->{channel}, 'global', 'a snapshot says of which channel it is');
is_deeply([ map { "$_->{productId} $_->{warehouseId}" } @{ $page->{items} } ], [ 'bean north', 'bean south' ], 'it comes in pages');
ok($page->{more}, 'which say that there are more');
my $last = next_of($shown, 'snapshot');
is_deeply([ map { "$_->{productId} $_->{version}" } @{ $last->{items} } ], ['pea 1'], 'to the last item');
ok(!exists $last->{more}, 'and then no more');
is($page->{items}[0]{version}, $version, 'with the versions of now');
$version = adjust('bean', 'north');
is(next_of($shown, 'inventory.updated')->{data}{version}, $version, 'and then come the events');
$shown->send_json({ type => 'subscribe', channel => 'product:pea', snapshot => JSON::PP::true });
is_deeply([ map { $_->{productId} } @{ next_of($shown, 'snapshot')->{items} } ], ['pea'], 'a later subscription can have one too');
my ($empty) = hello($relay, channels => ['product:nothing'], snapshot => JSON::PP::true);
is_deeply(next_of($empty, 'snapshot')->{items}, [], 'what is not there has an empty one');

note 'snapshots while stock moves';
my @writers = map { $node->background_psql('shop') } 1 .. 2;
$_->query_until(qr/go/, "\\echo go\nSELECT count(inventory_adjust('pea', 'north', -1, 'out')) FROM generate_series(1, 200);\n") for @writers;
my %held;
my ($mover) = hello($relay, snapshot => JSON::PP::true);
my $ended;
until ($ended && $held{'pea north'} >= 401)
{
	my $message = $mover->next_json;
	if ($message->{type} eq 'snapshot')
	{
		$held{"$_->{productId} $_->{warehouseId}"} = $_->{version} for @{ $message->{items} };
		$ended ||= !$message->{more};
	}
	elsif ($message->{type} eq 'inventory.updated' && defined $held{'pea north'} && $message->{data}{productId} eq 'pea')
	{
		die "a gap: $held{'pea north'}, then $message->{data}{version}" if $message->{data}{version} > $held{'pea north'} + ($message->{conflated} // 1);
		$held{'pea north'} = $message->{data}{version} if $message->{data}{version} > $held{'pea north'};
	}
}
is($held{'pea north'}, 401, 'snapshot and events together leave no gap');
$_->quit for @writers;

note 'coming back';
my $position = next_of($client, 'inventory.updated')->{position};
$version = adjust('bean', 'north');
versions_until($client, $version);
$client->send_json({ type => 'ping' });
$position = next_of($client, 'pong')->{position};
$client->drop;
my $newest = adjust('bean', 'north', 5);
my ($back, $again) = hello($relay, since => $position);
ok($again->{recovered}, 'a position the relay remembers is recovered');
is_deeply(versions_until($back, $newest), [ $version + 1 .. $newest ], 'what was missed comes in order');
$back->drop;
is($relay->stop, 0, 'the relay restarts');
$relay->run;
$relay->wait_until_ready;
my ($later, $from_log) = hello($relay, since => $position);
ok(!$from_log->{recovered}, 'a new one does not remember the position');
is_deeply(versions_until($later, $newest), [ $version + 1 .. $newest ], 'but reads it from the log, page by page');
my $next = adjust('bean', 'north');
is_deeply(versions_until($later, $next), [$next], 'and then goes on');
my ($filtered) = hello($relay, since => $position, channels => ['warehouse:south']);
adjust('bean', 'south');
is(next_of($filtered, 'inventory.updated')->{data}{warehouseId}, 'south', 'other channels are left out of a replay too');

note 'a position that is lost';
for my $lost ('1-abc', '999999-1f', 'x.y.z', $position =~ s/-.*/-1/r)
{
	my ($client) = hello($relay, since => $lost, channels => ['product:pea']);
	my $resync = next_of($client, 'resync');
	like($resync->{position}, qr/^\d+-/, "$lost is answered with resync");
	is_deeply([ map { $_->{version} } @{ next_of($client, 'snapshot')->{items} } ], [401], 'and snapshots');
}
$newest = adjust('bean', 'north');
versions_until($later, $newest);
$node->safe_psql('shop', 'UPDATE inventory_tick SET mark = mark + 1');
adjust('bean', 'north');
next_of($later, 'resync');
is((grep { $_->{warehouseId} eq 'north' && $_->{productId} eq 'bean' } @{ next_of($later, 'snapshot')->{items} })[0]{version},
	$newest + 1, 'when the log begins anew, a client of protocol 1 stays and starts over');

note 'batches';
my ($batched) = hello($relay, accept => ['batch']);
next_of($batched, 'subscribed');
$node->safe_psql('shop', "SELECT count(inventory_adjust('bean', 'south', -1, 'out')) FROM generate_series(1, 300)");
my ($frames, $events, $where) = (0, 0, '');
while ($events < 300)
{
	my $message = $batched->next_json;
	$frames++;
	$events += $_->{conflated} // 1 for @{ $message->{events} // [$message] };
	is($message->{position}, $message->{events}[-1]{position}, 'a batch stands where its last event does') if $message->{events} && !$where++;
}
ok($frames < 100, "300 events come in fewer frames ($frames)");

note 'fewer frames';
my ($rare) = hello($relay, maxRate => 5);
next_of($rare, 'subscribed');
my $began = time;
$node->safe_psql('shop', "SELECT count(inventory_adjust('bean', 'south', -1, 'out')) FROM generate_series(1, 200)");
$version = adjust('bean', 'south');
($frames, $events) = (0, 0);
while ($events < 201)
{
	my $message = next_of($rare, 'inventory.updated');
	$frames++;
	$events += $message->{conflated} // 1;
	is($message->{data}{version}, $version, 'the last of them is the newest') if $events == 201;
}
ok($frames <= 2 + 5 * (time - $began), "who asks for 5 a second gets no more ($frames for $events)");

note 'the link and the end';
my $publisher = worker_pid($node, 'publisher', 'shop');
my $stale = RelayProcess->start($node, 'shop', '--poll-interval', '100ms', '--stale-after', '1s');
my ($watcher) = hello($stale);
kill 'STOP', $publisher;
my $told = eval { next_of($watcher, 'stale') };
kill 'CONT', $publisher;
ok($told && $told->{since} > 0, 'a client is told that what it sees may be old');
ok(next_of($watcher, 'fresh')->{position}, 'and when it is not any more');
kill 'TERM', $stale->pid;
is(next_of($watcher, 'drain')->{reconnectWindowMs}, 10000, 'before a restart it is told over which time to come back');
is($watcher->wait_for_close, 4200, 'and then closed');
is($stale->wait_for_exit, 0, 'the relay ends well');
is($relay->stop, 0, 'so does the other');

done_testing();
