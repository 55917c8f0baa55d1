# What the relay answers over HTTP, and to whom.
use strict;
use warnings;
use InventoryNode;
use JSON::PP;
use RelayProcess;
use Test::More;

my $node = new_node('main');
$node->start;
create_extension($node, 'shop');
$node->safe_psql('shop', <<'END');
SELECT FROM inventory_define('prod_1', 'wh_1', initial_quantity => 10, minimum_stock => 2, attributes => '{"name": "Blåbær"}');
SELECT FROM inventory_define('prod_1', 'wh_2', initial_quantity => 20);
SELECT FROM inventory_define('prod_2', 'wh_1', initial_quantity => 30);
SELECT FROM inventory_define('a:b%c', 'wh_1', initial_quantity => 40);
END

my $relay = RelayProcess->start($node, 'shop', '--allow-origin', 'https://shop.example', '--allow-host', 'relay.example');

note 'probes';
is($relay->get('/livez')->{status}, 200, '/livez answers');
is($relay->get('/readyz')->{status}, 200, '/readyz answers while the log is followed');
is($relay->get('/livez', headers => { Host => 'any.name' })->{status}, 200, 'probes answer to any host name');

note 'pages';
my $page = $relay->get('/');
is($page->{status}, 200, 'there is a page at /');
is($page->{headers}{'content-type'}, 'text/html; charset=utf-8', 'with its type');
like($page->{headers}{'content-security-policy'}, qr/default-src 'none'/, 'and a policy that lets nothing foreign in');
is($relay->get('/', headers => { 'If-None-Match' => $page->{headers}{etag} })->{status}, 304, 'it is not sent twice');
is($relay->request(method => 'HEAD', path => '/')->{headers}{'content-length'}, length $page->{body}, 'HEAD tells its length');
for my $path ('/nothing', '/../relay', '/%2e%2e/etc/passwd', '/..%2f..%2fetc%2fpasswd', '/page.js/', '/.hidden', '//etc/passwd', '/page.js%00.css')
{
	my $response = eval { $relay->get($path) };
	ok(!$response || $response->{status} >= 400, "$path is not served");
}

note 'the stock list';
my $rows = decode_json($relay->get('/api/inventory')->{body});
is_deeply([ map { "$_->{productId} $_->{warehouseId}" } @$rows ],
	[ 'a:b%c wh_1', 'prod_1 wh_1', 'prod_1 wh_2', 'prod_2 wh_1' ], 'all items are listed in order');
my ($item) = grep { $_->{productId} eq 'prod_1' && $_->{warehouseId} eq 'wh_1' } @$rows;
is($item->{quantityAvailable}, 10, 'with their quantities');
is($item->{minimumStock}, 2, 'their settings');
is($item->{version}, 1, 'their version');
is($item->{attributes}{name}, "Bl\x{e5}b\x{e6}r", 'and their attributes');
like($item->{lastModifiedAt}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, 'times are UTC with milliseconds');
sub listed { return [ map { $_->{quantityAvailable} } @{ decode_json($relay->get("/api/inventory?$_[0]")->{body}) } ] }
is_deeply(listed('productId=prod_1'), [ 10, 20 ], 'a product can be asked for');
is_deeply(listed('warehouseId=wh_1'), [ 40, 10, 30 ], 'and a warehouse');
is_deeply(listed('productId=prod_1&warehouseId=wh_2'), [20], 'and both');
is_deeply(listed("$_"), [20], "$_ asks for no more") for '&&productId=prod_1&&warehouseId=wh_2&';
is_deeply(listed('productId=a%3Ab%25c'), [40], 'ids are decoded');
is_deeply(listed('productId=nothing'), [], 'what is not there is an empty list');
is_deeply(listed('limit=2'), [ 40, 10 ], 'a list can be limited');
is_deeply(listed('limit=2&after=product:prod_1:warehouse:wh_1'), [ 20, 30 ], 'and gone on with');
is_deeply(listed("productId=prod_1'%20OR%20'1'='1"), [], 'ids are values, whatever they look like');
is($relay->get("/api/inventory?$_")->{status}, 400, "$_ is malformed")
  for 'limit=0', 'limit=x', 'limit=', 'after=prod_1', 'after=product:p', 'productId=' . 'x' x 201, 'productId=%ff';

note 'methods';
my $refused = $relay->get('/ws');
is($refused->{status}, 426, 'GET /ws without an upgrade is told to upgrade');
is_deeply(decode_json($refused->{body}), { error => 'Expected WebSocket' }, 'in JSON');
for my $method (qw(POST PUT DELETE PATCH OPTIONS))
{
	my $path = $method =~ /^[PO][OP]/ ? '/config.json' : '/api/inventory';
	my $response = $relay->request(method => $method, path => $path, headers => { 'Content-Length' => 2 }, body => '{}');
	is($response->{status}, 405, "$method is not allowed");
	is($response->{headers}{connection}, 'close', 'and ends the connection');
}
for my $length ('-1', '5', '99999999999999999999')
{
	my $response = $relay->request(path => '/livez', headers => { 'Content-Length' => $length });
	is($response->{status}, 400, "GET with Content-Length $length is refused");
}
is($relay->request(path => '/livez', headers => { 'Transfer-Encoding' => 'chunked' })->{status}, 400, 'so is one with chunks');

note 'hosts and origins';
is($relay->get('/', headers => { Host => $_ })->{status}, 200, "the host $_ is ours")
  for 'localhost:1', '127.0.0.1', '[::1]:8792', 'relay.example';
is($relay->get($_, headers => { Host => 'evil.example' })->{status}, 421, "$_ is not answered under a foreign name")
  for '/', '/api/inventory', '/ws', '/nothing';
my %sees = ('https://shop.example' => 200, 'https://evil.example' => 403, 'null' => 403, 'http://127.0.0.1:' . $relay->port => 200);
for my $origin (sort keys %sees)
{
	my $response = $relay->get('/api/inventory', headers => { Origin => $origin });
	is($response->{status}, $sees{$origin}, "a page from $origin " . ($sees{$origin} == 200 ? 'reads' : 'does not read') . ' the list');
	is($response->{headers}{'access-control-allow-origin'}, $origin, 'and its browser is told so') if $sees{$origin} == 200;
}
for my $origin (sort keys %sees)
{
	my $response = $relay->socket->upgrade(headers => { Origin => $origin });
	is($response->{status}, $sees{$origin} == 200 ? 101 : 403, "a page from $origin and the WebSocket");
}
like($relay->log, qr/refused a page from "https:\/\/evil\.example": set allow-origin = https:\/\/evil\.example to admit it/,
	'the log says what to set');

note 'metrics';
is($relay->get('/metrics')->{status}, 404, 'clients do not see the metrics');
ok($relay->metric('http_requests_total') > 30, 'the admin address shows them');
is($relay->metric('database_up'), 1, 'the database is up');
is($relay->get('/', port => $relay->{admin_port})->{status}, 404, 'it serves no pages');

note 'one connection, several requests';
my $socket = $relay->socket;
is($socket->http(path => '/livez')->{body}, "ok\n", "request $_ is answered") for 1 .. 3;
$socket->send_bytes("GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n" x 5);
is($socket->http_response->{status}, 200, "so is request $_ of five sent at once") for 1 .. 5;
$socket->send_bytes("GET /api/inventory HTTP/1.1\r\nHost: localhost\r\n\r\n" x 3);
is(scalar @{ decode_json($socket->http_response->{body}) }, 4, "so is list $_ of three sent at once") for 1 .. 3;
my $gone = $relay->socket;
$gone->send_bytes("GET /api/inventory HTTP/1.1\r\nHost: localhost\r\n\r\n");
$gone->drop;
is($relay->get('/livez')->{status}, 200, 'a client that does not wait for its answer does no harm');

note 'without the database';
$node->stop('fast');
$relay->wait_until(sub { $relay->get('/readyz')->{status} == 503 }, 'it is not ready');
pass('/readyz is 503 without the database');
is($relay->get('/api/inventory')->{status}, 503, 'so is the list');
is($relay->get('/livez')->{status}, 200, '/livez is not');
is($relay->get('/')->{status}, 200, 'nor is the page');
is($relay->stop, 0, 'and the relay ends as asked');

note 'starting';
my $program = RelayProcess->program;
my $output = qx("$program" --listen 0.0.0.0:8792 --event-loop poll 2>&1);
is($? >> 8, 1, 'it does not listen on the network without asking who comes');
like($output, qr/refusing to listen on 0\.0\.0\.0:8792: clients without a token are let in/, 'and says so');
$output = qx("$program" --check-config --max-channels none 2>&1);
is($? >> 8, 2, 'a wrong option is refused');
like($output, qr/option max-channels: "none" is not a number/, 'with the reason');
is(qx("$program" --check-config), "the configuration is fine\n", 'right ones can be checked');
like(qx("$program" --help), qr/--allow-origin/, 'and all are explained');

done_testing();
