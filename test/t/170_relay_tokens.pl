# Who may come in, and what that one may see.
use strict;
use warnings;
use InventoryNode;
use JSON::PP;
use PostgreSQL::Test::Utils;
use RelayProcess;
use Test::More;
use Time::HiRes qw(time);
use Token;

my $node = new_node('main');
$node->start;
create_extension($node, 'shop');
$node->safe_psql('shop', <<'END');
SET inventory.organization = 'acme';
SELECT FROM inventory_define('bean', 'north', initial_quantity => 1000);
SELECT FROM inventory_define('bean', 'south', initial_quantity => 1000);
END
my $relay = RelayProcess->start($node, 'shop', keys_options(), '--hello-timeout', '500ms', '--max-unidentified', 3);
my %protocol = ('Sec-WebSocket-Protocol' => 'inventory.v1');

sub adjust
{
	my ($warehouse) = @_;
	return $node->safe_psql('shop', "SET inventory.organization = 'acme'; SELECT FROM inventory_adjust('bean', '$warehouse', -1, 'out')");
}

sub upgraded { my (%headers) = @_; return $relay->socket->upgrade(headers => \%headers) }
sub named { return (sub => 'ann', org => 'acme', @_) }

# A client that offers the subprotocol, and has said hello with a token.
sub hello
{
	my ($token, %more) = @_;
	my $client = $relay->client(headers => \%protocol);
	$client->send_json({ type => 'hello', protocol => 1, token => $token, %more });
	return $client;
}

note 'before the upgrade';
my $response = upgraded();
is("$response->{status} $response->{body}", "401 {\"error\":\"Unauthorized\"}\n", 'without a token there is no WebSocket');
is($response->{headers}{'www-authenticate'}, 'Bearer', 'which is asked for');
my %bad = (
	malformed => 'no.token.at.all', bad_signature => token(named(secret => 'x' x 32)), token_expired => token(named(exp => time - 60)),
	bad_claims => token(named(sub => undef)));
for my $code (sort keys %bad)
{
	$response = upgraded(Authorization => "Bearer $bad{$code}");
	is("$response->{status} $response->{body}", "401 {\"error\":\"Invalid token\",\"code\":\"$code\"}\n", "a token that is $code is told so");
}
is(upgraded(Authorization => 'Basic YTpi')->{status}, 401, 'a password is no token');
is(upgraded(Authorization => 'Bearer ' . ('x' x 5000))->{status} // 400, 400, 'one that is too long is not read');
is($relay->get('/ws')->{status}, 426, 'without an upgrade it is 426');
is($relay->get('/api/inventory')->{status}, 401, 'the list wants a token too');
is(decode_json($relay->get('/api/session')->{body})->{error}, 'Unauthorized', 'and so does the session');
is(decode_json($relay->get('/config.json')->{body})->{anonymous}, 'off', 'a page can see that it needs one');

note 'with a token';
my $plain = $relay->client(headers => bearer(named()));
$plain->drain;
adjust('north');
is($plain->next_json->{data}{warehouseId}, 'north', 'a program says who it is in a header, and hears its organization');
is(scalar @{ decode_json($relay->get('/api/inventory', headers => bearer(named()))->{body}) }, 2, 'and lists it');
is_deeply(decode_json($relay->get('/api/session', headers => bearer(named(name => 'Ann', role => 'viewer', exp => 2_000_000_000)))->{body}),
	{ user => { id => 'ann', name => 'Ann' }, scope => { organization => 'acme', role => 'viewer', warehouses => undef }, expiresAt => 2_000_000_030_000 },
	'and is told who it is');
is($relay->get('/api/session', headers => bearer(named(role => undef)))->{status}, 403, 'without rights it is 403');
is($relay->client(headers => bearer(named(role => undef)))->wait_for_close, 4003, 'and 4003');
my $stranger = $relay->client(headers => bearer(sub => 'ann', org => 'other'));
$stranger->drain;
adjust('north');
is($plain->next_json->{type}, 'inventory.updated', 'what happens is told');
is_deeply([ $stranger->drain ], [], 'and to no other organization');

note 'in the hello';
is(upgraded(%protocol)->{headers}{'sec-websocket-protocol'}, 'inventory.v1', 'the subprotocol is selected');
is(upgraded('Sec-WebSocket-Protocol' => 'chat, inventory.v1')->{headers}{'sec-websocket-protocol'}, 'inventory.v1', 'also among others');
my $client = hello(token(named(name => 'Ann')));
my $welcome = $client->next_json;
is_deeply($welcome->{user}, { id => 'ann', name => 'Ann' }, 'a browser says who it is in its hello');
is($client->next_json->{type}, 'subscribed', 'and is served');
my $wrong = hello(token(named(exp => time - 60)));
is($wrong->next_json->{code}, 'token_expired', 'a bad token is answered');
is($wrong->wait_for_close, 4001, 'and ends the connection');
my $without = $relay->client(headers => \%protocol);
$without->send_json({ type => 'hello', protocol => 1 });
is($without->wait_for_close, 4001, 'so does a hello without one');
my $hasty = $relay->client(headers => \%protocol);
$hasty->send_json({ type => 'subscribe', channel => 'global' });
is($hasty->next_json->{code}, 'unauthorized', 'before it nothing is answered');
is($hasty->wait_for_close, 4009, 'and the connection ends');
my $wrong_hello = hello(token(named()), maxRate => 0, id => 7);
my $told = $wrong_hello->next_json;
is("$told->{code} $told->{message} $told->{id}", 'bad_request "maxRate" is no number from 1 to 1000 7', 'a hello that is malformed is told what is wrong');
is($wrong_hello->wait_for_close, 4009, 'and the connection ends, too');
my $began = time;
my $silent = $relay->client(headers => \%protocol);
is($silent->wait_for_close, 4001, 'who says nothing is closed');
ok(time - $began < 5, 'soon');
my @waiting = map { $relay->client(headers => \%protocol) } 1 .. 3;
is(upgraded(%protocol)->{status}, 503, 'and there may not be many of them');
is(upgraded(%protocol, %{ bearer(named()) })->{status}, 101, 'which is no matter to who has a token');
$_->drop for @waiting;

note 'a new token, and then somebody else';
my $messages = $relay->metric('messages_received_total');
my $changing = $relay->client(headers => bearer(named()));
$changing->drain;
# The database is asked about both, and answers when both have come.
my $holding = $node->background_psql('shop');
$holding->query_safe('BEGIN; LOCK TABLE inventory_member IN ACCESS EXCLUSIVE MODE');
$changing->send_json({ type => 'auth', id => 1, token => token(named(exp => time + 1800)) });
$changing->send_json({ type => 'hello', protocol => 1, id => 2, token => token(named(sub => 'bob')) });
$relay->wait_until(sub { $relay->metric('messages_received_total') == $messages + 3 }, 'both have come');
$node->poll_query_until('shop', "SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%inventory_relay_scope%'");
$holding->query_safe('COMMIT');
$holding->quit;
is($changing->wait_for(sub { ($_->{id} // 0) == 2 })->{user}{id}, 'bob', 'who says hello as somebody else is that one');
$changing->send_json({ type => 'adjust', id => 3, productId => 'bean', warehouseId => 'north', quantity => -1 });
is($changing->wait_for(sub { $_->{type} eq 'inventory.updated' })->{data}{performedBy}, 'bob', 'and acts as that one');

note 'too much before one is let in';
$holding = $node->background_psql('shop');
$holding->query_safe('BEGIN; LOCK TABLE inventory_member IN ACCESS EXCLUSIVE MODE');
my $hasty_one = $relay->client(headers => bearer(named(sub => 'cid')));
$hasty_one->send_json({ type => 'ping', id => $_ }) for 1 .. 21;
my $refused = $hasty_one->next_json;
is("$refused->{code} $refused->{id}", 'rate_limited 21', 'what is refused is named');
$holding->query_safe('COMMIT');
$holding->quit;
is_deeply([ map { $hasty_one->next_json->{id} } 1 .. 20 ], [ 1 .. 20 ], 'the rest is answered');

note 'warehouses';
my $limited = hello(token(named(sub => 'bob', warehouses => ['south'])), channels => [ 'global', 'warehouse:north', 'product:bean' ], snapshot => JSON::PP::true);
is_deeply($limited->next_json->{scope}{warehouses}, ['south'], 'one may see some warehouses only');
my @replies = map { $limited->next_json } 1 .. 3;
is_deeply([ map { $_->{code} // $_->{channel} } @replies ], [ 'global', 'forbidden', 'product:bean' ], 'the channel of another is forbidden');
is_deeply([ map { $_->{warehouseId} } @{ $limited->wait_for(sub { $_->{type} eq 'snapshot' })->{items} } ], ['south'], 'a snapshot has no other');
adjust('north');
adjust('south');
is($limited->wait_for(sub { $_->{type} eq 'inventory.updated' })->{data}{warehouseId}, 'south', 'nor do events');
$limited->send_json({ type => 'subscribe', channel => 'warehouse:nowhere' });
is($limited->next_json->{code}, 'forbidden', 'whether it exists or not');
is(scalar @{ decode_json($relay->get('/api/inventory', headers => bearer(named(warehouses => ['south'])))->{body}) }, 1, 'nor does the list');
my $position = $welcome->{position};
my $replayed = hello(token(named(sub => 'bob', warehouses => ['south'])), since => $position);
adjust('south');
my @heard = map { $replayed->wait_for(sub { $_->{type} eq 'inventory.updated' })->{data}{warehouseId} } 1 .. 2;
is_deeply(\@heard, [ 'south', 'south' ], 'nor does a replay');

note 'a new token';
sub refresh { my ($with, $token) = @_; $with->send_json({ type => 'auth', token => $token, id => 1 }); return $with->wait_for(sub { ($_->{id} // 0) eq '1' }) }
my $expiry = time + 7200;
is(refresh($client, token(named(name => 'Ann', exp => int $expiry)))->{expiresAt}, (int($expiry) + 30) * 1000, 'is taken on the open connection');
is(refresh($client, token(named(sub => 'bob')))->{code}, 'forbidden', 'somebody else\'s is not');
is(refresh($client, token(named(org => 'other')))->{code}, 'forbidden', 'nor one for another organization');
is(refresh($client, token(named(exp => time - 60)))->{code}, 'token_expired', 'nor an old one');
is(refresh($client, 'x')->{code}, 'unauthorized', 'nor what is none');
$client->send_json({ type => 'auth', token => token(named(name => 'Ann', warehouses => ['north'])) });
is($client->wait_for_close, 4203, 'other rights are a new connection');

note 'the end of a token';
my $short = hello(token(named(exp => time - 28)));
my $warning = $short->wait_for(sub { $_->{type} eq 'token_expiring' });
ok($warning->{inMs} > 0 && $warning->{inMs} <= 3000, 'it is told before');
is($short->wait_for_close, 4201, 'and then closes');

note 'rights that change';
my $other = $relay->client(headers => bearer(sub => 'ann', org => 'other'));
$node->safe_psql('shop', "SET inventory.organization = 'other'; SELECT FROM inventory_define('bean', 'north', initial_quantity => 1000)");

# A member whose access.changed the relay has read.
sub add_member
{
	my ($subject) = @_;
	$node->safe_psql('shop', "INSERT INTO inventory_member (organization_id, subject, role) VALUES ('acme', '$subject', 'viewer')");
	$node->safe_psql('shop', "SET inventory.organization = 'other'; SELECT FROM inventory_adjust('bean', 'north', -1, 'out')");
	$other->wait_for(sub { $_->{type} eq 'inventory.updated' && $_->{data}{changeAmount} == -1 });
	return;
}

my $ann = hello(token(named(role => undef)));
is($ann->wait_for_close, 4003, 'who is nothing to the database is closed');
my $boss = $relay->client(headers => bearer(named(sub => 'boss')));
$boss->drain;
add_member('ann');
is($boss->wait_for_close, 4203, 'the first member closes everybody\'s sessions: it takes their rights');
is($relay->client(headers => bearer(named(sub => 'boss')))->wait_for_close, 4003, 'who then have none');
$ann = hello(token(named(role => undef)));
is($ann->next_json->{scope}{role}, 'viewer', 'while the member has some');
add_member('zoe');
$node->safe_psql('shop', "DELETE FROM inventory_member WHERE subject = 'zoe'"); # the first to leave concerns everybody
add_member('carl');
$ann = hello(token(named(role => undef)));
my $carl = hello(token(named(sub => 'carl', role => undef)));
is($carl->next_json->{type}, 'welcome', 'and so has another');
$node->safe_psql('shop', <<'END');
BEGIN;
SET LOCAL inventory.organization = 'acme';
DELETE FROM inventory_member WHERE subject = 'ann';
SELECT FROM inventory_adjust('bean', 'north', -1, 'out');
COMMIT;
END
my @after = grep { $_->{type} eq 'inventory.updated' } map { $_ // () } do { my @m; while (my $m = $ann->next_json) { push @m, $m } @m };
is($ann->close_code, 4203, 'a member that is taken out is closed');
is(scalar @after, 0, 'before anything of the same transaction');
is($carl->wait_for(sub { $_->{type} eq 'inventory.updated' })->{data}{warehouseId}, 'north', 'others go on');
$node->safe_psql('shop', "ALTER TABLE inventory_member DISABLE TRIGGER ALL; DELETE FROM inventory_member WHERE subject = 'carl'; ALTER TABLE inventory_member ENABLE TRIGGER ALL");
$relay->stop;
my $checking = RelayProcess->start($node, 'shop', keys_options(), '--recheck-interval', '1s');
$other = $checking->client(headers => bearer(sub => 'ann', org => 'other'));
$other->drain;
add_member('dora');
my $dora = $checking->client(headers => bearer(named(sub => 'dora', role => undef)));
$dora->drain;
$node->safe_psql('shop', "ALTER TABLE inventory_member DISABLE TRIGGER ALL; DELETE FROM inventory_member WHERE subject = 'dora'; ALTER TABLE inventory_member ENABLE TRIGGER ALL");
is($dora->wait_for_close, 4203, 'rights that are taken without an event are found too');
is($checking->stop, 0, 'the relay ends well');

note 'keys and no token at all';
my $open = RelayProcess->start($node, 'shop', keys_options(), '--anonymous', 'viewer', '--organization', 'other');
is(decode_json($open->get('/api/session')->{body})->{scope}{role}, 'viewer', 'who brings no token may be somebody all the same');
is($open->get('/api/session', headers => { Authorization => 'Bearer x' })->{status}, 401, 'but a bad token is bad');
my $guest = $open->client(headers => \%protocol);
$guest->send_json({ type => 'hello', protocol => 1 });
is($guest->next_json->{user}{id}, 'anonymous', 'also with the subprotocol');
my $known = $open->client;
$known->send_json({ type => 'hello', protocol => 1, token => token(sub => 'ann', org => 'other') });
is($known->wait_for(sub { $_->{type} eq 'welcome' })->{user}{id}, 'ann', 'and one who comes as nobody may say in the hello who it is');

note 'keys from a file';
my $file = PostgreSQL::Test::Utils::tempdir() . '/keys.json';
sub write_keys { PostgreSQL::Test::Utils::append_to_file("$file.new", encode_json({ keys => [@_] })); rename "$file.new", $file or die; return }
sub key { my ($id, $secret) = @_; return { kty => 'oct', alg => 'HS256', kid => $id, k => MIME::Base64::encode_base64url($secret) } }
write_keys(key('one', '1' x 32));
my $rotating = RelayProcess->start($node, 'shop', '--jwks', $file, '--jwt-overlap', '0s', '--jwt-audience', 'shop', '--jwt-issuer', 'me');
my @aimed = (sub => 'ann', org => 'other', aud => 'shop', iss => 'me');
sub status { return $rotating->get('/api/session', headers => bearer(@aimed, @_))->{status} }
is(status(secret => '1' x 32), 200, 'a token of a key in the file is good');
is(status(secret => '1' x 32, aud => 'x'), 401, 'for its audience');
is(status(secret => '1' x 32, iss => 'x'), 401, 'and from its issuer');
write_keys(key('two', '2' x 32));
$rotating->signal('HUP');
$rotating->wait_for_log(qr/configuration reloaded/);
is(status(secret => '2' x 32), 200, 'a new key is taken on reload');
is(status(secret => '1' x 32), 401, 'and the old one ends with its overlap');
PostgreSQL::Test::Utils::append_to_file($file, 'x');
$rotating->signal('HUP');
$rotating->wait_for_log(qr/the old configuration stays: the key file/);
is(status(secret => '2' x 32), 200, 'a broken file changes nothing');
my ($out, $err) = ('', '');
ok(!IPC::Run::run([ RelayProcess->program, '--jwks', $file ], '>', \$out, '2>', \$err), 'and does not start a relay');
like($err, qr/the key file .* more than one value/, 'which says why');
like($rotating->log =~ /no keys/ ? 'no' : 'yes', qr/yes/, 'with keys nobody is let in without a token');
unlike($relay->log . $rotating->log, qr/eyJ/, 'no token stands in the log');

note 'rights that went with a part of the log';
$node->safe_psql('shop', "INSERT INTO inventory_member (organization_id, subject, role) VALUES ('acme', 'dan', 'viewer')");
my $paused = RelayProcess->start($node, 'shop', keys_options(), '--recheck-interval', '3600s');
my $member = $paused->client(headers => bearer(named(sub => 'dan', role => undef)), timeout => 30);
$member->send_json({ type => 'hello', protocol => 1 });
is($member->wait_for(sub { $_->{type} eq 'welcome' })->{scope}{role}, 'viewer', 'a member is let in');
kill STOP => $paused->pid;
$node->safe_psql('shop', "DELETE FROM inventory_member WHERE subject = 'dan'");
wait_for_ticks($node, 'shop');
$node->safe_psql('shop', 'UPDATE inventory_tick SET mark = mark + 1');
kill CONT => $paused->pid;
$paused->wait_until(sub { $paused->metric('resyncs_total{reason="log"}') == 1 }, 'the log begins anew');
$paused->wait_until(sub { $paused->metric('closes_total{code="4203"}') }, 'the member is closed');
is($member->wait_for_close, 4203, 'what the relay could not read of changed rights, it asks for');
is($paused->stop, 0, 'that relay ends well');

done_testing();
