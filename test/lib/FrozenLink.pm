# FrozenLink.pm
#	  A TCP link to a Unix socket that can be frozen: bytes are taken and go
#	  nowhere, and nobody is told, as when the other machine has stopped.
#
#	my $link = FrozenLink->start($node->host . '/.s.PGSQL.' . $node->port);
#	... host=127.0.0.1 port=${\$link->port} ...
#	$link->freeze;
#	$link->thaw;
#
# A process of its own, which ends with the test.
package FrozenLink;

use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;

my %running;

sub start
{
	my ($class, $path) = @_;
	my $listener = IO::Socket::INET->new(Listen => 50, LocalAddr => '127.0.0.1', Proto => 'tcp') or die "listen: $!";
	my $self = bless { port => $listener->sockport }, $class;

	pipe(my $hear, $self->{say}) or die "pipe: $!";
	$self->{say}->autoflush(1);
	pipe($self->{heard}, my $answer) or die "pipe: $!";
	$answer->autoflush(1);
	$self->{pid} = fork // die "fork: $!";
	if (!$self->{pid})
	{
		close $self->{say};
		eval { carry($listener, $path, $hear, $answer) };
		POSIX::_exit(0);
	}
	$running{ $self->{pid} } = 1;
	return $self;
}

sub port { return $_[0]{port} }
sub freeze { my ($self) = @_; return $self->_order('f') }
sub thaw { my ($self) = @_; return $self->_order('t') }

# Returns when it is so.
sub _order
{
	my ($self, $order) = @_;

	syswrite $self->{say}, $order;
	sysread $self->{heard}, my $done, 1;
	return;
}

# Until the test is gone.  While frozen, connections are taken and nothing else.
sub carry
{
	my ($listener, $path, $hear, $answer) = @_;
	my $select = IO::Select->new($listener, $hear);
	my (%other, $is_frozen);

	while (1)
	{
		for my $socket ($select->can_read)
		{
			if ($socket == $hear)
			{
				sysread($hear, my $order, 1) or return;
				$is_frozen = $order eq 'f';
				$is_frozen ? $select->remove(values %other) : $select->add(values %other);
				syswrite $answer, 'x';
				last; # what could be read was found before
			}
			if ($socket == $listener)
			{
				my $near = $listener->accept or next;
				my $far = IO::Socket::UNIX->new(Peer => $path);
				if (!$far) { close $near; next }
				@other{ $near, $far } = ($far, $near);
				$select->add($near, $far) if !$is_frozen;
				next;
			}
			my $to = $other{$socket} or next;
			my $size = sysread($socket, my $bytes, 65536);
			local $SIG{PIPE} = 'IGNORE';
			next if $size && syswrite($to, $bytes);
			$select->remove($socket, $to);
			delete @other{ $socket, $to };
			close $_ for $socket, $to;
		}
	}
	return;
}

END
{
	my $status = $?;
	kill 'KILL', $_ for keys %running;
	waitpid $_, 0 for keys %running;
	$? = $status;
}

1;
