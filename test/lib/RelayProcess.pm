# RelayProcess.pm
#	  A relay for tests, following a database of a PostgreSQL::Test::Cluster.
#
#	my $relay = RelayProcess->start($node, 'shop', '--max-channels', 4);
#	my $client = $relay->client;           # a WebSocketClient
#	my $response = $relay->get('/readyz');
#	is($relay->metric('sessions'), 1);
#	is($relay->stop, 0);                   # the exit status after SIGTERM
#
# The relay ends with the test.  Its log is in ->log.
package RelayProcess;

use strict;
use warnings;
use Carp qw(croak);
use POSIX qw(:sys_wait_h);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Time::HiRes qw(usleep time);
use WebSocketClient;

my $stage = $ENV{INVENTORY_STAGE} // '';
my $program = $ENV{INVENTORY_RELAY} // "$stage/usr/bin/inventory-relay";
$program = 'inventory-relay' if !-x $program;
my $pages = $ENV{INVENTORY_RELAY_PAGES} // "$stage/usr/share/inventory-relay/www";
my @under = split ' ', $ENV{INVENTORY_RELAY_UNDER} // ''; # valgrind
my %running;

# The path, for tests that run it themselves.
sub program { return $program }

# Started, but perhaps not ready yet.
sub launch
{
	my ($class, $node, $database, @options) = @_;
	my $port = PostgreSQL::Test::Cluster::get_free_port();
	my $admin_port = PostgreSQL::Test::Cluster::get_free_port();
	my $self = bless {
		port => $port,
		admin_port => $admin_port,
		log_file => PostgreSQL::Test::Utils::tempdir() . "/relay_$port.log",
		command => [
			@under, $program, '--listen', "127.0.0.1:$port", '--admin', "127.0.0.1:$admin_port",
			'--dsn', $node->connstr($database) . ' user=' . (getpwuid($>))[0],
			'--www', $pages, '--log-level', 'debug',
			# On a machine with much to do, relay and publisher may not get to run for a while: that is
			# not to be taken for more than can be sent, nor for a publisher that stands still.
			'--conflate-after', '60s', '--stale-after', '60s', @options,
		],
	}, $class;

	$self->run;
	return $self;
}

# Started and ready.
sub start
{
	my ($class, @arguments) = @_;
	my $self = $class->launch(@arguments);

	$self->wait_until_ready;
	return $self;
}

# Runs the same command, again after stop().
sub run
{
	my ($self) = @_;

	append_to_file($self->{log_file}, ''); # there to be read before it is written
	$self->{pid} = fork // die "fork: $!";
	if (!$self->{pid})
	{
		open STDERR, '>>', $self->{log_file};
		open STDOUT, '>&', \*STDERR;
		delete $ENV{PGAPPNAME}; # the tests' own
		exec { $self->{command}[0] } @{ $self->{command} } or POSIX::_exit(127);
	}
	$running{ $self->{pid} } = 1;
	return;
}

sub wait_until
{
	my ($self, $condition, $what) = @_;
	my $deadline = time + $PostgreSQL::Test::Utils::timeout_default;

	until ($condition->())
	{
		die "the relay has ended:\n" . $self->log if waitpid($self->{pid}, WNOHANG) > 0;
		die "waited in vain until $what:\n" . $self->log if time > $deadline;
		usleep(20_000);
	}
	return;
}

sub wait_until_ready
{
	my ($self) = @_;
	return $self->wait_until(sub { (eval { $self->get('/readyz')->{status} } // 0) == 200 }, 'it is ready');
}

sub wait_for_log
{
	my ($self, $pattern) = @_;
	return $self->wait_until(sub { $self->log =~ $pattern }, "its log has $pattern");
}

# The exit status after a signal (SIGTERM).
sub stop
{
	my ($self, $signal) = @_;

	kill $signal // 'TERM', $self->{pid};
	return $self->wait_for_exit;
}

sub wait_for_exit
{
	my ($self) = @_;
	my $deadline = time + 60;

	until (waitpid($self->{pid}, WNOHANG) > 0)
	{
		die "the relay does not end:\n" . $self->log if time > $deadline;
		usleep(10_000);
	}
	my $status = $?;
	delete $running{ $self->{pid} };
	return $status;
}

sub signal { my ($self, $signal) = @_; return kill $signal, $self->{pid} }
sub log { my ($self) = @_; return slurp_file($self->{log_file}) }
sub port { return $_[0]{port} }
sub pid { return $_[0]{pid} }

# A WebSocket client, and one that has said nothing yet.
sub client { my ($self, %options) = @_; return WebSocketClient->connect(port => $self->{port}, %options) }
sub socket { my ($self, %options) = @_; return WebSocketClient->open_socket(port => $self->{port}, %options) }

# One request on a connection of its own.
sub request
{
	my ($self, %request) = @_;
	return WebSocketClient->open_socket(port => $request{port} // $self->{port})->http(%request);
}

sub get { my ($self, $path, %options) = @_; return $self->request(path => $path, %options) }

# The value of a metric, without its prefix; labels as they are printed.
sub metric
{
	my ($self, $name) = @_;
	my $text = $self->get('/metrics', port => $self->{admin_port})->{body};

	return $text =~ /^inventory_relay_\Q$name\E (\S+)$/m ? $1 : undef;
}

END
{
	my $status = $?;
	kill 'KILL', $_ for keys %running;
	waitpid $_, 0 for keys %running;
	$? = $status;
}

1;
