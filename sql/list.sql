-- inventory_list: the items now, and as they were.
\pset null '(null)'

SELECT version FROM inventory_define('a', 'east', minimum_stock => 5, initial_quantity => 10);
SELECT version FROM inventory_define('a', 'west', initial_quantity => 3);
SELECT version FROM inventory_define('b', 'east', initial_quantity => 0);
SELECT clock_timestamp() AS before \gset
SELECT version FROM inventory_adjust('a', 'east', -8, 'out');
SELECT version FROM inventory_adjust('a', 'west', 5, 'in');
SELECT version FROM inventory_define('c', 'east', initial_quantity => 7);

SELECT product_id, warehouse_id, quantity_available, alert_state, version FROM inventory_list() WHERE product_id IN ('a', 'b', 'c');
SELECT warehouse_id, quantity_available FROM inventory_list('a');
SELECT product_id, quantity_available FROM inventory_list(warehouse_id => 'east') WHERE product_id IN ('a', 'b', 'c');
SELECT quantity_available FROM inventory_list('a', 'west');
SELECT * FROM inventory_list('nobody', 'knows');

-- As of a moment: what was not there yet is not there.
SELECT product_id, warehouse_id, quantity_available, quantity_on_hand, alert_state, version, last_restocked_at IS NULL AS never_restocked
	FROM inventory_list(as_of => :'before') WHERE product_id IN ('a', 'b', 'c');
SELECT count(*) FROM inventory_list(as_of => '2000-01-01');

-- Another organization has its own.
SET inventory.organization = 'acme';
SELECT count(*) FROM inventory_list();
RESET inventory.organization;
