# Nothing committed while a revocation stands is sent to the revoked.
#
# Many times over: a member connects, in one of the ways there are, about when
# its row is deleted and stock is changed right after.  What was changed after
# the deletion has a version, and the member must never hear of that version or
# a later one: not live, not in a replay, not in a snapshot, not in a list.
#
# Four writers delete members and change the same item at once, so that a tick
# has changes of several, and twenty members come and go meanwhile.
#
#	INVENTORY_REVOCATION_TRIALS    how many (400)
use strict;
use warnings;
use InventoryNode;
use JSON::PP;
use PostgreSQL::Test::Utils;
use RelayProcess;
use Test::More;
use Time::HiRes qw(usleep time);
use Token;

my $trials = $ENV{INVENTORY_REVOCATION_TRIALS} // 400;
my $at_once = 20;
my $writers = 4;
my $json = JSON::PP->new->utf8;

my $node = new_node('main');
$node->start;
create_extension($node, 'shop');
$node->safe_psql('shop', <<'END');
SET inventory.organization = 'acme';
SELECT FROM inventory_define('bean', 'north', initial_quantity => 1000000);
INSERT INTO inventory_member (organization_id, subject, role) VALUES ('acme', 'witness', 'viewer'), ('acme', 'first', 'viewer');
DELETE FROM inventory_member WHERE subject = 'first';
END
my $relay = RelayProcess->start($node, 'shop', keys_options());
my $witness = $relay->client(headers => bearer(sub => 'witness', org => 'acme', role => undef), timeout => 120);
$witness->send_json({ type => 'hello', protocol => 1 });
my $since = $witness->wait_for(sub { $_->{type} eq 'welcome' })->{position};

# The newest version in any message, and how the connection ended.
sub newest_heard
{
	my ($client, $method) = @_;
	my $newest = 0;

	while (defined(my $text = $client->next_text))
	{
		while ($text =~ /"version"\s*:\s*(\d+)/g) { $newest = $1 if $1 > $newest }
	}
	return ($newest, $client->close_code // 0);
}

my @ways = (
	[ 'live', {} ],
	[ 'protocol 1', { type => 'hello', protocol => 1 } ],
	[ 'a snapshot', { type => 'hello', protocol => 1, snapshot => JSON::PP::true } ],
	[ 'a replay', { type => 'hello', protocol => 1, since => $since } ],
	[ 'a list', undef ]);
my (%ended, @leaks);
my $done = 0;
my $folder = PostgreSQL::Test::Utils::tempdir();

# Deletes these members, each with a change after it, and says which version that was.
sub start_writer
{
	my ($number, $output, @subjects) = @_;
	my $script = "$folder/revoke_$number.sql";

	open my $out, '>', $script or die "$script: $!";
	print $out "SET inventory.organization = 'acme';\n";
	for (@subjects)
	{
		print $out "SELECT pg_sleep(random() * 0.06);\n" if int rand 2;
		print $out "DELETE FROM inventory_member WHERE subject = '$_';\n";
		print $out "SELECT '$_ ' || version FROM inventory_adjust('bean', 'north', -1, 'out');\n";
	}
	close $out;
	return IPC::Run::start([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('shop'), '-f', $script ],
		'<', \undef, '>', $output, IPC::Run::timeout(120));
}

while ($done < $trials)
{
	my @subjects = map { 'm' . ($done + $_) } 1 .. $at_once;
	my (%client, %after);
	my @output = ('') x $writers;

	$node->safe_psql('shop', "INSERT INTO inventory_member (organization_id, subject, role) VALUES "
		  . join(', ', map { "('acme', '$_', 'viewer')" } @subjects));
	my @running = map {
		my $number = $_;
		start_writer($number, \$output[$number], @subjects[ grep { $_ % $writers == $number } 0 .. $#subjects ]);
	} 0 .. $writers - 1;
	usleep(rand 30_000);
	for my $i (0 .. $#subjects)
	{
		my $way = $ways[ $i % @ways ];
		my $headers = bearer(sub => $subjects[$i], org => 'acme', role => undef);
		my $client = eval {
			my $client = $relay->socket(timeout => 60);
			if (defined $way->[1])
			{
				$client->upgrade(headers => $headers)->{status} == 101 or die;
				$client->send_json($way->[1]) if $way->[1]{type};
			}
			else
			{
				$client->send_bytes("GET /api/inventory HTTP/1.1\r\nHost: localhost\r\nAuthorization: $headers->{Authorization}\r\n\r\n");
			}
			$client;
		} or die "subject $subjects[$i] could not connect: $@";
		$client{ $subjects[$i] } = [ $client, $way->[0] ];
		usleep(rand 1500) if int rand 2;
	}
	$_->finish || die 'a writer failed' for @running;
	%after = map { split / / } grep { /^m\d+ \d+$/ } map { split /\n/ } @output;
	for my $subject (@subjects)
	{
		my ($client, $way) = @{ $client{$subject} };
		my ($newest, $how);
		if ($way eq 'a list')
		{
			my $response = $client->http_response;
			$how = $response->{status};
			($newest) = $response->{body} =~ /"version"\s*:\s*(\d+)/;
		}
		else
		{
			($newest, $how) = newest_heard($client);
		}
		$ended{"$way $how"}++;
		die "nothing is known of $subject" if !defined $after{$subject};
		push @leaks, "$subject heard of $newest by $way, revoked before $after{$subject}" if ($newest // 0) >= $after{$subject};
		$client->drop;
	}
	$done += $at_once;
	$witness->drain; # it answers pings while it reads
}
note "$_: $ended{$_}" for sort keys %ended;
is_deeply(\@leaks, [], "in $done trials nothing was heard that was committed after the revocation");
is_deeply([ grep { !/ (4203|4003|403|200)$/ } sort keys %ended ], [], 'and every connection ended for that reason');
ok($ended{'live 4203'} && $ended{'protocol 1 4203'} && $ended{'a snapshot 4203'} && $ended{'a replay 4203'} && $ended{'a list 200'},
	'the revocation came after the connection in some of each');
is($relay->stop, 0, 'the relay ends well');

done_testing();
