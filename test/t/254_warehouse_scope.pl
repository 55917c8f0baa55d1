# Outside of one's warehouses nothing exists: no function says whether something is there.
use strict;
use warnings;
use InventoryNode;
use Test::More;

# No janitor in between, once it had its first round: what is overdue here is to be found by the calls.
my $node = new_node('main', 'inventory.janitor_interval = 1h');
$node->start;
create_extension($node, 'shop');
$node->poll_query_until('shop', "SELECT last_round_at IS NOT NULL FROM inventory_status() WHERE component = 'janitor'");
$node->safe_psql('shop', <<'END');
CREATE ROLE gateway LOGIN;
SELECT inventory_grant('manager', 'gateway');
SET inventory.organization = 'globex';
SELECT FROM inventory_define('bolt', 'W1', initial_quantity => 10);
SELECT FROM inventory_define('bolt', 'W2', initial_quantity => 20);
SELECT FROM inventory_define('milk', 'W2', track_batches => true);
SELECT FROM inventory_adjust('milk', 'W2', 5, 'in', batch_number => 'B1', expires_at => now() + interval '1 year');
SELECT FROM inventory_reserve('[{"product_id": "bolt", "warehouse_id": "W2", "quantity": 5}]', reservation_id => 'sold', idempotency_key => 'reserve sold');
SELECT FROM inventory_commit('sold', idempotency_key => 'commit sold');
SELECT FROM inventory_reserve('[{"product_id": "bolt", "warehouse_id": "W2", "quantity": 5}]', reservation_id => 'back');
SELECT FROM inventory_release('back', idempotency_key => 'release back');
SELECT FROM inventory_reserve('[{"product_id": "bolt", "warehouse_id": "W2", "quantity": 5}]', reservation_id => 'held');
SELECT FROM inventory_reserve('[{"product_id": "bolt", "warehouse_id": "W1", "quantity": 1},
	{"product_id": "bolt", "warehouse_id": "W2", "quantity": 1}]', reservation_id => 'both');
SELECT FROM inventory_reserve('[{"product_id": "bolt", "warehouse_id": "W2", "quantity": 3}]', interval '1 ms', reservation_id => 'late');
SELECT FROM inventory_adjust('bolt', 'W2', -2, 'out', idempotency_key => 'two bolts', performed_by => 'otto');
SET inventory.organization = 'hooli';
SELECT FROM inventory_define('nut', 'W1', initial_quantity => 70, idempotency_key => 'their key');
SELECT FROM inventory_reserve('[{"product_id": "nut", "warehouse_id": "W1", "quantity": 1}]', reservation_id => 'theirs');
END

# What the janitor does when somebody wakes it after all is its own affair.
my $movements = q{FROM inventory_movement WHERE performed_by <> 'janitor'};
my $everything = "SELECT * $movements ORDER BY movement_id";
my $before = $node->safe_psql('shop', $everything);

sub claims
{
	my ($subject, $role, $warehouses) = @_;
	return qq({"sub": "$subject", "org": "globex", "inventory": {"role": "$role", "warehouses": $warehouses}});
}

# What a statement comes to: its rows, or its error without the names that were given to it.
sub answer_to
{
	my ($claims, $statement) = @_;
	my ($status, $out, $error) = $node->psql('shop', "SET request.jwt.claims = '$claims'; $statement",
		extra_params => [ '-U', 'gateway', '-v', 'VERBOSITY=verbose' ]);

	return $out if $status == 0;
	$error =~ s/^psql:<stdin>:\d+: //;
	$error =~ s/^LOCATION:.*\n?//m;
	return $error;
}

my $otto = claims('otto', 'operator', '["W1"]');
my $boss = claims('otto', 'manager', '["W1"]');

note 'items';
my %writers = (
	inventory_define => q{SELECT * FROM inventory_define(%s, 'W2', minimum_stock => 5)},
	inventory_retire => q{SELECT * FROM inventory_retire(%s, 'W2')},
	inventory_adjust => q{SELECT * FROM inventory_adjust(%s, 'W2', -1, 'out')},
	'inventory_adjust with a key' => q{SELECT * FROM inventory_adjust(%s, 'W2', -2, 'out', idempotency_key => 'two bolts', performed_by => 'otto')},
	'inventory_adjust with force' => q{SELECT * FROM inventory_adjust(%s, 'W2', -100, 'out', on_shortage => 'force')},
	'inventory_adjust with a version' => q{SELECT * FROM inventory_adjust(%s, 'W2', -1, 'out', expected_version => 999)},
	inventory_apply => q{SELECT * FROM inventory_apply(jsonb_build_array(
		jsonb_build_object('product_id', 'bolt', 'warehouse_id', 'W1', 'quantity', -1),
		jsonb_build_object('product_id', %s, 'warehouse_id', 'W2', 'quantity', -1)))},
	inventory_set => q{SELECT * FROM inventory_set(%s, 'W2', 1, NULL)},
	inventory_batch_set => q{SELECT * FROM inventory_batch_set(%s, 'W2', 'B1', status => 'quarantined')},
	inventory_reserve => q{SELECT * FROM inventory_reserve(jsonb_build_array(
		jsonb_build_object('product_id', %s, 'warehouse_id', 'W2', 'quantity', 1)))},
	'inventory_commit with lines' => q{SELECT * FROM inventory_commit('both', jsonb_build_array(
		jsonb_build_object('product_id', %s, 'warehouse_id', 'W2', 'quantity', 1)))},
	'inventory_transfer from' => q{SELECT * FROM inventory_transfer(%s, 'W2', 'W1', 1)},
	'inventory_transfer to' => q{SELECT * FROM inventory_transfer(%s, 'W1', 'W2', 1)},
	inventory_reconcile => q{SELECT * FROM inventory_reconcile(%s, 'W2')},
	'inventory_reconcile with repair' => q{SELECT * FROM inventory_reconcile(%s, 'W2', true)});
for my $title (sort keys %writers)
{
	my @answers = map { answer_to($boss, sprintf $writers{$title}, $_) } q{'bolt'}, q{'milk'}, q{'nothing'};

	like($answers[0], qr/^ERROR:  IV403: warehouse "W2" is outside of what "otto" may see/, "$title is refused outside of the warehouses");
	is_deeply([ @answers[ 1, 2 ] ], [ @answers[ 0, 0 ] ], "$title says the same of what exists and what does not");
}
is(answer_to($boss, q{SELECT * FROM inventory_list('bolt', 'W2')}), '', 'inventory_list has no row for it');
is(answer_to($boss, q{SELECT * FROM inventory_list('bolt', 'W2', now())}), '', 'nor for what it was');
is(answer_to($boss, q{SELECT DISTINCT warehouse_id FROM inventory_list()}), 'W1', 'inventory_list has the rows of the scope');
is(answer_to($boss, q{SELECT DISTINCT warehouse_id FROM inventory_events(max_events => 1000)}), 'W1', 'so has inventory_events');
my %operation = (
	adjust => q{"product_id": "%s", "warehouse_id": "W2", "quantity": -1},
	retire => q{"product_id": "%s", "warehouse_id": "W2"},
	define => q{"product_id": "%s", "warehouse_id": "W2"},
	set => q{"product_id": "%s", "warehouse_id": "W2", "quantity": 1},
	transfer => q{"product_id": "%s", "from_warehouse_id": "W1", "to_warehouse_id": "W2", "quantity": 1},
	reserve => q{"lines": [{"product_id": "%s", "warehouse_id": "W2", "quantity": 1}]});
for my $kind (sort keys %operation)
{
	my @answers = map {
		answer_to($boss, sprintf q{SELECT sqlstate, message, detail FROM inventory_sync('[{"kind": "%s", "idempotency_key": "k", %s}]')},
			$kind, sprintf $operation{$kind}, $_)
	} qw(bolt nothing);
	is_deeply(\@answers, [ (q{IV403|warehouse "W2" is outside of what "otto" may see|}) x 2 ],
		"$kind in inventory_sync says the same of what exists and what does not");
}

note 'reservations';
my $outside = qr/^ERROR:  IV403: warehouse "W2" is outside of what "otto" may see$/;
for my $reservation (qw(held both late sold back))
{
	like(answer_to($otto, "SELECT * FROM inventory_commit('$reservation')"), $outside,
		"a reservation with another warehouse ($reservation) cannot be committed");
	like(answer_to($otto, "SELECT * FROM inventory_release('$reservation')"), $outside, 'nor released');
	like(answer_to($otto, qq{SELECT * FROM inventory_reserve('[{"product_id": "bolt", "warehouse_id": "W1", "quantity": 1}]',
		reservation_id => '$reservation')}), $outside, 'nor replaced');
}
like(answer_to($otto, q{SELECT * FROM inventory_commit('both', '[{"product_id": "bolt", "warehouse_id": "W1", "quantity": 1}]')}),
	$outside, 'not even the part of it that is in reach');
my $none = answer_to($otto, q{SELECT * FROM inventory_commit('no such')});
is(answer_to($otto, q{SELECT * FROM inventory_commit('theirs')}) =~ s/theirs/no such/r, $none,
	'the reservation of another organization is like none at all');
is(answer_to($otto, q{SELECT * FROM inventory_release('theirs')}) =~ s/theirs/no such/r, $none, 'for release, too');
is(answer_to($otto, q{SELECT reservation_id FROM inventory_reservation ORDER BY 1}), 'both',
	'the table shows reservations that have a line in reach');
is(answer_to($otto, q{SELECT reservation_id, warehouse_id FROM inventory_reservation_line}), 'both|W1', 'and of those only the lines in reach');

note 'keys';
for my $call (q{inventory_commit('sold', idempotency_key => 'commit sold')}, q{inventory_release('back', idempotency_key => 'release back')})
{
	like(answer_to($otto, "SELECT * FROM $call"), $outside, "who knows the key of another warehouse does not get its answer: $call");
}
is(answer_to($otto, q{SELECT sqlstate, result FROM inventory_sync(
	'[{"kind": "commit", "idempotency_key": "commit sold", "reservation_id": "sold"}]')}), 'IV403|', 'in inventory_sync neither');
is(answer_to($otto, q{SELECT version, replayed FROM inventory_adjust('bolt', 'W1', 1, 'in', idempotency_key => 'their key')}),
	'3|f', 'a key that another organization has used is free');
is(answer_to($otto, 'SELECT count(*) FROM inventory_operation'), '0', 'the operations of an organization are for those who see all of it');
my $pair = sub {
	my ($claims) = @_;
	return $node->safe_psql('shop', <<END);
SELECT seq, status, sqlstate, result -> 0 ->> 'warehouse_id' FROM inventory_relay_sync(
	'[{"caller": 0, "kind": "release", "idempotency_key": "one key", "reservation_id": "held"},
	  {"caller": 1, "kind": "release", "idempotency_key": "one key", "reservation_id": "held"}]',
	'[$claims->[0], $claims->[1]]')
END
};
is($pair->([ claims('mina', 'manager', 'null'), $otto ]), "1|applied||W2\n2|rejected|IV403|",
	'nor does who sends the key in the same batch of a relay');

note 'viewers';
my $vera = claims('vera', 'viewer', 'null');
for my $call (
	q{inventory_commit('sold', idempotency_key => 'commit sold')}, q{inventory_commit('sold')}, q{inventory_release('sold')},
	q{inventory_release('back')}, q{inventory_commit('no such')}, q{inventory_adjust('nothing', 'W1', 1)},
	q{inventory_define('bolt', 'W1', minimum_stock => 1)}, q{inventory_reconcile('bolt', 'W1', true)})
{
	like(answer_to($vera, "SELECT * FROM $call"), qr/^ERROR:  IV403: this needs the role (operator|manager), and "vera" is viewer/,
		"a viewer has no answer from $call");
}

my $after = $node->safe_psql('shop', "$everything LIMIT (SELECT count(*) $movements) - 2");
is($after, $before, 'nothing of this changed any stock, but what was allowed');
is($node->safe_psql('shop', q{SET inventory.organization = 'globex'; SELECT * FROM inventory_reconcile()}), '', 'and all adds up');

done_testing();
