# Conformance.pm
#	  Cases of RFC 6455: what goes in on a raw socket, and what has to come out.
#
#	case_of('ping', 'a ping of 125 bytes', [ "pong $bytes" ], sub { $_[0]->send_frame($bytes, opcode => PING) });
#
# The relay does not echo.  So a message that has to arrive is a ping of the
# relay's own protocol, whose `id` comes back; and after every case that leaves
# the connection open, one more such ping must be answered, next and only.
#
# What may be expected:
#
#	answer ID     the answer to say(ID)
#	refusal       the answer to a message that is not JSON
#	too large     the answer to a message over the limit
#	pong BYTES    a pong frame
#	maybe ...     one of these, or nothing: a close may overtake what waits
#	close CODE    a close frame (0: without a code), then the end; or CODE|CODE
#	failed CODE   the same, or just the end: the RFC leaves that open (7.1.7)
#
# A case that a library below us gets wrong is named as a known deviation,
# with what happens instead.  It may get better, not worse.
package Conformance;

use strict;
use warnings;
use Exporter 'import';
use Encode ();
use JSON::PP;
use Test::More;
use WebSocketClient;

our @EXPORT = qw(case_of deviating_case_of check_of deviating_check_of say_json say_sized relay_under_test conformance_summary);

my $relay;
my $witness;
my (@groups, %count, @deviations);
my $json = JSON::PP->new->utf8->canonical;

sub relay_under_test
{
	($relay) = @_;
	$witness = $relay->client;
	return;
}

# A message whose id comes back; say_sized() makes it exactly so long.
sub say_json { my ($id) = @_; return "{\"type\":\"ping\",\"id\":\"$id\"}" }

sub say_sized
{
	my ($id, $size) = @_;
	my $bare = "{\"type\":\"ping\",\"x\":\"\",\"id\":\"$id\"}";
	my $short = say_json($id);

	return $short . ' ' x ($size - length $short) if $size < length $bare;
	return "{\"type\":\"ping\",\"x\":\"" . '*' x ($size - length $bare) . "\",\"id\":\"$id\"}";
}

# What a frame of the relay's is, in the words above.
sub word_of
{
	my ($frame) = @_;

	return 'pong ' . $frame->{payload} if $frame->{opcode} == WebSocketClient::PONG;
	if ($frame->{opcode} == WebSocketClient::CLOSE)
	{
		return 'close ' . (length $frame->{payload} >= 2 ? unpack 'n', $frame->{payload} : 0);
	}
	return "opcode $frame->{opcode}" if $frame->{opcode} != WebSocketClient::TEXT || !$frame->{final};
	my $message = $json->decode($frame->{payload});
	return 'answer ' . Encode::encode_utf8($message->{id} // '') if $message->{type} eq 'pong';
	return 'refusal' if $message->{type} eq 'error' && $message->{code} eq 'bad_request';
	return 'too large' if $message->{type} eq 'error' && $message->{code} eq 'too_large';
	return "message $frame->{payload}";
}

# Everything that comes, to the end of the connection or to the answer to a
# last ping of ours.
sub hear
{
	my ($client, $stays_open) = @_;
	my @heard;

	$client->send_frame(say_json('still here')) if $stays_open;
	while (my $frame = eval { $client->next_frame })
	{
		push @heard, word_of($frame);
		return @heard if $heard[-1] eq 'answer still here';
		$client->send_frame($frame->{payload}, opcode => WebSocketClient::CLOSE) if $frame->{opcode} == WebSocketClient::CLOSE;
	}
	return (@heard, "nothing: $@") if $@;
	return @heard && $heard[-1] =~ /^close/ ? @heard : (@heard, 'end');
}

sub is_heard
{
	my ($heard, $expected) = @_;
	my @left = @$heard;
	my @last = ('answer still here');

	for my $i (0 .. $#$expected)
	{
		local $_ = $expected->[$i];
		if ($i == $#$expected && /^(close|failed) (.*)/)
		{
			@last = ((map { "close $_" } split /\|/, $2), $1 eq 'failed' ? 'end' : ());
		}
		elsif (/^maybe (.*)/s)
		{
			shift @left if @left && $left[0] eq $1;
		}
		else
		{
			return 0 if !@left || shift(@left) ne $_;
		}
	}
	return @left == 1 && grep { $left[0] eq $_ } @last;
}

sub tally
{
	my ($group, $ok) = @_;

	push @groups, $group if !$count{$group};
	$count{$group} //= [ 0, 0 ];
	$count{$group}[0] += $ok ? 1 : 0;
	$count{$group}[1]++;
	return;
}

sub play
{
	my ($expected, $send) = @_;
	my $client = $relay->client(timeout => 20, answers_pings => 0);
	my $ends = grep { /^(?:close|failed) / } @$expected;

	$send->($client);
	my @heard = hear($client, !$ends);
	$client->drop;
	return @heard;
}

sub case_of
{
	my ($group, $title, $expected, $send) = @_;
	my @heard = play($expected, $send);
	my $ok = is_heard(\@heard, $expected);

	tally($group, $ok);
	ok($ok, "$group: $title") or diag('expected: ' . shown(@$expected) . "\nheard:    " . shown(@heard));
	return;
}

# What conforms is fine, and so is what is known to happen instead.
sub deviating_case_of
{
	my ($group, $title, $expected, $instead, $send) = @_;
	my @heard = play($expected, $send);
	my $conforms = is_heard(\@heard, $expected);
	my $ok = $conforms || is_heard(\@heard, $instead);

	tally($group, $ok);
	push @deviations, "$group: $title" if !$conforms;
	ok($ok, "$group: $title") or diag('expected: ' . shown(@$expected) . "\nheard:    " . shown(@heard));
	return;
}

# A case that is no conversation of frames.
sub check_of
{
	my ($group, $title, $ok) = @_;

	tally($group, $ok);
	return ok($ok, "$group: $title");
}

sub deviating_check_of
{
	my ($group, $title, $conforms, $is_known) = @_;

	push @deviations, "$group: $title" if !$conforms;
	return check_of($group, $title, $conforms || $is_known);
}

sub shown { return join ', ', map { length > 60 ? substr($_, 0, 60) . '...' : $_ } map { s/[^ -~]/sprintf '\\x%02x', ord $&/ger } @_ }

# Prints the counts, and which deviations there are.
sub conformance_summary
{
	my ($passed, $all) = (0, 0);

	is(scalar($witness->drain), 0, 'a client that was there all the time is untouched');
	for (@groups)
	{
		diag sprintf '%-16s %3d of %3d', $_, @{ $count{$_} };
		$passed += $count{$_}[0];
		$all += $count{$_}[1];
	}
	diag sprintf '%-16s %3d of %3d, known deviations: %d', 'all', $passed, $all, scalar @deviations;
	diag "    $_" for @deviations;
	return;
}

1;
