# A client that takes its time costs time to nobody else.
use strict;
use warnings;
use InventoryNode;
use JSON::PP;
use POSIX qw(sysconf _SC_CLK_TCK);
use PostgreSQL::Test::Utils;
use RelayProcess;
use Test::More;
use Time::HiRes qw(usleep);

my $node = new_node('main');
$node->start;
create_extension($node, 'shop');
$node->safe_psql('shop', <<'END');
SELECT FROM generate_series(1, 8000) AS n
 CROSS JOIN LATERAL inventory_define('item' || n, 'shop', attributes => jsonb_build_object('note', repeat('x', 500)))
END

# Seconds of CPU used so far.
sub used
{
	my ($relay) = @_;
	my @fields = split ' ', slurp_file('/proc/' . $relay->pid . '/stat') =~ s/^.*\) //r;
	return ($fields[11] + $fields[12]) / sysconf(_SC_CLK_TCK);
}

for my $loop (qw(ev poll))
{
	my $relay = RelayProcess->start($node, 'shop', '--event-loop', $loop, '--inventory-limit', 10000);
	$relay->wait_until(sub { $relay->get('/api/inventory?limit=1')->{status} == 200 }, 'there is a list');
	my $slow = $relay->socket(receive_buffer => 4096, timeout => 60);

	note "a large list, taken slowly, on $loop";
	$slow->send_bytes("GET /api/inventory HTTP/1.1\r\nHost: localhost\r\n\r\n");
	$slow->is_readable(30);
	$slow->send_bytes("GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n");
	usleep(200_000);
	my $before = used($relay);
	usleep(1_500_000);
	ok(used($relay) - $before < 0.2, "waiting for the client costs no time, though it sent more ($loop)");
	is($relay->get('/livez')->{status}, 200, 'others are answered meanwhile');
	my $rows = decode_json($slow->http_response->{body});
	is(scalar @$rows, 8000, 'the list arrives whole');
	is($slow->http_response->{body}, "ok\n", 'and then the answer to the next request');

	note "a client that goes away in the middle, on $loop";
	my $gone = $relay->socket(receive_buffer => 4096);
	$gone->send_bytes("GET /api/inventory HTTP/1.1\r\nHost: localhost\r\n\r\n");
	$gone->is_readable(30);
	$gone->drop;
	$relay->wait_until(sub { $relay->metric('connections') <= 2 }, 'its connection is gone');
	pass('its connection is given up');
	is($relay->stop, 0, 'the relay ends well');
}

done_testing();
