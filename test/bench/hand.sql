-- hand.sql
--     What a careful developer would write without the extension.
--
-- The same three tables, with the extension's own columns, types, constraints
-- and keys, so that all contenders write the same rows; no workers, no row
-- security and no functions.

CREATE SCHEMA hand;
CREATE TABLE hand.inventory (LIKE inventory INCLUDING ALL) WITH (fillfactor = 70);
CREATE TABLE hand.movement (LIKE inventory_movement INCLUDING ALL);
CREATE TABLE hand.event (LIKE inventory_event INCLUDING ALL);

-- The items every contender sells: a thousand, so that two buyers seldom meet,
-- as in a shop.
SELECT count(*)
  FROM generate_series(1, 1000) AS n
 CROSS JOIN LATERAL inventory_define(n::text, 'w1', minimum_stock => 10, initial_quantity => 1000000000);

INSERT INTO hand.inventory (organization_id, product_id, warehouse_id, quantity_available, minimum_stock)
SELECT organization_id, product_id, warehouse_id, quantity_available, minimum_stock
  FROM inventory
 ORDER BY inventory_id;
