# Two relays behind HAProxy, with the configuration of docs/examples: whoever
# moves from one to the other goes on without a gap and without a repetition.
use strict;
use warnings;
use File::Basename qw(dirname);
use InventoryNode;
use PostgreSQL::Test::Utils;
use RelayProcess;
use Test::More;
use Time::HiRes qw(usleep time);
use Token;

my ($haproxy) = grep { -x } '/usr/sbin/haproxy', '/usr/local/sbin/haproxy';
my $example = dirname(__FILE__) . '/../../docs/examples/haproxy.cfg';
plan skip_all => 'there is no HAProxy' if !$haproxy;

my $node = new_node('main');
$node->start;
create_extension($node, 'shop');
$node->safe_psql('shop', "SELECT FROM inventory_define('bean', 'shop', initial_quantity => 1000000)");
my @relays = map { RelayProcess->start($node, 'shop', keys_options(), '--trusted-proxy', '127.0.0.1', '--reconnect-window', '200ms') } 1, 2;

my $folder = PostgreSQL::Test::Utils::tempdir();
my $port = PostgreSQL::Test::Cluster::get_free_port();
my $text = slurp_file($example);
$text =~ s/bind :443 .*/bind 127.0.0.1:$port/ or die 'no bind';
$text =~ s/127\.0\.0\.1:8792/127.0.0.1:$relays[0]{port}/ or die 'no first server';
$text =~ s/127\.0\.0\.1:8793/127.0.0.1:$relays[1]{port}/ or die 'no second server';
$text =~ s/maxconn \d+/maxconn 200/;
PostgreSQL::Test::Utils::append_to_file("$folder/haproxy.cfg", $text);
my $checked = '';
ok(IPC::Run::run([ $haproxy, '-c', '-f', "$folder/haproxy.cfg" ], '<', \undef, '>&', \$checked), 'the example is a configuration') or diag($checked);

# In the foreground, and ended with us however we end.
my $proxy = fork // die "fork: $!";
if (!$proxy)
{
	open STDOUT, '>', "$folder/haproxy.log";
	open STDERR, '>&', \*STDOUT;
	exec 'setpriv', '--pdeathsig', 'TERM', 'timeout', '300', $haproxy, '-db', '-f', "$folder/haproxy.cfg" or POSIX::_exit(127);
}
END
{
	my $status = $?;
	if ($proxy) { kill 'TERM', $proxy; waitpid $proxy, 0 }
	$? = $status;
}

sub get { my ($path) = @_; return eval { WebSocketClient->open_socket(port => $port, timeout => 5)->http(path => $path) } // { status => 0 } }

# Until HAProxy answers, with this many of the relays.
sub wait_until { my ($condition, $what) = @_; my $end = time + 60; until ($condition->()) { die "waited in vain until $what\n" . slurp_file("$folder/haproxy.log") if time > $end; usleep(50_000) } return }
wait_until(sub { get('/readyz')->{status} == 200 }, 'HAProxy answers');

# Says hello through the proxy, again and again until it is let in.
sub come
{
	my ($since, %options) = @_;
	my $client;

	wait_until(sub {
		$client = eval { WebSocketClient->connect(port => $port, headers => bearer(sub => 'ann'), timeout => 60, %options) };
		return 0 if !$client;
		return eval {
			$client->send_json({ type => 'hello', protocol => 1, defined $since ? (since => $since) : () });
			$client->wait_for(sub { $_->{type} eq 'welcome' });
			1;
		};
	}, 'a relay takes the client');
	return $client;
}

note 'addresses';
my $other = come(undef, from => '127.0.0.7');
wait_until(sub { grep { $_->log =~ /session \d+ opened from 127\.0\.0\.7$/m } @relays }, 'the client is known');
pass('a relay knows its client by the address, not by the proxy\'s');
$other->drop;

note 'moving';
my $script = "$folder/sale.sql";
PostgreSQL::Test::Utils::append_to_file($script, "SELECT FROM inventory_adjust('bean', 'shop', -1, 'out');\n");
my $load = IPC::Run::start([ 'pgbench', '-n', '-c', '2', '-R', '100', '-T', '300', '-f', $script, $node->connstr('shop') ],
	'>', \my $ignored, '2>', \my $errors, IPC::Run::timeout(310));
my $client = come();
my (@versions, $position, %served, @ends);

# Hears events until the connection ends, or the wanted number is there.
sub hear
{
	my ($wanted) = @_;
	while (!defined $wanted || $wanted-- > 0)
	{
		my $message = eval { $client->next_json } // return;
		$position = $message->{position} if $message->{position};
		push @versions, $message->{data}{version} if $message->{type} eq 'inventory.updated';
	}
	return;
}

for my $round (1 .. 6)
{
	hear(30);
	my ($here) = grep { ($relays[$_]->metric('sessions') // 0) > 0 } 0, 1;
	$served{$here}++;
	my $relay = $relays[$here];
	if ($round % 2)
	{
		$relay->signal('TERM');
		hear();
		push @ends, $client->close_code // 'cut';
		is($relay->wait_for_exit, 0, "relay $here is asked to end");
	}
	else
	{
		is($relay->stop('KILL') & 127, 9, "relay $here is killed");
		hear();
		push @ends, $client->close_code // 'cut';
	}
	$client->drop;
	$client = come($position);
	$relay->run;
	$relay->wait_until_ready;
	wait_until(sub { get('/readyz')->{status} == 200 }, 'HAProxy answers');
}
hear(30);
$load->signal('TERM');
$load->finish;
is_deeply([ sort keys %served ], [ 0, 1 ], 'both relays have had the client');
is_deeply(\@ends, [ (4200, 'cut') x 3 ], 'who left it in turn with a word and without');
my @wanted = ($versions[0] .. $versions[0] + $#versions);
is_deeply(\@versions, \@wanted, 'of ' . @versions . ' changes it heard every one, once and in order');
is($_->stop, 0, 'a relay ends well') for @relays;

done_testing();
