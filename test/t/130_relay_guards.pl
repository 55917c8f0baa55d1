# Hostile bytes: one connection ends, with the right code, and no other notices.
use strict;
use warnings;
use InventoryNode;
use RelayProcess;
use Test::More;
use Time::HiRes qw(time);

my $node = new_node('main');
$node->start;
create_extension($node, 'shop');
$node->safe_psql('shop', "SELECT FROM inventory_define('bean', 'shop', initial_quantity => 100)");

for my $loop (qw(ev poll))
{
	my $relay = RelayProcess->start($node, 'shop', '--event-loop', $loop);
	my $witness = $relay->client;

	note "the upgrade, on $loop";
	my %refused = (
		'h2c' => { Upgrade => 'h2c', Connection => 'Upgrade, HTTP2-Settings', 'HTTP2-Settings' => 'AAMAAABkAAQAAP__' },
		'an unknown protocol' => { Upgrade => 'gopher' },
		'websocket and more' => { Upgrade => 'websocket, h2c' },
		'version 8' => { 'Sec-WebSocket-Version' => 8 },
		'version 13x' => { 'Sec-WebSocket-Version' => '13x' },
		'no version' => { 'Sec-WebSocket-Version' => undef },
		'no key' => { 'Sec-WebSocket-Key' => undef },
		'no host' => { Host => undef });
	for my $what (sort keys %refused)
	{
		my $response = eval { $relay->socket->upgrade(headers => $refused{$what}) };
		ok(!$response || $response->{status} >= 400, "an upgrade with $what is refused");
	}
	is($relay->socket->upgrade(path => '/other')->{status}, 404, 'as is one on another path');
	my $response = $relay->socket->upgrade(headers => { 'Sec-WebSocket-Extensions' => 'permessage-deflate; client_max_window_bits' });
	is($response->{status}, 101, 'an offer of compression is');
	is($response->{headers}{'sec-websocket-extensions'}, undef, 'not taken up');
	is($relay->socket->upgrade(headers => { Connection => 'keep-alive, Upgrade' })->{status}, 101, 'a browser\'s Connection header is fine');

	note "sockets that are no WebSocket, on $loop";
	for my $bytes ("CONNECT x HTTP/1.1\r\n\r\n", "CONNECT x:1 HTTP/1.1\r\nHost: localhost\r\n\r\n", "\x16\x03\x01\x02\x00\x01\x00",
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET / HTTP/1.1\r\n" . "X: y\r\n" x 5000 . "\r\n",
		'GET /' . 'x' x 20000 . " HTTP/1.1\r\nHost: localhost\r\n\r\n", "\0" x 100)
	{
		my $socket = $relay->socket(timeout => 20);
		$socket->send_bytes($bytes);
		my $answer = eval { $socket->http_response };
		ok(!defined $answer || $answer->{status} >= 400, sprintf('%d bytes that begin with "%s" lead nowhere',
			length $bytes, substr($bytes, 0, 8) =~ s/[^ -~]/./gr));
		my $deadline = time + 15;
		1 while $socket->is_readable($deadline - time) && time < $deadline && sysread($socket->{socket}, my $rest, 65536);
		ok(time < $deadline, 'and the connection ends');
	}

	note "frames, on $loop";
	my @frames = (
		[ 'a reserved bit', 1002, sub { $_[0]->send_frame('x', reserved => 4) } ],
		[ 'an unknown opcode', 1002, sub { $_[0]->send_frame('x', opcode => 3) } ],
		[ 'a ping in fragments', 1002, sub { $_[0]->send_frame('x', opcode => WebSocketClient::PING, final => 0) } ],
		[ 'a long ping', 1002, sub { $_[0]->send_frame('x' x 126, opcode => WebSocketClient::PING) } ],
		[ 'a continuation of nothing', 1002, sub { $_[0]->send_frame('x', opcode => 0) } ],
		[ 'bytes that are no UTF-8', 1007, sub { $_[0]->send_frame("\"\xff\xfe\"") } ],
		[ 'half a UTF-8 character', 1007, sub { $_[0]->send_frame("\xc3") } ],
		[ 'a binary message', 1003, sub { $_[0]->send_frame('{"type":"ping"}', opcode => WebSocketClient::BINARY) } ],
		[ 'a frame of 2^62 bytes', 1009, sub { $_[0]->send_frame('x' x 100, claimed_size => 2**62) } ],
		[ 'a frame of 16 MiB', 1009, sub { $_[0]->send_frame('x' x 100, claimed_size => 16 << 20) } ],
		[ 'endless fragments', 1009, sub { $_[0]->send_frame('x' x 1000, opcode => $_ ? 0 : 1, final => 0) for 0 .. 20 } ]);
	for (@frames)
	{
		my ($what, $code, $send) = @$_;
		my $client = $relay->client;
		$send->($client);
		my $got = $client->wait_for_close;
		ok(!defined $got || $got == $code, "$what ends the connection" . (defined $got ? " with $got" : ''));
		is($got, $code, "with $code") if $code == 1009 || $code == 1003 || $code == 1007;
	}

	note "frames that are fine, on $loop";
	my $client = $relay->client;
	$client->send_frame('{"ty', final => 0);
	$client->send_frame('hello', opcode => WebSocketClient::PING);
	$client->send_frame('pe":"pi', opcode => 0, final => 0);
	$client->send_frame('ng"}', opcode => 0);
	my $pong = $client->next_frame;
	is("$pong->{opcode} $pong->{payload}", WebSocketClient::PONG . ' hello', 'a ping between fragments is answered');
	is($client->next_json->{type}, 'pong', 'and the message is put together');
	$client->send_frame('', final => 0);
	$client->send_frame('', opcode => 0, final => 0) for 1 .. 200;
	$client->send_frame('{"type":"ping"}', opcode => 0);
	is($client->next_json->{type}, 'pong', 'empty fragments add up to nothing');
	$client->send_frame('{"type":"ping","x":"' . 'y' x 16_000 . '"}');
	is($client->next_json->{type}, 'pong', 'a message of 16,000 bytes is taken whole');
	$client->send_bytes(join '', map { pack('CCN', 0x81, 0x80 | 15, 0) . '{"type":"ping"}' } 1 .. 5);
	is($client->next_json->{type}, 'pong', "message $_ of five in one packet is taken") for 1 .. 5;
	is($client->close(1000), 1000, 'a close is answered with its code');
	is($relay->client->close(4321), 4321, 'also one of the client\'s own');

	note "silence, on $loop";
	my $strict = RelayProcess->start($node, 'shop', '--event-loop', $loop, '--ping-interval', '1s', '--ping-timeout', '3s');
	my $deaf = $strict->client(answers_pings => 0, timeout => 20);
	my $started = time;
	$deaf->wait_for_close;
	my $lasted = time - $started;
	ok($lasted > 1.5 && $lasted < 8, sprintf('who does not answer pings is dropped (after %.1f s of 3)', $lasted));
	is($strict->stop, 0, 'the relay that asked ends well');
	my $half = $relay->socket(timeout => 30);
	$half->send_bytes("GET /livez HTTP/1.1\r\nHost: lo");
	ok(!defined $half->http_response, 'who does not finish a request is dropped');

	note "the witness, on $loop";
	$node->safe_psql('shop', "SELECT FROM inventory_adjust('bean', 'shop', -1, 'out')");
	is($witness->wait_for(sub { $_->{type} eq 'inventory.updated' })->{data}{changeAmount}, -1, 'another client hears its events');
	is($relay->stop, 0, 'and the relay ends well');
}

done_testing();
