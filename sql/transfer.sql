-- inventory_transfer: from one warehouse to another, in one operation.
\pset null '(null)'
SET inventory.organization = 'transfer';
SELECT version FROM inventory_define('pen', 'a', initial_quantity => 10);
SELECT version FROM inventory_define('pen', 'b', minimum_stock => 5, initial_quantity => 1);
SELECT version FROM inventory_define('pen', 'c', stock_floor => 4, initial_quantity => 6);

-- Two rows, of which one loses what the other gains.
SELECT warehouse_id, previous_quantity, new_quantity, version, movement_type, shortfall, replayed
	FROM inventory_transfer('pen', 'a', 'b', 3, reason => 'Restock', performed_by => 'mina', reference => 'van 7');
SELECT warehouse_id, movement_type, quantity, delta_available, reason, performed_by, reference, operation_id = max(operation_id) OVER () AS same_operation
	FROM inventory_movement WHERE organization_id = 'transfer' AND reference = 'van 7' ORDER BY movement_id;
SELECT kind, jsonb_array_length(result) AS changes FROM inventory_operation WHERE organization_id = 'transfer';
-- The order of the names is the caller's business, whatever the order of the locks.
SELECT warehouse_id, new_quantity, movement_type FROM inventory_transfer('pen', 'b', 'a', 2);
-- What arrives is a restocking, and may end an alarm.
SELECT warehouse_id, last_restocked_at IS NULL AS never_restocked, alert_state FROM inventory_list('pen') ORDER BY 1;
SELECT warehouse_id, new_quantity FROM inventory_transfer('pen', 'a', 'b', 9);
SELECT product_id, warehouse_id, type, data->>'quantityAvailable' AS available FROM inventory_event WHERE organization_id = 'transfer' AND data->>'version' = '4' ORDER BY id;

-- The floor stays where it is, and what is held stays held.
SELECT * FROM inventory_transfer('pen', 'c', 'a', 3);
SELECT new_quantity FROM inventory_reserve('[{"product_id": "pen", "warehouse_id": "c", "quantity": 1}]', reservation_id => 'transfer-1');
SELECT * FROM inventory_transfer('pen', 'c', 'a', 2);
SELECT warehouse_id, new_quantity, quantity_reserved FROM inventory_transfer('pen', 'c', 'a', 1);

-- Under a key, once.
SELECT warehouse_id, new_quantity, replayed FROM inventory_transfer('pen', 'b', 'a', 1, idempotency_key => 'move-1');
SELECT warehouse_id, new_quantity, replayed FROM inventory_transfer('pen', 'b', 'a', 1, idempotency_key => 'move-1');
SELECT * FROM inventory_transfer('pen', 'a', 'b', 1, idempotency_key => 'move-1');

-- A destination that overflows leaves the origin alone.
SELECT version FROM inventory_define('pen', 'full', initial_quantity => 9007199254740991);
SELECT * FROM inventory_transfer('pen', 'a', 'full', 1);
SELECT seq, status, message FROM inventory_sync('[
	{"kind": "transfer", "idempotency_key": "move-2", "product_id": "pen", "from_warehouse_id": "a", "to_warehouse_id": "full", "quantity": 1},
	{"kind": "transfer", "idempotency_key": "move-3", "productId": "pen", "fromWarehouseId": "a", "toWarehouseId": "b", "quantity": 1}]');

-- What no transfer can be.
SELECT * FROM inventory_transfer('pen', 'a', 'a', 1);
SELECT * FROM inventory_transfer('pen', 'a', 'b', 0);
SELECT * FROM inventory_transfer('pen', 'a', 'b', -1);
SELECT * FROM inventory_transfer('pen', 'a', 'b', NULL);
SELECT * FROM inventory_transfer('pen', NULL, 'b', 1);
SELECT * FROM inventory_transfer('pen', 'a', NULL, 1);
SELECT * FROM inventory_transfer(NULL, 'a', 'b', 1);
SELECT * FROM inventory_transfer('pen', 'a', 'z', 1);
SELECT * FROM inventory_transfer('pen', 'z', 'b', 1);
SELECT version FROM inventory_define('pen', 'old');
SELECT movement_type FROM inventory_retire('pen', 'old');
SELECT * FROM inventory_transfer('pen', 'a', 'old', 1);

SELECT warehouse_id, quantity_available, quantity_reserved, version FROM inventory_list('pen') ORDER BY 1;
SELECT * FROM inventory_reconcile();
