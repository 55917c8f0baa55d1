-- inventory_sync: many independent operations, a verdict each.
\pset null '(null)'
SET inventory.organization = 'sync';
SELECT version FROM inventory_define('a', 'shop', minimum_stock => 3, initial_quantity => 10);
SELECT version FROM inventory_define('b', 'shop', initial_quantity => 10);
SELECT version FROM inventory_define('m', 'shop', track_batches => true);
-- As an operation is written; the rest of its fields is merged into it.
CREATE FUNCTION op(key text, kind text, rest jsonb DEFAULT '{}', product text DEFAULT 'a') RETURNS jsonb LANGUAGE sql AS
	$$SELECT jsonb_build_object('idempotency_key', 'sync-' || key, 'kind', kind, 'product_id', product, 'warehouse_id', 'shop') || rest$$;

-- Every kind of operation in one call; the result of each is what its function would answer.
SELECT seq, idempotency_key, status, sqlstate, message, result->0->>'movement_type' AS movement, result->0->>'new_quantity' AS quantity, result->0->>'version' AS version, jsonb_array_length(result) AS changes
	FROM inventory_sync(jsonb_build_array(
		op('1', 'define', '{"minimum_stock": 2, "attributes": {"name": "x"}, "initial_quantity": 20}', 'x'),
		op('2', 'adjust', '{"quantity": 3, "movement_type": "out", "reason": "Sale", "performed_by": "till 4", "reference": "r", "occurred_at": "2026-01-02T03:04:05Z"}', 'x'),
		jsonb '{"kind": "apply", "idempotencyKey": "sync-3", "lines": [{"productId": "x", "warehouseId": "shop", "quantity": -1}, {"productId": "a", "warehouseId": "shop", "quantity": -1}]}',
		op('4', 'set', '{"quantity": 15, "expected_quantity": 16, "expected_version": 3}', 'x'),
		jsonb '{"kind": "reserve", "idempotency_key": "sync-5", "ttl": "1 hour", "lines": [{"product_id": "x", "warehouse_id": "shop", "quantity": 5}]}',
		jsonb '{"kind": "commit", "idempotency_key": "sync-6", "reservation_id": "sync-5", "lines": [{"product_id": "x", "warehouse_id": "shop", "quantity": 2}]}',
		jsonb '{"kind": "reserve", "idempotency_key": "sync-7", "reservation_id": "sync-r", "lines": [{"product_id": "x", "warehouse_id": "shop", "quantity": 5}]}',
		jsonb '{"kind": "release", "idempotency_key": "sync-8", "reservation_id": "sync-r"}',
		jsonb '{"kind": "define", "idempotency_key": "sync-9", "product_id": "x", "warehouse_id": "depot"}',
		jsonb '{"kind": "transfer", "idempotency_key": "sync-10", "product_id": "x", "from_warehouse_id": "shop", "to_warehouse_id": "depot", "quantity": 13}',
		op('11', 'retire', '{}', 'x'),
		op('12', 'adjust', '{"quantity": 4, "movement_type": "in", "batch_number": "M1"}', 'm'),
		op('13', 'batch_set', '{"batch_number": "M1", "status": "quarantined"}', 'm')));
SELECT product_id, warehouse_id, quantity_available, quantity_reserved, version, retired_at IS NOT NULL AS retired FROM inventory_list() ORDER BY 1, 2;
SELECT performed_by, reason, reference, operation_id, occurred_at AT TIME ZONE 'UTC' AS occurred_at FROM inventory_movement WHERE organization_id = 'sync' AND operation_id = 'sync-2';
SELECT op, type, data->>'version' AS version FROM inventory_event WHERE organization_id = 'sync' AND product_id = 'x' AND warehouse_id = 'shop' ORDER BY id;
SELECT reservation_id, status FROM inventory_reservation WHERE organization_id = 'sync' ORDER BY 1;
SELECT kind, count(*) FROM inventory_operation WHERE organization_id = 'sync' GROUP BY 1 ORDER BY 1;

-- What poison does: to itself only.
SELECT seq, left(idempotency_key, 9) AS key, status, sqlstate, message, result->0->>'new_quantity' AS quantity
	FROM inventory_sync(jsonb_build_array(
		op('p1', 'adjust', '{"quantity": -1}'),
		7, null, jsonb '[]', 'adjust', jsonb '{}',
		jsonb '{"kind": "adjust", "product_id": "a", "warehouse_id": "shop", "quantity": -1}',
		op('p8', 'explode'), op('p9', 'adjust') - 'kind',
		op('p10', 'adjust'), op('p11', 'adjust', '{"quantity": "one"}'), op('p12', 'adjust', '{"quantity": 1.5}'), op('p13', 'adjust', '{"quantity": 1e40}'),
		op('p14', 'adjust', '{"quantity": -1, "occurred_at": "yesterdya"}'), op('p15', 'adjust', '{"quantity": -1, "occurred_at": "2026-13-45"}'),
		op('p16', 'adjust', '{"quantity": -1, "occurred_at": "-infinity"}'), op('p17', 'adjust', '{"quantity": -1, "expires_at": 7}'),
		op('p18', 'adjust', '{"quantity": -1, "colour": "red"}'), op('p19', 'adjust', '{"quantity": -1, "productId": "b"}'),
		op('p20', 'adjust', '{"quantity": -100}'), op('p21', 'adjust', '{"quantity": -1}', 'nobody'),
		op('p22', 'adjust', '{"quantity": -1, "expected_version": 1}'), op('p23', 'adjust', '{"quantity": 9007199254740991}'),
		op('p24', 'define', '{"attributes": [1]}'), op('p25', 'define', '{"track_batches": "yes"}'), op('p26', 'define', '{"track_batches": true}'),
		op('p27', 'retire'), op('p28', 'set', '{"quantity": 1, "counted_at": "2999-01-01"}'),
		op('p29', 'reserve', '{"lines": [{"product_id": "a", "warehouse_id": "shop", "quantity": 1}], "ttl": "soon"}') - 'product_id' - 'warehouse_id',
		op('p30', 'reserve') - 'product_id' - 'warehouse_id', op('p31', 'apply', '{"lines": {}}') - 'product_id' - 'warehouse_id', op('p32', 'apply', '{"lines": 7}') - 'product_id' - 'warehouse_id',
		jsonb '{"kind": "commit", "idempotency_key": "sync-p33"}', jsonb '{"kind": "commit", "idempotency_key": "sync-p34", "reservation_id": "nobody"}', jsonb '{"kind": "release", "idempotency_key": "sync-p35", "reservation_id": "sync-5"}',
		op('p36', 'adjust', '{"quantity": -1, "batch_number": "M1"}', 'm'), op('p37', 'adjust', '{"quantity": -1, "movement_type": "out", "batch_number": "M1"}', 'm'),
		jsonb '{"kind": "transfer", "idempotency_key": "sync-p38", "product_id": "a", "from_warehouse_id": "shop", "to_warehouse_id": "moon", "quantity": 1}',
		op(repeat('p', 200), 'adjust', '{"quantity": -1}'), op('p40', 'batch_set', '{"batch_number": "M9"}', 'm'), op('p41', 'batch_set', '{}', 'm'),
		op('p42', 'adjust', '{"quantity": -1}')));
-- A refused operation leaves no key, no movement and no event.
SELECT count(*) AS keys FROM inventory_operation WHERE organization_id = 'sync' AND operation_id LIKE 'sync-p%';
SELECT product_id, quantity_available, version FROM inventory_list(warehouse_id => 'shop') WHERE product_id <> 'x' ORDER BY 1;
SELECT op, product_id, data->>'version' AS version FROM inventory_event WHERE organization_id = 'sync' AND op LIKE 'sync-p%' ORDER BY id;
-- The detail is that of the error.
SELECT seq, sqlstate, detail FROM inventory_sync(jsonb_build_array(op('q1', 'adjust', '{"quantity": -100}'), op('q2', 'adjust', '{"quantity": -1}', 'nobody'),
	jsonb '{"kind": "apply", "idempotency_key": "sync-q3", "lines": [{"product_id": "a", "warehouse_id": "shop", "quantity": -50}, {"product_id": "b", "warehouse_id": "shop", "quantity": -60}]}'));

-- A refusal in the middle of a multi-line operation undoes all of that operation, and nothing else.
SELECT seq, status, sqlstate, message, result->0->>'new_quantity' AS quantity FROM inventory_sync('[
	{"kind": "adjust", "idempotency_key": "sync-m1", "product_id": "a", "warehouse_id": "shop", "quantity": -1},
	{"kind": "apply", "idempotency_key": "sync-m2", "lines": [{"product_id": "a", "warehouse_id": "shop", "quantity": -1}, {"product_id": "m", "warehouse_id": "shop", "quantity": 2, "movement_type": "in", "batch_number": "M2"}, {"product_id": "m", "warehouse_id": "shop", "quantity": 3, "movement_type": "in", "batch_number": "M1"}, {"product_id": "b", "warehouse_id": "shop", "quantity": 1, "expected_version": 99}]},
	{"kind": "adjust", "idempotency_key": "sync-m3", "product_id": "m", "warehouse_id": "shop", "quantity": 1, "movement_type": "in", "batch_number": "M2"},
	{"kind": "adjust", "idempotency_key": "sync-m4", "product_id": "a", "warehouse_id": "shop", "quantity": -1}]');
SELECT batch_number, quantity, status FROM inventory_batch WHERE organization_id = 'sync' ORDER BY 1;
SELECT product_id, quantity_available, version FROM inventory_list(warehouse_id => 'shop') WHERE product_id <> 'x' ORDER BY 1;

-- Order is kept per item: what the first leaves, the second finds.
SELECT seq, status, sqlstate, result->0->>'previous_quantity' AS previous, result->0->>'new_quantity' AS quantity, result->0->>'version' AS version
	FROM inventory_sync((SELECT jsonb_agg(op('o' || n, 'adjust', jsonb_build_object('quantity', CASE n WHEN 5 THEN 10 ELSE -2 END)) ORDER BY n) FROM generate_series(1, 7) n));

-- A retry is answered as the first time; keys of operations that were refused are tried anew.
SELECT seq, status, sqlstate, result->0->>'new_quantity' AS quantity, result->0->>'version' AS version
	FROM inventory_sync((SELECT jsonb_agg(op('o' || n, 'adjust', jsonb_build_object('quantity', CASE n WHEN 5 THEN 10 ELSE -2 END)) ORDER BY n) FROM generate_series(1, 7) n));
-- Alone, by its function, with the same key.
SELECT new_quantity, version, replayed FROM inventory_adjust('a', 'shop', -2, idempotency_key => 'sync-o1');
-- Other arguments under the key; and a key twice in one call.
SELECT seq, status, sqlstate, message, result->0->>'new_quantity' AS quantity FROM inventory_sync(jsonb_build_array(
	op('o1', 'adjust', '{"quantity": -3}'), op('o1', 'adjust', '{"quantity": -2}', 'b'), op('o1', 'set', '{"quantity": -2}'),
	op('t1', 'adjust', '{"quantity": 5}', 'b'), op('t1', 'adjust', '{"quantity": 5}', 'b'), op('t1', 'adjust', '{"quantity": 6}', 'b'),
	op('t2', 'adjust', '{"quantity": -50}', 'b'), op('t2', 'adjust', '{"quantity": -50}', 'b'),
	op('t3', 'adjust', '{"quantity": 1}', 'b'), op('t3', 'adjust', '{"quantity": -1, "movement_type": "in"}', 'b')));
SELECT quantity_available, version FROM inventory_list('b', 'shop');

-- An item that another operation of the call defines, before and after.
SELECT seq, status, sqlstate, message, result->0->>'version' AS version FROM inventory_sync(jsonb_build_array(
	op('n1', 'adjust', '{"quantity": 1}', 'new'), op('n2', 'define', '{"initial_quantity": 5}', 'new'), op('n3', 'adjust', '{"quantity": -1}', 'new'),
	op('n4', 'define', '{"initial_quantity": 9, "minimum_stock": 6}', 'new'), op('n5', 'define', '{"minimum_stock": 6}', 'new')));
SELECT version, movement_type, quantity, delta_available, available_after FROM inventory_movement WHERE organization_id = 'sync' AND product_id = 'new' ORDER BY version;
SELECT data->>'version' AS version, type FROM inventory_event WHERE organization_id = 'sync' AND product_id = 'new' ORDER BY id;

-- The row of an item is written once per call, however many operations change it;
-- movements, versions and events stay one each.
CREATE TABLE written (what text);
CREATE FUNCTION wrote() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS
	$$BEGIN INSERT INTO written VALUES (NEW.product_id || ' ' || OLD.version || '-' || NEW.version); RETURN NULL; END$$;
CREATE TRIGGER wrote AFTER UPDATE ON inventory FOR EACH ROW EXECUTE FUNCTION wrote();
SELECT version AS before_a FROM inventory_list('a', 'shop') \gset
SELECT status, count(*), count(DISTINCT result->0->>'version') AS versions
	FROM inventory_sync((SELECT jsonb_agg(op('w' || n, 'adjust', jsonb_build_object('quantity', 1 + n % 3), CASE WHEN n % 4 = 0 THEN 'b' ELSE 'a' END) ORDER BY n) FROM generate_series(1, 1000) n)) GROUP BY status;
SELECT split_part(what, ' ', 1) AS item, count(*) AS times FROM written GROUP BY 1 ORDER BY 1;
DROP TRIGGER wrote ON inventory;
SELECT product_id, count(*) AS movements, count(DISTINCT version) AS versions FROM inventory_movement WHERE organization_id = 'sync' AND operation_id LIKE 'sync-w%' GROUP BY 1 ORDER BY 1;
SELECT product_id, count(*) AS events FROM inventory_event WHERE organization_id = 'sync' AND op LIKE 'sync-w%' AND type = 'inventory.updated' GROUP BY 1 ORDER BY 1;
SELECT bool_and(previous = before) AS chained FROM (SELECT m.available_after - m.delta_available AS previous, lag(m.available_after) OVER (ORDER BY m.version) AS before
	FROM inventory_movement m WHERE organization_id = 'sync' AND product_id = 'a' AND warehouse_id = 'shop') m WHERE before IS NOT NULL;
DROP TABLE written;
DROP FUNCTION wrote;
-- All of it refused: nothing is written at all.
SELECT ctid AS before FROM inventory WHERE organization_id = 'sync' AND product_id = 'a' \gset
SELECT status, count(*) FROM inventory_sync((SELECT jsonb_agg(op('u' || n, 'adjust', '{"quantity": -1000000}')) FROM generate_series(1, 100) n)) GROUP BY status;
SELECT ctid = :'before' AS untouched FROM inventory WHERE organization_id = 'sync' AND product_id = 'a';

-- The whole call is one transaction, and a savepoint can take it back.
BEGIN;
SAVEPOINT s;
SELECT status FROM inventory_sync(jsonb_build_array(op('v1', 'adjust', '{"quantity": 1}')));
ROLLBACK TO s;
SELECT status FROM inventory_sync(jsonb_build_array(op('v1', 'adjust', '{"quantity": 1}')));
SELECT status FROM inventory_sync(jsonb_build_array(op('v1', 'adjust', '{"quantity": 1}')));
COMMIT;

-- Ten thousand operations on a thousand items, one in ten refused.
SET inventory.max_lines = 10000;
SELECT status, sqlstate, count(*) FROM inventory_sync((SELECT jsonb_agg(op('z' || n, 'define', '{"initial_quantity": 100}', 'z' || n)) FROM generate_series(1, 1000) n)) GROUP BY 1, 2;
SELECT status, sqlstate, count(*) FROM inventory_sync((SELECT jsonb_agg(op('y' || n, 'adjust', jsonb_build_object('quantity', CASE WHEN n % 10 = 0 THEN -1000 ELSE -1 END), 'z' || 1 + n % 1000) ORDER BY n) FROM generate_series(1, 10000) n)) GROUP BY 1, 2 ORDER BY 1;
SELECT sum(quantity_available) AS left, count(*) FROM inventory_list() WHERE product_id LIKE 'z%';
RESET inventory.max_lines;

-- What is no list of operations.
SELECT * FROM inventory_sync(NULL);
SELECT * FROM inventory_sync('{}');
SELECT * FROM inventory_sync('"adjust"');
SELECT * FROM inventory_sync('[]');
SELECT * FROM inventory_sync((SELECT jsonb_agg(n) FROM generate_series(1, 1001) n));
SELECT * FROM inventory_reconcile();
DROP FUNCTION op;
