# Relay.pm
#	  The relay as a test starts it: against one database, on a free port.
package Relay;

use strict;
use warnings;
use IO::Socket::INET;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Time::HiRes qw(usleep);

# Starts the relay as the given role and waits until it is ready.
sub new
{
	my ($class, $node, $database, $role) = @_;
	my $self = bless {
		port => PostgreSQL::Test::Cluster::get_free_port(),
		admin_port => PostgreSQL::Test::Cluster::get_free_port(),
		log => PostgreSQL::Test::Utils::tempdir() . '/relay.log',
		dsn => $node->connstr($database) . " user=$role",
	}, $class;

	$self->start;
	return $self;
}

sub port { return $_[0]{port} }
sub log_text { return slurp_file($_[0]{log}) }

sub start
{
	my ($self) = @_;
	my @command = ("$ENV{INVENTORY_STAGE}/usr/bin/inventory-relay", '--dsn', $self->{dsn}, '--www', '',
		'--listen', "127.0.0.1:$self->{port}", '--admin', "127.0.0.1:$self->{admin_port}");

	defined($self->{pid} = fork) or die "cannot fork: $!";
	if ($self->{pid} == 0)
	{
		open STDOUT, '>>', $self->{log} or die;
		open STDERR, '>&', \*STDOUT or die;
		exec @command or die;
	}
	$self->wait_for_status(200);
	return;
}

# Sends a signal and waits for the end.  Returns the exit status as $? has it.
sub stop
{
	my ($self, $signal) = @_;
	my $pid = delete $self->{pid} or return;

	kill $signal // 'TERM', $pid;
	waitpid $pid, 0;
	return $?;
}

# The status of an answer, or 0 when there is none.
sub status_of
{
	my ($self, $path) = @_;
	my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{port}) or return 0;

	print $socket "GET $path HTTP/1.1\r\nHost: 127.0.0.1:$self->{port}\r\nConnection: close\r\n\r\n";
	my $line = <$socket> // '';
	return $line =~ m{^HTTP/1.1 (\d{3})} ? $1 : 0;
}

# Until /readyz says so.
sub wait_for_status
{
	my ($self, $status) = @_;

	for (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
	{
		return if $self->status_of('/readyz') == $status;
		die "the relay ended:\n" . $self->log_text if waitpid($self->{pid}, 1) == $self->{pid};
		usleep(100_000);
	}
	die "/readyz did not become $status:\n" . $self->log_text;
}

sub DESTROY
{
	my ($self) = @_;
	local $?;
	$self->stop('KILL');
	return;
}

1;
