-- Alerts fire at the edge, once, and never on the level.

SELECT version FROM inventory_define('ink', 'shop', minimum_stock => 5, initial_quantity => 7);
-- Low at exactly the minimum is not low ...
SELECT new_quantity FROM inventory_adjust('ink', 'shop', -2, 'out');
SELECT alert_state FROM inventory WHERE product_id = 'ink';
-- ... below it is; and only the first sale below it says so.
SELECT new_quantity FROM inventory_adjust('ink', 'shop', -1, 'out');
SELECT new_quantity FROM inventory_adjust('ink', 'shop', -1, 'out');
SELECT alert_state FROM inventory WHERE product_id = 'ink';
SELECT new_quantity FROM inventory_adjust('ink', 'shop', -3, 'out');
SELECT alert_state FROM inventory WHERE product_id = 'ink';
-- Back, but low; then full again; then out in one step, which is not low.
SELECT new_quantity FROM inventory_adjust('ink', 'shop', 2, 'in');
SELECT new_quantity FROM inventory_adjust('ink', 'shop', 8, 'in');
SELECT new_quantity FROM inventory_adjust('ink', 'shop', -10, 'out');
SELECT new_quantity FROM inventory_adjust('ink', 'shop', 10, 'in');

SELECT data->>'version' AS version, string_agg(type, ', ' ORDER BY id) AS events
	FROM inventory_event WHERE product_id = 'ink' GROUP BY data->>'version' ORDER BY (data->>'version')::int;
