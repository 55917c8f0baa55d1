-- inventory_define: how an item is born, and how its settings change.
\pset null '(null)'

-- A new item is version 1, with a movement "created".
SELECT previous_quantity, new_quantity, version, movement_type
	FROM inventory_define('tea', 'north', minimum_stock => 5, initial_quantity => 20);
SELECT organization_id, product_id, warehouse_id, quantity_available, quantity_reserved, quantity_on_hand,
		minimum_stock, stock_floor, track_batches, attributes, alert_state, version, retired_at
	FROM inventory WHERE product_id = 'tea';

-- NULL keeps a setting; what is given is set, and makes a version.
SELECT new_quantity, version, movement_type
	FROM inventory_define('tea', 'north', stock_floor => 2, attributes => '{"name": "Green tea"}');
SELECT minimum_stock, stock_floor, attributes, version FROM inventory WHERE product_id = 'tea';

-- Settings that are all as they were make none, so seed scripts may run twice.
SELECT new_quantity, version, movement_id, movement_type
	FROM inventory_define('tea', 'north', minimum_stock => 5, stock_floor => 2, attributes => '{"name": "Green tea"}');

-- An initial quantity counts at birth only.
SELECT new_quantity, version, movement_type FROM inventory_define('tea', 'north', initial_quantity => 999);

-- The alert state follows the threshold, and its edge is told.
SELECT version, movement_type FROM inventory_define('tea', 'north', minimum_stock => 30);
SELECT alert_state FROM inventory WHERE product_id = 'tea';
SELECT version, movement_type FROM inventory_define('tea', 'north', minimum_stock => 20);
SELECT alert_state FROM inventory WHERE product_id = 'tea';

-- Being born empty is not an edge: no alarm.
SELECT new_quantity, version FROM inventory_define('empty', 'north', minimum_stock => 5);
SELECT alert_state FROM inventory WHERE product_id = 'empty';

SELECT product_id, type, data->>'version' AS version, data->>'alertState' AS alert_state, data->>'movementType' AS movement
	FROM inventory_event WHERE product_id IN ('tea', 'empty') ORDER BY id;
SELECT version, movement_type, quantity, delta_available, available_after
	FROM inventory_movement WHERE product_id = 'tea' ORDER BY version;

-- A rule of the owner's that forbids an item is told as his, and not as if there were none.
\set SHOW_CONTEXT never
CREATE UNIQUE INDEX own_sku ON inventory ((attributes->>'sku'));
SELECT version FROM inventory_define('own 1', 'shop', attributes => '{"sku": "4711"}');
SELECT version FROM inventory_define('own 2', 'shop', attributes => '{"sku": "4711"}');
SELECT version FROM inventory_define('own 2', 'shop');
SELECT version FROM inventory_define('own 2', 'shop', attributes => '{"sku": "4711"}');
DROP INDEX own_sku;
