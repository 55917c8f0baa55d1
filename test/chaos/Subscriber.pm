# Subscriber.pm
#	  A screen that comes and goes, and keeps book of what it was shown.
#
#	my $subscriber = Subscriber->start(name => 's0', port => $port, file => $file, seed => 7,
#		headers => bearer(...), channels => ['global'], batch => 1);
#
# A process of its own.  It follows its channels for some time, is then gone
# with or without a word, or stops listening for a while, and comes back with
# the last position it heard, as a client should (docs/protocol.md).  A line of
# its book:
#
#	open  POSITION|-              welcome was heard; what it came with
#	resync                        forget everything
#	item  PRODUCT WAREHOUSE VERSION        of a snapshot
#	event ID TYPE PRODUCT WAREHOUSE VERSION MOVEMENT DELTA AVAILABLE CONFLATED
#	close CODE
#	settled                       has stayed to hear all, as settle() asked
#
# settle($file): from now on it stays, until it has been shown the versions in
# the file ("PRODUCT WAREHOUSE VERSION" a line, of its own slice).
package Subscriber;

use strict;
use warnings;
use IO::Handle;
use IO::Select;
use POSIX ();
use Time::HiRes qw(time usleep);
use WebSocketClient;

my %running;

sub start
{
	my ($class, %options) = @_;
	my $self = bless {%options}, $class;

	$self->{pid} = fork // die "fork: $!";
	if (!$self->{pid})
	{
		eval { $self->_live };
		print STDERR "subscriber $self->{name} has died: $@" if $@;
		POSIX::_exit(1);
	}
	$running{ $self->{pid} } = 1;
	return $self;
}

sub settle { my ($self, $file) = @_; return kill 'USR1', $self->{pid} }
sub resume { my ($self) = @_; return kill 'USR2', $self->{pid} }
sub pid { return $_[0]{pid} }

sub stop
{
	my ($self) = @_;

	kill 'KILL', $self->{pid};
	waitpid $self->{pid}, 0;
	delete $running{ $self->{pid} };
	return;
}

sub _note { my ($self, @words) = @_; return print { $self->{book} } join(' ', map { $_ // '-' } @words), "\n" }

sub _live
{
	my ($self) = @_;

	srand $self->{seed};
	$SIG{$_} = 'DEFAULT' for qw(TERM INT);
	$SIG{PIPE} = 'IGNORE';
	$SIG{USR1} = sub { $self->{is_settling} = 1 };
	$SIG{USR2} = sub { $self->{is_settling} = 0; $self->{is_settled} = 0 };
	open $self->{book}, '>', $self->{file} or die "$self->{file}: $!";
	$self->{book}->autoflush;
	while (1)
	{
		$self->_visit if $self->{is_settling} ? !$self->{is_settled} : 1;
		usleep($self->{is_settled} ? 20_000 : rand 300_000);
	}
}

# One connection, from its opening to its end.
sub _visit
{
	my ($self) = @_;
	my $client = eval { WebSocketClient->connect(port => $self->{port}, headers => $self->{headers}, timeout => 20) } or return;
	my $leaves_at = time + 0.2 + rand 8;
	my $heard_at = time;
	my $is_done;

	$self->{open_snapshots} = 0;
	$self->{is_welcome} = 0;
	$client->send_frame($self->_hello);
	while (1)
	{
		last if !$self->{is_settling} && time > $leaves_at;
		last if $self->{is_settling} && ($is_done = $self->_is_done);
		# Over a link that is dead without a word: say something, so that it is noticed.
		my $has_bytes = IO::Select->new($client->{socket})->can_read(0.2);
		$heard_at = time if $has_bytes;
		my $is_over = !$has_bytes && (!$client->send_frame('{"type":"ping"}') || time > $heard_at + 20);
		# Never waiting for a text: there may be none to come.
		while (defined(my $text = eval { $client->text_at_hand }))
		{
			$self->_hear($text);
			# A screen that has fallen asleep, and its queue grows.
			usleep(rand 2_000_000) if !$self->{is_settling} && rand > 0.9995;
			last if !$self->{is_settling} && time > $leaves_at;
		}
		if ($is_over || $@ || $client->has_ended)
		{
			$self->_note('close', $client->close_code // 0);
			$client->drop;
			$self->{can_resume} = 0 if $self->{open_snapshots};
			return;
		}
	}
	# In the middle of a snapshot a position means nothing.
	$self->{can_resume} = 0 if $self->{open_snapshots};
	if (rand > 0.5)
	{
		$client->drop;
		$self->_note('close gone');
	}
	else
	{
		# What comes until the end of a polite leave counts, too.
		$client->send_frame(pack('n', 1000), opcode => WebSocketClient::CLOSE);
		while (defined(my $text = eval { $client->next_text })) { $self->_hear($text) }
		$self->_note('close', $client->close_code // 0);
		$client->drop;
	}
	if ($is_done)
	{
		$self->_note('settled');
		$self->{is_settled} = 1;
	}
	return;
}

sub _hello
{
	my ($self) = @_;
	my $since = $self->{can_resume} ? ",\"since\":\"$self->{position}\"" : '';

	$self->{came_with} = $self->{can_resume} ? $self->{position} : '-';
	return '{"type":"hello","protocol":1,"snapshot":true,"channels":[' . join(',', map { "\"$_\"" } @{ $self->{channels} })
	  . ($self->{batch} ? '],"accept":["batch"' : '') . "]$since}";
}

sub _hear
{
	my ($self, $text) = @_;
	my ($type) = $text =~ /^\{"type":"([a-z_.]+)"/ or die "no message: $text\n";

	# Until then it is the plain dialect, which we do not speak.
	$self->{is_welcome} = 1 if $type eq 'welcome';
	return if !$self->{is_welcome};
	if ($type eq 'welcome')
	{
		$self->_note('open', $self->{came_with});
		$self->{open_snapshots} = @{ $self->{channels} } if $self->{came_with} eq '-';
		%{ $self->{shown} } = () if $self->{came_with} eq '-';
	}
	elsif ($type eq 'resync')
	{
		$self->_note('resync');
		$self->{open_snapshots} = @{ $self->{channels} };
		%{ $self->{shown} } = ();
	}
	elsif ($type eq 'snapshot')
	{
		while ($text =~ /"productId"\s*:\s*"([^"]+)"\s*,\s*"warehouseId"\s*:\s*"([^"]+)".*?"version"\s*:\s*(\d+)/g)
		{
			$self->_note('item', $1, $2, $3);
			$self->{shown}{"$1 $2"} = $3 if ($self->{shown}{"$1 $2"} // 0) < $3;
		}
		$self->{open_snapshots}-- if $text !~ /"more":true/;
	}
	elsif ($type eq 'batch' || $type =~ /^inventory\./)
	{
		$self->_hear_event($_) for $type eq 'batch' ? split /(?<=\}),(?=\{"type":"inventory)/, $text =~ s/^.*?"events":\[//r : $text;
	}
	elsif ($type eq 'error') { die "an error: $text\n" if $text !~ /"(?:rate_limited|unavailable|overloaded)"/ }
	# The last one in the frame is that of the whole of it; a snapshot's counts when it is complete.
	if (!$self->{open_snapshots} && (my @positions = $text =~ /"position":"([^"]+)"/g))
	{
		$self->{position} = $type eq 'batch' ? $positions[0] : $positions[-1];
		$self->{can_resume} = 1;
	}
	return;
}

sub _hear_event
{
	my ($self, $text) = @_;
	my ($type) = $text =~ /^\{"type":"([a-z_.]+)"/;
	my ($id) = $text =~ /"id":(\d+)/;
	my ($conflated) = $text =~ /"conflated":(\d+),"data"/;
	my ($data) = $text =~ /"data":(\{.*)/s;
	my %field = map { $_ => $data =~ /"$_":"?([^",}]+)/ ? $1 : '-' } qw(productId warehouseId version movementId changeAmount quantityAvailable);

	$self->_note('event', $id, $type, @field{qw(productId warehouseId version movementId changeAmount quantityAvailable)}, $conflated // 1);
	$self->{shown}{"$field{productId} $field{warehouseId}"} = $field{version}
	  if $field{version} ne '-' && $field{version} > ($self->{shown}{"$field{productId} $field{warehouseId}"} // 0);
	return;
}

# Whether everything was shown that settle() asks for.
sub _is_done
{
	my ($self) = @_;

	return 0 if $self->{open_snapshots} || !$self->{is_welcome};
	open my $in, '<', $self->{settle_file} or return 0;
	while (my $line = <$in>)
	{
		my ($product, $warehouse, $version) = split ' ', $line;
		return 0 if ($self->{shown}{"$product $warehouse"} // 0) < $version;
	}
	return 1;
}

END
{
	my $status = $?;
	kill 'KILL', $_ for keys %running;
	waitpid $_, 0 for keys %running;
	$? = $status;
}

1;
