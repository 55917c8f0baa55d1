# Keys that come and go while the relay runs.
use strict;
use warnings;
use InventoryNode;
use JSON::PP;
use MIME::Base64 qw(encode_base64url);
use PostgreSQL::Test::Utils;
use RelayProcess;
use Test::More;
use Token;

my $node = new_node('main');
$node->start;
create_extension($node, 'shop');
$node->safe_psql('shop', "SELECT FROM inventory_define('bean', 'north', initial_quantity => 1000)");

my $folder = PostgreSQL::Test::Utils::tempdir();
my %secret = map { $_ => $_ x 32 } 1 .. 3;

# Replaced as a whole: the relay may be reading it.
sub write_file
{
	my ($name, $text) = @_;
	append_to_file("$folder/$name.new", $text);
	rename "$folder/$name.new", "$folder/$name" or die "$name: $!";
	return "$folder/$name";
}

sub write_keys
{
	return write_file('keys.json', encode_json({ keys => [ map { { kty => 'oct', alg => 'HS256', kid => "key $_", k => encode_base64url($secret{$_}) } } @_ ] }));
}

my $reloads = 0;

sub reload
{
	my ($relay) = @_;
	my $before = () = $relay->log =~ /configuration reloaded/g;
	$relay->signal('HUP');
	$relay->wait_until(sub { (() = $relay->log =~ /configuration reloaded/g) > $before }, 'it has reloaded');
	return;
}

sub status { my ($relay, @claims) = @_; return $relay->get('/api/session', @claims ? (headers => bearer(@claims)) : ())->{status} }

note 'keys that are taken out of the configuration';
write_keys(1);
my $config = write_file('relay.conf', "jwks = $folder/keys.json\n");
my $relay = RelayProcess->start($node, 'shop', '--config', $config);
is(status($relay), 401, 'without a token one is nobody');
write_file('relay.conf', "# nothing\n");
reload($relay);
is(status($relay), 401, 'that stays so when the configuration names no keys any more');
like($relay->log, qr/the old keys stay/, 'which the log says');
is(status($relay, secret => $secret{1}), 200, 'and the old keys verify');
is($relay->stop, 0, 'the relay ends well');

note 'keys that are put into it';
$relay = RelayProcess->start($node, 'shop', '--config', $config);
is(status($relay), 200, 'without keys everybody on this machine is an operator');
write_file('relay.conf', "jwks = $folder/keys.json\n");
reload($relay);
is(status($relay), 401, 'with keys one needs a token');
is(status($relay, secret => $secret{1}), 200, 'which is verified');
write_file('relay.conf', "# nothing\n");
reload($relay);
is(status($relay), 401, 'and a reload never lets anybody in who was kept out');
is($relay->stop, 0, 'the relay ends well');

note 'connections of a key that is taken away';
write_keys(1, 2);
write_file('relay.conf', "jwks = $folder/keys.json\njwt-overlap = 0s\n");
$relay = RelayProcess->start($node, 'shop', '--config', $config);
my $plain = $relay->client(headers => bearer(secret => $secret{1}));
my ($first, $second, $renewed) = map {
	my $client = $relay->client(headers => { 'Sec-WebSocket-Protocol' => 'inventory.v1' });
	$client->send_json({ type => 'hello', protocol => 1, token => token(secret => $secret{$_}) });
	$client->wait_for(sub { $_->{type} eq 'welcome' });
	$client;
} 1, 2, 1;
$renewed->send_json({ type => 'auth', token => token(secret => $secret{2}), id => 1 });
is($renewed->wait_for(sub { ($_->{id} // 0) eq '1' })->{type}, 'ack', 'one gets a token of another key in time');
reload($relay);
is(scalar(grep { $_->{type} eq 'error' } map { $_->drain } $plain, $first, $second, $renewed), 0, 'a reload with the same keys changes nothing');
write_keys(2, 3);
reload($relay);
is($first->wait_for_close, 4201, 'a connection whose key is gone is closed');
is($plain->wait_for_close, 4201, 'in either dialect');
is($_->drain, 0, 'others go on') for $second, $renewed;
is(status($relay, secret => $secret{1}), 401, 'a token of that key is not taken');
is(status($relay, secret => $secret{3}), 200, 'one of the new key is');

note 'while the database is away';
$node->stop;
ok($second->wait_for(sub { $_->{type} eq 'stale' })->{since}, 'who is there is told');
is($relay->client(headers => bearer(sub => 'zoe', secret => $secret{2}))->wait_for_close, 4102, 'who comes cannot be let in');
is($relay->get('/api/session', headers => bearer(sub => 'zoe', secret => $secret{2}))->{status}, 503, 'nor be told who it is');
$second->send_json({ type => 'auth', token => token(secret => $secret{2}, name => 'Ann'), id => 2 });
my $answer = $second->wait_for(sub { ($_->{id} // 0) eq '2' });
is("$answer->{code} $answer->{retryable}", 'unavailable 1', 'a new token cannot be looked at');
$node->start;
ok($second->wait_for(sub { $_->{type} eq 'fresh' })->{position}, 'when it is back all go on');
is($relay->stop, 0, 'the relay ends well');

done_testing();
