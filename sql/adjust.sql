-- inventory_adjust: what each movement type does, and what it writes.
\pset null '(null)'

SELECT version FROM inventory_define('pen', 'shop', minimum_stock => 3, initial_quantity => 10);

-- "in" and "out" take the magnitude; an adjustment keeps its sign.
SELECT previous_quantity, new_quantity, version, movement_type, shortfall, retries, replayed
	FROM inventory_adjust('pen', 'shop', 5, 'in');
SELECT previous_quantity, new_quantity, version FROM inventory_adjust('pen', 'shop', -5, 'in');
SELECT previous_quantity, new_quantity, version FROM inventory_adjust('pen', 'shop', 4, 'out');
SELECT previous_quantity, new_quantity, version FROM inventory_adjust('pen', 'shop', -4, 'out');
SELECT previous_quantity, new_quantity, version FROM inventory_adjust('pen', 'shop', -2);
SELECT previous_quantity, new_quantity, version FROM inventory_adjust('pen', 'shop', 2, 'adjustment');

-- "in" restocks, nothing else does.
SELECT last_restocked_at = (SELECT created_at FROM inventory_movement m WHERE product_id = 'pen' AND version = 3) AS restocked_by_3,
		last_modified_at = (SELECT max(created_at) FROM inventory_movement m WHERE product_id = 'pen') AS modified_by_last
	FROM inventory WHERE product_id = 'pen';

-- Who, why and what for stand in the ledger; the database user cannot be chosen.
SELECT new_quantity, version
	FROM inventory_adjust('pen', 'shop', -1, 'out', reason => 'Sale', performed_by => 'mina', reference => 'order 77',
		occurred_at => '2026-01-02 03:04:05+00');
SELECT movement_type, quantity, delta_available, delta_reserved, available_after, reserved_after, reason, reference,
		performed_by, db_user = session_user AS db_user, occurred_at AT TIME ZONE 'UTC' AS occurred_at, operation_id
	FROM inventory_movement WHERE product_id = 'pen' ORDER BY version DESC LIMIT 1;
-- By default it was the session's user.
SELECT performed_by = session_user AS performed_by FROM inventory_movement WHERE product_id = 'pen' AND version = 2;

-- The event carries the state, and how it came to be.
SELECT data->>'productId' AS product, data->>'warehouseId' AS warehouse, data->>'quantityAvailable' AS available,
		data->>'quantityReserved' AS reserved, data->>'quantityOnHand' AS on_hand, data->>'minimumStock' AS minimum,
		data->>'version' AS version, data->>'previousQuantity' AS previous, data->>'changeAmount' AS change,
		data->>'movementType' AS movement, data->>'alertState' AS alert, data->>'reason' AS reason,
		data->>'performedBy' AS by, data->>'operationId' AS operation,
		(data->>'movementId')::bigint = (SELECT movement_id FROM inventory_movement WHERE product_id = 'pen' AND version = 8) AS movement_id,
		data->>'timestamp' ~ '^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$' AS timestamp
	FROM inventory_event WHERE product_id = 'pen' ORDER BY id DESC LIMIT 1;
SELECT string_agg(key, ', ') FROM (SELECT key FROM inventory_event, json_object_keys(data) key WHERE product_id = 'pen' AND data->>'version' = '8') k;

-- The expected version: a match goes through, and counts as any other.
SELECT version FROM inventory_adjust('pen', 'shop', -1, 'out', expected_version => 8);

-- Two changes in one transaction, and one that is rolled back.
BEGIN;
SELECT version, new_quantity FROM inventory_adjust('pen', 'shop', -1, 'out');
SELECT version, new_quantity FROM inventory_adjust('pen', 'shop', -1, 'out');
ROLLBACK;
BEGIN;
SELECT version, new_quantity FROM inventory_adjust('pen', 'shop', -1, 'out');
SAVEPOINT s;
SELECT version, new_quantity FROM inventory_adjust('pen', 'shop', -1, 'out');
ROLLBACK TO s;
SELECT version, new_quantity FROM inventory_adjust('pen', 'shop', -1, 'out');
COMMIT;

-- Many in one statement, each seeing the one before.
SELECT g, version, new_quantity FROM generate_series(1, 3) g, LATERAL inventory_adjust('pen', 'shop', -1 + g * 0, 'out') ORDER BY g;

-- Counter, ledger and versions agree.
SELECT quantity_available = sum(delta_available) AS sum_agrees, i.version = count(*) AS gapless,
		count(DISTINCT e.id) AS updated_events, i.version
	FROM inventory i JOIN inventory_movement m USING (inventory_id)
		JOIN inventory_event e ON e.product_id = i.product_id AND e.type = 'inventory.updated' AND e.data->>'version' = m.version::text
	WHERE i.product_id = 'pen' GROUP BY i.inventory_id, i.version, quantity_available;

-- A user's own triggers fire as they would for an UPDATE.
CREATE TABLE seen (what text);
CREATE FUNCTION saw() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
	INSERT INTO seen SELECT format('%s %s %s %s', TG_TABLE_NAME ~ '^inventory', TG_WHEN, TG_OP, NEW.version);
	RETURN NEW;
END $$;
CREATE TRIGGER saw AFTER UPDATE ON inventory FOR EACH ROW EXECUTE FUNCTION saw();
CREATE TRIGGER saw AFTER INSERT ON inventory_movement FOR EACH ROW EXECUTE FUNCTION saw();
SELECT version, new_quantity FROM inventory_adjust('pen', 'shop', 1, 'in');
SELECT * FROM seen;
DROP TRIGGER saw ON inventory;
DROP TRIGGER saw ON inventory_movement;
DROP FUNCTION saw;
DROP TABLE seen;
