# When the log begins anew, nobody is shown anything by rights of before.
#
# A member is taken away in a part of the log that the relay never reads; then
# everything about rights is locked, so that the database tells nobody's while
# stock goes on.
use strict;
use warnings;
use InventoryNode;
use JSON::PP;
use RelayProcess;
use Test::More;
use Token;

my $node = new_node('main');
$node->start;
create_extension($node, 'shop');
$node->safe_psql('shop', <<'END');
SET inventory.organization = 'acme';
SELECT FROM inventory_define('bean', 'north', initial_quantity => 1000);
INSERT INTO inventory_member (organization_id, subject, role) VALUES ('acme', 'ann', 'viewer'), ('acme', 'bob', 'viewer');
END
wait_for_ticks($node, 'shop');
my $relay = RelayProcess->start($node, 'shop', keys_options());

# A change, when it can be read; the item's version after it.
sub adjust
{
	my ($before) = @_;
	my $version = $node->safe_psql('shop', "SET inventory.organization = 'acme'; " . ($before // '')
		  . "SELECT (r).version FROM inventory_adjust('bean', 'north', -1, 'out') r");

	wait_for_ticks($node, 'shop');
	return $version;
}

sub come
{
	my ($subject) = @_;
	my $client = $relay->client(headers => bearer(sub => $subject, org => 'acme', role => undef));

	$client->send_json({ type => 'hello', protocol => 1, snapshot => JSON::PP::true });
	$client->wait_for(sub { $_->{type} eq 'snapshot' });
	return $client;
}

# The newest version in a message.
sub newest { my ($text) = @_; return (sort { $b <=> $a } 0, $text =~ /"version"\s*:\s*(\d+)/g)[0] }

# Pings come while one waits, so the clients' own bound does not hold.
$SIG{ALRM} = sub { die "waited in vain:\n" . $relay->log };
alarm 120;
my ($ann, $bob) = map { come($_) } 'ann', 'bob';
my $shown = adjust();
$_->wait_for(sub { $_->{data} && $_->{data}{version} == $shown }) for $ann, $bob;

$relay->signal('STOP');
adjust("BEGIN; UPDATE inventory_tick SET mark = mark + 1; DELETE FROM inventory_member WHERE subject = 'ann'; COMMIT; ");
my $lock = $node->background_psql('shop');
$lock->query_safe('BEGIN; LOCK TABLE inventory_member IN ACCESS EXCLUSIVE MODE');
$relay->signal('CONT');
$relay->wait_until(sub { $relay->metric('resyncs_total{reason="log"}') == 1 }, 'it knows that the log begins anew');
$node->poll_query_until('shop', "SELECT count(*) > 0 FROM pg_locks WHERE relation = 'inventory_member'::regclass AND NOT granted")
  or die 'the relay does not ask for rights';
my $read = $relay->metric('events_read_total');
$bob->send_json({ type => 'subscribe', channel => 'product:bean', id => 1 });
my $last = adjust();
$relay->wait_until(sub { $relay->metric('events_read_total') > $read }, 'it has read what happened then');
my $late = eval { $relay->socket->upgrade(headers => bearer(sub => 'ann', org => 'acme', role => undef))->{status} } // 0;
is($late, 101, 'who comes meanwhile may wait');
$lock->query_safe('COMMIT');
$lock->quit;

my $leaked = 0;
while (defined(my $text = $ann->next_text)) { $leaked = newest($text) if newest($text) > $shown }
is($ann->close_code, 4203, 'whose rights were taken unheard is sent away');
is($leaked, 0, 'and was shown nothing since');
$bob->wait_for(sub { $_->{type} eq 'resync' });
is($bob->wait_for(sub { $_->{type} eq 'subscribed' })->{channel}, 'product:bean', 'what the others said meanwhile is done when it is known that they may');
is($bob->wait_for(sub { $_->{type} eq 'snapshot' })->{items}[0]{version}, $last, 'and they get everything anew');
$last = adjust();
is($bob->wait_for(sub { $_->{data} })->{data}{version}, $last, 'and they hear what happens');

alarm 0;
is($relay->stop, 0, 'the relay ends with status 0');

done_testing();
