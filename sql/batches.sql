-- Batches: first expired first out, what may be sold, and how they end.
\pset null '(null)'
SET inventory.organization = 'batches';
SELECT now() AS today \gset

-- What is in batches, and what is on hand: always the same.
CREATE VIEW batches AS
SELECT i.product_id, i.warehouse_id, string_agg(batch_number || ':' || quantity || CASE status WHEN 'active' THEN '' ELSE '/' || status END, ' ' ORDER BY batch_number) AS batches,
		quantity_available AS available, quantity_reserved AS reserved, quantity_on_hand = coalesce(sum(quantity), 0) AS adds_up
	FROM inventory i LEFT JOIN inventory_batch b ON b.inventory_id = i.inventory_id
	WHERE i.organization_id = 'batches' GROUP BY i.organization_id, i.product_id, i.warehouse_id ORDER BY i.product_id, i.warehouse_id;

SELECT version FROM inventory_define('milk', 'shop', track_batches => true);
SELECT version FROM inventory_define('milk', 'depot', track_batches => true);
SELECT version FROM inventory_define('pen', 'shop', initial_quantity => 5);
SELECT version FROM inventory_define('pen', 'depot', initial_quantity => 5);

-- What comes in names its batch; the first time, with its expiry or without.
SELECT * FROM inventory_adjust('milk', 'shop', 5, 'in');
SELECT * FROM inventory_adjust('milk', 'shop', 5, 'in', expires_at => '2100-01-01');
SELECT new_quantity FROM inventory_adjust('milk', 'shop', 5, 'in', batch_number => 'late', expires_at => :'today'::timestamptz + interval '60 days');
SELECT new_quantity FROM inventory_adjust('milk', 'shop', 5, 'in', batch_number => 'soon', expires_at => :'today'::timestamptz + interval '30 days');
SELECT new_quantity FROM inventory_adjust('milk', 'shop', 5, 'in', batch_number => 'never');
-- More of the same; but not with another expiry.
SELECT new_quantity FROM inventory_adjust('milk', 'shop', 1, 'in', batch_number => 'soon', expires_at => :'today'::timestamptz + interval '30 days');
SELECT new_quantity FROM inventory_adjust('milk', 'shop', 1, 'in', batch_number => 'soon');
\set VERBOSITY terse
SELECT new_quantity FROM inventory_adjust('milk', 'shop', 1, 'in', batch_number => 'soon', expires_at => :'today'::timestamptz + interval '31 days');
SELECT new_quantity FROM inventory_adjust('milk', 'shop', 1, 'in', batch_number => 'never', expires_at => :'today'::timestamptz + interval '31 days');
\set VERBOSITY default
SELECT * FROM batches WHERE product_id = 'milk';

-- First expired, first out; never last; a sale may take of several.
SELECT new_quantity FROM inventory_adjust('milk', 'shop', 9, 'out');
SELECT * FROM batches WHERE product_id = 'milk' AND warehouse_id = 'shop';
SELECT b.batch_number, s.delta FROM inventory_movement m JOIN inventory_movement_batch s USING (movement_id) JOIN inventory_batch b USING (batch_id)
	WHERE m.organization_id = 'batches' AND m.version = (SELECT version FROM inventory_list('milk', 'shop')) AND m.product_id = 'milk' AND m.warehouse_id = 'shop' ORDER BY b.batch_number;
-- Or the one that is named.
SELECT new_quantity FROM inventory_adjust('milk', 'shop', 2, 'out', batch_number => 'never');
SELECT new_quantity FROM inventory_adjust('milk', 'shop', -1, batch_number => 'never');
SELECT * FROM inventory_adjust('milk', 'shop', 3, 'out', batch_number => 'never');
SELECT * FROM inventory_adjust('milk', 'shop', 1, 'out', batch_number => 'unheard of');
SELECT * FROM batches WHERE product_id = 'milk' AND warehouse_id = 'shop';

-- What has expired is not sold, though nobody has swept; nor what is in quarantine.
BEGIN;
SELECT new_quantity FROM inventory_adjust('milk', 'shop', 4, 'in', batch_number => 'gone', expires_at => clock_timestamp() - interval '1 min');
SELECT movement_type, version FROM inventory_batch_set('milk', 'shop', 'never', status => 'quarantined');
\set ON_ERROR_ROLLBACK on
SELECT * FROM inventory_adjust('milk', 'shop', 4, 'out');
SELECT * FROM inventory_adjust('milk', 'shop', 4, 'out', on_shortage => 'force');
SELECT * FROM inventory_adjust('milk', 'shop', 1, 'out', batch_number => 'gone');
SELECT * FROM inventory_adjust('milk', 'shop', 1, 'out', batch_number => 'never');
SELECT * FROM inventory_transfer('milk', 'shop', 'depot', 1, batch_number => 'gone');
SELECT * FROM inventory_reserve('[{"product_id": "milk", "warehouse_id": "shop", "quantity": 4}]');
SELECT new_quantity, shortfall FROM inventory_adjust('milk', 'shop', 100, 'out', on_shortage => 'partial');
SELECT * FROM batches WHERE product_id = 'milk' AND warehouse_id = 'shop';
-- Broken bottles may be taken out of any batch, if it is named.
SELECT * FROM inventory_adjust('milk', 'shop', -1);
SELECT new_quantity FROM inventory_adjust('milk', 'shop', -1, batch_number => 'never', reason => 'broken');
SELECT new_quantity FROM inventory_adjust('milk', 'shop', -1, batch_number => 'gone', reason => 'leaks');
-- The sweep writes off what has expired, once.
SELECT * FROM inventory_sweep();
SELECT * FROM inventory_sweep();
SELECT * FROM batches WHERE product_id = 'milk' AND warehouse_id = 'shop';
SELECT movement_type, quantity, delta_available, reason, performed_by FROM inventory_movement WHERE organization_id = 'batches' ORDER BY movement_id DESC LIMIT 1;
SELECT type, data->>'batchNumber' AS batch, data->>'quantity' AS quantity, data->>'daysLeft' AS days_left FROM inventory_event WHERE organization_id = 'batches' AND type LIKE 'batch.%' ORDER BY id;
-- What has been written off takes nothing more in, and nothing out.
SELECT * FROM inventory_adjust('milk', 'shop', 1, 'in', batch_number => 'gone');
SELECT * FROM inventory_batch_set('milk', 'shop', 'gone', expires_at => '2100-01-01');
SELECT * FROM inventory_batch_set('milk', 'shop', 'gone', status => 'active');
-- Out of quarantine, it is sold again.
SELECT movement_type FROM inventory_batch_set('milk', 'shop', 'never', status => 'active');
SELECT new_quantity FROM inventory_adjust('milk', 'shop', 1, 'out');
SELECT * FROM inventory_reconcile();
\set ON_ERROR_ROLLBACK off
ROLLBACK;

-- What is held stays sellable, whichever batch a sale names.
BEGIN;
SELECT version FROM inventory_batch_set('milk', 'shop', 'never', status => 'quarantined');
SELECT new_quantity, quantity_reserved FROM inventory_reserve('[{"product_id": "milk", "warehouse_id": "shop", "quantity": 2}]', reservation_id => 'batches-1');
\set ON_ERROR_ROLLBACK on
SELECT * FROM inventory_adjust('milk', 'shop', 2, 'out', batch_number => 'late');
SELECT new_quantity FROM inventory_adjust('milk', 'shop', 1, 'out', batch_number => 'late');
SELECT new_quantity, quantity_reserved FROM inventory_commit('batches-1');
\set ON_ERROR_ROLLBACK off
SELECT * FROM batches WHERE product_id = 'milk' AND warehouse_id = 'shop';
ROLLBACK;

-- A count is of one batch, and may find a new one.
SELECT * FROM inventory_set('milk', 'shop', 5, NULL);
SELECT new_quantity FROM inventory_set('milk', 'shop', 7, 3, batch_number => 'late');
\set VERBOSITY terse
SELECT new_quantity FROM inventory_set('milk', 'shop', 7, 3, batch_number => 'late');
\set VERBOSITY default
SELECT new_quantity FROM inventory_set('milk', 'shop', 2, 0, batch_number => 'found', expires_at => :'today'::timestamptz + interval '90 days');
SELECT new_quantity FROM inventory_set('milk', 'shop', 0, NULL, batch_number => 'never');
SELECT new_quantity FROM inventory_set('milk', 'shop', 0, NULL, batch_number => 'nothing');
SELECT clock_timestamp() AS counted \gset
SELECT new_quantity FROM inventory_adjust('milk', 'shop', 1, 'out', batch_number => 'found');
SELECT new_quantity FROM inventory_adjust('milk', 'shop', 1, 'out', batch_number => 'late');
SELECT new_quantity FROM inventory_set('milk', 'shop', 3, NULL, batch_number => 'found', counted_at => :'counted');
SELECT * FROM batches WHERE product_id = 'milk' AND warehouse_id = 'shop';

-- A transfer takes number and expiry along, and adds to what is there.
SELECT warehouse_id, previous_quantity, new_quantity, movement_type FROM inventory_transfer('milk', 'shop', 'depot', 7);
SELECT warehouse_id, new_quantity FROM inventory_transfer('milk', 'shop', 'depot', 1, batch_number => 'found');
SELECT * FROM batches WHERE product_id = 'milk';
SELECT count(*) AS batches, count(DISTINCT expires_at) AS expiries FROM inventory_batch WHERE organization_id = 'batches' AND batch_number = 'late';
SELECT movement_type, batch_number, delta FROM inventory_movement m JOIN inventory_movement_batch USING (movement_id) JOIN inventory_batch USING (batch_id)
	WHERE m.organization_id = 'batches' AND movement_type LIKE 'transfer%' ORDER BY movement_id, batch_number;
\set VERBOSITY terse
SELECT movement_type FROM inventory_batch_set('milk', 'depot', 'late', expires_at => :'today'::timestamptz + interval '61 days');
SELECT new_quantity FROM inventory_adjust('milk', 'shop', 2, 'in', batch_number => 'late');
SELECT new_quantity FROM inventory_transfer('milk', 'shop', 'depot', 1, batch_number => 'late');
SELECT version FROM inventory_define('loose', 'shop', initial_quantity => 3);
SELECT version FROM inventory_define('loose', 'depot', track_batches => true);
SELECT * FROM inventory_transfer('loose', 'shop', 'depot', 1);
\set VERBOSITY default
SELECT * FROM inventory_transfer('loose', 'depot', 'shop', 1);
SELECT * FROM batches;

-- Told once that a batch expires soon, and again only when it has got another expiry.
BEGIN;
SELECT movement_type FROM inventory_batch_set('milk', 'depot', 'found', expires_at => now() + interval '3 days 1 hour');
SELECT batches_alerted FROM inventory_sweep();
SELECT batches_alerted FROM inventory_sweep();
SELECT new_quantity FROM inventory_adjust('milk', 'depot', 1, 'in', batch_number => 'found');
SELECT batches_alerted FROM inventory_sweep();
SELECT movement_type FROM inventory_batch_set('milk', 'depot', 'found', expires_at => now() + interval '3 days 1 hour');
SELECT batches_alerted FROM inventory_sweep();
SELECT movement_type FROM inventory_batch_set('milk', 'depot', 'found', expires_at => now() + interval '5 days 1 hour');
SELECT batches_alerted FROM inventory_sweep();
SELECT batches_alerted FROM inventory_sweep();
SELECT movement_type FROM inventory_batch_set('milk', 'depot', 'found', expires_at => 'infinity');
SELECT batches_alerted FROM inventory_sweep();
SELECT type, data->>'batchNumber' AS batch, data->>'quantity' AS quantity, data->>'daysLeft' AS days_left, data->>'expiresAt' IS NOT NULL AS expires
	FROM inventory_event WHERE organization_id = 'batches' AND type = 'batch.expiring_soon' ORDER BY id;
-- A batch with nothing in it is no news.
SELECT movement_type FROM inventory_set('milk', 'depot', 0, NULL, batch_number => 'found');
SELECT movement_type FROM inventory_batch_set('milk', 'depot', 'found', expires_at => now() + interval '1 day');
SELECT batches_alerted FROM inventory_sweep();
SELECT movement_type FROM inventory_batch_set('milk', 'depot', 'found', expires_at => now() - interval '1 day');
SELECT batches_expired FROM inventory_sweep();
SELECT count(*) FROM inventory_event WHERE organization_id = 'batches' AND type = 'batch.expired';
ROLLBACK;

-- What is held of a batch that expires is promised, and not there: the available quantity says so.
BEGIN;
SELECT new_quantity, quantity_reserved FROM inventory_reserve('[{"product_id": "milk", "warehouse_id": "depot", "quantity": 8}]', reservation_id => 'batches-2');
SELECT count(*) FROM inventory_batch b, inventory_batch_set('milk', 'depot', b.batch_number, expires_at => now() - interval '1 day')
	WHERE b.organization_id = 'batches' AND b.warehouse_id = 'depot';
SELECT batches_expired FROM inventory_sweep();
SELECT * FROM batches WHERE product_id = 'milk' AND warehouse_id = 'depot';
SELECT type, data->>'quantityAvailable' AS available FROM inventory_event WHERE organization_id = 'batches' AND product_id = 'milk' AND data->>'movementType' = 'expire' ORDER BY id;
SAVEPOINT s;
SELECT * FROM inventory_commit('batches-2');
ROLLBACK TO s;
SELECT new_quantity, quantity_reserved FROM inventory_release('batches-2');
SELECT * FROM inventory_reconcile();
ROLLBACK;

-- Tracking begins and ends with an empty shelf; what was there before is not forgotten.
SELECT version FROM inventory_define('cream', 'shop', track_batches => true);
SELECT new_quantity FROM inventory_adjust('cream', 'shop', 2, 'in', batch_number => 'C1');
SELECT * FROM inventory_define('cream', 'shop', track_batches => false);
SELECT new_quantity FROM inventory_adjust('cream', 'shop', 2, 'out');
SELECT version FROM inventory_define('cream', 'shop', track_batches => false);
SELECT new_quantity FROM inventory_adjust('cream', 'shop', 2, 'in');
SELECT new_quantity FROM inventory_adjust('cream', 'shop', 2, 'out');
SELECT seq, status, message, result->0->>'new_quantity' AS quantity FROM inventory_sync('[
	{"kind": "define", "idempotency_key": "cream-1", "product_id": "cream", "warehouse_id": "shop", "track_batches": true},
	{"kind": "adjust", "idempotency_key": "cream-2", "product_id": "cream", "warehouse_id": "shop", "quantity": 3, "movement_type": "in", "batch_number": "C1"},
	{"kind": "adjust", "idempotency_key": "cream-3", "product_id": "cream", "warehouse_id": "shop", "quantity": 4, "movement_type": "in", "batch_number": "C2", "expires_at": "2100-01-01T00:00:00Z"},
	{"kind": "adjust", "idempotency_key": "cream-4", "product_id": "cream", "warehouse_id": "shop", "quantity": 9, "movement_type": "out"},
	{"kind": "adjust", "idempotency_key": "cream-5", "product_id": "cream", "warehouse_id": "shop", "quantity": 5, "movement_type": "out"},
	{"kind": "batch_set", "idempotency_key": "cream-6", "product_id": "cream", "warehouse_id": "shop", "batch_number": "C1", "status": "quarantined"}]');
SELECT * FROM batches WHERE product_id = 'cream';

-- A cart may take of several batches, and put into several.
SELECT new_quantity, movement_type FROM inventory_apply('[
	{"product_id": "cream", "warehouse_id": "shop", "quantity": 2, "movement_type": "in", "batch_number": "C3", "expires_at": "2099-01-01T00:00:00Z"},
	{"product_id": "cream", "warehouse_id": "shop", "quantity": 1, "movement_type": "in", "batch_number": "C4"},
	{"product_id": "cream", "warehouse_id": "shop", "quantity": 3, "movement_type": "out"}]');
SELECT * FROM batches WHERE product_id = 'cream';

-- What a batch cannot be.
SELECT * FROM inventory_batch_set('milk', 'shop', NULL);
SELECT * FROM inventory_batch_set('milk', 'shop', '');
SELECT * FROM inventory_batch_set('milk', 'shop', 'unheard of', status => 'quarantined');
SELECT * FROM inventory_batch_set('milk', 'shop', 'late', status => 'expired');
SELECT * FROM inventory_batch_set('milk', 'shop', 'late', status => 'lost');
SELECT * FROM inventory_batch_set('pen', 'shop', 'late', status => 'active');
SELECT * FROM inventory_adjust('pen', 'shop', 1, 'in', batch_number => 'P1');
SELECT * FROM inventory_transfer('pen', 'shop', 'depot', 1, batch_number => 'P1');
SELECT * FROM inventory_adjust('milk', 'shop', 1, 'in', batch_number => repeat('x', 201));
SELECT * FROM inventory_define('tracked', 'shop', track_batches => true, initial_quantity => 1);

SELECT * FROM batches;
SELECT * FROM inventory_reconcile();
DROP VIEW batches;

-- An expiry is in a year that every reader of JSON knows, or never.
BEGIN;
SELECT version > 0 AS done FROM inventory_adjust('milk', 'depot', 1, 'in', batch_number => 'first', expires_at => '0001-01-01 00:00+00');
SELECT version > 0 AS done FROM inventory_adjust('milk', 'depot', 1, 'in', batch_number => 'last', expires_at => '9999-12-31 23:59:59.999999+00');
SELECT batches_expired FROM inventory_sweep();
SELECT data->>'expiresAt' AS expires_at FROM inventory_event WHERE organization_id = 'batches' AND type = 'batch.expired' AND data->>'batchNumber' = 'first';
SELECT data->>'batchNumber' AS batch, data->>'expiresAt' AS expires_at FROM inventory_relay_batches('batches', NULL, 'milk', 'depot', max_rows => 2);
SELECT message FROM inventory_sync('[{"kind": "adjust", "idempotency_key": "years", "product_id": "milk", "warehouse_id": "depot", "quantity": 1, "batch_number": "next", "expires_at": "10000-01-01T00:00:00Z"}]');
SELECT inventory_adjust('milk', 'depot', 1, 'in', batch_number => 'before', expires_at => '0001-12-31 23:59:59.999999+00 BC');
ROLLBACK;

-- A sequence at its end is no verdict of one operation: its page would stay locked.
BEGIN;
DO $$ BEGIN EXECUTE format('ALTER SEQUENCE inventory_batch_batch_id_seq MAXVALUE %s', (SELECT last_value FROM inventory_batch_batch_id_seq)); END $$;
\set VERBOSITY sqlstate
SELECT inventory_sync((SELECT jsonb_agg(jsonb_build_object('kind', 'adjust', 'idempotency_key', 'end ' || n, 'product_id', 'milk', 'warehouse_id', 'depot', 'quantity', 1, 'batch_number', 'E' || n))
	FROM generate_series(1, 2) n));
\set VERBOSITY default
ROLLBACK;
SELECT count(*) FILTER (WHERE status = 'applied') AS applied FROM inventory_sync((SELECT jsonb_agg(jsonb_build_object('kind', 'adjust', 'idempotency_key', 'end ' || n, 'product_id', 'milk', 'warehouse_id', 'depot', 'quantity', 1, 'batch_number', 'E' || n))
	FROM generate_series(1, 2) n));
