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

-- Columns that somebody has added to the tables are his, and in nobody's way.
BEGIN;
ALTER TABLE inventory ADD COLUMN shelf text, ADD COLUMN owner_note text DEFAULT 'none';
ALTER TABLE inventory_movement ADD COLUMN shelf text;
ALTER TABLE inventory_operation ADD COLUMN shelf text;
ALTER TABLE inventory_batch ADD COLUMN shelf text;
ALTER TABLE inventory_reservation ADD COLUMN shelf text;
ALTER TABLE inventory_reservation_line ADD COLUMN shelf text;
ALTER TABLE inventory_event ADD COLUMN shelf text;
ALTER TABLE inventory_tick ADD COLUMN shelf text;
UPDATE inventory SET shelf = '7b' WHERE product_id = 'a';
SELECT quantity_available FROM inventory_list('a', 'west');
SELECT quantity_available, alert_state FROM inventory_list('a', 'east', :'before');
SELECT new_quantity FROM inventory_adjust('a', 'west', 1, idempotency_key => 'own');
SELECT new_quantity, replayed FROM inventory_adjust('a', 'west', 1, idempotency_key => 'own');
SELECT new_quantity FROM inventory_define('d', 'west', track_batches => true);
SELECT new_quantity FROM inventory_adjust('d', 'west', 3, 'in', batch_number => 'D');
SELECT new_quantity FROM inventory_reserve('[{"product_id": "a", "warehouse_id": "west", "quantity": 1}, {"product_id": "d", "warehouse_id": "west", "quantity": 1}]', reservation_id => 'own');
SELECT new_quantity FROM inventory_commit('own');
SELECT count(*) FROM inventory_sweep();
SELECT count(*) FROM inventory_reconcile();
SELECT product_id, data->>'quantityAvailable' AS available FROM inventory_relay_snapshot('', product_id => 'a');
SELECT data->>'version' AS version FROM inventory_relay_movements('', NULL, 'a', 'west', max_rows => 1);
SELECT data->>'quantity' AS quantity FROM inventory_relay_batches('', NULL, 'd', 'west');
SELECT count(*) FROM inventory_relay_reservations('', NULL, 'd', 'west');
SELECT count(*) > 0 AS has_events FROM inventory_events();
SELECT shelf, owner_note, quantity_available FROM inventory WHERE product_id IN ('a', 'd') ORDER BY product_id, warehouse_id;
ROLLBACK;
