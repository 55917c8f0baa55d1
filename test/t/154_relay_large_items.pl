# Snapshots and what was missed reach also those who may hold little: pages are
# cut by their bytes, whatever the items carry.
use strict;
use warnings;
use InventoryNode;
use JSON::PP;
use RelayProcess;
use Test::More;

my $items = 300;
my $node = new_node('main');
$node->start;
create_extension($node, 'shop');
$node->safe_psql('shop', <<END);
SELECT FROM generate_series(1, $items) AS n CROSS JOIN LATERAL
	inventory_define('item' || n, 'shop', initial_quantity => 1000, attributes => jsonb_build_object('text', repeat('x', 4000)))
END
wait_for_ticks($node, 'shop');
our $relay = RelayProcess->start($node, 'shop', '--queue-size', '64KiB', '--conflate-size', '64KiB');

sub hello
{
	my (%hello) = @_;
	my $client = $relay->client;

	$client->send_json({ type => 'hello', protocol => 1, %hello });
	return ($client, $client->wait_for(sub { $_->{type} eq 'welcome' }));
}

note 'a snapshot';
my ($client) = hello(snapshot => JSON::PP::true);
my ($pages, $largest, %shown) = (0, 0);
while (1)
{
	my $page = $client->wait_for(sub { $_->{type} eq 'snapshot' });
	$pages++;
	$shown{ $_->{productId} }++ for @{ $page->{items} };
	last if !$page->{more};
}
is(scalar keys %shown, $items, "is sent whole, in pages that fit ($pages)");
is_deeply([ grep { $_ != 1 } values %shown ], [], 'each item once');
$client->close;
my ($leaver, $welcome) = hello();
$leaver->close;

note 'what was missed';
$node->safe_psql('shop', "SELECT FROM generate_series(1, $items) AS n CROSS JOIN LATERAL inventory_adjust('item' || n, 'shop', -1, 'out')");
wait_for_ticks($node, 'shop');
my $forgetful = RelayProcess->start($node, 'shop', '--queue-size', '64KiB', '--conflate-size', '64KiB', '--ring-size', 0);
for my $batch (0 .. 3)
{
	local $relay = $batch & 2 ? $forgetful : $relay;
	my ($late) = hello(since => $welcome->{position}, accept => [ ('batch') x ($batch & 1) ]);
	my %heard;

	while (keys %heard < $items)
	{
		my $message = $late->next_json or last;
		$heard{ $_->{data}{productId} }++ for grep { $_->{type} eq 'inventory.updated' } $message, @{ $message->{events} // [] };
	}
	is(scalar keys %heard, $items, 'is sent as fast as it is read, from ' . ($batch & 2 ? 'the log' : 'memory') . ($batch & 1 ? ', in batches' : ''));
	$late->close;
}

note 'lists';
my $list = decode_json($relay->get('/api/inventory')->{body});
is(scalar @$list, $items, 'a list is one answer');
note 'lists that nobody takes';
$node->safe_psql('shop', <<'END');
SET inventory.organization = 'large';
SELECT FROM generate_series(1, 1500) AS n CROSS JOIN LATERAL
	inventory_define('item' || n, 'shop', attributes => jsonb_build_object('text', repeat('x', 4000)))
END
# one list is more than the buffers of the system take
my $narrow = RelayProcess->start($node, 'shop', '--organization', 'large', '--inventory-limit', 1500, '--total-queue-size', '1MiB');
my @hoarders;
$narrow->wait_until(sub {
	my $status = $narrow->get('/api/inventory')->{status};

	return 1 if $status == 503;
	die "status $status\n" if $status != 200;
	push @hoarders, $narrow->socket(receive_buffer => 4096);
	$hoarders[-1]->send_bytes('GET /api/inventory HTTP/1.1' . "\r\nHost: localhost\r\n\r\n");
	return 0;
}, 'it has no room for more of them');
cmp_ok(scalar @hoarders, '<', 20, 'are answered 503 before they take all memory (' . @hoarders . ')');
$_->drop for @hoarders;
$narrow->wait_until(sub { $narrow->get('/api/inventory')->{status} == 200 }, 'the others have gone');
is($narrow->stop, 0, 'and 200 when they have gone');

for my $one ($relay, $forgetful)
{
	is($one->metric('closes_total{code="4101"}') // 0, 0, 'nobody was slow');
	is($one->stop, 0, 'the relay ends with status 0');
}

done_testing();
