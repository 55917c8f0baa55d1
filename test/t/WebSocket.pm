# WebSocket.pm
#	  A WebSocket client as small as the tests can do with (RFC 6455).
#
# It knows nothing of the relay: what a test asserts is what any client sees.
package WebSocket;

use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;
use JSON::PP;
use MIME::Base64 qw(encode_base64);
use Time::HiRes qw(time);

my $timeout = $ENV{PG_TEST_TIMEOUT_DEFAULT} || 60;

# Connects and upgrades.  Headers beyond the required ones may be given as lines.
sub new
{
	my ($class, $port, @headers) = @_;
	my $self = bless { buffer => '' }, $class;
	my $key = encode_base64(join('', map { chr int rand 256 } 1 .. 16), '');

	$self->{socket} = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port)
	  or die "cannot connect to port $port: $!";
	binmode $self->{socket};
	print { $self->{socket} } join("\r\n", 'GET /ws HTTP/1.1', "Host: 127.0.0.1:$port",
		'Upgrade: websocket', 'Connection: Upgrade', "Sec-WebSocket-Key: $key",
		'Sec-WebSocket-Version: 13', @headers, '', '');
	$self->{socket}->flush;
	$self->_read_until(sub { $self->{buffer} =~ /\r\n\r\n/ });
	$self->{buffer} =~ s/^(.*?)\r\n\r\n//s;
	$self->{answer} = $1;
	return $self;
}

# The status line and headers the upgrade was answered with.
sub answer { return $_[0]{answer} }

# True if there was something to read before the deadline; dies after it.
sub _read_until
{
	my ($self, $is_enough) = @_;
	my $select = IO::Select->new($self->{socket});
	my $deadline = time + $timeout;

	until ($is_enough->())
	{
		my $left = $deadline - time;
		die 'the relay sent nothing in time' if $left <= 0 || !$select->can_read($left);
		my $got = sysread($self->{socket}, $self->{buffer}, 65536, length $self->{buffer});
		return 0 unless $got;
	}
	return 1;
}

sub send_json
{
	my ($self, $message) = @_;
	$self->send_frame(1, encode_json($message));
	return;
}

# Client frames are masked; a mask of zeros is one.
sub send_frame
{
	my ($self, $opcode, $payload) = @_;
	my $size = length $payload;

	my $head = $size < 126 ? pack('CC', 0x80 | $opcode, 0x80 | $size)
	  : pack('CCn', 0x80 | $opcode, 0x80 | 126, $size);
	syswrite $self->{socket}, $head . "\0\0\0\0" . $payload;
	return;
}

# The next frame: opcode and payload, or nothing when the connection is over.
sub read_frame
{
	my ($self) = @_;
	my ($size, $start);

	$self->_read_until(sub {
		return 0 if length $self->{buffer} < 2;
		($size, $start) = (ord(substr $self->{buffer}, 1, 1) & 127, 2);
		($size, $start) = (unpack('x2n', $self->{buffer}), 4) if $size == 126 && length $self->{buffer} >= 4;
		return length $self->{buffer} >= $start + $size;
	}) or return;
	my $opcode = ord(substr $self->{buffer}, 0, 1) & 15;
	my $payload = substr $self->{buffer}, $start, $size;
	$self->{buffer} = substr $self->{buffer}, $start + $size;
	return ($opcode, $payload);
}

# The next message, decoded; pings are answered on the way.  A close frame, or
# the end, gives { type => 'closed', code => ... }.
sub read_json
{
	my ($self) = @_;

	while (my ($opcode, $payload) = $self->read_frame)
	{
		return decode_json($payload) if $opcode == 1;
		$self->send_frame(10, $payload) if $opcode == 9;
		return { type => 'closed', code => unpack('n', $payload) } if $opcode == 8;
	}
	return { type => 'closed', code => 0 };
}

# Subscribes and waits until it is confirmed.
sub subscribe
{
	my ($self, $channel) = @_;

	$self->send_json({ type => 'subscribe', channel => $channel });
	my $answer = $self->read_json;
	die "not subscribed: $answer->{type}" unless $answer->{type} eq 'subscribed' && $answer->{channel} eq $channel;
	return;
}

sub unsubscribe
{
	my ($self, $channel) = @_;

	$self->send_json({ type => 'unsubscribe', channel => $channel });
	my $answer = $self->read_json;
	die "not unsubscribed: $answer->{type}" unless $answer->{type} eq 'unsubscribed';
	return;
}

1;
