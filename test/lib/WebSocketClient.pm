# WebSocketClient.pm
#	  A WebSocket client for tests: polite by default, rude on request.
#
#	my $client = WebSocketClient->connect(port => 8792);
#	$client->send_json({ type => 'subscribe', channel => 'product:p' });
#	my $reply = $client->next_json;                    # decoded, or undef at the end
#	my $event = $client->wait_for(sub { $_->{type} eq 'inventory.updated' });
#	is($client->close_code, 4200);                     # after the end
#
# Pings are answered while something is awaited, unless answers_pings is 0.
# For what no polite client does there are send_frame(), with every bit of the
# header in the caller's hand, and send_bytes().
#
# Every wait ends after `timeout` seconds (default 30) by dying.
package WebSocketClient;

use strict;
use warnings;
use Carp qw(croak);
use Digest::SHA qw(sha1_base64);
use IO::Select;
use IO::Socket::INET;
use JSON::PP;
use MIME::Base64 qw(encode_base64);
use POSIX ();
use Socket qw(IPPROTO_TCP TCP_NODELAY SO_RCVBUF SOL_SOCKET);
use Time::HiRes qw(time);

use constant {
	CONTINUATION => 0,
	TEXT => 1,
	BINARY => 2,
	CLOSE => 8,
	PING => 9,
	PONG => 10,
};

my $json = JSON::PP->new->utf8->canonical;

# A TCP connection on which nothing has been said yet; from => an address of
# this machine that it is to come from; tls => a file with the certificate to
# trust.
sub open_socket
{
	my ($class, %options) = @_;
	my $self = bless {
		host => $options{host} // '127.0.0.1',
		port => $options{port} // croak('port is missing'),
		timeout => $options{timeout} // 30,
		answers_pings => $options{answers_pings} // 1,
		input => '',
	}, $class;

	return $self->_open_tunnel($options{tls}) if $options{tls};
	$self->{socket} = IO::Socket::INET->new(Proto => 'tcp', Type => SOCK_STREAM)
	  or die "socket: $!";
	$self->{socket}->setsockopt(SOL_SOCKET, SO_RCVBUF, $options{receive_buffer})
	  if $options{receive_buffer};
	CORE::bind($self->{socket}, Socket::pack_sockaddr_in(0, Socket::inet_aton($options{from}))) or die "bind: $!"
	  if $options{from};
	CORE::connect($self->{socket}, Socket::pack_sockaddr_in($self->{port}, Socket::inet_aton($self->{host})))
	  or die "connect to $self->{host}:$self->{port}: $!";
	$self->{socket}->setsockopt(IPPROTO_TCP, TCP_NODELAY, 1);
	return $self;
}

# The same through TLS: openssl checks the certificate against a file and speaks for us.
sub _open_tunnel
{
	my ($self, $certificate) = @_;

	socketpair($self->{socket}, my $theirs, Socket::AF_UNIX, SOCK_STREAM, Socket::PF_UNSPEC) or die "socketpair: $!";
	$self->{tunnel} = fork // die "fork: $!";
	if (!$self->{tunnel})
	{
		open STDIN, '<&', $theirs;
		open STDOUT, '>&', $theirs;
		open STDERR, '>', '/dev/null';
		CORE::close($_) for $self->{socket}, $theirs;
		exec 'openssl', 's_client', '-quiet', '-no_ign_eof', '-verify_return_error', '-verify_hostname', 'localhost',
		  '-CAfile', $certificate, '-connect', "$self->{host}:$self->{port}" or POSIX::_exit(127);
	}
	CORE::close($theirs);
	return $self;
}

sub DESTROY
{
	my ($self) = @_;

	return if !$self->{tunnel};
	local $?;
	kill 'KILL', $self->{tunnel};
	waitpid $self->{tunnel}, 0;
	return;
}

# An open WebSocket.  Dies, with the response, when it is refused.
sub connect
{
	my ($class, %options) = @_;
	my $self = $class->open_socket(%options);
	my $response = $self->upgrade(%options) or die "the upgrade was not answered\n";

	die "the upgrade was refused: $response->{status} $response->{body}\n" if $response->{status} != 101;
	return $self;
}

# Ask for the upgrade; returns the response as http_response() does.
# headers => { Name => value } adds, replaces, or with undef leaves out.
sub upgrade
{
	my ($self, %options) = @_;
	my $key = encode_base64(pack('N4', map { int rand 2**32 } 1 .. 4), '');
	my %headers = (
		Host => "$self->{host}:$self->{port}",
		Upgrade => 'websocket',
		Connection => 'Upgrade',
		'Sec-WebSocket-Key' => $key,
		'Sec-WebSocket-Version' => 13,
		%{ $options{headers} // {} });
	my $response = $self->http(method => 'GET', path => $options{path} // '/ws', headers => \%headers);

	if ($response && $response->{status} == 101)
	{
		my $wanted = sha1_base64($key . '258EAFA5-E914-47DA-95CA-C5AB0DC85B11') . '=';
		die "wrong Sec-WebSocket-Accept\n" if $response->{headers}{'sec-websocket-accept'} ne $wanted;
	}
	return $response;
}

# One HTTP request on this connection, and its response:
# { status, headers => { lower-case name => value }, body }.
sub http
{
	my ($self, %request) = @_;
	my $method = $request{method} // 'GET';
	my %headers = (Host => "$self->{host}:$self->{port}", %{ $request{headers} // {} });
	my $text = "$method $request{path} HTTP/1.1\r\n";

	$text .= "$_: $headers{$_}\r\n" for grep { defined $headers{$_} } sort keys %headers;
	$self->send_bytes("$text\r\n" . ($request{body} // ''));
	return $self->http_response($method);
}

# The next response; undef when the connection ends without one.
sub http_response
{
	my ($self, $method) = @_;
	my %response = (headers => {}, body => '');

	$self->_read_until(sub { $self->{input} =~ /\r\n\r\n/ }) or return undef;
	$self->{input} =~ s/^(.*?)\r\n\r\n//s;
	my ($status_line, @lines) = split /\r\n/, $1;
	($response{status}) = $status_line =~ m{^HTTP/1\.[01] (\d{3})} or die "no HTTP: $status_line\n";
	for (@lines)
	{
		my ($name, $value) = /^([^:]+): *(.*)$/ or die "no header: $_\n";
		$response{headers}{ lc $name } = $value;
	}
	my $size = $response{headers}{'content-length'} // 0;
	$size = 0 if ($method // 'GET') eq 'HEAD' || $response{status} == 304 || $response{status} == 101;
	$self->_read_until(sub { length $self->{input} >= $size }) if $size;
	$response{body} = substr($self->{input}, 0, $size, '');
	return \%response;
}

sub send_bytes
{
	my ($self, $bytes) = @_;

	local $SIG{PIPE} = 'IGNORE';
	while (length $bytes)
	{
		my $sent = syswrite($self->{socket}, $bytes);
		return 0 if !defined $sent;
		substr($bytes, 0, $sent, '');
	}
	return 1;
}

# One frame.  Options: opcode (TEXT), final (1), reserved bits (0), mask (four
# bytes; '' sends unmasked), claimed_size (instead of the payload's own).
sub send_frame
{
	my ($self, $payload, %options) = @_;
	my $mask = $options{mask} // pack('N', int rand 2**32);
	my $size = $options{claimed_size} // length $payload;
	my $frame = pack('C', (($options{final} // 1) << 7) | (($options{reserved} // 0) << 4) | ($options{opcode} // TEXT));
	my $masked = length $mask ? 0x80 : 0;

	$frame .=
		$size < 126   ? pack('C', $masked | $size)
	  : $size < 65536 ? pack('Cn', $masked | 126, $size)
	  :                 pack('CQ>', $masked | 127, $size);
	if ($masked)
	{
		$frame .= $mask;
		my $repeated = substr($mask x (length($payload) / 4 + 1), 0, length $payload);
		$payload = "$payload" ^ $repeated;
	}
	return $self->send_bytes($frame . $payload);
}

sub send_text { my ($self, $text) = @_; return $self->send_frame($text) }
sub send_json { my ($self, $message) = @_; return $self->send_frame($json->encode($message)) }

# The next frame { opcode, final, payload } as it came; undef at the end.
sub next_frame
{
	my ($self) = @_;
	my ($first, $offset, $size);

	$self->_read_until(sub {
		($first, $offset, $size) = $self->_header or return 0;
		return length $self->{input} >= $offset + $size;
	}) or return undef;
	substr($self->{input}, 0, $offset, '');
	return {
		opcode => $first & 0x0f,
		final => $first >> 7,
		payload => substr($self->{input}, 0, $size, ''),
	};
}

# Of the next frame: the first byte, where the payload begins, its size; nothing until all of it is here.
sub _header
{
	my ($self) = @_;
	my $here = length $self->{input};

	return if $here < 2;
	my ($first, $second) = unpack 'CC', $self->{input};
	die "the server masked a frame\n" if $second & 0x80;
	die "a reserved bit is set\n" if $first & 0x70;
	my $size = $second & 0x7f;
	my $offset = $size == 126 ? 4 : $size == 127 ? 10 : 2;
	return if $here < $offset;
	# by what the header says: the size found may be 127 itself
	return ($first, $offset, $offset == 4 ? unpack('x2n', $self->{input}) : $offset == 10 ? unpack('x2Q>', $self->{input}) : $size);
}

# The next text message; undef at the end.  Answers pings and the close.
sub next_text
{
	my ($self) = @_;

	while (my $frame = $self->next_frame)
	{
		my $text = $self->_text_of($frame);
		return $text if defined $text || defined $self->{close_code};
	}
	return undef;
}

# The next text message if all of it is here by now; undef otherwise, and at the
# end, of which has_ended tells.
sub text_at_hand
{
	my ($self) = @_;

	while (1)
	{
		my ($first, $offset, $size) = $self->_header;
		if (defined $first && length $self->{input} >= $offset + $size)
		{
			my $text = $self->_text_of($self->next_frame);
			return $text if defined $text || defined $self->{close_code};
		}
		elsif (!IO::Select->new($self->{socket})->can_read(0))
		{
			return undef;
		}
		elsif (!sysread $self->{socket}, $self->{input}, 65536, length $self->{input})
		{
			$self->{has_ended} = 1;
			return undef;
		}
	}
}

sub has_ended { return $_[0]{has_ended} || defined $_[0]{close_code} }

# The text that ends with this frame.  Answers pings and the close.
sub _text_of
{
	my ($self, $frame) = @_;

	if ($frame->{opcode} == PING)
	{
		$self->send_frame($frame->{payload}, opcode => PONG) if $self->{answers_pings};
	}
	elsif ($frame->{opcode} == CLOSE)
	{
		($self->{close_code}, $self->{close_text}) = length $frame->{payload} ? unpack('na*', $frame->{payload}) : (1005, '');
		$self->send_frame($frame->{payload}, opcode => CLOSE);
	}
	elsif ($frame->{opcode} != PONG)
	{
		$self->{text} .= $frame->{payload};
		return delete $self->{text} if $frame->{final};
	}
	return undef;
}

sub next_json
{
	my ($self) = @_;
	my $text = $self->next_text;

	return defined $text ? $json->decode($text) : undef;
}

# The next message for which the block is true ($_ is the message).
sub wait_for
{
	my ($self, $is_wanted) = @_;

	while (defined(my $message = $self->next_json))
	{
		local $_ = $message;
		return $message if $is_wanted->();
	}
	die "the connection ended" . (defined $self->{close_code} ? " with $self->{close_code}" : '') . "\n";
}

# Everything that comes until the answer to a ping, which is left out.  What
# was sent to us before the relay read the ping is in it.
sub drain
{
	my ($self) = @_;
	my $id = 'drain ' . ++$self->{drain_count};
	my @messages;

	$self->send_json({ type => 'ping', id => $id });
	while (defined(my $message = $self->next_json))
	{
		return @messages if ($message->{id} // '') eq $id;
		push @messages, $message;
	}
	die "the connection ended\n";
}

# Reads to the end; the close code, or undef when it was just cut.
sub wait_for_close
{
	my ($self) = @_;

	1 while !defined $self->{close_code} && defined $self->next_text;
	return $self->{close_code};
}

sub close_code { return $_[0]{close_code} }
sub close_text { return $_[0]{close_text} }

# Takes leave.
sub close
{
	my ($self, $code) = @_;

	$self->send_frame(pack('n', $code // 1000), opcode => CLOSE);
	$self->wait_for_close;
	CORE::close($self->{socket});
	return $self->{close_code};
}

# Is gone without a word.
sub drop { my ($self) = @_; CORE::close($self->{socket}); return }

# True when bytes can be read, or the end, within the time.
sub is_readable
{
	my ($self, $seconds) = @_;
	return length $self->{input} || IO::Select->new($self->{socket})->can_read($seconds // 0);
}

# Reads until the condition holds; false at the end of the connection.
sub _read_until
{
	my ($self, $is_enough) = @_;
	my $deadline = time + $self->{timeout};

	until ($is_enough->())
	{
		my $left = $deadline - time;
		die "nothing came within $self->{timeout} s\n" if $left <= 0;
		# Nothing may also mean that a signal came.
		next if !IO::Select->new($self->{socket})->can_read($left);
		my $got = sysread($self->{socket}, $self->{input}, 65536, length $self->{input});
		return 0 if !$got;
	}
	return 1;
}

1;
