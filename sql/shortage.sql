-- What happens when there is not enough: refuse, take part, or record the truth.
\pset null '(null)'

SELECT version FROM inventory_define('mug', 'shop', initial_quantity => 10);

-- Refused: nothing is written.
SELECT * FROM inventory_adjust('mug', 'shop', -11, 'out');
SELECT * FROM inventory_adjust('mug', 'shop', -11, 'adjustment');
SELECT quantity_available, version FROM inventory WHERE product_id = 'mug';

-- Partial takes what is there and says what is missing.
SELECT previous_quantity, new_quantity, shortfall, version FROM inventory_adjust('mug', 'shop', 7, 'out', on_shortage => 'partial');
SELECT previous_quantity, new_quantity, shortfall, version FROM inventory_adjust('mug', 'shop', 7, 'out', on_shortage => 'partial');
SELECT quantity, delta_available FROM inventory_movement WHERE product_id = 'mug' ORDER BY version DESC LIMIT 1;
-- With nothing there it is refused like any other.
SELECT * FROM inventory_adjust('mug', 'shop', 7, 'out', on_shortage => 'partial');

-- Force records the truth as a negative, and tells.
SELECT previous_quantity, new_quantity, shortfall, version FROM inventory_adjust('mug', 'shop', 2, 'out', on_shortage => 'force');
SELECT type, data->>'quantityAvailable' AS available FROM inventory_event WHERE product_id = 'mug' AND data->>'version' = '4' ORDER BY id;

-- The floor is where a sale stops: below zero for backorders, above for a buffer.
SELECT version FROM inventory_define('book', 'shop', stock_floor => -2, initial_quantity => 1);
SELECT new_quantity FROM inventory_adjust('book', 'shop', -3, 'out');
SELECT * FROM inventory_adjust('book', 'shop', -1, 'out');
SELECT version FROM inventory_define('lamp', 'shop', stock_floor => 2, initial_quantity => 5);
SELECT new_quantity FROM inventory_adjust('lamp', 'shop', -3, 'out');
SELECT * FROM inventory_adjust('lamp', 'shop', -1, 'out');

-- A floor raised above the stock does not stop what comes in.
SELECT version FROM inventory_define('lamp', 'shop', stock_floor => 100);
SELECT new_quantity FROM inventory_adjust('lamp', 'shop', 1, 'in');
