# What comes before the first frame, and who never sends one: RFC 6455 section
# 4, masks (5.1), and ways to make an HTTP server something else.
use strict;
use warnings;
use Conformance;
use InventoryNode;
use RelayProcess;
use Socket qw(SHUT_WR);
use Test::More;
use Time::HiRes qw(time usleep);

use constant { TEXT => 1, CLOSE => 8, PING => 9 };

my $node = new_node('main');
$node->start;
create_extension($node, 'shop');
my $relay = RelayProcess->start($node, 'shop', '--log-level', 'warning', '--ping-interval', '300s',
	'--ping-timeout', '600s');
relay_under_test($relay);

my $host = '127.0.0.1:' . $relay->port;
my $key = 'dGhlIHNhbXBsZSBub25jZQ==';    # the RFC's own example
my @usual = ("Host: $host", 'Upgrade: websocket', 'Connection: Upgrade', "Sec-WebSocket-Key: $key", 'Sec-WebSocket-Version: 13');

# The usual headers without those of these names, and with these lines instead.
sub request
{
	my ($first, $without, @lines) = @_;
	my @kept = grep { my ($name) = /^([^:]+)/; !grep { lc $_ eq lc $name } @$without } @usual;

	return join("\r\n", $first, @kept, @lines) . "\r\n\r\n";
}

# The response to bytes on a connection of their own; status 0 when there is none.
sub response_to
{
	my ($bytes) = @_;
	my $socket = $relay->socket(timeout => 20);

	$socket->send_bytes($bytes);
	my $response = eval { $socket->http_response } // { status => 0, headers => {} };
	$response->{socket} = $socket;
	return $response;
}

# Whether a connection ends within so many seconds, whatever comes before.
sub ends_within
{
	my ($socket, $seconds) = @_;
	my $deadline = time + $seconds;

	while ((my $left = $deadline - time) > 0)
	{
		next if !$socket->is_readable($left);
		$socket->{input} = '';
		return 1 if !sysread($socket->{socket}, my $rest, 65536);
	}
	return 0;
}

sub accepted
{
	my ($title, $bytes, $check) = @_;
	my $response = response_to($bytes);
	my $is_open = $response->{status} == 101 && $response->{socket}->send_json({ type => 'ping' });

	check_of('handshake', "accepted: $title",
		$is_open && (eval { $response->{socket}->next_json->{type} } // '') eq 'pong' && (!$check || $check->($response->{headers})));
	$response->{socket}->drop;
	return;
}

sub refused
{
	my ($group, $title, $bytes, $status) = @_;
	my $response = response_to($bytes);

	check_of($group, "refused: $title", $status ? $response->{status} =~ /^(?:$status)$/ : $response->{status} == 0 || $response->{status} >= 400)
	  or diag("the status was $response->{status}");
	check_of($group, "and the connection ends: $title", ends_within($response->{socket}, 15)) if $response->{status} !~ /^(?:404|426)$/;
	$response->{socket}->drop;
	return;
}

sub handshake
{
	my $get = 'GET /ws HTTP/1.1';

	accepted('the example of the RFC', request($get, []),
		sub { $_[0]{'sec-websocket-accept'} eq 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=' && lc $_[0]{upgrade} eq 'websocket' && lc $_[0]{connection} eq 'upgrade' });
	accepted('Upgrade in capitals', request($get, ['Upgrade'], 'Upgrade: WebSocket'));
	accepted('names of headers in capitals', uc(request($get, ['Sec-WebSocket-Key'])) =~ s{GET /WS}{GET /ws}r =~ s/\r\n\r\n/\r\nSEC-WEBSOCKET-KEY: $key\r\n\r\n/r);
	accepted('Connection as a list', request($get, ['Connection'], 'Connection: keep-alive, Upgrade'));
	accepted('spaces around a value', request($get, ['Host'], "Host:   $host  "));
	my $spaced = response_to(request($get, ['Upgrade'], 'Upgrade: websocket '));
	deviating_check_of('handshake', 'accepted: a space behind "Upgrade: websocket"', $spaced->{status} == 101, $spaced->{status} == 403);
	accepted('no space before a value', request($get, ['Upgrade'], 'Upgrade:websocket'));
	accepted('headers nobody knows', request($get, [], 'X-Unknown: 1', 'Cookie: a=b; c=d'));
	accepted('an offer of compression, not taken up', request($get, [], 'Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits'),
		sub { !defined $_[0]{'sec-websocket-extensions'} });
	my $offer = response_to(request($get, [], 'Sec-WebSocket-Protocol: chat, inventory.v1'));
	check_of('handshake', 'of the subprotocols offered ours is taken', $offer->{status} == 101 && $offer->{headers}{'sec-websocket-protocol'} eq 'inventory.v1');
	$offer->{socket}->drop;
	accepted('no offer of a subprotocol, so none is taken', request($get, []), sub { !defined $_[0]{'sec-websocket-protocol'} });
	my $slow = $relay->socket(timeout => 20);
	$slow->send_bytes($_) for split //, request($get, []);
	check_of('handshake', 'accepted: byte by byte', $slow->http_response->{status} == 101);
	$slow->drop;

	refused('handshake', 'another path', request('GET /wss HTTP/1.1', []), 404);
	refused('handshake', 'another method', request("$_ /ws HTTP/1.1", [])) for qw(POST PUT DELETE HEAD OPTIONS PATCH TRACE);
	refused('handshake', 'HTTP/1.0', request('GET /ws HTTP/1.0', []));
	refused('handshake', 'HTTP/3.7', request('GET /ws HTTP/3.7', []));
	refused('handshake', 'no version of HTTP', request('GET /ws', []));
	refused('handshake', 'no Host', request($get, ['Host']));
	refused('handshake', 'a Host that is not ours', request($get, ['Host'], 'Host: evil.example'), 421);
	refused('handshake', 'an Origin that is not ours', request($get, [], 'Origin: https://evil.example'), 403);
	refused('handshake', 'no Upgrade', request($get, ['Upgrade']), '400|426');
	refused('handshake', 'an Upgrade to something else', request($get, ['Upgrade'], 'Upgrade: gopher'));
	refused('handshake', 'an Upgrade to several things', request($get, ['Upgrade'], 'Upgrade: websocket, h2c'));
	refused('handshake', 'no key', request($get, ['Sec-WebSocket-Key']));
	refused('handshake', 'a key that is empty', request($get, ['Sec-WebSocket-Key'], 'Sec-WebSocket-Key:'));
	refused('handshake', 'a key that is too short', request($get, ['Sec-WebSocket-Key'], 'Sec-WebSocket-Key: c2hvcnQ='));
	refused('handshake', 'a key that is too long', request($get, ['Sec-WebSocket-Key'], 'Sec-WebSocket-Key: ' . 'QUFB' x 20));
	refused('handshake', 'a key that is no base64', request($get, ['Sec-WebSocket-Key'], 'Sec-WebSocket-Key: !!!!!!!!!!!!!!!!!!!!!!=='));
	refused('handshake', 'no version', request($get, ['Sec-WebSocket-Version']));
	refused('handshake', "version $_", request($get, ['Sec-WebSocket-Version'], "Sec-WebSocket-Version: $_"))
	  for 0, 8, 12, 14, '13x', '013', -13, '13, 8';
	refused('handshake', 'headers without an end', "$get\r\n" . "X-Long: y\r\n" x 5000);
	refused('handshake', 'a path without an end', 'GET /' . 'x' x 20000 . " HTTP/1.1\r\nHost: $host\r\n\r\n");
	refused('handshake', 'a NUL in a header', request($get, ['Upgrade'], "Upgrade: web\0socket"));
	return;
}

sub masks
{
	for my $mask ("\0\0\0\0", "\xff\xff\xff\xff", "\x00\xff\x00\xff")
	{
		case_of('mask', 'a mask of ' . unpack('H*', $mask), ['answer masked'], sub { $_[0]->send_frame(say_json('masked'), mask => $mask) });
	}
	case_of('mask', 'a mask that is new in each fragment', ['answer masked'], sub {
		my @parts = unpack '(a9)*', say_json('masked');
		$_[0]->send_frame($parts[$_], opcode => $_ ? 0 : TEXT, final => $_ == $#parts) for 0 .. $#parts;
	});
	deviating_case_of('mask', 'a text message without', ['failed 1002'], ['answer bare'], sub {
		$_[0]->send_frame(say_json($_), mask => '') for 'bare', 'still here';
	});
	deviating_case_of('mask', 'a ping without', ['failed 1002'], ['pong bare'], sub {
		$_[0]->send_frame('bare', opcode => PING, mask => '');
		$_[0]->send_frame(say_json('still here'));
	});
	for my $code (1012 .. 1014)
	{
		deviating_case_of('registered codes', "a close with $code", ["close $code"], ['failed 1002'],
			sub { $_[0]->send_frame(pack('n', $code), opcode => CLOSE) });
	}
	return;
}

sub disguises
{
	my $settings = 'HTTP2-Settings: AAMAAABkAAQAAP__';

	refused('h2c', 'an upgrade to h2c', request('GET /ws HTTP/1.1', [ 'Upgrade', 'Connection' ], 'Upgrade: h2c', 'Connection: Upgrade, HTTP2-Settings', $settings));
	refused('h2c', 'an upgrade to h2c of a page', request('GET / HTTP/1.1', [ 'Upgrade', 'Connection' ], 'Upgrade: h2c', 'Connection: Upgrade, HTTP2-Settings', $settings));
	refused('h2c', 'an upgrade to h2c or websocket', request('GET /ws HTTP/1.1', [ 'Upgrade', 'Connection' ], 'Upgrade: h2c, websocket', 'Connection: Upgrade, HTTP2-Settings', $settings));
	refused('h2c', 'its preface', "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0");
	refused('CONNECT', 'to a host', "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n");
	refused('CONNECT', 'without a Host', "CONNECT x HTTP/1.1\r\n\r\n");
	refused('CONNECT', 'to our own path', request('CONNECT /ws HTTP/1.1', []));
	refused('CONNECT', 'with bytes behind it', "CONNECT $host HTTP/1.1\r\nHost: $host\r\n\r\n" . "\x16\x03\x01\x02\x00" . 'x' x 1000);
	refused('other protocols', 'the beginning of TLS', "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" . 'x' x 200);
	refused('other protocols', 'zeros', "\0" x 100);
	refused('other protocols', 'mail', "EHLO example.com\r\n\r\n");
	refused('other protocols', 'a request for a proxy', "GET http://example.com/ HTTP/1.1\r\nHost: example.com\r\n\r\n");
	refused('other protocols', 'a path above the root', "GET /../../etc/passwd HTTP/1.1\r\nHost: $host\r\n\r\n", '0|400|403|404');
	return;
}

# Bytes behind the request, before the response is there.
sub pipelining
{
	my $upgrade = request('GET /ws HTTP/1.1', []);
	my $frame = pack('CCN', 0x81, 0x80 | 15, 0) . '{"type":"ping"}';

	for ([ 'one frame behind the handshake', 1 ], [ 'ten frames behind the handshake', 10 ])
	{
		my ($title, $count) = @$_;
		my $response = response_to($upgrade . $frame x $count);
		my $answers = 0;
		$answers++ while $response->{status} == 101 && $answers < $count && (eval { $response->{socket}->next_json->{type} } // '') eq 'pong';
		check_of('pipelining', $title, $answers == $count);
		$response->{socket}->drop;
	}
	my $response = response_to($upgrade . substr $frame, 0, 7);
	$response->{socket}->send_bytes(substr $frame, 7);
	check_of('pipelining', 'half a frame behind the handshake', (eval { $response->{socket}->next_json->{type} } // '') eq 'pong');
	$response = response_to("GET /livez HTTP/1.1\r\nHost: $host\r\n\r\n" x 3);
	my @statuses = ($response->{status}, map { (eval { $response->{socket}->http_response } // { status => 0 })->{status} } 1, 2);
	check_of('pipelining', 'three requests at once', "@statuses" eq '200 200 200');
	$response = response_to("GET /livez HTTP/1.1\r\nHost: $host\r\n\r\n$upgrade");
	my $second = eval { $response->{socket}->http_response } // { status => 0 };
	check_of('pipelining', 'the handshake behind a request', $response->{status} == 200 && $second->{status} == 101);
	$response = response_to($upgrade . "GET /livez HTTP/1.1\r\nHost: $host\r\n\r\n");
	check_of('pipelining', 'a request behind the handshake is a broken frame', $response->{status} == 101 && ends_within($response->{socket}, 15));
	my $body = "GET /livez HTTP/1.1\r\nHost: $host\r\nContent-Length: 44\r\n\r\nGET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n\r\n";
	$response = response_to($body);
	check_of('pipelining', 'a request hidden in a body is not answered',
		$response->{status} == 400 && !eval { $response->{socket}->http_response });
	return;
}

# All of them at a time: each waits for its end.
sub slowness
{
	my @slow = map { $relay->socket(timeout => 60) } 1 .. 60;
	my $started = time;
	my %next_at = map { $_ => $started } 0 .. $#slow;
	my $request = request('GET /ws HTTP/1.1', [], 'X-Padding: ' . 'x' x 500);
	my %is_over;

	# A byte every half second, or nothing at all, or a request without an end.
	for my $n (0 .. $#slow)
	{
		$slow[$n]->send_bytes("GET /livez HTTP/1.1\r\nHost: lo") if $n % 3 == 2;
	}
	while (keys %is_over < @slow && time - $started < 60)
	{
		for my $n (grep { !$is_over{$_} } 0 .. $#slow)
		{
			if ($slow[$n]->is_readable && !sysread($slow[$n]{socket}, my $rest, 65536)) { $is_over{$n} = time - $started }
			elsif ($n % 3 == 1 && time >= $next_at{$n})
			{
				$slow[$n]->send_bytes(substr $request, int(2 * (time - $started)), 1) or $is_over{$n} = time - $started;
				$next_at{$n} += 0.5;
			}
		}
		usleep(20_000);
	}
	for my $kind ([ 0, 'who says nothing' ], [ 1, 'who says a byte at a time' ], [ 2, 'who does not finish' ])
	{
		check_of('slowloris', "twenty of $kind->[1] are dropped", !grep { !$is_over{$_} && $_ % 3 == $kind->[0] } 0 .. $#slow);
	}
	my $socket = $relay->client(timeout => 30);
	$socket->send_bytes("\x81\xfe");    # a frame that never goes on is a client that is pinged
	check_of('slowloris', 'half a frame holds up nobody else', $relay->get('/livez')->{status} == 200);
	$socket = $relay->socket(timeout => 20);
	$socket->send_bytes($request);
	shutdown $socket->{socket}, SHUT_WR;
	check_of('slowloris', 'who speaks and does not listen any more is let go', ends_within($socket, 20));
	return;
}

handshake();
masks();
disguises();
pipelining();
slowness();
conformance_summary();
is($relay->stop, 0, 'the relay ends well');

done_testing();
