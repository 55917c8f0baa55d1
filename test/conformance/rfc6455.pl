# RFC 6455, section by section, on raw sockets.
#
# The groups and their numbers of cases are those that WebSocket servers are
# usually judged by (16 framing, 11 ping, 7 reserved bits, 10 opcodes, 20
# fragmentation, 145 UTF-8, 37 close, 54 limits, 1 automatic fragmentation),
# written from the RFC and adapted to a server that does not echo: see
# Conformance.pm.  A server may state a limit and refuse binary messages, so
# what is over max-message-size has to be refused with 1009, and what is
# binary with 1003.
use strict;
use warnings;
use Conformance;
use InventoryNode;
use RelayProcess;
use Test::More;

use constant {
	CONTINUATION => 0,
	TEXT => 1,
	BINARY => 2,
	CLOSE => 8,
	PING => 9,
	PONG => 10,
	MIB => 1 << 20,
};

my $node = new_node('main');
$node->start;
create_extension($node, 'shop');
my $relay = RelayProcess->start($node, 'shop', '--max-message-size', '1MiB', '--messages-per-second', 100000,
	'--message-burst', 100000, '--log-level', 'warning');
relay_under_test($relay);

# Known: when a client breaks the protocol, the library sends its close at once,
# and what was about to be answered goes out behind it.
my @answer_after_close = ([ 'close 1002', 'answer before', 'failed 0' ]);

# How bytes get on the wire: as they are, or in chops of so many.
sub chopped
{
	my ($client, $size, $write) = @_;
	my $bytes = captured($write);

	$client->send_bytes(substr $bytes, 0, $size, '') while length $bytes;
	return;
}

# What a client would have sent.
sub captured
{
	my ($write) = @_;
	my $bytes = '';

	no warnings 'redefine';
	local *WebSocketClient::send_bytes = sub { $bytes .= $_[1]; return 1 };
	$write->(bless {}, 'WebSocketClient');
	return $bytes;
}

# A message in fragments of so many bytes, each its own frame.
sub fragmented
{
	my ($client, $message, $size, %options) = @_;
	my @parts = length $message ? unpack("(a$size)*", $message) : ('');

	for (0 .. $#parts)
	{
		$client->send_frame($parts[$_], final => $_ == $#parts, opcode => $_ ? CONTINUATION : $options{opcode} // TEXT);
	}
	return;
}

sub framing
{
	for my $size (0, 125 .. 128, 65535, 65536)
	{
		case_of('framing', "a text message of $size bytes", [ $size ? 'answer a' : 'refusal' ],
			sub { $_[0]->send_frame($size ? say_sized('a', $size) : '') });
		case_of('framing', "a binary message of $size bytes", [ 'refusal', 'close 1003' ],
			sub { $_[0]->send_frame('*' x $size, opcode => BINARY) });
	}
	case_of('framing', 'a text message of 65536 bytes in chops of 997', ['answer a'],
		sub { chopped($_[0], 997, sub { $_[0]->send_frame(say_sized('a', 65536)) }) });
	case_of('framing', 'a binary message of 65536 bytes in chops of 997', [ 'refusal', 'close 1003' ],
		sub { chopped($_[0], 997, sub { $_[0]->send_frame('*' x 65536, opcode => BINARY) }) });
	return;
}

sub pings
{
	my $binary = "\x00\xff\xfe\xfd\xfc\xfb\x00\xff";
	my $longest = "\xfe" x 125;

	case_of('ping', 'one without payload', ['pong '], sub { $_[0]->send_frame('', opcode => PING) });
	case_of('ping', 'one with text', ['pong Hello, world!'], sub { $_[0]->send_frame('Hello, world!', opcode => PING) });
	case_of('ping', 'one with bytes that are no text', ["pong $binary"], sub { $_[0]->send_frame($binary, opcode => PING) });
	case_of('ping', 'one of 125 bytes', ["pong $longest"], sub { $_[0]->send_frame($longest, opcode => PING) });
	case_of('ping', 'one of 126 bytes', ['failed 1002'], sub { $_[0]->send_frame("\xfe" x 126, opcode => PING) });
	case_of('ping', 'one of 125 bytes, byte by byte', ["pong $longest"],
		sub { chopped($_[0], 1, sub { $_[0]->send_frame($longest, opcode => PING) }) });
	case_of('ping', 'a pong nobody asked for, without payload', [], sub { $_[0]->send_frame('', opcode => PONG) });
	case_of('ping', 'a pong nobody asked for, with payload', [], sub { $_[0]->send_frame('unsolicited', opcode => PONG) });
	case_of('ping', 'a pong nobody asked for, then a ping', ['pong asked'],
		sub { $_[0]->send_frame('unsolicited', opcode => PONG); $_[0]->send_frame('asked', opcode => PING) });
	# An endpoint may answer only the last of those it has not answered yet (5.5.3); but one after the other it must.
	case_of('ping', 'ten of them', [ map { "pong $_" } 1 .. 10 ], sub { ping_ten($_[0], 0) });
	case_of('ping', 'ten of them, byte by byte', [ map { "pong $_" } 1 .. 10 ], sub { ping_ten($_[0], 1) });
	return;
}

# Each sent when the one before was answered; the answers are put back to be judged.
sub ping_ten
{
	my ($client, $is_chopped) = @_;
	my $answers = '';

	for my $n (1 .. 10)
	{
		my $write = sub { $_[0]->send_frame($n, opcode => PING) };
		$is_chopped ? chopped($client, 1, $write) : $write->($client);
		my $pong = $client->next_frame or last;
		$answers .= pack('CC', 0x80 | $pong->{opcode}, length $pong->{payload}) . $pong->{payload};
	}
	$client->{input} = $answers . $client->{input};
	return;
}

sub reserved_bits
{
	my $between = sub {
		my ($client, $bits) = @_;
		$client->send_frame(say_json('before'));
		$client->send_frame(say_json('reserved'), reserved => $bits);
		$client->send_frame('after', opcode => PING);
	};

	case_of('reserved bits', '1 in a text message', ['failed 1002'], sub { $_[0]->send_frame('x', reserved => 1) });
	deviating_case_of('reserved bits', '2 in a text message after a good one',
		[ 'maybe answer before', 'failed 1002' ], @answer_after_close,
		sub { $between->($_[0], 2) });
	deviating_case_of('reserved bits', '3 in a text message after a good one, in one packet',
		[ 'maybe answer before', 'failed 1002' ], @answer_after_close,
		sub { chopped($_[0], 1000, sub { $between->($_[0], 3) }) });
	deviating_case_of('reserved bits', '4 in a text message after a good one, byte by byte',
		[ 'maybe answer before', 'failed 1002' ], @answer_after_close,
		sub { chopped($_[0], 1, sub { $between->($_[0], 4) }) });
	case_of('reserved bits', '5 in a binary message', ['failed 1002'],
		sub { $_[0]->send_frame("\0\xff", opcode => BINARY, reserved => 5) });
	case_of('reserved bits', '6 in a ping', ['failed 1002'], sub { $_[0]->send_frame('x', opcode => PING, reserved => 6) });
	case_of('reserved bits', '7 in a close', ['failed 1002'],
		sub { $_[0]->send_frame(pack('n', 1000), opcode => CLOSE, reserved => 7) });
	return;
}

sub opcodes
{
	for my $opcode (3 .. 7, 11 .. 15)
	{
		my $kind = $opcode < 8 ? 'data' : 'control';
		my $index = $opcode < 8 ? $opcode - 3 : $opcode - 11;
		my @answers = $index < 2 ? () : ('maybe answer before');
		my $write = sub {
			my ($client) = @_;
			$client->send_frame(say_json('before')) if @answers;
			$client->send_frame($index % 2 ? 'reserved payload' : '', opcode => $opcode);
			$client->send_frame('', opcode => PING) if @answers;
		};

		deviating_case_of('opcodes', "$opcode, reserved for $kind frames" . ('', '', ', after a message',
				', after one in one packet', ', after one, byte by byte')[$index], [ @answers, 'failed 1002' ], @answer_after_close,
			$index < 3 ? $write : sub { chopped($_[0], $index == 3 ? 1000 : 1, $write) });
	}
	return;
}

sub fragmentation
{
	my $message = say_json('whole');
	my ($first, $second) = (substr($message, 0, 9), substr($message, 9));
	my @ways = ([ '', sub { $_[1]->($_[0]) } ], [ ', in one packet', sub { chopped($_[0], 1000, $_[1]) } ],
		[ ', byte by byte', sub { chopped($_[0], 1, $_[1]) } ]);

	for my $opcode (PING, PONG)
	{
		case_of('fragmentation', 'a ' . ($opcode == PING ? 'ping' : 'pong') . ' in two fragments', ['failed 1002'], sub {
			$_[0]->send_frame('frag', opcode => $opcode, final => 0);
			$_[0]->send_frame('ment', opcode => CONTINUATION);
		});
	}
	for (@ways)
	{
		my ($how, $send) = @$_;
		case_of('fragmentation', "a text message in two$how", ['answer whole'], sub {
			$send->($_[0], sub {
				$_[0]->send_frame($first, final => 0);
				$_[0]->send_frame($second, opcode => CONTINUATION);
			});
		});
		case_of('fragmentation', "a text message in two with a ping between$how", [ 'pong between', 'answer whole' ], sub {
			$send->($_[0], sub {
				$_[0]->send_frame($first, final => 0);
				$_[0]->send_frame('between', opcode => PING);
				$_[0]->send_frame($second, opcode => CONTINUATION);
			});
		});
		for my $final (1, 0)
		{
			case_of('fragmentation', "a continuation of nothing, " . ($final ? 'final' : 'not final') . $how, ['failed 1002'], sub {
				$send->($_[0], sub {
					$_[0]->send_frame('continues nothing', opcode => CONTINUATION, final => $final);
					$_[0]->send_frame($message);
				});
			});
		}
	}
	deviating_case_of('fragmentation', 'a message in two, and then a continuation of nothing',
		[ 'maybe answer whole', 'failed 1002' ], [ 'close 1002', 'answer whole', 'failed 0' ], sub {
		fragmented($_[0], $message, 9);
		$_[0]->send_frame('continues nothing', opcode => CONTINUATION, final => 0);
		$_[0]->send_frame($message);
	});
	for my $final (0, 1)
	{
		case_of('fragmentation', 'continuations of nothing again and again, ' . ($final ? 'final' : 'not final'), ['failed 1002'], sub {
			for my $client (($_[0]) x 2)
			{
				$client->send_frame('continues nothing', opcode => CONTINUATION, final => $final);
				$client->send_frame($first, final => 0);
				$client->send_frame($second, opcode => CONTINUATION);
			}
		});
	}
	case_of('fragmentation', 'a new message inside of one that is not whole', ['failed 1002'], sub {
		$_[0]->send_frame($first, final => 0);
		$_[0]->send_frame($second, opcode => TEXT);
	});
	my $with_pings = sub {
		my ($client, $waits) = @_;
		my @parts = unpack '(a6)5', $message . ' ' x 10;
		my $answers = '';
		for my $n (0 .. 4)
		{
			$client->send_frame($parts[$n], opcode => $n ? CONTINUATION : TEXT, final => $n == 4);
			next if $n != 1 && $n != 3;
			$client->send_frame($n == 1 ? 'one' : 'two', opcode => PING);
			next if !$waits;
			my $pong = $client->next_frame or last;
			$answers .= pack('CC', 0x80 | $pong->{opcode}, length $pong->{payload}) . $pong->{payload};
		}
		$client->{input} = $answers . $client->{input};
	};
	case_of('fragmentation', 'a text message in five with pings between, each answered first',
		[ 'pong one', 'pong two', 'answer whole' ], sub { $with_pings->($_[0], 1) });
	# Of pings that come together one may be answered, but that is the last (5.5.2).
	deviating_case_of('fragmentation', 'a text message in five with pings between, at once',
		[ 'maybe pong one', 'pong two', 'answer whole' ], [ 'pong one', 'answer whole' ], sub { $with_pings->($_[0], 0) });
	return;
}

# Texts of RFC 3629, with what they are; the names are their bytes.
sub texts
{
	my (@good, @bad);

	push @good, 'Hello', "\xc2\xb5\xc3\x9f\xc3\xb6\xc3\xa4\xc3\xbc", "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5";
	# The first and the last of each length.
	push @good, "\x20", "\xc2\x80", "\xe0\xa0\x80", "\xf0\x90\x80\x80", "\x7f", "\xdf\xbf", "\xef\xbf\xbf", "\xf4\x8f\xbf\xbf";
	push @bad, "\xf7\xbf\xbf\xbf", "\xf8\x88\x80\x80\x80", "\xfb\xbf\xbf\xbf\xbf", "\xfc\x84\x80\x80\x80\x80", "\xfd\xbf\xbf\xbf\xbf\xbf";
	# Around the surrogates and the end of Unicode.
	push @good, "\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbd";
	push @bad, "\xf4\x90\x80\x80";
	# Continuation bytes without a beginning.
	push @bad, "\x80", "\xbf", map({ "\x80\xbf" x $_ } 1 .. 3), map({ "\x80\xbf" x $_ . "\x80" } 1 .. 2), join('', map { chr } 0x80 .. 0xbf);
	# Beginnings without an end.
	for ([ 0xc0, 0xdf ], [ 0xe0, 0xef ], [ 0xf0, 0xf7 ], [ 0xf8, 0xfb ], [ 0xfc, 0xfd ])
	{
		push @bad, join ' ', map { chr } $_->[0] .. $_->[1];
	}
	push @bad, "\xc0", "\xe0\x80", "\xf0\x80\x80", "\xf8\x80\x80\x80", "\xfc\x80\x80\x80\x80",
	  "\xdf", "\xef\xbf", "\xf7\xbf\xbf", "\xfb\xbf\xbf\xbf", "\xfd\xbf\xbf\xbf\xbf";
	push @bad, "\xc0\xe0\x80\xf0\x80\x80\xf8\x80\x80\x80\xfc\x80\x80\x80\x80\xdf\xef\xbf\xf7\xbf\xbf\xfb\xbf\xbf\xbf\xfd\xbf\xbf\xbf\xbf";
	push @bad, "\xfe", "\xff", "\xfe\xfe\xff\xff";
	# Longer than need be: the solidus, the last and the first of each length.
	push @bad, "\xc0\xaf", "\xe0\x80\xaf", "\xf0\x80\x80\xaf", "\xf8\x80\x80\x80\xaf", "\xfc\x80\x80\x80\x80\xaf";
	push @bad, "\xc1\xbf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf", "\xf8\x87\xbf\xbf\xbf", "\xfc\x83\xbf\xbf\xbf\xbf";
	push @bad, "\xc0\x80", "\xe0\x80\x80", "\xf0\x80\x80\x80", "\xf8\x80\x80\x80\x80", "\xfc\x80\x80\x80\x80\x80";
	# Surrogates, alone and in pairs.
	push @bad, "\xed\xa0\x80", "\xed\xad\xbf", "\xed\xae\x80", "\xed\xaf\xbf", "\xed\xb0\x80", "\xed\xbe\x80", "\xed\xbf\xbf";
	push @bad, map { my $high = $_; map { "$high$_" } "\xed\xb0\x80", "\xed\xbf\xbf" } "\xed\xa0\x80", "\xed\xad\xbf", "\xed\xae\x80", "\xed\xaf\xbf";
	# The noncharacters at the end of each of 17 planes are characters to UTF-8.
	for my $plane (0 .. 16)
	{
		push @good, map { my $c = chr($plane * 0x10000 + $_); utf8::encode($c); $c } 0xfffe, 0xffff;
	}
	# The replacement character and its neighbours.
	push @good, map { my $c = chr; utf8::encode($c); $c } 0xfff9 .. 0xfffd, 0xfeff, 0xfdd0, 0xfdef;
	push @good, join '', @good[0 .. 9];
	return (\@good, \@bad);
}

sub utf8_texts
{
	my ($good, $bad) = texts();
	my $greek = "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5";
	my $whole = "Hello-\xc2\xb5@\xc3\x9f\xc3\xb6\xc3\xa4\xc3\xbc\xc3\xa0\xc3\xa1-UTF-8!!";
	my $broken = "$greek\xed\xa0\x80edited";
	my $too_high = "\xf4\x90\x80\x80";

	case_of('UTF-8', 'an empty message', ['refusal'], sub { $_[0]->send_frame('') });
	case_of('UTF-8', 'three empty fragments', ['refusal'], sub {
		$_[0]->send_frame('', final => 0);
		$_[0]->send_frame('', opcode => CONTINUATION, final => 0);
		$_[0]->send_frame('', opcode => CONTINUATION);
	});
	case_of('UTF-8', 'three fragments, of which the middle one is not empty', ['answer middle'], sub {
		$_[0]->send_frame('', final => 0);
		$_[0]->send_frame(say_json('middle'), opcode => CONTINUATION, final => 0);
		$_[0]->send_frame('', opcode => CONTINUATION);
	});
	case_of('UTF-8', 'characters of two bytes', ["answer $whole"], sub { $_[0]->send_frame(say_json($whole)) });
	case_of('UTF-8', 'fragments that end between characters', ["answer $whole"],
		sub { fragmented($_[0], say_json($whole), 23 + index $whole, '@') });
	case_of('UTF-8', 'fragments that end within characters', ["answer $whole"], sub { fragmented($_[0], say_json($whole), 30) });
	case_of('UTF-8', 'fragments of one byte', ["answer $whole"], sub { fragmented($_[0], say_json($whole), 1) });
	case_of('UTF-8', 'fragments of one byte of characters of three', ["answer $greek"], sub { fragmented($_[0], say_json($greek), 1) });
	case_of('UTF-8', 'a surrogate among good characters', ['failed 1007'], sub { $_[0]->send_frame($broken) });
	case_of('UTF-8', 'a surrogate, in fragments of one byte', ['failed 1007'], sub { fragmented($_[0], $broken, 1) });
	# The end must come before the message does.
	case_of('UTF-8', 'a bad character in a message without an end', ['failed 1007'], sub {
		$_[0]->send_frame($greek, final => 0);
		$_[0]->send_frame($too_high, opcode => CONTINUATION, final => 0);
	});
	case_of('UTF-8', 'a bad character over two fragments of a message without an end', ['failed 1007'], sub {
		$_[0]->send_frame("$greek\xf4", final => 0);
		$_[0]->send_frame("\x90", opcode => CONTINUATION, final => 0);
	});
	case_of('UTF-8', 'a bad character in a frame without an end', ['failed 1007'],
		sub { $_[0]->send_frame("$greek$too_high", claimed_size => 100) });
	case_of('UTF-8', 'a bad character in a frame without an end, byte by byte', ['failed 1007'],
		sub { chopped($_[0], 1, sub { $_[0]->send_frame("$greek$too_high", claimed_size => 100) }) });
	# Every beginning of a text is good or bad by where it ends.
	for my $size (1 .. length($greek) - 1)
	{
		my $text = substr $greek, 0, $size;
		my $is_good = utf8::decode(my $copy = $text);
		case_of('UTF-8', "the first $size bytes of a word", [ $is_good ? 'refusal' : 'failed 1007' ], sub { $_[0]->send_frame($text) });
	}
	case_of('UTF-8', 'a NUL', ['refusal'], sub { $_[0]->send_frame("\0") });
	case_of('UTF-8', 'good: ' . unpack('H*', $_), [ "answer " . ($_ eq ' ' ? ' ' : $_) ], utf8_sender(say_json($_))) for @$good;
	case_of('UTF-8', 'bad: ' . shortened(unpack 'H*', $_), ['failed 1007'], utf8_sender($_)) for @$bad;
	return;
}

sub utf8_sender { my ($text) = @_; return sub { $_[0]->send_frame($text) } }
sub shortened { my ($text) = @_; return length $text > 24 ? substr($text, 0, 24) . '...' : $text }

sub closes
{
	my $send_close = sub { my ($client, $payload) = @_; $client->send_frame($payload, opcode => CLOSE) };

	case_of('close', 'after a message', [ 'maybe answer a', 'close 1000' ], sub { $_[0]->send_frame(say_json('a')); $send_close->($_[0], pack 'n', 1000) });
	case_of('close', 'twice', ['close 1000'], sub { $send_close->($_[0], pack 'n', 1000) for 1, 2 });
	case_of('close', 'and a ping behind it', ['close 1000'],
		sub { $send_close->($_[0], pack 'n', 1000); $_[0]->send_frame('late', opcode => PING) });
	case_of('close', 'and a message behind it', ['close 1000'],
		sub { $send_close->($_[0], pack 'n', 1000); $_[0]->send_frame(say_json('late')) });
	case_of('close', 'between two fragments', ['close 1000'], sub {
		$_[0]->send_frame('{"type":', final => 0);
		$send_close->($_[0], pack 'n', 1000);
		$_[0]->send_frame('"ping"}', opcode => CONTINUATION);
	});
	case_of('close', 'after 256 KiB, and a ping behind it', [ 'maybe answer large', 'close 1000' ], sub {
		$_[0]->send_frame(say_sized('large', 256 << 10));
		$send_close->($_[0], pack 'n', 1000);
		$_[0]->send_frame('late', opcode => PING);
	});
	case_of('close', 'without a code', ['close 0'], sub { $send_close->($_[0], '') });
	deviating_case_of('close', 'of one byte', ['failed 1002'], ['close 0'], sub { $send_close->($_[0], 'a') });
	case_of('close', 'with a code', ['close 1000'], sub { $send_close->($_[0], pack 'n', 1000) });
	case_of('close', 'with a reason', ['close 1000'], sub { $send_close->($_[0], pack 'na*', 1000, 'Hello, world!') });
	case_of('close', 'with the longest reason', ['close 1000'], sub { $send_close->($_[0], pack 'na*', 1000, '*' x 123) });
	case_of('close', 'with a reason that is too long', ['failed 1002'], sub { $send_close->($_[0], pack 'na*', 1000, '*' x 124) });
	case_of('close', 'with a reason that is no UTF-8', ['failed 1007'], sub { $send_close->($_[0], pack 'na*', 1000, "\xce\xba\xed\xa0\x80") });
	for my $code (1000 .. 1003, 1007 .. 1011, 3000, 3999, 4000, 4999)
	{
		case_of('close', "with the code $code", ["close $code"], sub { $send_close->($_[0], pack 'n', $code) });
	}
	for my $code (0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999)
	{
		case_of('close', "with the code $code, which nobody may send", ['failed 1002'], sub { $send_close->($_[0], pack 'n', $code) });
	}
	# Of these the RFC says nothing.
	for my $code (5000, 65535)
	{
		case_of('close', "with the code $code, which there is not", ["failed 1002|$code"], sub { $send_close->($_[0], pack 'n', $code) });
	}
	return;
}

sub limits
{
	for my $opcode (TEXT, BINARY)
	{
		my $kind = $opcode == TEXT ? 'text' : 'binary';
		my $taken = sub {
			my ($size) = @_;
			return $opcode == BINARY ? ('refusal', 'close 1003') : $size > MIB ? ('too large', 'close 1009') : ('answer x');
		};

		for my $size (64 << 10, 256 << 10, MIB, 4 * MIB, 8 * MIB, 16 * MIB)
		{
			case_of('limits', "a $kind message of $size bytes", [ $taken->($size) ],
				sub { $_[0]->send_frame(say_sized('x', $size), opcode => $opcode) });
		}
		# The whole of it below the limit in fragments of any size; above, in fragments that are below.
		for my $exponent (3 .. 9)
		{
			my $size = 4**$exponent;
			case_of('limits', "a $kind message of 1 MiB in fragments of $size", [ $taken->(MIB) ],
				sub { my $bytes = captured(sub { fragmented($_[0], say_sized('x', MIB), $size, opcode => $opcode) }); $_[0]->send_bytes($bytes) });
		}
		for my $size (64 << 10, MIB)
		{
			case_of('limits', "a $kind message of 4 MiB in fragments of $size", [ $taken->(4 * MIB) ],
				sub { my $bytes = captured(sub { fragmented($_[0], say_sized('x', 4 * MIB), $size, opcode => $opcode) }); $_[0]->send_bytes($bytes) });
		}
		for my $exponent (6 .. 11)
		{
			my $size = 2**$exponent;
			case_of('limits', "a $kind message of 1 MiB in chops of $size", [ $taken->(MIB) ],
				sub { chopped($_[0], $size, sub { $_[0]->send_frame(say_sized('x', MIB), opcode => $opcode) }) });
		}
		for my $size (0, 16, 64, 256, 1024, 4096)
		{
			my @answer = $opcode == BINARY ? $taken->($size) : $size == 0 ? 'refusal' : $size == 16 ? 'answer ' : 'answer x';
			case_of('limits', "a thousand $kind messages of $size bytes, one after the other", \@answer,
				sub { round_trips($_[0], $opcode, $size) });
		}
	}
	return;
}

# The last answer of a thousand is put back to be judged, the others are to be like it.
sub round_trips
{
	my ($client, $opcode, $size) = @_;
	my $message = $size == 0 ? '' : $size == 16 ? '{"type":"ping"} ' : say_sized('x', $size);
	my $frame;

	for my $n (1 .. 1000)
	{
		$client->send_frame($message, opcode => $opcode);
		my $next = $client->next_frame or last;
		die "message $n was answered otherwise\n" if $frame && $next->{opcode} != $frame->{opcode};
		$frame = $next;
		last if $opcode == BINARY;
	}
	$client->{input} = pack('CCn', 0x80 | $frame->{opcode}, 126, length $frame->{payload}) . $frame->{payload} . $client->{input} if $frame;
	return;
}

framing();
pings();
reserved_bits();
opcodes();
fragmentation();
utf8_texts();
closes();
limits();
case_of('automatic fragments', 'a text message of 65536 bytes in fragments of 1300', ['answer a'],
	sub { fragmented($_[0], say_sized('a', 65536), 1300) });
conformance_summary();
is($relay->stop, 0, 'the relay ends well');

done_testing();
