# What an operator does with a relay: checks, starts, reloads, watches, ends it.
use strict;
use warnings;
use InventoryNode;
use IO::Select;
use IO::Socket::UNIX;
use JSON::PP;
use PostgreSQL::Test::Utils;
use RelayProcess;
use Socket qw(SOCK_DGRAM);
use Test::More;
use Time::HiRes qw(time);
use Token;

my $node = new_node('main');
$node->start;
create_extension($node, 'shop');
$node->safe_psql('shop', "SELECT FROM inventory_define('bean', 'shop', initial_quantity => 100)");
my $program = RelayProcess->program;
my $folder = PostgreSQL::Test::Utils::tempdir();

sub write_file { my ($name, $text) = @_; open my $out, '>', "$folder/$name" or die; print $out $text; close $out; return "$folder/$name" }

# The status and what was said.
sub run_program
{
	my (@options) = @_;
	my $output = '';
	IPC::Run::run([ $program, @options ], '<', \undef, '>&', \$output, IPC::Run::timeout(30));
	return ($? >> 8, $output);
}

note 'checking';
my @bad = (
	[ 'a connection string', qr/option dsn: invalid connection option "hots"/, '--dsn', 'hots=a' ],
	[ 'a secret', qr/32 bytes/, '--jwt-secret', 'short' ],
	[ 'keys that are missing', qr/the key file .*it cannot be read/, '--jwks', "$folder/none" ],
	[ 'a certificate that is missing', qr/the certificate ".*none" cannot be used: No such file or directory/, '--tls-certificate', "$folder/none", '--tls-key', "$folder/none" ],
	[ 'half a pair', qr/there must be both or neither/, '--tls-key', 'x' ],
	[ 'a proxy by name', qr/option trusted-proxy: "proxy.example" is malformed/, '--trusted-proxy', 'proxy.example' ],
	[ 'an open port', qr/refusing to listen on 0\.0\.0\.0:80: clients without a token are let in/, '--listen', '*:80' ],
	[ 'an option', qr/there is no option "--lisen"; try --help/, '--lisen', '1' ]);
for (@bad)
{
	my ($what, $pattern, @options) = @$_;
	my ($status, $output) = run_program('--check-config', @options);
	is($status, 2, "$what that is wrong is found");
	like($output, $pattern, 'and named');
	isnt((run_program(@options))[0], 0, 'nor does the relay start with it');
}
my ($status, $output) = run_program('--check-config', '--config', write_file('fine.conf', "listen = 127.0.0.1:8792\n"));
is("$status $output", "0 the configuration is fine\n", 'a good configuration is fine');

note 'reloading';
my $file = write_file('relay.conf', "max-channels = 1\nlog-format = plain\n");
my $relay = RelayProcess->start($node, 'shop', '--config', $file);
sub channels_of { my ($client) = @_; $client->send_json({ type => 'subscribe', channel => "product:$_" }) for 1 .. 3; return grep { $_->{type} eq 'subscribed' } $client->drain }
my $client = $relay->client;
$client->drain;
is(scalar(channels_of($client)), 0, 'one channel may be followed, which is global');
sub reload { my ($text, $pattern) = @_; write_file('relay.conf', $text); my $before = length $relay->log; $relay->signal('HUP'); $relay->wait_until(sub { substr($relay->log, $before) =~ $pattern }, "the log has $pattern"); return }
reload("max-channels = 3\n", qr/configuration reloaded$/m);
is(scalar(channels_of($client)), 2, 'after a reload three, on the connection that is open');
reload("max-channels = 50\nmessage-burst = many\n", qr/error: the old configuration stays: option message-burst: "many" is not a number/);
is(scalar(grep { $_->{type} eq 'error' } do { $client->send_json({ type => 'subscribe', channel => 'product:9' }); $client->drain }), 1,
	'of a file with a bad value nothing is taken');
reload("max-chanels = 50\n", qr/the old configuration stays: .*relay\.conf, line 1: there is no option "max-chanels"/);
unlink $file;
$relay->signal('HUP');
$relay->wait_for_log(qr/the old configuration stays: the configuration file ".*relay\.conf" cannot be read/);
pass('without the file the old one stays too');
reload("max-channels = 50\njwks = $folder/none\n", qr/the old configuration stays: the key file/);
is(scalar(grep { $_->{type} eq 'error' } do { $client->send_json({ type => 'subscribe', channel => 'product:9' }); $client->drain }), 1,
	'nor is anything taken with keys that cannot be read');
reload("max-channels = 3\norganization = other\nlog-format = json\n", qr/configuration reloaded; only a restart changes organization/);
my ($last) = reverse split /\n/, $relay->log;
my $record = decode_json($last);
like($record->{message}, qr/^configuration reloaded; only a restart changes organization/, 'what needs a restart is named, in JSON if that was asked for');
is($record->{level}, 'info', 'with its level');
like($record->{time}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, 'and its time');
is($relay->metric('reloads_total{taken="true"}'), 2, 'reloads are counted');
is($relay->metric('reloads_total{taken="false"}'), 4, 'as are those refused');
is($relay->stop, 0, 'the relay ends well');

note 'the log in a flood';
$relay = RelayProcess->start($node, 'shop');
for (1 .. 50) { $relay->socket->upgrade(headers => { Origin => "http://evil$_.example\x01" }) }
my @lines = grep { /refused a page/ } split /\n/, $relay->log;
is(scalar @lines, 1, 'fifty of a kind are one line');
like($lines[0], qr/evil1\.example\\x01"/, 'which holds no control bytes');
$relay->wait_for_log(qr/49 more of this kind in the last 10 s: refused a page from "http:\/\/evil50\.example/);
pass('and one that says how many there were, with the last of them');
is($relay->stop, 0, 'the relay ends well');

note 'TLS';
sub make_pair
{
	my ($name, @days) = @_;
	system_log('openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=localhost',
		'-addext', 'subjectAltName=DNS:localhost', '-keyout', "$folder/$name.key", '-out', "$folder/$name.crt", @days);
	return;
}
sub install { my ($certificate, $key) = @_; for ([ "$certificate.crt", 'tls.crt' ], [ "$key.key", 'tls.key' ]) { write_file($_->[1], slurp_file("$folder/$_->[0]")) } return }
make_pair($_, '-days', 2) for qw(one two);
install('one', 'one');
for my $loop (qw(ev poll))
{
	$relay = RelayProcess->launch($node, 'shop', '--tls-certificate', "$folder/tls.crt", '--tls-key', "$folder/tls.key", '--event-loop', $loop);
	my @tls = (tls => "$folder/one.crt");
	$relay->wait_until(sub { (eval { $relay->get('/readyz', port => $relay->{admin_port})->{status} } // 0) == 200 }, 'it is ready');
	pass("the admin address speaks plain ($loop)");
	is($relay->socket(@tls)->http(path => '/readyz')->{status}, 200, 'clients speak TLS');
	my $seen = $relay->client(@tls);
	$node->safe_psql('shop', "SELECT FROM inventory_adjust('bean', 'shop', 1)");
	is($seen->wait_for(sub { $_->{type} eq 'inventory.updated' })->{data}{changeAmount}, 1, 'and hear of changes');
	$seen->send_json({ type => 'ping', x => 'y' x 16000 });
	is($seen->next_json->{type}, 'pong', 'long messages are read whole');
	ok(!eval { $relay->get('/livez') }, 'who speaks plain gets nothing');
	ok(!eval { $relay->socket(tls => "$folder/two.crt")->http(path => '/livez') }, 'the certificate is the one that was given');
	ok($relay->metric('tls_certificate_expiry_seconds') > time + 86400, 'its end can be watched');
	my $offered = qx(echo | openssl s_client -connect 127.0.0.1:${\$relay->port} -alpn h2,http/1.1 2>/dev/null);
	like($offered, qr/ALPN protocol: http\/1\.1/, 'HTTP/2 is not agreed to');
	like(qx(echo | openssl s_client -connect 127.0.0.1:${\$relay->port} -tls1_1 -cipher DEFAULT:\@SECLEVEL=0 2>&1), qr/alert protocol version|no protocols available/, 'nor is TLS 1.1');
	my $before = length $relay->log;
	install('two', 'one');
	$relay->signal('HUP');
	$relay->wait_for_log(qr/the old configuration stays: the key ".*tls\.key" cannot be used: it is not that of the certificate/);
	is($relay->socket(@tls)->http(path => '/livez')->{status}, 200, 'a pair that does not fit changes nothing');
	install('two', 'two');
	$relay->signal('HUP');
	$relay->wait_for_log(qr/configuration reloaded/);
	is($relay->socket(tls => "$folder/two.crt")->http(path => '/livez')->{status}, 200, 'a new pair is shown to who connects then');
	ok(!eval { $relay->socket(@tls)->http(path => '/livez') }, 'and the old one no more');
	$seen->send_json({ type => 'ping' });
	is($seen->next_json->{type}, 'pong', 'who was connected stays so');
	is($relay->stop, 0, 'the relay ends well');
	install('one', 'one');
}

note 'the service manager';
my $manager = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => "$folder/notify") or die "notify: $!";
sub told { my $text = ''; IO::Select->new($manager)->can_read(30) or die 'nothing was told'; $manager->recv($text, 1000); return $text }
sub wait_for_told { my ($pattern) = @_; for (1 .. 1000) { my $text = told(); return $text if $text =~ $pattern } die "never told $pattern" }
{
	local $ENV{NOTIFY_SOCKET} = "$folder/notify";
	local $ENV{WATCHDOG_USEC} = 400_000;
	$relay = RelayProcess->launch($node, 'shop');
	wait_for_told(qr/^READY=1$/);
	pass('it is told that the relay is ready');
	wait_for_told(qr/^STATUS=following the event log$/);
	pass('and how it goes');
	my $started = time;
	wait_for_told(qr/^WATCHDOG=1$/) for 1 .. 5;
	ok(time - $started > 0.5, 'it gets signs of life');
	$relay->signal('HUP');
	wait_for_told(qr/^RELOADING=1\nMONOTONIC_USEC=\d+$/);
	wait_for_told(qr/^READY=1$/);
	pass('it hears of a reload and its end');
	$node->stop('fast');
	wait_for_told(qr/^STATUS=the database is not connected$/);
	pass('of the database being away');
	$node->start;
	wait_for_workers($node, 'shop');
	wait_for_told(qr/^STATUS=following the event log$/);
	pass('and back');
	is($relay->stop, 0, 'the relay ends well');
	wait_for_told(qr/^STOPPING=1$/);
	pass('and it is told that too');
}

note 'ending little by little';
$relay = RelayProcess->start($node, 'shop', '--reconnect-window', '2s');
my @clients = map { $relay->client } 1 .. 300;
my $watcher = $clients[-1];
$watcher->send_json({ type => 'hello', protocol => 1 });
$watcher->wait_for(sub { $_->{type} eq 'welcome' });
my $kept = $relay->socket;
is($kept->http(path => '/readyz')->{status}, 200, 'it is ready before');
$relay->signal('TERM');
is($watcher->wait_for(sub { $_->{type} eq 'drain' })->{reconnectWindowMs}, 2000, 'clients are told at once');
is($clients[0]->wait_for_close, 4200, 'the first are closed');
$node->safe_psql('shop', "SELECT FROM inventory_adjust('bean', 'shop', 5)");
is($watcher->wait_for(sub { $_->{type} eq 'inventory.updated' && $_->{data}{changeAmount} == 5 })->{type}, 'inventory.updated',
	'while others are served on');
like($kept->http(path => '/readyz')->{body}, qr/the relay is ending/, 'a balancer that asks is told');
ok(!eval { $relay->client }, 'nobody new is taken');
is($_->wait_for_close, 4200, 'all are closed in the end') for @clients[ 1, 100, 200, 299 ];
$_->wait_for_close for @clients;
is($relay->wait_for_exit, 0, 'and the relay ends well');
$relay = RelayProcess->start($node, 'shop', '--reconnect-window', '60s');
@clients = map { $relay->client } 1 .. 300;
my $started = time;
$relay->signal('TERM');
$clients[0]->wait_for_close;
$relay->signal('TERM');
$_->wait_for_close for @clients;
is($relay->wait_for_exit, 0, 'who asks twice is in a hurry');

done_testing();
