# Who is present where, through two relays: comings and goings, scopes, and what happens when relay, janitor or server stop.
use strict;
use warnings;
use InventoryNode;
use JSON::PP;
use PostgreSQL::Test::Utils;
use RelayProcess;
use Test::More;
use Time::HiRes qw(sleep time);
use Token;

my $timeout_s = 5;
my $node = new_node('main', 'inventory.janitor_interval = 100ms', "inventory.presence_timeout = ${timeout_s}s");
$node->start;
create_extension($node, 'shop');
# What a relay may do is what the level gives, and no more.
$node->safe_psql('shop', "CREATE ROLE relay LOGIN; SELECT inventory_grant('relay', 'relay')");
my @options = (keys_options(), '--dsn', $node->connstr('shop') . ' user=relay', '--presence-heartbeat', '300ms');
my $one = RelayProcess->start($node, 'shop', @options, '--presence-grace', '2s', '--max-presence', 3);
my $two = RelayProcess->start($node, 'shop', @options, '--presence-grace', '0s');

my %person = (
	ann => { name => 'Ann', picture => 'https://example.com/ann.png', inventory => { role => 'operator' } },
	bob => { inventory => { role => 'viewer', warehouses => ['w1'] } },
	eve => { inventory => { role => 'viewer', warehouses => ['w2'] } },
	max => { org => 'other', inventory => { role => 'manager' } });

# Somebody who has said hello, and follows nothing yet.
sub enter
{
	my ($relay, $who) = @_;
	my $client = $relay->client(headers => bearer(role => undef, sub => $who, org => 'acme', %{ $person{$who} }));
	$client->send_json({ type => 'hello', protocol => 1, channels => [] });
	$client->{connection_id} = $client->wait_for(sub { $_->{type} eq 'welcome' })->{connectionId};
	return $client;
}

my $last_id = 0;

# Sends, and waits for the answer to that.
sub ask
{
	my ($client, %message) = @_;
	my $id = ++$last_id;
	$client->send_json({ id => $id, %message });
	return $client->wait_for(sub { ($_->{id} // '') eq $id });
}

sub track
{
	my ($client, $channel, %note) = @_;
	my $answer = ask($client, type => 'presence.track', channel => $channel, %note);
	die encode_json($answer) if $answer->{type} ne 'ack';
	return;
}

# A picture of a channel as a client of the browser keeps it, by connection.
sub watch
{
	my ($relay, $who, $channel) = @_;
	my $client = enter($relay, $who);
	$client->{channel} = $channel;
	$client->{history} = [];
	$client->send_json({ type => 'subscribe', channel => $channel });
	take($client) until $client->{members};
	return $client;
}

sub take
{
	my ($watcher) = @_;
	my $message = $watcher->next_json // die 'the connection ended';
	return if ($message->{channel} // '') ne $watcher->{channel} || $message->{type} !~ /^presence/;
	if ($message->{type} eq 'presence.state')
	{
		$watcher->{members} = { map { $_->{connectionId} => $_ } @{ $message->{members} } };
	}
	else
	{
		$watcher->{members}{ $_->{connectionId} } = $_ for @{ $message->{joins} }, @{ $message->{updates} };
		delete $watcher->{members}{ $_->{connectionId} } for @{ $message->{leaves} };
	}
	push @{ $watcher->{history} }, { frame => $message, seen => seen($watcher) };
	return;
}

# ann=viewing bob=editing ...
sub seen
{
	my ($watcher) = @_;
	return join ' ', sort map { "$_->{userId}=$_->{status}" } values %{ $watcher->{members} };
}

# Until the picture is this one; what it was on the way stays in the history.
sub sees
{
	my ($watcher, $wanted, $title) = @_;
	my $deadline = time + $PostgreSQL::Test::Utils::timeout_default;
	while (seen($watcher) ne $wanted && time < $deadline)
	{
		take($watcher) if $watcher->is_readable(1);
	}
	is(seen($watcher), $wanted, $title);
	return;
}

# Everything that was ever shown since the last call.
sub shown
{
	my ($watcher) = @_;
	my @shown = map { $_->{seen} } @{ $watcher->{history} };
	$watcher->{history} = [];
	return @shown;
}

my $bean = 'presence:inventory_item:bean';
my $list = 'presence:inventory_list';

note 'two relays';
my $here = watch($one, 'ann', $bean);
my $there = watch($two, 'ann', $bean);
is(seen($here), '', 'nobody is there at first');
my $tab = enter($one, 'ann');
track($tab, $bean, status => 'editing', metadata => { field => 'quantity' });
sees($_, 'ann=editing', 'who comes is seen') for $here, $there;
is_deeply([ map { +{ %$_, since => 1 } } values %{ $there->{members} } ],
	[ { connectionId => $tab->{connection_id}, userId => 'ann', name => 'Ann', avatar => 'https://example.com/ann.png', status => 'editing', metadata => { field => 'quantity' }, since => 1 } ],
	'through the other relay, too, as the token says who it is');
is(seen(watch($two, 'ann', $bean)), 'ann=editing', 'whoever looks now sees it at once');
my $phone = enter($two, 'ann');
track($phone, $bean);
my $desk = enter($two, 'ann');
track($desk, $bean, status => 'idle');
sees($here, 'ann=editing ann=idle ann=viewing', 'three connections of one person');
is($node->safe_psql('shop', "SET inventory.organization = 'acme'; SELECT user_id, status, metadata->>'field', connections FROM presence_list('inventory_item', 'bean')"),
	'ann|editing|quantity|3', 'are one person in SQL, doing what the busiest does');
ask($tab, type => 'presence.update', channel => $bean, status => 'viewing');
sees($there, 'ann=idle ann=viewing ann=viewing', 'what they do changes');
is((values %{ $there->{members} })[0]{name}, 'Ann', 'and who they are does not');
ask($phone, type => 'presence.leave', channel => $bean);
sees($here, 'ann=idle ann=viewing', 'who leaves is gone at once');
ask($desk, type => 'unsubscribe', channel => $bean);
sees($here, 'ann=viewing', 'and so is who stops looking');
$node->safe_psql('shop', "SET inventory.organization = 'acme'; SELECT presence_touch('till'); SELECT presence_track('till', 'till 1', 'inventory_item', 'bean', user_id => 'tom')");
sees($_, 'ann=viewing tom=viewing', 'who comes through SQL is seen as well') for $here, $there;
$node->safe_psql('shop', "SET inventory.organization = 'acme'; SELECT presence_leave('till 1')");
sees($_, 'ann=viewing', 'and goes') for $here, $there;

note 'scopes';
my %watcher = map { $_ => watch($two, $_, $list) } keys %person;
my $bob = enter($one, 'bob');
track($bob, $list);
sees($watcher{$_}, 'bob=viewing', "$_ sees bob") for qw(ann bob);
my $ann = enter($one, 'ann');
track($ann, $list, metadata => { warehouseId => 'w2' });
sees($watcher{ann}, 'ann=viewing bob=viewing', 'who sees all sees both');
sees($watcher{eve}, 'ann=viewing', 'who sees one warehouse sees who is at work there');
ask($ann, type => 'presence.update', channel => $list, metadata => {});
sees($watcher{bob}, 'ann=viewing bob=viewing', 'who works everywhere is seen everywhere');
ask($ann, type => 'presence.update', channel => $list, metadata => { warehouseId => 'w1' });
sees($watcher{eve}, '', 'who moves leaves for those who do not see the place');
ask($ann, type => 'presence.leave', channel => $list);
sees($watcher{bob}, 'bob=viewing', 'and in the end for all');
ok(!(grep { /bob/ } shown($watcher{eve})), 'eve never saw bob');
is_deeply([ map { $_ // () } grep { $_ ne '' } shown($watcher{max}) ], [], 'another organization never saw anybody');

note 'limits';
track($bob, "presence:inventory_item:$_") for 1, 2;
my $answer = ask($bob, type => 'presence.track', channel => 'presence:inventory_item:3');
is("$answer->{code}: $answer->{message}", 'overloaded: present at too many channels', 'one connection is present at so many channels and no more');
is(ask($bob, type => 'presence.update', channel => $list, status => 'idle')->{type}, 'ack', 'where it is it may go on');
ask($bob, type => 'presence.leave', channel => 'presence:inventory_item:1');
is(ask($bob, type => 'presence.track', channel => 'presence:inventory_item:3')->{type}, 'ack', 'and elsewhere when it has left one');
my $plain = $one->client(headers => bearer(role => undef, sub => 'ann', org => 'acme', %{ $person{ann} }));
is(ask($plain, type => 'presence.track', channel => $bean)->{message}, 'presence needs a hello first', 'in the plain dialect nobody is present');
$plain->send_json({ type => 'subscribe', channel => $bean });
is($plain->wait_for(sub { $_->{type} eq 'presence.state' })->{members}[0]{userId}, 'ann', 'but may look');

note 'a connection that breaks';
shown($_) for $here, $there;
my $dropped_at = time;
$tab->drop;
sees($there, '', 'who does not come back has left');
ok(time - $dropped_at > 1.9, 'after its grace');
my $reloaded = enter($one, 'ann');
track($reloaded, $bean);
sees($there, 'ann=viewing', 'who is there');
shown($there);
$reloaded->drop;
$tab = enter($one, 'ann');
track($tab, $bean, status => 'idle');
sees($there, 'ann=idle', 'and comes back within it');
ok(!(grep { $_ eq '' } shown($there)), 'was never away');
my ($leaver) = enter($two, 'ann');
track($leaver, $bean);
sees($here, 'ann=idle ann=viewing', 'through a relay without grace');
$leaver->drop;
sees($here, 'ann=idle', 'one leaves as the connection does');

note 'leases';
is($node->safe_psql('shop', "SELECT count(*) FROM presence_session WHERE kind = 'relay'"), '2', 'one for each relay');
my $written = sub { $node->safe_psql('shop', 'SELECT count(*) FROM inventory_event') };
my ($events, $seen_at) = ($written->(), $node->safe_psql('shop', "SELECT max(last_seen) FROM presence_session WHERE kind = 'relay'"));
$node->poll_query_until('shop', "SELECT min(last_seen) > '$seen_at'::timestamptz + interval '1 s' FROM presence_session WHERE kind = 'relay'");
is($written->(), $events, 'renewing them tells nothing');

note 'a relay that is killed';
shown($there);
$one->signal('KILL');
$one->wait_for_exit;
my $killed_at = time;
sees($there, '', 'takes its viewers with it');
ok(time - $killed_at > $timeout_s - 1, 'when its lease is over');
is($node->safe_psql('shop', "SELECT DISTINCT data->>'reason' FROM inventory_event WHERE type = 'presence.left' AND data->>'clientId' = '$tab->{connection_id}'"),
	'timeout', 'and that is the reason');
$one->run;
$one->wait_until_ready;
$tab = enter($one, 'ann');
track($tab, $bean, status => 'editing');
sees($there, 'ann=editing', 'who comes back is seen again');

# Nobody leaves because somebody else slept.
sub stopped
{
	my ($seconds, @pids) = @_;
	kill STOP => @pids;
	sleep $seconds;
	kill CONT => @pids;
	return;
}

# Until both leases have been renewed twice, and the janitor has been round after that.
sub settle
{
	my $since = $node->safe_psql('shop', 'SELECT clock_timestamp()');
	$node->poll_query_until('shop', <<END) or die 'the leases are not renewed';
SELECT count(*) = 2 AND bool_and(last_seen > '$since'::timestamptz + interval '500 ms')
	AND (SELECT last_round_at > '$since'::timestamptz + interval '500 ms' FROM inventory_status() WHERE component = 'janitor')
FROM presence_session WHERE kind = 'relay'
END
	return;
}

note 'a pause';
my $local = watch($two, 'ann', $bean);
my $stayer = enter($two, 'ann');
track($stayer, $bean);
sees($local, 'ann=editing ann=viewing', 'who is there');
shown($local);
stopped(1.5, $one->pid);
settle();
sees($local, 'ann=editing ann=viewing', 'of a relay that was stopped for less than the timeout nobody leaves');
my $janitor = worker_pid($node, 'janitor', 'shop');
stopped(1.2 * $timeout_s, $janitor);
settle();
stopped(1.2 * $timeout_s, $janitor, $one->pid, $two->pid);
settle();
$local->drain;
sees($local, 'ann=editing ann=viewing', 'nor when the janitor was, or all of them, for longer than that');
is_deeply([ grep { $_ ne 'ann=editing ann=viewing' } shown($local) ], [], 'not even for a moment');
is($node->safe_psql('shop', "SELECT count(*) FROM inventory_event WHERE data->>'reason' = 'timeout' AND data->>'clientId' IN ('$tab->{connection_id}', '$stayer->{connection_id}')"), '0',
	'and not in the log');

note 'a relay that was thought dead';
kill STOP => $one->pid;
sees($local, 'ann=viewing', 'of one that is away for too long everybody leaves');
kill CONT => $one->pid;
sees($local, 'ann=editing ann=viewing', 'and is there again when it is');
is($one->metric('presence_leases_lost_total'), 1, 'since it writes all of them once more');

note 'a crash of the server';
shown($local);
$node->stop('immediate');
$node->start;
wait_for_workers($node, 'shop');
$node->poll_query_until('shop', "SELECT count(*) = 2 FROM presence_status WHERE resource_id = 'bean'") or die 'nobody was written again';
ok(1, 'both relays write again who is there, since the tables were emptied');
take($local) until $local->{history} && grep { $_->{frame}{type} eq 'presence.state' } @{ $local->{history} };
is(seen($local), 'ann=editing ann=viewing', 'and tell everybody a fresh state');
is_deeply([ grep { $_ ne 'ann=editing ann=viewing' } shown($local) ], [], 'in between nobody was shown as gone');
ask($stayer, type => 'presence.leave', channel => $bean);
sees($local, 'ann=editing', 'and it goes on from there');
is($node->safe_psql('shop', "SELECT count(*) FROM presence_session WHERE kind = 'relay'"), '2', 'on two leases');

note 'a crash, and one relay with it';
kill STOP => $one->pid;
$node->stop('immediate');
$node->start;
wait_for_workers($node, 'shop');
sees($local, '', 'who was only in the tables that are empty now is not shown for ever');
kill CONT => $one->pid;
sees($local, 'ann=editing', 'and comes back with his relay');

note 'a relay that ends';
is($node->safe_psql('shop', "SELECT string_agg(client_id, ' ') FROM presence_status"), $tab->{connection_id}, 'who is there');
is($one->stop, 0, 'a relay ends well');
is($node->safe_psql('shop', 'SELECT count(*) FROM presence_status'), '0', 'and takes along who was there, whatever is left of the grace and of the lease');
sees($local, '', 'which is seen through the other');
is($two->stop, 0, 'that one ends well too');
done_testing;
