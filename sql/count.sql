-- inventory_set: a count says what is on the shelf.
\pset null '(null)'
SET inventory.organization = 'count';

SELECT FROM inventory_define('nut', 'shop', minimum_stock => 5, initial_quantity => 20);
SELECT quantity_reserved FROM inventory_reserve('[{"product_id": "nut", "warehouse_id": "shop", "quantity": 4}]', reservation_id => 'count-1');

-- It is of what is on hand, the held part included; the ledger gets the difference.
SELECT previous_quantity, new_quantity, quantity_reserved, version, movement_type FROM inventory_set('nut', 'shop', 18, NULL, reason => 'Stocktake');
SELECT movement_type, quantity, delta_available, delta_reserved, available_after, reserved_after, reason
	FROM inventory_movement WHERE organization_id = 'count' ORDER BY version DESC LIMIT 1;
-- It is written even when all agrees: somebody has looked.
SELECT previous_quantity, new_quantity, version, movement_type FROM inventory_set('nut', 'shop', 18, 18);
SELECT quantity, delta_available FROM inventory_movement WHERE organization_id = 'count' ORDER BY version DESC LIMIT 1;
SELECT data->>'changeAmount' AS change, data->>'movementType' AS movement FROM inventory_event WHERE organization_id = 'count' ORDER BY id DESC LIMIT 1;

-- What the counter had seen must still be so.
SELECT new_quantity FROM inventory_set('nut', 'shop', 17, 18);
\set VERBOSITY sqlstate
SELECT new_quantity FROM inventory_set('nut', 'shop', 16, 18);
SELECT new_quantity FROM inventory_set('nut', 'shop', 16, 17, expected_version => 3);
\set VERBOSITY default
SELECT new_quantity, version FROM inventory_set('nut', 'shop', 16, 17, expected_version => 5);
-- There is no default for it: whoever counts blindly says so.
SELECT new_quantity FROM inventory_set('nut', 'shop', 16);

-- Neither floor nor holds bind it, and it may cross the alerts' edges.
SELECT new_quantity, quantity_reserved FROM inventory_set('nut', 'shop', 3, NULL);
SELECT type, data->>'quantityAvailable' AS available FROM inventory_event WHERE organization_id = 'count' AND data->>'version' = '7' ORDER BY id;
SELECT new_quantity, quantity_reserved FROM inventory_set('nut', 'shop', 0, NULL);
SELECT new_quantity, quantity_reserved FROM inventory_set('nut', 'shop', 30, NULL);
SELECT version FROM inventory_release('count-1');

-- What has moved since counted_at is added to what was counted.
SELECT FROM inventory_define('oat', 'shop', initial_quantity => 100);
SELECT clock_timestamp() AS counted \gset
SELECT new_quantity FROM inventory_adjust('oat', 'shop', 10, 'out');
SELECT new_quantity FROM inventory_adjust('oat', 'shop', 3, 'in');
SELECT new_quantity FROM inventory_reserve('[{"product_id": "oat", "warehouse_id": "shop", "quantity": 20}]', reservation_id => 'count-2');
SELECT previous_quantity, new_quantity, quantity_reserved FROM inventory_set('oat', 'shop', 95, NULL, counted_at => :'counted');
SELECT quantity, delta_available, available_after + reserved_after AS on_hand
	FROM inventory_movement WHERE organization_id = 'count' AND product_id = 'oat' ORDER BY version DESC LIMIT 1;
-- A second count of that moment says the same: a count is no movement of goods.
SELECT previous_quantity, new_quantity FROM inventory_set('oat', 'shop', 95, NULL, counted_at => :'counted');
-- Without counted_at it is of now.
SELECT previous_quantity, new_quantity FROM inventory_set('oat', 'shop', 95, NULL);
SELECT new_quantity, quantity_reserved FROM inventory_commit('count-2');

-- The time that counts is the one claimed: a sale that arrives late happened when it happened.
SELECT FROM inventory_define('rye', 'shop', initial_quantity => 100);
SELECT new_quantity FROM inventory_adjust('rye', 'shop', 30, 'out', occurred_at => clock_timestamp() - interval '2 hours');
SELECT new_quantity FROM inventory_set('rye', 'shop', 70, NULL, counted_at => clock_timestamp() - interval '1 hour');
SELECT new_quantity FROM inventory_adjust('rye', 'shop', 5, 'out', occurred_at => clock_timestamp() - interval '30 min');
SELECT new_quantity FROM inventory_set('rye', 'shop', 70, NULL, counted_at => clock_timestamp() - interval '1 hour');
SELECT new_quantity FROM inventory_set('rye', 'shop', 65, NULL, counted_at => clock_timestamp() - interval '20 min');
-- An item may be defined after its goods were counted.
SELECT FROM inventory_define('spelt', 'shop', initial_quantity => 40);
SELECT new_quantity FROM inventory_set('spelt', 'shop', 41, NULL, counted_at => clock_timestamp() - interval '1 hour');
-- More moved since than any number can say is out of range, for this operation only.
BEGIN;
SELECT FROM inventory_define('teff', 'shop', initial_quantity => 10);
SELECT clock_timestamp() AS counted \gset
INSERT INTO inventory_movement (inventory_id, version, organization_id, product_id, warehouse_id, movement_type, quantity,
		delta_available, delta_reserved, available_after, reserved_after, db_user, created_at)
	SELECT inventory_id, 100000 + n, organization_id, product_id, warehouse_id, 'out', -9007199254740991,
		-9007199254740991, 0, 0, 0, 'regress', clock_timestamp()
	FROM inventory, generate_series(1, 1100) n WHERE organization_id = 'count' AND product_id = 'teff';
SELECT seq, status, sqlstate, message FROM inventory_sync(jsonb_build_array(
	jsonb_build_object('kind', 'set', 'idempotency_key', 'count-a', 'product_id', 'teff', 'warehouse_id', 'shop', 'quantity', 9, 'counted_at', :'counted'),
	jsonb_build_object('kind', 'adjust', 'idempotency_key', 'count-b', 'product_id', 'teff', 'warehouse_id', 'shop', 'quantity', -1)));
SELECT quantity_available FROM inventory_list('teff');
ROLLBACK;
-- More sold since than was counted: the truth is a negative.
SELECT FROM inventory_define('chia', 'shop', initial_quantity => 10);
SELECT clock_timestamp() AS counted \gset
SELECT new_quantity FROM inventory_adjust('chia', 'shop', 4, 'out');
SELECT new_quantity FROM inventory_set('chia', 'shop', 1, NULL, counted_at => :'counted');

-- In one call of sync, what came before in it counts too.
SELECT FROM inventory_define('dill', 'shop', initial_quantity => 10);
SELECT clock_timestamp() AS counted \gset
SELECT seq, status, result->0->>'new_quantity' AS quantity
	FROM inventory_sync(jsonb_build_array(
		jsonb_build_object('kind', 'adjust', 'idempotency_key', 'dill-1', 'product_id', 'dill', 'warehouse_id', 'shop', 'quantity', -3),
		jsonb_build_object('kind', 'set', 'idempotency_key', 'dill-2', 'product_id', 'dill', 'warehouse_id', 'shop', 'quantity', 12, 'counted_at', :'counted'),
		jsonb_build_object('kind', 'set', 'idempotency_key', 'dill-3', 'product_id', 'dill', 'warehouse_id', 'shop', 'quantity', 12, 'counted_at', :'counted', 'expected_quantity', 9)));

-- A count that cannot be.
SELECT * FROM inventory_set('nut', 'shop', -1, NULL);
SELECT * FROM inventory_set('nut', 'shop', NULL, NULL);
SELECT * FROM inventory_set('nut', 'shop', 9007199254740992, NULL);
SELECT * FROM inventory_set('nut', 'nowhere', 1, NULL);
SELECT * FROM inventory_set('nut', 'shop', 1, NULL, batch_number => 'B1');
SELECT * FROM inventory_set('nut', 'shop', 1, NULL, counted_at => clock_timestamp() + interval '1 hour');
SELECT * FROM inventory_set('nut', 'shop', 1, NULL, counted_at => 'infinity');
SELECT * FROM inventory_set('nut', 'shop', 1, NULL, counted_at => '-infinity');
SELECT * FROM inventory_set('nut', 'shop', 1, NULL, counted_at => clock_timestamp() - interval '25 hours');
SET inventory.max_count_age = '10min';
SELECT * FROM inventory_set('nut', 'shop', 1, NULL, counted_at => clock_timestamp() - interval '11 min');
SELECT new_quantity FROM inventory_set('nut', 'shop', 30, NULL, counted_at => clock_timestamp() - interval '9 min');

-- A retry is answered however late it comes: the count was in time when it was made.
SELECT clock_timestamp() - interval '5 min' AS counted \gset
SELECT new_quantity, replayed FROM inventory_set('nut', 'shop', 33, NULL, counted_at => :'counted', idempotency_key => 'count-late');
SET inventory.max_count_age = '1min';
SELECT new_quantity, replayed FROM inventory_set('nut', 'shop', 33, NULL, counted_at => :'counted', idempotency_key => 'count-late');
SELECT * FROM inventory_set('nut', 'shop', 33, NULL, counted_at => :'counted', idempotency_key => 'count-later');
RESET inventory.max_count_age;

SELECT * FROM inventory_reconcile();
