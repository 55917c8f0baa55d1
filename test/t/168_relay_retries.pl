# Operations that meet with locks, failures, lost connections and lost answers.
use strict;
use warnings;
use InventoryNode;
use JSON::PP;
use PostgreSQL::Test::Utils;
use RelayProcess;
use Test::More;
use Time::HiRes qw(time usleep);
use Token;

my $node = new_node('main', 'deadlock_timeout = 100ms');
$node->start;
create_extension($node, 'shop');
sub value { return $node->safe_psql('shop', $_[0]) }
sub define { value("SELECT FROM inventory_define('$_', 'w', initial_quantity => 1000000)") for @_; return }
sub stock { return value("SELECT quantity_available FROM inventory WHERE product_id = '$_[0]'") }
sub versions { return value("SELECT version FROM inventory WHERE product_id = '$_[0]'") }

my @limits = ('--operations-per-second', 1000000, '--operation-burst', 1000000, '--ping-interval', '300s', '--ping-timeout', '600s');
sub started { return RelayProcess->start($node, 'shop', @limits, @_) }

# A client that has said hello and follows nothing.
sub greeted
{
	my ($relay) = @_;
	my $client = $relay->client;
	$client->send_json({ type => 'hello', protocol => 1, channels => [] });
	$client->wait_for(sub { $_->{type} eq 'welcome' });
	return $client;
}

# A sale of one, with an id and a key of its own unless told.
my $count = 0;
sub sale
{
	my ($product, %fields) = @_;
	my $id = 'op-' . ++$count;
	return { type => 'adjust', id => $id, key => $id, productId => $product, warehouseId => 'w', quantity => 1, movementType => 'out', %fields };
}

# The answers to messages, in their order; all are sent before the first is awaited.
sub answers_to
{
	my ($client, @messages) = @_;
	my %answers;
	$client->send_json($_) for @messages;
	while (keys %answers < @messages)
	{
		my $answer = $client->wait_for(sub { $_->{type} eq 'ack' || $_->{type} eq 'error' });
		$answers{ $answer->{id} } = $answer;
	}
	return map { $answers{ $_->{id} } } @messages;
}
sub kinds { return join ' ', map { $_->{type} eq 'ack' ? ($_->{replayed} ? 'replayed' : 'ack') : $_->{code} } @_ }

my $relay = started();
my $ann = greeted($relay);

note 'a row that another session keeps locked';
define(qw(locked free other));
my $holder = $node->background_psql('shop');
$holder->query_safe("BEGIN; SELECT FROM inventory WHERE product_id = 'locked' FOR UPDATE");
my $began = time;
$ann->send_json($_) for my @kept = map { sale('locked', timeoutMs => 60000) } 1 .. 20;
is(kinds(answers_to($ann, map { sale($_ % 2 ? 'free' : 'other') } 1 .. 20)), join(' ', ('ack') x 20), 'keeps nobody else');
ok(time - $began < 10, 'nor for long');
my ($late) = answers_to($ann, sale('locked', timeoutMs => 300));
is($late->{code}, 'conflict', 'who has no time is told of the conflict');
ok($late->{retryable} && !$late->{details}{key}, 'and may come again: it was not done');
is(stock('locked'), 1000000, 'which is so');
$holder->query_safe('COMMIT');
my @acks = map { $ann->wait_for(sub { $_->{type} eq 'ack' }) } @kept;
is_deeply([ map { $_->{id} } @acks ], [ map { $_->{id} } @kept ], 'the others are done when it is free, in their order');
is_deeply([ map { $_->{result}{version} } @acks ], [ 2 .. 21 ], 'one after the other');

note 'many rows locked, each for a while';
my @products = map { "shelf$_" } 1 .. 30;
define(@products);
$holder->query_safe("BEGIN; SELECT FROM inventory WHERE product_id LIKE 'shelf%' FOR UPDATE");
$ann->send_json($_) for @kept = map { my $n = $_; map { sale($_, timeoutMs => 60000) } @products } 1 .. 3;
is(kinds(answers_to($ann, sale('free'))), 'ack', 'another is done meanwhile');
$holder->query_safe('COMMIT');
my %order;
for (@kept)
{
	my $ack = $ann->wait_for(sub { $_->{type} eq 'ack' || $_->{type} eq 'error' });
	push @{ $order{ $ack->{result}{productId} } }, $ack->{id};
}
my %wanted;
push @{ $wanted{ $_->{productId} } }, $_->{id} for @kept;
is_deeply(\%order, \%wanted, 'all are done, each item\'s in their order');

note 'a row that many others want';
define('wanted');
# On a busy machine a rival may wait for longer than the default of 1.5 s, and one that
# gives up sells less than is counted below.
my @rivals = map { $node->background_psql('shop', on_error_stop => 0) } 1 .. 4;
$_->query_safe("SET inventory.lock_timeout = '2min'") for @rivals;
$_->query_until(qr//, "\\o /dev/null\nDO \$\$ BEGIN FOR i IN 1 .. 300 LOOP PERFORM inventory_adjust('wanted', 'w', 1, 'out'); PERFORM pg_sleep(0.002); COMMIT; END LOOP; END \$\$;\n") for @rivals;
is(kinds(answers_to($ann, map { sale('wanted', timeoutMs => 60000) } 1 .. 50)), join(' ', ('ack') x 50), 'is had in the end');
for (@rivals)
{
	$_->query_safe('SELECT');    # waits for what it is at, and dies of its error, if any
	$_->quit;
}
is(stock('wanted'), 1000000 - 1250, 'and nothing is lost');

note 'carts over items of all lanes';
my @cart_answers = answers_to($ann, map {
	my $n = $_;
	my $id = 'cart-' . ++$count;
	$n % 3
	  ? sale($products[ $n % 30 ])
	  : { type => 'apply', id => $id, key => $id, lines => [ map { { productId => $_, warehouseId => 'w', quantity => 1, movementType => 'out' } } @products[ map { ($n * 7 + $_ * 11) % 30 } 0 .. 4 ] ] }
} 1 .. 150);
is(kinds(@cart_answers), join(' ', ('ack') x 150), 'are all done');
my %last;
my $disordered = 0;
for (map { $_->{result}{changes} ? @{ $_->{result}{changes} } : $_->{result} } @cart_answers)
{
	$disordered++ if $_->{version} <= ($last{ $_->{productId} } // 0);
	$last{ $_->{productId} } = $_->{version};
}
is($disordered, 0, 'in the order in which they were sent, item by item');
is(value('SELECT count(*) FROM inventory_reconcile()'), 0, 'the books are right');

note 'poison';
value(<<'END');
CREATE FUNCTION public.poison() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.reason = 'kill' THEN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(1); END IF;
	IF NEW.reason = 'break' THEN RAISE 'broken' USING ERRCODE = 'XX000'; END IF;
	RETURN NEW;
END $$;
CREATE TRIGGER poison BEFORE INSERT ON inventory_movement FOR EACH ROW EXECUTE FUNCTION public.poison();
END
my @mixed = answers_to($ann, map { sale('free', $_ == 20 ? (reason => 'break') : ()) } 1 .. 40);
is(kinds(@mixed), join(' ', map { $_ == 20 ? 'internal' : 'ack' } 1 .. 40), 'one operation that breaks a call harms no other');
ok(!$mixed[19]{retryable}, 'and is not to be repeated');
@mixed = answers_to($ann, map { sale('free', $_ == 20 ? (reason => 'kill', timeoutMs => 3000) : (timeoutMs => 60000)) } 1 .. 40);
is(kinds(@mixed), join(' ', map { $_ == 20 ? 'unavailable' : 'ack' } 1 .. 40), 'nor does one that ends the connection');
is($mixed[19]{details}{key}, $mixed[19]{id}, 'whose client is told with what key to ask again');
value('DROP TRIGGER poison ON inventory_movement');

note 'serialization failures and deadlocks';
value(<<'END');
CREATE SEQUENCE public.attempts;
CREATE FUNCTION public.stumble() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.reason ~ '^4' AND nextval('public.attempts') % 4 <> 0 THEN RAISE 'stumbled' USING ERRCODE = NEW.reason; END IF;
	RETURN NEW;
END $$;
CREATE TRIGGER stumble BEFORE INSERT ON inventory_movement FOR EACH ROW EXECUTE FUNCTION public.stumble();
END
for my $sqlstate (qw(40001 40P01))
{
	is(kinds(answers_to($ann, sale('free', reason => $sqlstate))), 'ack', "$sqlstate is overcome by repeating");
}
value("ALTER SEQUENCE public.attempts INCREMENT BY 4 RESTART WITH 1");
my ($stuck) = answers_to($ann, sale('free', reason => '40001', timeoutMs => 500));
is($stuck->{code}, 'conflict', 'one that lasts is a conflict in the end');
value('DROP TRIGGER stumble ON inventory_movement');

note 'connections that break';
my $before = stock('other');
$ann->send_json($_) for @kept = map { sale('other', timeoutMs => 60000) } 1 .. 200;
value("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'inventory-relay' AND query ~ 'inventory_relay_sync'");
my @kinds = map { $ann->wait_for(sub { $_->{type} eq 'ack' || $_->{type} eq 'error' }) } @kept;
my @again = grep { $_->{type} ne 'ack' } @kinds;
ok(!(grep { $_->{code} ne 'unavailable' } @again), 'whoever is not done is told that the database is away');
my %by_id = map { $_->{id} => $_ } @kept;
while (@again)
{
	usleep(100_000);
	@again = grep { $_->{type} ne 'ack' } answers_to($ann, map { $by_id{ $_->{id} } } @again);
}
is(stock('other'), $before - 200, 'and each is done once');

note 'an answer that is lost';
$relay->stop('KILL');
my $lossy = started();
for my $round (1 .. 5)
{
	my $product = "round$round";
	define($product);
	my $client = greeted($lossy);
	my @sales = map { sale($product) } 1 .. 50;
	my $held = $node->background_psql('shop');
	# The call is past the point of no return when the row is there, and its answer not yet read.
	$client->send_json($_) for @sales;
	$node->poll_query_until('shop', "SELECT version > 1 FROM inventory WHERE product_id = '$product'");
	$lossy->stop('KILL');
	$held->quit;
	$lossy->run;
	$lossy->wait_until_ready;
	$client = greeted($lossy);
	my @answers = answers_to($client, @sales);
	is(join(' ', sort keys %{ { map { $_ => 1 } split / /, kinds(@answers) } }) =~ /replayed/, 1, "round $round: what was done is told as replayed");
	is(stock($product), 1000000 - 50, 'and nothing is done twice');
	is_deeply([ sort { $a <=> $b } map { $_->{result}{version} } @answers ], [ 2 .. 51 ], 'each has its version');
}

note 'a full pipeline';
my $narrow = started('--write-queue', 50);
my $bob = greeted($narrow);
define('dam');
$holder->query_safe("BEGIN; SELECT FROM inventory WHERE product_id = 'dam' FOR UPDATE");
$bob->send_json($_) for map { sale('dam', timeoutMs => 60000) } 1 .. 50;
$narrow->wait_until(sub { $narrow->metric('operations_waiting') == 50 }, 'they wait');
my ($refused) = answers_to($bob, sale('dam'));
is($refused->{code}, 'overloaded', 'one more than may wait is refused');
ok($refused->{retryAfterMs} > 0 && $refused->{retryable}, 'and told when to come again');
is($narrow->metric('operations_waiting'), 50, 'no more than that wait');
$holder->query_safe('COMMIT');
is(kinds(map { $bob->wait_for(sub { $_->{type} eq 'ack' }) } 1 .. 50), join(' ', ('ack') x 50), 'those that waited are done');
is(kinds(answers_to($bob, sale('dam'))), 'ack', 'then there is room again');
is($narrow->stop, 0, 'the relay ends well');
my $small = started('--write-queue-size', '64KiB');
my $eve = greeted($small);
$holder->query_safe("BEGIN; SELECT FROM inventory WHERE product_id = 'dam' FOR UPDATE");
$eve->send_json(sale('dam', timeoutMs => 60000, reason => 'x' x 400)) for 1 .. 200;
my $bytes = $eve->wait_for(sub { $_->{type} eq 'error' });
is($bytes->{code}, 'overloaded', 'bytes are limited, too');
$holder->query_safe('COMMIT');
$small->stop;

note 'without the database';
my $cut = greeted($lossy);
$node->stop('fast');
$lossy->wait_until(sub { $lossy->get('/readyz')->{status} == 503 }, 'it is not ready');
my $key = 'away-1';
my ($away) = answers_to($cut, sale('dam', key => $key));
is($away->{code}, 'unavailable', 'an operation is answered');
ok($away->{retryAfterMs} > 0, 'with a time to come again');
ok(!$away->{details}, 'and was not done, for certain');
my $response = $lossy->request(method => 'POST', path => '/api/inventory/adjust',
	headers => { 'Content-Type' => 'application/json', 'Content-Length' => 55 }, body => '{"productId":"dam","warehouseId":"w","quantity":1}     ');
is($response->{status}, 503, 'over HTTP with 503');
ok($response->{headers}{'retry-after'} > 0, 'and Retry-After');
$node->start;
$lossy->wait_until_ready;
my ($back) = answers_to($cut, sale('dam', key => $key));
$back = (answers_to($cut, sale('dam', key => $key)))[0] while $back->{type} eq 'error' && $back->{code} eq 'unavailable' && usleep(50_000);
is($back->{type}, 'ack', 'when it is back the operation is done');
is(value('SELECT count(*) FROM inventory_reconcile()'), 0, 'the books are right');
is($lossy->stop, 0, 'the relay ends well');
done_testing();
