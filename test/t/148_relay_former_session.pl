# A connection that hangs with an operation in it: the session at its other end
# is ended before the operation is brought again, or it could do later what has
# been refused meanwhile.  The server shows times as it likes.
use strict;
use warnings;
use FrozenLink;
use InventoryNode;
use RelayProcess;
use Test::More;

my $node = new_node('main', "timezone = 'Asia/Kolkata'");
$node->start;
create_extension($node, 'shop');
$node->safe_psql('shop', "SELECT FROM inventory_define('bean', 'shop', initial_quantity => 100)");
is($node->safe_psql('shop', 'SHOW timezone'), 'Asia/Kolkata', 'the server is not in UTC');
my $link = FrozenLink->start($node->host . '/.s.PGSQL.' . $node->port);
my $relay = RelayProcess->start($node, 'shop', '--write-connections', 1, '--query-timeout', '1s', '--connect-timeout', '1s', '--dsn',
	'host=127.0.0.1,' . $node->host . " port=" . $link->port . ',' . $node->port . ' dbname=shop user=' . (getpwuid($>))[0]);
my $client = $relay->client(timeout => 60);
$client->send_json({ type => 'hello', protocol => 1, channels => [] });
$client->wait_for(sub { $_->{type} eq 'welcome' });

sub sell
{
	my ($key) = @_;
	$client->send_json({ type => 'adjust', id => $key, key => $key, productId => 'bean', warehouseId => 'shop', quantity => 1, movementType => 'out', timeoutMs => 60000 });
	return $client->wait_for(sub { ($_->{id} // '') eq $key })->{type};
}

is(sell('one'), 'ack', 'an operation through the link');
my $sessions = $node->safe_psql('shop', "SELECT string_agg(pid::text, ',') FROM pg_stat_activity WHERE application_name = 'inventory-relay' AND query ~ 'inventory_relay_sync'");
my ($count) = 1 + ($sessions =~ tr/,//);
is($count, 2, 'for which there are two sessions');
$link->freeze;
is(sell('two'), 'ack', 'one more, by another way, when the link has frozen');
is($node->safe_psql('shop', "SELECT count(*) FROM pg_stat_activity WHERE pid IN ($sessions)"), $count - 1, 'the session that had it is ended by then');
$link->thaw;
$relay->wait_until_ready;
is($node->safe_psql('shop', "SELECT quantity_available || ' ' || version FROM inventory"), '98 3', 'each was done once');
is($relay->stop, 0, 'the relay ends well');

done_testing();
