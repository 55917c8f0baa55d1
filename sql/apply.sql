-- inventory_apply: a whole cart or a bulk edit, all of it or nothing.
\pset null '(null)'
SET inventory.organization = 'apply';

SELECT FROM inventory_define('pen', 'shop', initial_quantity => 10);
SELECT FROM inventory_define('ink', 'shop', initial_quantity => 10);
SELECT FROM inventory_define('cap', 'shop', initial_quantity => 10, stock_floor => 2);
SELECT FROM inventory_define('pen', 'store', initial_quantity => 100);

-- A row per item, one operation for all of them.
SELECT product_id, warehouse_id, previous_quantity, new_quantity, version, movement_type, shortfall, retries, replayed
	FROM inventory_apply('[
		{"product_id": "pen", "warehouse_id": "shop", "quantity": 2, "movement_type": "out"},
		{"product_id": "ink", "warehouse_id": "shop", "quantity": -1},
		{"product_id": "pen", "warehouse_id": "store", "quantity": -5, "movement_type": "in"}]',
		reason => 'Sale', performed_by => 'mina', reference => 'order 1');
SELECT product_id, warehouse_id, movement_type, quantity, delta_available, reason, performed_by, reference,
		operation_id = first_value(operation_id) OVER (ORDER BY movement_id) AS same_operation
	FROM inventory_movement WHERE reference = 'order 1' ORDER BY movement_id;
SELECT kind, performed_by, jsonb_array_length(result) AS changes, request_hash
	FROM inventory_operation WHERE operation_id = (SELECT DISTINCT operation_id FROM inventory_movement WHERE reference = 'order 1');
SELECT type, product_id, data->>'quantityAvailable' AS available, data->>'operationId' = (SELECT DISTINCT operation_id FROM inventory_movement WHERE reference = 'order 1') AS operation, op
	FROM inventory_event WHERE organization_id = 'apply' AND data->>'operationId' IS NOT NULL ORDER BY id;

-- Fields may be written as in SQL or as in JavaScript.
SELECT product_id, new_quantity, version
	FROM inventory_apply('[{"productId": "pen", "warehouseId": "shop", "quantity": 1, "movementType": "out", "onShortage": "reject", "expectedVersion": 2},
		{"product_id": "ink", "warehouseId": "shop", "quantity": 1.00}]');

-- Two lines of the same item are one change: six and six of ten are too many.
SELECT * FROM inventory_apply('[{"product_id": "ink", "warehouse_id": "shop", "quantity": 6, "movement_type": "out"},
	{"product_id": "ink", "warehouse_id": "shop", "quantity": 6, "movement_type": "out"}]');
SELECT product_id, previous_quantity, new_quantity, version
	FROM inventory_apply('[{"product_id": "ink", "warehouse_id": "shop", "quantity": 3, "movement_type": "out"},
		{"product_id": "pen", "warehouse_id": "shop", "quantity": 1, "movement_type": "out"},
		{"product_id": "ink", "warehouse_id": "shop", "quantity": 4, "movement_type": "out"}]');
SELECT quantity, delta_available FROM inventory_movement WHERE organization_id = 'apply' AND product_id = 'ink' ORDER BY version DESC LIMIT 1;
-- So is a bundle in parts that differ in kind: the second sees what the first left.
SELECT * FROM inventory_apply('[{"product_id": "pen", "warehouse_id": "shop", "quantity": 4, "movement_type": "out"},
	{"product_id": "pen", "warehouse_id": "shop", "quantity": -4}]');
SELECT new_quantity, version, movement_type
	FROM inventory_apply('[{"product_id": "pen", "warehouse_id": "shop", "quantity": 4, "movement_type": "out"},
		{"product_id": "pen", "warehouse_id": "shop", "quantity": -2}]');
-- What comes in by an earlier line can go out by a later one, in any number of items.
SELECT product_id, previous_quantity, new_quantity
	FROM inventory_apply('[{"product_id": "pen", "warehouse_id": "shop", "quantity": 10, "movement_type": "in"},
		{"product_id": "pen", "warehouse_id": "shop", "quantity": 10, "movement_type": "out"},
		{"product_id": "ink", "warehouse_id": "shop", "quantity": 10, "movement_type": "in"},
		{"product_id": "ink", "warehouse_id": "shop", "quantity": 12, "movement_type": "out"}]');
SELECT * FROM inventory_apply('[{"product_id": "pen", "warehouse_id": "shop", "quantity": 10, "movement_type": "out"},
	{"product_id": "pen", "warehouse_id": "shop", "quantity": 10, "movement_type": "in"}]');

-- All short lines are told, not the first only; and nothing is written.
SELECT product_id, warehouse_id, quantity_available, version FROM inventory_list() ORDER BY 1, 2;
SELECT * FROM inventory_apply('[{"product_id": "pen", "warehouse_id": "shop", "quantity": 3, "movement_type": "out"},
	{"product_id": "pen", "warehouse_id": "store", "quantity": 1, "movement_type": "out"},
	{"product_id": "ink", "warehouse_id": "shop", "quantity": 3, "movement_type": "out"},
	{"product_id": "cap", "warehouse_id": "shop", "quantity": 9, "movement_type": "out"}]');
SELECT * FROM inventory_apply('[{"product_id": "pen", "warehouse_id": "store", "quantity": 1, "movement_type": "out"},
	{"product_id": "cap", "warehouse_id": "shop", "quantity": 9, "movement_type": "out"}]');
SELECT * FROM inventory_apply('[{"product_id": "pen", "warehouse_id": "store", "quantity": 1, "movement_type": "out"},
	{"product_id": "nib", "warehouse_id": "shop", "quantity": 9, "movement_type": "out"}]');
SELECT product_id, warehouse_id, quantity_available, version FROM inventory_list() ORDER BY 1, 2;

-- Each line says for itself what is to happen when it is short.
SELECT product_id, new_quantity, shortfall
	FROM inventory_apply('[{"product_id": "ink", "warehouse_id": "shop", "quantity": 30, "movement_type": "out", "on_shortage": "force"},
		{"product_id": "cap", "warehouse_id": "shop", "quantity": 30, "movement_type": "out", "on_shortage": "partial"}]');

-- A cart under a key is one operation: the retry gets all its rows again.
SELECT product_id, warehouse_id, new_quantity, version, replayed
	FROM inventory_apply('[{"product_id": "pen", "warehouse_id": "store", "quantity": 1, "movement_type": "out"},
		{"product_id": "cap", "warehouse_id": "shop", "quantity": 1, "movement_type": "in"}]', idempotency_key => 'cart-1');
SELECT product_id, warehouse_id, new_quantity, version, replayed
	FROM inventory_apply('[{"productId": "pen", "warehouseId": "store", "quantity": -1, "movementType": "out"},
		{"warehouse_id": "shop", "product_id": "cap", "quantity": 1, "movement_type": "in"}]', idempotency_key => 'cart-1');
SELECT * FROM inventory_apply('[{"product_id": "pen", "warehouse_id": "store", "quantity": 1, "movement_type": "out"}]', idempotency_key => 'cart-1');

-- What no cart can be.
SELECT * FROM inventory_apply(NULL);
SELECT * FROM inventory_apply('{}');
SELECT * FROM inventory_apply('[]');
SELECT * FROM inventory_apply('7');
SELECT * FROM inventory_apply('[7]');
SELECT * FROM inventory_apply('[null]');
SELECT * FROM inventory_apply('[[]]');
SELECT * FROM inventory_apply('[{}]');
SELECT * FROM inventory_apply('[{"product_id": "pen", "warehouse_id": "shop"}]');
SELECT * FROM inventory_apply('[{"product_id": "pen", "warehouse_id": "shop", "quantity": null}]');
SELECT * FROM inventory_apply('[{"product_id": "pen", "warehouse_id": "shop", "quantity": "1"}]');
SELECT * FROM inventory_apply('[{"product_id": "pen", "warehouse_id": "shop", "quantity": 1.5}]');
SELECT * FROM inventory_apply('[{"product_id": "pen", "warehouse_id": "shop", "quantity": 0}]');
SELECT * FROM inventory_apply('[{"product_id": "pen", "warehouse_id": "shop", "quantity": 1e300}]');
SELECT * FROM inventory_apply('[{"product_id": "pen", "warehouse_id": "shop", "quantity": 9007199254740992}]');
SELECT * FROM inventory_apply('[{"product_id": 7, "warehouse_id": "shop", "quantity": 1}]');
SELECT * FROM inventory_apply('[{"product_id": null, "warehouse_id": "shop", "quantity": 1}]');
SELECT * FROM inventory_apply('[{"product_id": "pen", "warehouse_id": "shop", "quantity": 1, "movement_type": "commit"}]');
SELECT * FROM inventory_apply('[{"product_id": "pen", "warehouse_id": "shop", "quantity": 1, "on_shortage": "clamp"}]');
SELECT * FROM inventory_apply('[{"product_id": "pen", "warehouse_id": "shop", "quantity": 1, "expected_version": 0}]');
SELECT * FROM inventory_apply('[{"product_id": "pen", "warehouse_id": "shop", "quantity": 1, "expected_version": 1}, {"product_id": "pen", "warehouse_id": "shop", "quantity": 1, "colour": "red"}]');
-- The same field said in both ways is one field too many.
SELECT * FROM inventory_apply('[{"product_id": "pen", "productId": "ink", "warehouse_id": "shop", "quantity": 1}]');
-- Two lines that add up to more than a number can be.
SELECT * FROM inventory_apply('[{"product_id": "pen", "warehouse_id": "shop", "quantity": 9007199254740991}, {"product_id": "pen", "warehouse_id": "shop", "quantity": 9007199254740991}]');

-- inventory.max_lines bounds a cart.
SET inventory.max_lines = 2;
SELECT * FROM inventory_apply('[{}, {}, {}]');
RESET inventory.max_lines;
SELECT count(*) AS rows, min(new_quantity), max(version)
	FROM inventory_apply((SELECT jsonb_agg(jsonb_build_object('product_id', 'pen', 'warehouse_id', 'store', 'quantity', 1)) FROM generate_series(1, 1000)));
SELECT * FROM inventory_apply((SELECT jsonb_agg(jsonb_build_object('product_id', 'pen', 'warehouse_id', 'store', 'quantity', 1)) FROM generate_series(1, 1001)));
-- Ten thousand items at once.
SET inventory.max_lines = 10000;
SELECT count(*) FROM generate_series(1, 10000) n, LATERAL inventory_define('many' || n, 'shop', initial_quantity => 1);
SELECT count(*) AS rows, sum(new_quantity) AS left
	FROM inventory_apply((SELECT jsonb_agg(jsonb_build_object('product_id', 'many' || n, 'warehouse_id', 'shop', 'quantity', 1, 'movement_type', 'out') ORDER BY random())
		FROM generate_series(1, 10000) n));
RESET inventory.max_lines;

-- In transactions that end otherwise, in savepoints, behind a cursor, and in a trigger.
BEGIN;
SAVEPOINT s;
SELECT new_quantity FROM inventory_apply('[{"product_id": "pen", "warehouse_id": "store", "quantity": -1}]');
ROLLBACK TO s;
SELECT new_quantity FROM inventory_apply('[{"product_id": "pen", "warehouse_id": "store", "quantity": -1}]');
DECLARE c CURSOR FOR SELECT n, new_quantity FROM generate_series(1, 3) n,
	LATERAL inventory_apply(jsonb_build_array(jsonb_build_object('product_id', 'pen', 'warehouse_id', 'store', 'quantity', -n)));
FETCH 1 FROM c;
SELECT new_quantity FROM inventory_adjust('pen', 'store', -100);
FETCH ALL FROM c;
COMMIT;
CREATE TABLE sale (product text, quantity bigint);
CREATE FUNCTION sell() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
	PERFORM inventory_apply(jsonb_build_array(jsonb_build_object('product_id', NEW.product, 'warehouse_id', 'store', 'quantity', NEW.quantity, 'movement_type', 'out')));
	RETURN NEW;
END $$;
CREATE TRIGGER sell BEFORE INSERT ON sale FOR EACH ROW EXECUTE FUNCTION sell();
INSERT INTO sale VALUES ('pen', 2), ('pen', 3);
INSERT INTO sale VALUES ('pen', 2), ('pen', 3000);
SELECT count(*) AS sales, (SELECT quantity_available FROM inventory_list('pen', 'store')) FROM sale;
DROP TABLE sale;
DROP FUNCTION sell;
BEGIN READ ONLY;
SELECT * FROM inventory_apply('[{"product_id": "pen", "warehouse_id": "store", "quantity": -1}]');
ROLLBACK;

-- A retry may name its lines in another order, those of one item too.
SELECT version FROM inventory_define('lot', 'shop', track_batches => true);
SELECT count(*) FROM generate_series(1, 4) n, LATERAL inventory_adjust('lot', 'shop', 10, 'in', batch_number => 'L' || n);
SELECT new_quantity, replayed FROM inventory_apply(
	(SELECT jsonb_agg(jsonb_build_object('product_id', 'lot', 'warehouse_id', 'shop', 'quantity', -n, 'batch_number', 'L' || n) ORDER BY n) FROM generate_series(1, 4) n),
	idempotency_key => 'apply-lots');
SELECT new_quantity, replayed FROM inventory_apply(
	(SELECT jsonb_agg(jsonb_build_object('product_id', 'lot', 'warehouse_id', 'shop', 'quantity', -n, 'batch_number', 'L' || n) ORDER BY n DESC) FROM generate_series(1, 4) n),
	idempotency_key => 'apply-lots');

SELECT * FROM inventory_reconcile();
