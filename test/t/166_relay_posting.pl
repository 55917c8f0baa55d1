# What clients change over HTTP.
use strict;
use warnings;
use InventoryNode;
use JSON::PP;
use RelayProcess;
use Test::More;
use Token;

my $node = new_node('main');
$node->start;
create_extension($node, 'shop');
$node->safe_psql('shop', <<'END');
SELECT FROM inventory_define('prod_123', 'wh_456', initial_quantity => 100, minimum_stock => 10);
SELECT FROM inventory_define('bean', 'north', initial_quantity => 100);
END
sub value { return $node->safe_psql('shop', $_[0]) }
sub stock { return value("SELECT quantity_available FROM inventory WHERE product_id = '$_[0]'") }

my $relay = RelayProcess->start($node, 'shop', keys_options(), '--allow-origin', 'https://shop.example', '--anonymous', 'operator');

# The response with its body decoded as `json`.
sub post
{
	my ($verb, $body, %headers) = @_;
	my $text = ref $body ? encode_json($body) : $body;
	my $response = $relay->request(method => 'POST', path => "/api/inventory/$verb",
		headers => { 'Content-Type' => 'application/json', 'Content-Length' => length $text, %headers }, body => $text);
	$response->{json} = decode_json($response->{body}) if length $response->{body};
	return $response;
}
sub adjust { my ($body, @headers) = @_; return post('adjust', $body, @headers) }
my %sale = (productId => 'prod_123', warehouseId => 'wh_456', quantity => -10, movementType => 'out', reason => 'Sale from Terminal 1');

note 'an adjustment';
my $response = adjust(\%sale);
is($response->{status}, 200, 'is done');
my $json = $response->{json};
my $movement = delete $json->{movement};
is_deeply($json, { inventoryId => $json->{inventoryId}, productId => 'prod_123', warehouseId => 'wh_456', previousQuantity => 100,
		newQuantity => 90, version => 2, message => 'Inventory adjusted successfully' }, 'and answered');
like(delete $movement->{createdAt}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, 'with the time of its movement');
is_deeply($movement, { id => $movement->{id}, inventoryId => $json->{inventoryId}, productId => 'prod_123', warehouseId => 'wh_456',
		movementType => 'out', quantity => -10, reason => 'Sale from Terminal 1', performedBy => 'anonymous' }, 'and the movement');
is(value("SELECT quantity || ' ' || reason || ' ' || performed_by FROM inventory_movement WHERE movement_id = $movement->{id}"),
	'-10 Sale from Terminal 1 anonymous', 'as the ledger has it');

note 'once';
my %keyed = (%sale, idempotencyKey => 'http-1');
is(adjust(\%keyed)->{json}{newQuantity}, 80, 'a key is taken from the body');
$response = adjust(\%keyed);
is($response->{status}, 200, 'asked again');
ok($response->{json}{replayed}, 'it is told as replayed');
ok(adjust(\%sale, 'Idempotency-Key' => 'http-1')->{json}{replayed}, 'the header is the same key');
is(adjust(\%keyed, 'Idempotency-Key' => 'http-2')->{status}, 400, 'two keys that differ are refused');
is(adjust({ %keyed, quantity => -11 })->{json}{code}, 'key_reused', 'and so is another operation under the key');
is(stock('prod_123'), 80, 'nothing was done twice');
is(value("SELECT op FROM inventory_event WHERE op = 'http-1'"), 'http-1', 'the event carries the key');

note 'refusals';
my @refusals = (
	[ 404, 'not_found', 'Inventory not found', { %sale, productId => 'nothing' } ],
	[ 412, 'version_conflict', 'The inventory has changed', { %sale, expectedVersion => 1 } ],
	[ 422, 'insufficient_stock', 'Insufficient stock', { %sale, quantity => 1000 } ],
	[ 403, 'forbidden', 'Forbidden', { %sale, performedBy => 'somebody' } ],
	[ 403, 'forbidden', 'Forbidden', { %sale, onShortage => 'force' } ],
	[ 400, 'bad_request', 'Invalid request', { %sale, quantity => 0 } ],
	[ 400, 'bad_request', 'Invalid request', { %sale, quantity => 1.5 } ],
	[ 400, 'bad_request', 'Invalid request', { %sale, quantitty => 1 } ],
	[ 400, 'bad_request', 'Invalid request', { %sale, timeoutMs => 1 } ],
	[ 400, 'bad_request', 'Invalid request', { %sale, type => 'adjust' } ],
	[ 400, 'bad_request', 'Invalid request', '{"productId":"prod_123"}' ],
	[ 400, 'bad_request', 'Invalid request', '[]' ],
	[ 400, 'bad_request', 'Invalid request', 'quantity=1' ],
	[ 400, 'bad_request', 'Invalid request', '{"productId":"\xff","warehouseId":"w","quantity":1}' ]);
for (@refusals)
{
	my ($status, $code, $error, $body) = @$_;
	my $response = adjust($body);
	is("$response->{status} $response->{json}{code}", "$status $code", ref $body ? "$code is $status" : "$body is refused");
	is($response->{json}{error}, $error, "as \"$error\"");
	ok(length $response->{json}{reason}, 'with a reason');
}
is(adjust({ %sale, quantitty => 1 })->{json}{reason}, '"quantitty" is not known here', 'which names the field');
is_deeply(adjust({ %sale, quantity => 1000 })->{json}{details}{lines}, [ { productId => 'prod_123', warehouseId => 'wh_456', requested => 1000, available => 80, stockFloor => 0 } ], 'or says what there is');
is(adjust({ %sale, expectedVersion => 1 })->{json}{details}{current}{quantityAvailable}, 80, 'or what the row is');
my $holder = $node->background_psql('shop');
$holder->query_safe("BEGIN; SELECT FROM inventory WHERE product_id = 'bean' FOR UPDATE");
$response = adjust({ productId => 'bean', warehouseId => 'north', quantity => 1, timeoutMs => 300 });
is($response->{status}, 409, 'a row that is kept locked is a conflict');
is($response->{json}{error}, 'Concurrent update detected. Maximum retries exceeded.', 'in these words');
is($response->{json}{reason}, 'Multiple simultaneous updates to the same inventory record', 'with this reason');
$holder->query_safe('COMMIT');
$node->safe_psql('shop', <<'END');
CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'broken' USING ERRCODE = 'XX000'; END $$;
CREATE TRIGGER refuse BEFORE INSERT ON inventory_movement FOR EACH ROW EXECUTE FUNCTION public.refuse();
END
$response = adjust(\%sale);
is("$response->{status} $response->{json}{error}", '500 Failed to adjust inventory', 'what breaks is a failure');
value('DROP TRIGGER refuse ON inventory_movement');

note 'the other verbs, as a manager';
my $manager = bearer(sub => 'max', role => 'manager');
sub managed { my ($verb, $body) = @_; return post($verb, $body, %$manager) }
my %tea = (productId => 'tea', warehouseId => 'wh_456');
is(managed('define', { %tea, initialQuantity => 20 })->{json}{message}, 'Inventory defined successfully', 'define');
is(managed('define', { %tea })->{json}{movement}, undef, 'again, which changes nothing');
is(managed('set', { %tea, quantity => 19 })->{json}{movement}{movementType}, 'count', 'set');
is(scalar @{ managed('apply', { lines => [ { %tea, quantity => -1 }, { %sale, quantity => 1, reason => undef } ] })->{json}{changes} // [] }, 0, 'a cart whose line has a field too many is refused');
is(scalar @{ managed('apply', { lines => [ { %tea, quantity => -1 }, { productId => 'bean', warehouseId => 'north', quantity => 1 } ] })->{json}{changes} }, 2, 'apply');
is(managed('reserve', { reservationId => 'cart-1', lines => [ { %tea, quantity => 2 } ] })->{json}{changes}[0]{reservationId}, 'cart-1', 'reserve');
is(managed('commit', { reservationId => 'cart-1' })->{json}{changes}[0]{movementType}, 'commit', 'commit');
is(managed('commit', { reservationId => 'cart-1' })->{status}, 410, 'once');
is(managed('commit', { reservationId => 'cart-2' })->{json}{error}, 'Reservation not found', 'and not of nothing');
managed('reserve', { reservationId => 'cart-3', lines => [ { %tea, quantity => 2 } ] });
is(managed('release', { reservationId => 'cart-3' })->{json}{message}, 'Reservation released successfully', 'release');
managed('define', { productId => 'tea', warehouseId => 'south' });
is(scalar @{ managed('transfer', { productId => 'tea', fromWarehouseId => 'wh_456', toWarehouseId => 'south', quantity => 16 })->{json}{changes} }, 2, 'transfer');
is(managed('retire', { %tea })->{json}{movement}{movementType}, 'retired', 'retire');
is(post('batch_set', {})->{status}, 404, 'there are no others');

note 'who may';
my $closed = RelayProcess->start($node, 'shop', keys_options());
my $body = encode_json({ %sale, quantity => 1 });
sub closed { my (%headers) = @_; return $closed->request(method => 'POST', path => '/api/inventory/adjust', headers => { 'Content-Type' => 'application/json', 'Content-Length' => length $body, %headers }, body => $body) }
$response = closed();
is("$response->{status} $response->{body}", qq(401 {"error":"Unauthorized"}\n), 'without a token nobody may where that is so');
is(closed(%{ bearer() })->{status}, 200, 'with one they may');
is(decode_json(closed(%{ bearer() })->{body})->{movement}{performedBy}, 'ann', 'in their own name');
is(closed(%{ bearer(exp => time - 100) })->{status}, 401, 'not with one that has ended');
is(closed(%{ bearer(role => 'viewer') })->{status}, 403, 'nor as a viewer');
is($closed->stop, 0, 'the relay ends well');

note 'what is no text';
for my $case ([ "{\"productId\":\"\xc0\x80\",\"warehouseId\":\"w\",\"quantity\":1}" ], [ \%sale, 'Idempotency-Key' => "\xed\xa0\x80" ])
{
	$response = adjust(@$case);
	is($response->{status}, 400, 'what is not UTF-8 is refused');
	like(decode_json($response->{body})->{reason}, qr/not UTF-8/, 'before the database sees it');
}

note 'pages of others';
my %shop = (Origin => 'https://shop.example');
$response = adjust(\%sale, %shop);
is("$response->{status} $response->{headers}{'access-control-allow-origin'}", '200 https://shop.example', 'a page that is listed may');
is(adjust({ %sale, quantity => 1000 }, %shop)->{headers}{'access-control-allow-origin'}, 'https://shop.example', 'and may read why not');
$response = adjust(\%sale, %shop, Authorization => 'Bearer nothing');
is("$response->{status} $response->{headers}{'access-control-allow-origin'}", '401 https://shop.example', 'also that its token is bad');
for my $path ('/api/inventory?limit=0', '/api/inventory/a/b/movements', '/api/nothing')
{
	is($relay->get($path, headers => { %shop })->{headers}{'access-control-allow-origin'}, 'https://shop.example', "and what is wrong with $path");
}
$response = adjust(\%sale, Origin => 'https://evil.example');
is($response->{headers}{'access-control-allow-origin'}, undef, 'which another may not');
is($response->{status}, 403, 'nor anything else');
is(adjust(\%sale, Host => 'evil.example')->{status}, 421, 'nor by another name');
is(adjust(encode_json(\%sale), 'Content-Type' => $_)->{status}, 415, "what a form can send is not taken: $_")
  for 'text/plain', 'application/x-www-form-urlencoded', 'application/jsonx', '';
is(adjust(\%sale, 'Content-Type' => 'application/json; charset=utf-8')->{status}, 200, 'JSON with its charset is');
my $preflight = $relay->request(method => 'OPTIONS', path => '/api/inventory/adjust',
	headers => { %shop, 'Access-Control-Request-Method' => 'POST', 'Access-Control-Request-Headers' => 'content-type, idempotency-key' });
is($preflight->{status}, 204, 'a preflight is answered');
is($preflight->{headers}{'access-control-allow-origin'}, 'https://shop.example', 'for that page');
like($preflight->{headers}{'access-control-allow-methods'}, qr/\bPOST\b/, 'with the methods');
like($preflight->{headers}{'access-control-allow-headers'}, qr/\b$_\b/, "and $_") for 'Content-Type', 'Authorization', 'Idempotency-Key';
is($relay->request(method => 'OPTIONS', path => '/api/inventory/adjust', headers => { Origin => 'https://evil.example' })->{status}, 403, 'but not for others');

note 'bodies';
for ([ '-1', 400 ], [ '', 400 ], [ '0', 400 ], [ '+5', 400 ], [ '0x5', 400 ], [ '5, 5', 400 ], [ '16385', 413 ], [ '99999999999999999999', 413 ], [ undef, 400 ])
{
	my ($length, $status) = @$_;
	my $response = eval { $relay->request(method => 'POST', path => '/api/inventory/adjust', headers => { 'Content-Type' => 'application/json', 'Content-Length' => $length }, body => '{}') };
	ok(!$response || $response->{status} == $status, 'a Content-Length of ' . ($length // 'nothing') . ' is refused')
	  or diag($response->{status});
}
$response = eval { $relay->request(method => 'POST', path => '/api/inventory/adjust', headers => { 'Content-Type' => 'application/json', 'Transfer-Encoding' => 'chunked' }, body => "2\r\n{}\r\n0\r\n\r\n") };
ok(!$response || $response->{status} == 400, 'so are chunks');
my $large = encode_json({ %sale, reason => 'x' x 400, reference => 'y' x 190 });
$large .= ' ' x (16384 - length $large);
is(adjust($large)->{status}, 200, 'a body of 16 KiB is taken');
is($relay->get('/api/inventory/adjust')->{status}, 405, 'it is not to be got');
is(post('../../config.json', {})->{status} >= 400, 1, 'nor is anything else posted');
my $socket = $relay->socket;
my $text = encode_json({ %sale, quantity => 1 });
my $head = "POST /api/inventory/adjust HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: " . length($text) . "\r\n\r\n";
for my $piece (split(/(?<=..........)/, "$head$text")) { $socket->send_bytes($piece) }
is($socket->http_response->{status}, 200, 'a body may come in pieces');
$socket->send_bytes("$head$text");
is($socket->http_response->{status}, 200, 'and another on the same connection');
my $gone = $relay->socket;
my $before = stock('prod_123');
$gone->send_bytes("$head$text");
$gone->drop;
$node->poll_query_until('shop', "SELECT quantity_available = $before - 1 FROM inventory WHERE product_id = 'prod_123'");
pass('an operation whose client does not wait is done all the same');
my $half = $relay->socket;
$half->send_bytes($head . substr($text, 0, 10));
is($relay->get('/livez')->{status}, 200, 'who does not finish a body keeps nobody');

SKIP:
{
	skip 'there is no curl', 8 if system('curl --version >/dev/null 2>&1') != 0;
	note 'as printed in the requirements, with curl';
	my $url = 'http://localhost:' . $relay->port . '/api/inventory/adjust';
	my $curl = sub { return qq(curl -s -X POST $url -H "Content-Type: application/json" -d '{"productId":"prod_123","warehouseId":"wh_456","quantity":$_[0],"movementType":"out","reason":"$_[1]"}') };
	my @both = map { open my $pipe, '-|', $curl->(@$_) or die "curl: $!"; $pipe } [ -10, 'Sale from Terminal 1' ], [ -5, 'Sale from Terminal 2' ];
	my $stock = $before - 1;
	my @done = map { decode_json(do { local $/; readline $_ }) } @both;
	is(scalar(grep { $_->{message} eq 'Inventory adjusted successfully' } @done), 2, 'two terminals at the same moment both sell');
	is(stock('prod_123'), $stock - 15, 'and no update is lost');
	is(abs($done[0]{version} - $done[1]{version}), 1, 'each has a version of its own');
	my $screen = $relay->client;
	$screen->send_json({ type => 'subscribe', channel => 'product:prod_123' });
	$screen->wait_for(sub { $_->{type} eq 'subscribed' });
	is(decode_json(`@{[ $curl->(-20, 'Testing real-time update') ]}`)->{newQuantity}, $stock - 35, 'a sale');
	my $event = $screen->wait_for(sub { $_->{type} eq 'inventory.updated' && ($_->{data}{reason} // '') eq 'Testing real-time update' });
	is($event->{data}{quantityAvailable}, $stock - 35, 'is on a screen at once');
	my @five = map { open my $pipe, '-|', $curl->(-1, "Concurrent sale $_") or die "curl: $!"; $pipe } 1 .. 5;
	my @sold = map { decode_json(do { local $/; readline $_ }) } @five;
	is(scalar(grep { $_->{movement}{reason} =~ /^Concurrent sale/ } @sold), 5, 'five concurrent sales are all processed');
	is(stock('prod_123'), $stock - 40, 'and reduce the stock by exactly five');
	is(scalar keys %{ { map { $_->{version} => 1 } @sold } }, 5, 'one after the other');
}
is(value('SELECT count(*) FROM inventory_reconcile()'), 0, 'the books are right');
is($relay->stop, 0, 'the relay ends well');
done_testing();
