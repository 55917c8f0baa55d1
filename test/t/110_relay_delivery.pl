# Events reach those who follow them: once each, in order, byte for byte.
use strict;
use warnings;
use InventoryNode;
use JSON::PP;
use RelayProcess;
use Test::More;

my $node = new_node('main');
$node->start;
create_extension($node, 'shop');
$node->safe_psql('shop', "SELECT FROM inventory_define('$_->[0]', '$_->[1]', initial_quantity => 1000, minimum_stock => 5)")
  for [ 'prod_123', 'wh_456' ], [ 'prod_123', 'wh_2' ], [ 'prod_2', 'wh_456' ], [ 'a:b%c', 'wh 1' ];
# Every change is to be told here, also when they come faster than they are read.
my $relay = RelayProcess->start($node, 'shop', '--conflate-size', '3MiB');

sub adjust
{
	my ($product, $warehouse, $quantity) = @_;
	return $node->safe_psql('shop', "SELECT movement_id FROM inventory_adjust('$product', '$warehouse', $quantity)");
}

sub follow
{
	my ($client, @channels) = @_;
	for my $channel (@channels)
	{
		$client->send_json({ type => 'subscribe', channel => $channel });
		$client->wait_for(sub { $_->{type} eq 'subscribed' && $_->{channel} eq $channel });
	}
	return $client;
}

sub stays_without_global
{
	my ($client) = @_;
	$client->send_json({ type => 'unsubscribe', channel => 'global' });
	$client->wait_for(sub { $_->{type} eq 'unsubscribed' });
	return $client;
}

sub is_update { return $_->{type} eq 'inventory.updated' }

note 'the plain dialect';
my $client = $relay->client;
$client->send_json({ type => 'ping' });
my $pong = $client->next_json;
is($pong->{type}, 'pong', 'a ping is answered');
ok(abs($pong->{timestamp} / 1000 - time) < 60, 'with the time in milliseconds');
$client->send_text('{"type":"subscribe","channel":"product:prod_123","id":"x1"}');
is($client->next_text, '{"type":"subscribed","channel":"product:prod_123","id":"x1"}', 'a subscription is confirmed');
adjust('prod_123', 'wh_456', -10);
my $event = $client->next_json;
is($event->{type}, 'inventory.updated', 'a change is told');
is($event->{data}{quantityAvailable}, 990, 'with the new quantity');
is($event->{data}{changeAmount}, -10, 'and the change');
is_deeply([ $client->drain ], [], 'once, though the product and global are followed');
is_deeply([ sort keys %$event ], [ 'data', 'type' ], 'and nothing else is in the frame');

note 'bytes';
adjust('prod_123', 'wh_456', 1);
my $frame = $client->next_text;
my $stored = $node->safe_psql('shop', 'SELECT data FROM inventory_event ORDER BY id DESC LIMIT 1');
is($frame, qq({"type":"inventory.updated","data":$stored}), 'the data is what the database has, byte for byte');

note 'channels';
my %clients = (
	'product:prod_123' => undef, 'warehouse:wh_456' => undef,
	'product:prod_123:warehouse:wh_456' => undef, 'product:nobody' => undef, 'product:a%3Ab%25c' => undef);
$clients{$_} = follow(stays_without_global($relay->client), $_) for keys %clients;
adjust('prod_123', 'wh_456', 1);
adjust('prod_123', 'wh_2', 1);
adjust('prod_2', 'wh_456', 1);
adjust('a:b%c', 'wh 1', 1);
my %got;
$client->wait_for(sub { is_update() && $_->{data}{productId} eq 'a:b%c' });
for my $channel (keys %clients)
{
	$got{$channel} = join ' ', map { "$_->{data}{productId}/$_->{data}{warehouseId}" } $clients{$channel}->drain;
}
is($got{'product:prod_123'}, 'prod_123/wh_456 prod_123/wh_2', 'a product channel has the product in every warehouse');
is($got{'warehouse:wh_456'}, 'prod_123/wh_456 prod_2/wh_456', 'a warehouse channel has everything there');
is($got{'product:prod_123:warehouse:wh_456'}, 'prod_123/wh_456', 'their pair has the one item');
is($got{'product:nobody'}, '', 'a channel of an item that is not there is silent');
is($got{'product:a%3Ab%25c'}, 'a:b%c/wh 1', 'ids in channels are decoded');

note 'alerts';
adjust('prod_2', 'wh_456', -997);
is($client->wait_for(sub { !is_update() })->{type}, 'inventory.low_stock', 'a low stock is told');
adjust('prod_2', 'wh_456', -4);
is($client->wait_for(sub { !is_update() })->{type}, 'inventory.out_of_stock', 'so is an empty shelf');

note 'order';
my $busy = follow(stays_without_global($relay->client), 'product:prod_123:warehouse:wh_2');
my @versions;
at_once($node, 'shop', map { join "\n", ("SELECT FROM inventory_adjust('prod_123', 'wh_2', 1);") x 25 } 1 .. 8);
push @versions, $busy->wait_for(\&is_update)->{data}{version} for 1 .. 200;
is_deeply(\@versions, [ $versions[0] .. $versions[0] + 199 ], '200 changes by eight writers come in the order of their versions');
is($node->safe_psql('shop', "SELECT version FROM inventory WHERE product_id = 'prod_123' AND warehouse_id = 'wh_2'"),
	$versions[-1], 'to the last');
$node->safe_psql('shop', <<'END');
SELECT count(inventory_adjust('prod_123', 'wh_2', 1)) FROM generate_series(1, 2500);
END
my $count = 0;
$count++ until $busy->wait_for(\&is_update)->{data}{version} == $versions[-1] + 2500;
is($count + 1, 2500, 'one transaction of 2,500 changes is told change by change');

note 'other organizations';
$node->safe_psql('shop', <<'END');
SET inventory.organization = 'elsewhere';
SELECT FROM inventory_define('prod_123', 'wh_456', initial_quantity => 7);
SELECT FROM inventory_adjust('prod_123', 'wh_456', 1);
END
adjust('prod_123', 'wh_456', 1);
is($client->wait_for(sub { is_update() && $_->{data}{productId} eq 'prod_123' && $_->{data}{warehouseId} eq 'wh_456' })->{data}{quantityAvailable},
	993, 'events of another organization are not delivered');
is(scalar(grep { $_->{quantityAvailable} == 8 } @{ decode_json($relay->get('/api/inventory')->{body}) }), 0, 'nor are its items listed');

note 'what is wrong is answered';
my $other = $relay->client;
my @wrong = (
	[ 'not JSON', '{"type":', 'bad_request' ],
	[ 'JSON that is no object', '[]', 'bad_request' ],
	[ 'a repeated name', '{"type":"ping","type":"ping"}', 'bad_request' ],
	[ 'an unknown type', '{"type":"dance"}', 'unknown_type' ],
	[ 'a missing channel', '{"type":"subscribe"}', 'bad_request' ],
	[ 'a malformed channel', '{"type":"subscribe","channel":"product:"}', 'bad_request' ],
	[ 'too deep a message', '[' x 9 . ']' x 9, 'bad_request' ]);
for (@wrong)
{
	my ($what, $text, $code) = @$_;
	$other->send_text($text);
	my $reply = $other->next_json;
	is($reply->{type}, 'error', "$what is an error");
	is($reply->{code}, $code, "with the code $code");
	ok(!$reply->{retryable}, 'that no retry mends');
}
is_deeply([ $other->drain ], [], 'and the connection goes on');

note 'limits';
my $limited = RelayProcess->start($node, 'shop', '--max-channels', 3, '--messages-per-second', 1, '--message-burst', 6,
	'--max-connections', 3, '--max-message-size', 300, '--event-loop', 'poll');
my $greedy = $limited->client;
$greedy->send_json({ type => 'subscribe', channel => "product:$_" }) for 1 .. 3;
is($greedy->next_json->{type}, 'subscribed', "channel $_ is followed") for 2 .. 3;
my $full = $greedy->next_json;
is("$full->{type} $full->{code} $full->{channel}", 'error overloaded product:3', 'one more is refused');
$greedy->send_json({ type => 'ping' }) for 1 .. 4;
is($greedy->next_json->{type}, 'pong', "message $_ of the burst is taken") for 4 .. 6;
my $reply = $greedy->next_json;
is("$reply->{type} $reply->{code}", 'error rate_limited', 'the next is refused');
ok($reply->{retryable} && $reply->{retryAfterMs} > 0 && $reply->{retryAfterMs} <= 1001, 'with the time to wait');
$greedy->send_json({ type => 'subscribe', channel => 'product:4', id => 'x' });
$reply = $greedy->next_json;
is("$reply->{code} $reply->{channel} $reply->{id}", 'rate_limited product:4 x', 'and for what');
$greedy->send_json({ type => 'ping' }) for 1 .. 200;
# He is still sending when he is closed, and a reset may overtake the frame.
my $why = $greedy->wait_for_close;
ok(!defined $why || $why == 4100, 'who never stops is closed');
$limited->wait_until(sub { ($limited->metric('closes_total{code="4100"}') // 0) == 1 }, 'the relay has counted it');

my $long = $limited->client;
$long->send_text('{"type":"ping","id":"' . 'x' x 100 . '"}');
is($long->next_json->{type}, 'pong', 'a message within the limit is taken');
$long->send_text('{"type":"ping","x":"' . 'x' x 300 . '"}');
is($long->next_json->{code}, 'too_large', 'a longer one is answered');
is($long->wait_for_close, 1009, 'and ends the connection');

my @held = map { $limited->client } 1 .. 3;
ok(!eval { $limited->client; 1 }, 'a connection beyond the limit is refused');
like($limited->log, qr/refused a connection: there are 3 \(max-connections\)/, 'and the log says so');
is($limited->metric('sessions'), 3, 'metrics can be read all the same');
$_->drop for @held;
$limited->wait_until(sub { $limited->metric('sessions') == 0 }, 'the sessions are gone');
ok($limited->client, 'when others have gone there is room again');

note 'metrics';
ok($relay->metric('events_read_total') >= 2700, 'events read are counted');
ok($relay->metric('commit_to_send_seconds_count') >= 2700, 'and the time of their delivery');
is($relay->metric('sessions'), 8, 'so are sessions');
is($limited->metric('closes_total{code="1009"}'), 1, 'and closes by their code');

done_testing();
