# Without a file descriptor left, a connection is refused and not left waiting.
use strict;
use warnings;
use InventoryNode;
use RelayProcess;
use Test::More;

my $node = new_node('main');
$node->start;
create_extension($node, 'shop');
my $relay = RelayProcess->start($node, 'shop', '--max-open-files', 64);

# A client, or undef when the connection ended instead.
sub come
{
	my $client = $relay->socket;
	my $response = $client->upgrade or return undef;

	return $response->{status} == 101 ? $client : die "status $response->{status}\n";
}

my @clients;
while (@clients < 64)
{
	my $client = come() or last;
	push @clients, $client;
}
cmp_ok(scalar @clients, '>', 10, 'some clients find room');
cmp_ok(scalar @clients, '<', 64, 'one does not, and is told so by the end of its connection');
ok(!come(), 'so is the next') for 1 .. 3;
like($relay->log, qr/a connection could not be accepted: Too many open files/, 'it is logged');
(shift @clients)->close for 1 .. 2;
my $refused;
$relay->wait_until(sub { $refused = eval { $relay->metric('refused_total{limit="max-open-files"}') } }, 'there is room for who asks for metrics');
cmp_ok($refused, '>=', 4, 'and counted');
is($clients[0]->drain, 0, 'those inside are served');
(shift @clients)->close for 1 .. 3;
$relay->wait_until(sub { my $client = come(); push @clients, $client if $client; $client }, 'there is room again');
pass('who comes when others have gone is let in');

is($relay->stop, 0, 'the relay ends with status 0');

done_testing();
