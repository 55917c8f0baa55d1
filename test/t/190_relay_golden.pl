# The conversations of docs/protocol, with the real relay.
use strict;
use warnings;
use File::Basename qw(dirname);
use InventoryNode;
use JSON::PP;
use PostgreSQL::Test::Utils;
use RelayProcess;
use Test::More;
use Token;

my $folder = dirname(__FILE__) . '/../../docs/protocol';
plan skip_all => 'the documentation is not here' if !-e "$folder/setup.sql";

my $json = JSON::PP->new->canonical->allow_nonref;
my $node = new_node('main');
$node->start;
create_extension($node, 'shop');
$node->safe_psql('shop', slurp_file("$folder/setup.sql"));
my $relay = RelayProcess->start($node, 'shop', keys_options(), '--organization', 'acme', '--snapshot-page', 2,
	'--max-channels', 3, '--anonymous', 'operator');
my %kept;

sub filled
{
	my ($value) = @_;
	return { map { $_ => filled($value->{$_}) } keys %$value } if ref $value eq 'HASH';
	return [ map { filled($_) } @$value ] if ref $value eq 'ARRAY';
	return $value if !defined $value || ref $value;
	return token(role => undef, %{ $json->decode($1) }) if $value =~ /^<token (.*)>$/;
	return $kept{$1} if $value =~ /^<kept (\w+)>$/;
	return $value;
}

# The path of the first difference; undef when there is none.
sub difference
{
	my ($got, $wanted, $path) = @_;

	if (ref $wanted eq 'HASH')
	{
		return "$path is no object" if ref $got ne 'HASH';
		for (grep { $_ ne '...' } sort keys %$wanted)
		{
			return "$path.$_ is missing" if !exists $got->{$_};
			my $found = difference($got->{$_}, $wanted->{$_}, "$path.$_");
			return $found if $found;
		}
		my @more = exists $wanted->{'...'} ? () : grep { !exists $wanted->{$_} } sort keys %$got;
		return @more ? "$path.$more[0] is more than wanted" : undef;
	}
	if (ref $wanted eq 'ARRAY')
	{
		return "$path is no list of " . @$wanted if ref $got ne 'ARRAY' || @$got != @$wanted;
		for my $i (0 .. $#$wanted)
		{
			my $found = difference($got->[$i], $wanted->[$i], "$path\[$i]");
			return $found if $found;
		}
		return undef;
	}
	my $text = $json->encode($got);
	return undef if ($wanted // '') eq '<any>';
	if (($wanted // '') =~ /^<keep (\w+)>$/)
	{
		$kept{$1} = $got;
		return undef;
	}
	my %patterns = ('<int>' => qr/^-?\d+$/, '<text>' => qr/^"/, '<position>' => qr/^"[0-9a-z.-]{1,64}"$/);
	return $text =~ $patterns{$wanted} ? undef : "$path is $text" if defined $wanted && $patterns{$wanted};
	return $text eq $json->encode(filled($wanted)) ? undef : "$path is $text";
}

sub open_connection
{
	my ($connection) = @_;
	my %headers;
	$headers{Authorization} = 'Bearer ' . token(role => undef, %{ $connection->{header} }) if $connection->{header};
	$headers{'Sec-WebSocket-Protocol'} = 'inventory.v1' if $connection->{subprotocol};
	my $client = $relay->socket;
	my $response = $client->upgrade(headers => \%headers);
	return ($client, $response->{status});
}

# A machine with much to do may be late with a tick, which clients are told; no conversation is about that unless it says so.
sub next_answer
{
	my ($client, $wanted_type) = @_;
	my $message;

	do { $message = $client->next_json } while ($message->{type} // '') =~ /^(stale|fresh)$/ && $message->{type} ne $wanted_type;
	return $message;
}

sub converse
{
	my ($file) = @_;
	my ($client, $status) = open_connection($file->{connection});
	my $wanted_status = $file->{connection}{status} // 101;
	my $number = 0;

	return "the upgrade is answered with $status" if $status != $wanted_status;
	$client->drain if $status == 101 && !$file->{connection}{subprotocol};
	for my $step (@{ $file->{steps} })
	{
		my $found;
		$number++;
		$client->send_json(filled($step->{send})) if $step->{send};
		$client->send_text($step->{text}) if $step->{text};
		$node->safe_psql('shop', "SET inventory.organization = 'acme'; $step->{sql}") if $step->{sql};
		($client) = open_connection($file->{connection}) if $step->{reconnect};
		if ($step->{expect})
		{
			my $message = next_answer($client, $step->{expect}{type});
			# What comes before a welcome is of the plain dialect, and passed over.
			$message = $client->next_json while ($step->{expect}{type} eq 'welcome' && ($message->{type} // '') =~ /^inventory/);
			$found = difference($message, $step->{expect}, "step $number");
			$found .= ", in " . $json->encode($message) if $found;
		}
		$found = "step $number: closed with " . ($client->close_code // 'nothing')
		  if $step->{close} && $client->wait_for_close != $step->{close};
		return $found if $found;
	}
	$client->drop;
	return undef;
}

my @files = sort glob "$folder/*.json";
ok(@files >= 10, 'there are conversations');
for my $path (@files)
{
	my $file = JSON::PP->new->utf8->decode(slurp_file($path));
	my $wrong = eval { converse($file) } // $@;
	ok(!$wrong, $file->{title}) or diag("$path: $wrong");
}
is($relay->stop, 0, 'the relay ends well');

done_testing();
