# Till.pm
#	  A writer that changes stock through the relay, over a WebSocket.
#
#	my $till = Till->start(name => 't0', port => $port, file => $file, seed => 7, rate => 50,
#		headers => bearer(...), organization => 'acme', products => 8);
#	$till->stop;
#
# A process of its own.  Its book is that of writer.c: reference, verdict,
# beginning and end in microseconds of the monotonic clock, whether there was a
# key, and what was changed.  What is answered with a retryable error, or not at
# all since the connection broke, is asked again with its key; one in four, and
# what has no key, is left unknown.
package Till;

use strict;
use warnings;
use IO::Handle;
use JSON::PP;
use POSIX ();
use Time::HiRes qw(time usleep clock_gettime CLOCK_MONOTONIC);
use WebSocketClient;

my %running;

sub start
{
	my ($class, %options) = @_;
	my $self = bless {%options}, $class;

	$self->{pid} = fork // die "fork: $!";
	if (!$self->{pid})
	{
		my $is_fine = eval { $self->_live; 1 };
		print STDERR "till $self->{name} has died: $@" if !$is_fine;
		POSIX::_exit($is_fine ? 0 : 1);
	}
	$running{ $self->{pid} } = 1;
	return $self;
}

# Ends after the operation it is at; the exit status.
sub stop
{
	my ($self) = @_;

	kill 'TERM', $self->{pid};
	waitpid $self->{pid}, 0;
	delete $running{ $self->{pid} };
	return $?;
}

sub _now_us { return int(1e6 * clock_gettime(CLOCK_MONOTONIC)) }

sub _live
{
	my ($self) = @_;
	my $number = 0;

	srand $self->{seed};
	$SIG{INT} = 'DEFAULT';
	$SIG{PIPE} = 'IGNORE';
	$SIG{TERM} = sub { $self->{is_over} = 1 };
	open $self->{book}, '>', $self->{file} or die "$self->{file}: $!";
	$self->{book}->autoflush;
	until ($self->{is_over})
	{
		$self->_connect or usleep(100_000), next;
		$self->_perform("$self->{name}-" . ++$number);
		usleep(1e6 / $self->{rate});
	}
	return;
}

sub _connect
{
	my ($self) = @_;

	return 1 if $self->{client};
	my $client = eval { WebSocketClient->connect(port => $self->{port}, headers => $self->{headers}, timeout => 15) } or return 0;
	$client->send_json({ type => 'hello', protocol => 1, channels => [] });
	eval { $client->wait_for(sub { $_->{type} eq 'welcome' }) } or return 0;
	$self->{client} = $client;
	return 1;
}

# The answer to an operation; undef when the connection ends first.
sub _ask
{
	my ($self, $operation) = @_;
	my $client = $self->{client};
	my $id = "$operation->{reference} " . ++$self->{asked};

	$client->send_json({ %$operation, id => $id });
	my $answer = eval { $client->wait_for(sub { ($_->{id} // '') eq $id }) };
	return $answer if $answer;
	$client->drop;
	$self->{client} = undef;
	return undef;
}

sub _perform
{
	my ($self, $reference) = @_;
	my $began = _now_us();
	my $is_keyed = int rand 10;
	my $insists = $is_keyed && int rand 4;
	my %operation = (
		type => 'adjust', reference => $reference,
		productId => "$self->{organization}-" . int rand $self->{products},
		warehouseId => 'w' . int rand 2,
		quantity => (int rand 2 ? 1 : -1) * (1 + int rand 4),
		$is_keyed ? (key => $reference) : ());
	my ($verdict, $lines) = ('unknown', '');

	while (1)
	{
		my $answer = $self->{client} ? $self->_ask(\%operation) : undef;
		if ($answer && $answer->{type} eq 'ack')
		{
			$verdict = 'ok';
			$lines = join ':', @{ $answer->{result} }{qw(productId warehouseId version movementId)};
			last;
		}
		if ($answer && !$answer->{retryable})
		{
			$verdict = $answer->{code};
			last;
		}
		last if !$insists || $self->{is_over};
		usleep(1000 * ($answer->{retryAfterMs} // 100)) if $answer;
		$self->_connect or usleep(100_000);
	}
	print { $self->{book} } join("\t", $reference, $verdict, $began, _now_us(), $is_keyed ? 1 : 0, $lines), "\n";
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
