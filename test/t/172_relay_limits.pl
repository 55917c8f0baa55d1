# What one address, one user and one connection may take: each limit has its
# answer, its line in the log and its metric, and others notice nothing.
use strict;
use warnings;
use InventoryNode;
use RelayProcess;
use Test::More;
use Time::HiRes qw(time);
use Token;

my $node = new_node('main');
$node->start;
create_extension($node, 'shop');
# Loopback addresses have limits here like any other.
my @limited = ('--exempt-address', '192.0.2.1');

sub refused { my ($relay, $limit) = @_; return $relay->metric("refused_total{limit=\"$limit\"}") }

# True when the relay has hung up without a word.
sub is_dropped { my ($client) = @_; return !defined eval { $client->http_response } }

for my $loop (qw(ev poll))
{
	note "connections of one address, on $loop";
	my $relay = RelayProcess->start($node, 'shop', @limited, '--max-connections-per-address', 3, '--event-loop', $loop,
		'--accept-rate', 1000);
	$relay->wait_until(sub { $relay->metric('connections') == 1 }, 'only the one that asks is there');
	my @held = map { $relay->client } 1 .. 3;
	my $fourth = $relay->socket;
	$fourth->send_bytes("GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n");
	ok(is_dropped($fourth), 'one more than it may have is dropped');
	is(refused($relay, 'max-connections-per-address'), 1, 'it is counted');
	like($relay->log, qr/refused a connection from 127\.0\.0\.1: it has as many as it may \(max-connections-per-address\); if that is a proxy, list it as trusted-proxy/,
		'and logged');
	my $other = $relay->client(from => '127.0.0.2');
	$other->send_json({ type => 'ping' });
	is($other->next_json->{type}, 'pong', 'another address has its own');
	$held[0]->drop;
	$relay->wait_until(sub { $relay->metric('sessions') == 3 }, 'one has gone');
	ok($relay->client, 'when one has gone there is room again');
	is($relay->stop, 0, 'the relay ends well');

	note "connections too fast, on $loop";
	$relay = RelayProcess->launch($node, 'shop', '--exempt-address', '127.0.0.1', '--accept-rate', 1, '--event-loop', $loop);
	$relay->wait_until_ready;
	my @fast = map { $relay->socket(from => '127.0.0.3') } 1 .. 5;
	$_->send_bytes("GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n") for @fast;
	my $dropped = grep { is_dropped($_) } @fast;
	cmp_ok($dropped, '>=', 2, "of five connections at once, $dropped are dropped");
	cmp_ok($dropped, '<=', 3, 'and two or three taken');
	is(refused($relay, 'accept-rate'), $dropped, 'they are counted');
	like($relay->log, qr/refused a connection from 127\.0\.0\.3: they come too fast \(accept-rate\)/, 'and logged');
	is($relay->get('/livez')->{status}, 200, "exempt addresses have no limit (request $_)") for 1 .. 5;
	is($relay->stop, 0, 'the relay ends well');

	note "handshakes, on $loop";
	$relay = RelayProcess->launch($node, 'shop', '--exempt-address', '127.0.0.1', '--handshake-rate', 1, '--event-loop', $loop,
		keys_options());
	$relay->wait_until_ready;
	my @from = (from => '127.0.0.4');
	my @statuses = map { $relay->socket(@from)->upgrade(headers => bearer(secret => 'x' x 32))->{status} } 1 .. 5;
	is($statuses[0], 401, 'the first bad token is looked at');
	my $last = $relay->socket(@from)->upgrade(headers => bearer());
	is($last->{status}, 429, 'after a few nothing is, not even a good one');
	like($last->{headers}{'retry-after'}, qr/^[12]$/, 'and told when to come again');
	like($last->{body}, qr/"code":"rate_limited"/, 'with a code');
	is($relay->socket(@from)->http(path => '/api/session', headers => bearer())->{status}, 429, 'nor on requests');
	is($relay->socket(@from)->http(path => '/livez')->{status}, 200, 'what needs no token is answered');
	is($relay->get('/api/session', headers => bearer())->{status}, 200, 'others are looked at');
	cmp_ok(refused($relay, 'handshake-rate'), '>=', 2, 'it is counted');
	like($relay->log, qr/refused a handshake from 127\.0\.0\.4: they come too fast \(handshake-rate\)/, 'and logged');
	$relay->wait_until(sub { $relay->socket(@from)->upgrade(headers => bearer())->{status} == 101 }, 'some time later one is looked at');
	pass('after a while they are taken again');
	is($relay->stop, 0, 'the relay ends well');

	note "requests that do not come, on $loop";
	$relay = RelayProcess->start($node, 'shop', '--handshake-timeout', '1s', '--event-loop', $loop);
	my $silent = $relay->socket;
	my $dribbling = $relay->socket;
	my $started = time;
	$dribbling->send_bytes("GET /livez HTTP/1.1\r\n");
	until ($dribbling->is_readable(0.1) || time > $started + 20) { $dribbling->send_bytes("X: y\r\n") }
	ok(time < $started + 15, 'who dribbles a request in is cut off');
	ok(is_dropped($silent), 'as is who says nothing');
	is(refused($relay, 'handshake-timeout'), 2, 'both are counted');
	my $idle = $relay->socket;
	is($idle->http(path => '/livez')->{status}, 200, 'after an answer');
	ok(is_dropped($idle), 'a connection may not idle for ever either');
	is(refused($relay, 'handshake-timeout'), 3, 'which is counted too');
	my $bodily = $relay->socket;
	my $sent = time;
	$bodily->send_bytes("POST /api/inventory/adjust HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n");
	until ($bodily->is_readable(0.1) || time > $sent + 20) { $bodily->send_bytes(' ') }
	ok(time < $sent + 15, 'nor may a body dribble in');
	is(refused($relay, 'handshake-timeout'), 4, 'and that is counted');
	my $quiet = $relay->client;
	$relay->get('/livez') until time > $started + 8;
	$quiet->send_json({ type => 'ping' });
	is($quiet->next_json->{type}, 'pong', 'a WebSocket may be quiet for as long as it likes');
	is($relay->stop, 0, 'the relay ends well');
}

note 'behind a proxy';
my $relay = RelayProcess->start($node, 'shop', @limited, '--trusted-proxy', '127.0.0.1', '--max-connections-per-address', 2,
	'--accept-rate', 2);
sub through { my ($address, %more) = @_; return $relay->socket(%more)->upgrade(headers => { 'X-Forwarded-For' => $address }) }
my @kept;
sub hold { my ($address) = @_; my $socket = $relay->socket; push @kept, $socket; return $socket->upgrade(headers => { 'X-Forwarded-For' => $address })->{status} }
is(hold('198.51.100.7'), 101, "client $_ of an address behind it is taken") for 1, 2;
is(hold('198.51.100.7'), 429, 'the third is not');
is(hold('6.6.6.6, 198.51.100.7'), 429, 'whatever it claims to come from');
is(hold('198.51.100.8'), 101, 'another address is');
is(hold('2001:db8::1'), 101, 'as is IPv6') for 1, 2;
is(hold('2001:db8::2:1'), 429, 'of which a network is one');
is(hold('x' x 600), 400, 'a header that does not fit is refused');
is(hold(''), 101, "the proxy itself has no limit ($_)") for 1 .. 5;
like($relay->log, qr/session \d+ opened from 198\.51\.100\.7/, 'the log names the client and not the proxy');
my @strangers = map { $relay->socket(from => '127.0.0.9') } 1, 2;
is($_->upgrade(headers => { 'X-Forwarded-For' => '198.51.100.7' })->{status}, 101, 'who is no proxy is not believed') for @strangers;
like($relay->log, qr/session \d+ opened from 127\.0\.0\.9/, 'and is who it is');
is($relay->stop, 0, 'the relay ends well');
@kept = ();

note 'connections of one user';
$relay = RelayProcess->start($node, 'shop', keys_options(), '--max-connections-per-user', 2);
my @ann = map { $relay->client(headers => bearer(sub => 'ann')) } 1, 2;
my $third = $relay->client(headers => bearer(sub => 'ann', jti => 'another token'));
is($third->wait_for_close, 4103, 'one more than a user may have is closed');
is($third->close_text, 'too many connections of this user', 'with the reason');
is(refused($relay, 'max-connections-per-user'), 1, 'it is counted');
like($relay->log, qr/session \d+ from 127\.0\.0\.1 closed: "ann" has 2 \(max-connections-per-user\)/, 'and logged');
my $ben = $relay->client(headers => bearer(sub => 'ben'));
$ben->drain;
my $namesake = $relay->client(headers => bearer(sub => 'ann', org => 'elsewhere'));
$namesake->drain;
pass('another user, and another organization\'s, have their own');
my $late = $relay->client(headers => { 'Sec-WebSocket-Protocol' => 'inventory.v1' });
$late->send_json({ type => 'hello', protocol => 1, token => token(sub => 'ann') });
is($late->wait_for_close, 4103, 'it is the same for who says hello');
$ann[0]->close;
$relay->wait_until(sub { $relay->metric('sessions') == 3 }, 'one has gone');
$relay->client(headers => bearer(sub => 'ann'))->drain;
pass('when one has gone there is room again');
is($relay->stop, 0, 'the relay ends well');
my $open = RelayProcess->start($node, 'shop', '--max-connections-per-user', 1);
my @nobody = map { $open->client } 1 .. 3;
$_->drain for @nobody;
pass('who comes without a token is not counted as one user');

note 'who has not said hello';
$relay = RelayProcess->start($node, 'shop', keys_options(), '--max-unidentified', 2, '--hello-timeout', '60s');
my @unsaid = map { $relay->client(headers => { 'Sec-WebSocket-Protocol' => 'inventory.v1' }) } 1, 2;
is($relay->socket->upgrade(headers => { 'Sec-WebSocket-Protocol' => 'inventory.v1' })->{status}, 503, 'one more than may be is refused');
is(refused($relay, 'max-unidentified'), 1, 'it is counted');
like($relay->log, qr/refused a client: 2 have not said who they are \(max-unidentified\)/, 'and logged');
is($relay->socket->upgrade(headers => bearer())->{status}, 101, 'who brings a token is taken');
is($relay->stop, 0, 'the relay ends well');

done_testing();
