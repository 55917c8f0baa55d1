-- An idempotency key stands for one operation, done once.
\pset null '(null)'

SELECT version FROM inventory_define('cup', 'shop', initial_quantity => 10);
SELECT new_quantity, version, replayed FROM inventory_adjust('cup', 'shop', -3, 'out', idempotency_key => 'order-1');
-- The retry gets the answer of the first time, whatever happened since.
SELECT new_quantity, version FROM inventory_adjust('cup', 'shop', -1, 'out');
SELECT previous_quantity, new_quantity, version, movement_type, shortfall, retries, replayed,
		movement_id = (SELECT movement_id FROM inventory_movement WHERE product_id = 'cup' AND version = 2) AS movement_id,
		created_at = (SELECT created_at FROM inventory_movement WHERE product_id = 'cup' AND version = 2) AS created_at
	FROM inventory_adjust('cup', 'shop', -3, 'out', idempotency_key => 'order-1');
SELECT quantity_available, version FROM inventory WHERE product_id = 'cup';

-- The same request said differently is the same request.
SELECT version, replayed FROM inventory_adjust('cup', 'shop', 3, 'out', idempotency_key => 'order-1');

-- Another request under the same key is a mistake.
SELECT * FROM inventory_adjust('cup', 'shop', -4, 'out', idempotency_key => 'order-1');
SELECT * FROM inventory_adjust('cup', 'shop', -3, 'out', idempotency_key => 'order-1', reason => 'other');
SELECT * FROM inventory_define('cup', 'shop', idempotency_key => 'order-1');

-- A refused operation leaves no key: the retry is judged anew.
SELECT * FROM inventory_adjust('cup', 'shop', -100, 'out', idempotency_key => 'order-2');
SELECT version FROM inventory_adjust('cup', 'shop', 200, 'in');
SELECT version, replayed FROM inventory_adjust('cup', 'shop', -100, 'out', idempotency_key => 'order-2');

-- Movement and event carry the key.
SELECT m.version, m.operation_id, e.op, e.data->>'operationId' AS operation_id_in_event
	FROM inventory_movement m JOIN inventory_event e ON e.product_id = m.product_id AND e.data->>'version' = m.version::text
	WHERE m.product_id = 'cup' AND e.type = 'inventory.updated' ORDER BY m.version;
SELECT operation_id, kind, performed_by = session_user AS performed_by, jsonb_array_length(result) AS changes
	FROM inventory_operation WHERE operation_id LIKE 'order-%' ORDER BY operation_id;

-- A definition under a key, also where it changed nothing.
SELECT version, movement_type, replayed FROM inventory_define('cup', 'shop', minimum_stock => 4, idempotency_key => 'def-1');
SELECT version, movement_type, replayed FROM inventory_define('cup', 'shop', minimum_stock => 4, idempotency_key => 'def-1');
SELECT version, movement_type, replayed FROM inventory_define('cup', 'shop', minimum_stock => 4, idempotency_key => 'def-2');
SELECT version, movement_type, replayed FROM inventory_define('cup', 'shop', minimum_stock => 4, idempotency_key => 'def-2');

-- A trigger of the owner's that repeats the operation it was fired by meets it half done.
\set SHOW_CONTEXT never
CREATE FUNCTION repeat_operation() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
	RAISE NOTICE 'in a sync: %', (SELECT format('%s %s %s', status, sqlstate, message) FROM inventory_sync(jsonb_build_array(jsonb_build_object('kind', 'adjust',
		'product_id', NEW.product_id, 'warehouse_id', NEW.warehouse_id, 'quantity', NEW.quantity, 'idempotency_key', NEW.operation_id))));
	PERFORM inventory_adjust(NEW.product_id, NEW.warehouse_id, NEW.quantity, idempotency_key => NEW.operation_id);
	RETURN NULL;
END $$;
CREATE TRIGGER repeat_operation AFTER INSERT ON inventory_movement FOR EACH ROW WHEN (NEW.operation_id = 'again') EXECUTE FUNCTION repeat_operation();
SELECT * FROM inventory_adjust('cup', 'shop', 1, idempotency_key => 'again');
DROP TRIGGER repeat_operation ON inventory_movement;
SELECT new_quantity, replayed FROM inventory_adjust('cup', 'shop', 1, idempotency_key => 'again');
