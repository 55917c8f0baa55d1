# The database moves, hangs, is reached the wrong way, or is gone for a while:
# the relay comes back to it, and its clients with it.
use strict;
use warnings;
use FrozenLink;
use InventoryNode;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RelayProcess;
use Test::More;
use Time::HiRes qw(time usleep);

my $user = (getpwuid($>))[0];

# Several hosts, the first to be tried first.
sub dsn
{
	my (@places) = @_;
	return join ' ', 'host=' . join(',', map { $_->[0] } @places), 'port=' . join(',', map { $_->[1] } @places), "dbname=shop user=$user";
}
sub place { my ($node) = @_; return [ $node->host, $node->port ] }
sub sell { my ($node, $count) = @_; $node->safe_psql('shop', "SELECT FROM inventory_adjust('bean', 'shop', -1, 'out');" x ($count // 1)); return $node->safe_psql('shop', "SELECT version FROM inventory WHERE product_id = 'bean'") }

sub versions_until
{
	my ($client, $last) = @_;
	my @versions;
	push @versions, $client->wait_for(sub { $_->{type} eq 'inventory.updated' })->{data}{version} until @versions && $versions[-1] >= $last;
	return \@versions;
}

sub hello
{
	my ($relay, %hello) = @_;
	# Its connections come back one after the other, and who comes in between is sent away for a while.
	$relay->wait_until_ready;
	my $client = $relay->client(timeout => 120);
	$client->send_json({ type => 'hello', protocol => 1, channels => ['product:bean'], %hello });
	$client->wait_for(sub { $_->{type} eq 'subscribed' });
	return $client;
}

my $primary = new_node('primary');
$primary->append_conf('postgresql.conf', "wal_level = replica\nmax_wal_senders = 5\nhot_standby = on");
$primary->append_conf('pg_hba.conf', 'local replication all trust');
$primary->start;
create_extension($primary, 'shop');
$primary->safe_psql('shop', "SELECT FROM inventory_define('bean', 'shop', initial_quantity => 100000)");
$primary->backup('base');
my %standby;
for my $name (qw(good stale))
{
	$standby{$name} = PostgreSQL::Test::Cluster->new($name);
	$standby{$name}->init_from_backup($primary, 'base', has_streaming => 1);
	$standby{$name}->start;
}

note 'a standby is promoted';
$primary->append_conf('postgresql.conf', "synchronous_standby_names = 'good'");
$primary->reload;
$primary->poll_query_until('postgres', "SELECT sync_state = 'sync' FROM pg_stat_replication WHERE application_name = 'good'");
my $relay = RelayProcess->start($primary, 'shop', '--dsn', dsn(map { place($_) } $standby{stale}, $standby{good}, $primary),
	'--connect-timeout', '5s', '--stale-after', '1s');
my $client = hello($relay);
my $version = sell($primary, 3);
is_deeply(versions_until($client, $version), [ $version - 2 .. $version ], 'of three hosts it finds the one that can be written');
$primary->wait_for_catchup($standby{stale});
$standby{stale}->append_conf('postgresql.conf', "primary_conninfo = ''");
$standby{stale}->reload;
$primary->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_replication WHERE application_name = 'stale'");
my $last = sell($primary, 10);
$primary->kill9;
my (@heard, %told);
sub hear
{
	my ($is_enough) = @_;
	until ($is_enough->())
	{
		my $message = $client->next_json // die 'the connection ended';
		push @heard, $message->{data}{version} if $message->{type} eq 'inventory.updated';
		$told{ $message->{type} }++;
	}
	return;
}
hear(sub { $told{stale} });
pass('its loss is told to clients');
$standby{good}->promote;
wait_for_workers($standby{good}, 'shop');
$last = sell($standby{good}, 5);
hear(sub { @heard && $heard[-1] >= $last && $told{fresh} });
pass('as is that there is one again');
is_deeply(\@heard, [ $version + 1 .. $last ], 'every change made before and after is told, once and in order, on the same connection');
ok(!$told{resync}, 'and nothing had to be forgotten');
$client->send_json({ type => 'ping' });
my $position = $client->wait_for(sub { $_->{type} eq 'pong' })->{position};
$client->drop;
$last = sell($standby{good}, 4);
my $back = hello($relay, since => $position);
is_deeply(versions_until($back, $last), [ $last - 3 .. $last ], 'a position from there goes on');
$relay->wait_until_ready;
my $plain = $relay->client(timeout => 120);
$plain->drain;

note 'one that had fallen behind is promoted';
$standby{good}->stop('immediate');
$standby{stale}->promote;
wait_for_workers($standby{stale}, 'shop');
$back->wait_for(sub { $_->{type} eq 'resync' });
pass('clients are told to forget what they hold');
my $snapshot = $back->wait_for(sub { $_->{type} eq 'snapshot' });
is($snapshot->{items}[0]{version}, $version, 'and given what there is');
is($plain->wait_for_close, 4202, 'those of the plain dialect are closed');
$last = sell($standby{stale}, 2);
is_deeply(versions_until($back, $last), [ $version + 1, $version + 2 ], 'the new history goes on from there');
$relay->wait_until_ready;
my $lost = $relay->client(timeout => 120);
$lost->send_json({ type => 'hello', protocol => 1, channels => ['product:bean'], since => $position });
$lost->wait_for(sub { $_->{type} eq 'resync' });
pass('a position of the lost history is not taken for one of this');
is($relay->stop, 0, 'the relay ends well');

note 'the other end hangs';
my $node = $standby{stale};
my $link = FrozenLink->start($node->host . '/.s.PGSQL.' . $node->port);
$relay = RelayProcess->start($node, 'shop', '--dsn', dsn([ '127.0.0.1', $link->port ], place($node)),
	'--query-timeout', '1s', '--connect-timeout', '1s', '--poll-interval', '200ms', '--stale-after', '1s');
$client = hello($relay);
is($node->safe_psql('postgres', "SELECT count(*) > 0 FROM pg_stat_activity WHERE application_name = 'inventory-relay'"), 't', 'the relay has come through the link');
$link->freeze;
$version = sell($node);
is_deeply(versions_until($client, $version), [$version], 'it notices, and goes to the next host');
like($relay->log, qr/event log: database connection lost: no answer within query-timeout/, 'saying why');
is($relay->stop, 0, 'the relay ends well');
$relay = RelayProcess->launch($node, 'shop', '--dsn', dsn([ '127.0.0.1', $link->port ]), '--query-timeout', '1s', '--connect-timeout', '1s');
$relay->wait_for_log(qr/event log: database connection lost: not connected within connect-timeout/);
is($relay->get('/readyz')->{status}, 503, 'with one host it is not ready');
$link->thaw;
$relay->wait_until_ready;
pass('and is when that answers again');
is($relay->stop, 0, 'the relay ends well');

note 'a pooler in transaction mode';
SKIP:
{
	my ($pgbouncer) = grep { -x } '/usr/sbin/pgbouncer', '/usr/bin/pgbouncer';
	skip 'there is no PgBouncer', 4 if !$pgbouncer;
	my $folder = PostgreSQL::Test::Utils::tempdir_short();
	my $port = PostgreSQL::Test::Cluster::get_free_port();
	my %pid;
	my $pool = sub {
		my ($mode) = @_;
		unlink "$folder/$mode.ini";
		append_to_file("$folder/$mode.ini", <<"END");
[databases]
shop = host=@{[ $node->host ]} port=@{[ $node->port ]} user=$user
[pgbouncer]
unix_socket_dir = $folder
listen_addr =
listen_port = $port
auth_type = any
pool_mode = $mode
ignore_startup_parameters = extra_float_digits
END
		$pid{$mode} = fork // die "fork: $!";
		if (!$pid{$mode})
		{
			open STDOUT, '>', "$folder/$mode.log";
			open STDERR, '>&', \*STDOUT;
			exec 'setpriv', '--pdeathsig', 'TERM', 'timeout', '200', $pgbouncer, "$folder/$mode.ini" or POSIX::_exit(127);
		}
		return;
	};
	my $end = sub { my ($mode) = @_; kill 'TERM', $pid{$mode}; waitpid $pid{$mode}, 0; return };

	$pool->('transaction');
	$relay = RelayProcess->launch($node, 'shop', '--dsn', dsn([ $folder, $port ]), '--poll-interval', '50ms');
	$relay->wait_until(sub { eval { $relay->get('/api/inventory') }; $relay->log =~ /a pooler in transaction mode cannot carry LISTEN, connect to PostgreSQL itself/ },
		'it is refused');
	pass('is refused with the reason');
	is($relay->stop, 0, 'the relay ends well');
	$end->('transaction');
	$pool->('session');
	$relay = RelayProcess->start($node, 'shop', '--dsn', dsn([ $folder, $port ]), '--poll-interval', '50ms');
	$client = hello($relay);
	$version = sell($node);
	is_deeply(versions_until($client, $version), [$version], 'one in session mode will do');
	unlike($relay->log, qr/a pooler in transaction mode/, 'without complaint');
	$relay->stop;
	$end->('session');
}

note 'the extension is dropped, and comes again';
$relay = RelayProcess->start($node, 'shop');
$client = hello($relay);
$node->safe_psql('shop', 'DROP EXTENSION pg_inventory CASCADE');
$relay->wait_for_log(qr/the extension pg_inventory is not installed in this database/);
is($relay->get('/readyz')->{status}, 503, 'without it the relay is not ready');
$node->safe_psql('shop', 'CREATE EXTENSION pg_inventory');
wait_for_workers($node, 'shop');
$node->safe_psql('shop', "SELECT FROM inventory_define('bean', 'shop', initial_quantity => 7)");
$client->wait_for(sub { $_->{type} eq 'resync' });
is($client->wait_for(sub { $_->{type} eq 'snapshot' })->{channel}, 'product:bean', 'then clients get what there is');
$version = sell($node);
$client->wait_for(sub { $_->{type} eq 'inventory.updated' && $_->{data}{version} == $version });
pass('and what happens');

note 'the database is dropped, and comes again';
$node->safe_psql('postgres', 'DROP DATABASE shop WITH (FORCE)');
$relay->wait_for_log(qr/database "shop" does not exist/);
is($relay->get('/livez')->{status}, 200, 'without it the relay lives');
my $before = () = $relay->log =~ /does not exist/g;
create_extension($node, 'shop');
$node->safe_psql('shop', "SELECT FROM inventory_define('bean', 'shop', initial_quantity => 7)");
$client->wait_for(sub { $_->{type} eq 'resync' });
$version = sell($node);
$client->wait_for(sub { $_->{type} eq 'inventory.updated' && $_->{data}{version} == $version });
pass('then all goes on, on the connections that are open');
cmp_ok($before, '<', 20, 'the log has not been flooded');
is($relay->stop, 0, 'the relay ends well');

done_testing();
