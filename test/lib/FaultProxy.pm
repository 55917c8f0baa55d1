# FaultProxy.pm
#	  A TCP proxy that can be told to break: what a network does, on loopback.
#
#	my $proxy = FaultProxy->start("$socket_dir/.s.PGSQL.5432");   # or "127.0.0.1:8792"
#	connect to 127.0.0.1, $proxy->port
#	$proxy->say('cut');      # resets all connections, refuses new ones
#	$proxy->say('freeze');   # takes connections and bytes, and passes on nothing
#	$proxy->say('dribble');  # a few bytes at a time
#	$proxy->say('lag');      # a tenth of a second later
#	$proxy->say('pass');     # as if nothing had been; what was held back is passed on
#
# It is a process of its own that ends with the one that started it.  say()
# returns when the order is carried out.
package FaultProxy;

use strict;
use warnings;
use Errno qw(EAGAIN EWOULDBLOCK);
use IO::Socket::INET;
use IO::Socket::UNIX;
use Socket qw(SOL_SOCKET SO_LINGER SOCK_STREAM AF_UNIX PF_UNSPEC);
use Time::HiRes qw(sleep);

my %running;

sub start
{
	my ($class, $target) = @_;
	my $listener = IO::Socket::INET->new(Listen => 512, LocalAddr => '127.0.0.1', ReuseAddr => 1) or die "listen: $!";
	my ($ours, $theirs);

	socketpair($ours, $theirs, AF_UNIX, SOCK_STREAM, PF_UNSPEC) or die "socketpair: $!";
	my $pid = fork // die "fork: $!";
	if (!$pid)
	{
		close $ours;
		$SIG{$_} = 'DEFAULT' for qw(TERM INT);
		$SIG{PIPE} = 'IGNORE';
		eval { _serve($listener, $theirs, $target) };
		print STDERR "a fault proxy has died: $@" if $@;
		require POSIX;
		POSIX::_exit(0);
	}
	$running{$pid} = 1;
	close $theirs;
	return bless { pid => $pid, port => $listener->sockport, control => $ours }, $class;
}

sub port { return $_[0]{port} }

sub say
{
	my ($self, $order) = @_;

	syswrite $self->{control}, "$order\n";
	sysread($self->{control}, my $done, 1) or die "the fault proxy is gone\n";
	return;
}

sub _connect
{
	my ($target) = @_;
	return IO::Socket::UNIX->new(Peer => $target, Type => SOCK_STREAM) if $target =~ m{^/};
	return IO::Socket::INET->new(PeerAddr => $target, Proto => 'tcp');
}

# A pair of sockets is two links: what was read from the one and not yet
# written to the other.
sub _serve
{
	my ($listener, $control, $target) = @_;
	my $mode = 'pass';
	my %link;    # by file number: { socket, other, out }
	my $reset = sub {
		my ($end, $abruptly) = @_;
		for my $link (map { delete $link{ fileno $_->{socket} } // () } $end, $end->{other})
		{
			setsockopt $link->{socket}, SOL_SOCKET, SO_LINGER, pack('II', 1, 0) if $abruptly;
			close $link->{socket};
		}
	};

	while (1)
	{
		my ($reads, $writes) = ('', '');
		vec($reads, fileno $control, 1) = 1;
		vec($reads, fileno $listener, 1) = 1;
		for my $link (values %link)
		{
			# What the other end does not take is not read.
			vec($reads, fileno $link->{socket}, 1) = 1 if $mode ne 'freeze' && length $link->{other}{out} < 1 << 20;
			vec($writes, fileno $link->{socket}, 1) = 1 if $mode ne 'freeze' && length $link->{out};
		}
		select($reads, $writes, undef, undef) < 0 and next;

		if (vec $reads, fileno $control, 1)
		{
			sysread($control, my $order, 64) or return;
			($mode) = $order =~ /(\w+)/;
			if ($mode eq 'cut')
			{
				$link{$_} and $reset->($link{$_}, 1) for keys %link;
			}
			syswrite $control, '.';
			next;
		}
		if (vec($reads, fileno $listener, 1) && (my $near = $listener->accept))
		{
			my $far = $mode eq 'cut' ? undef : _connect($target);
			if (!$far)
			{
				setsockopt $near, SOL_SOCKET, SO_LINGER, pack('II', 1, 0);
				close $near;
				next;
			}
			$_->blocking(0) for $near, $far;
			my ($one, $two) = ({ socket => $near, out => '' }, { socket => $far, out => '' });
			($one->{other}, $two->{other}) = ($two, $one);
			$link{ fileno $near } = $one;
			$link{ fileno $far } = $two;
		}
		for my $number (keys %link)
		{
			my $link = $link{$number} or next;
			if (vec $writes, $number, 1)
			{
				my $size = $mode eq 'dribble' ? 7 : length $link->{out};
				my $sent = syswrite $link->{socket}, $link->{out}, $size;
				if (defined $sent) { substr $link->{out}, 0, $sent, '' }
				elsif ($! != EAGAIN && $! != EWOULDBLOCK) { $reset->($link, 1); next }
			}
			if (vec $reads, $number, 1)
			{
				my $got = sysread $link->{socket}, $link->{other}{out}, 65536, length $link->{other}{out};
				next if !defined $got && ($! == EAGAIN || $! == EWOULDBLOCK);
				if (!$got)
				{
					# The last words still go out, as far as there is room.
					$link->{other}{socket}->syswrite($link->{other}{out}) if length $link->{other}{out};
					$reset->($link, !defined $got);
				}
			}
		}
		sleep $mode eq 'dribble' ? 0.001 : 0.1 if $mode eq 'dribble' || $mode eq 'lag';
	}
}

sub stop
{
	my ($self) = @_;

	close $self->{control};
	waitpid $self->{pid}, 0;
	delete $running{ $self->{pid} };
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
