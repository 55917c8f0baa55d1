-- traffic.sql
--     One change every 0.7 seconds, as a shop would make it.
--
-- Mostly small sales.  An item that ran out, or low, gets a delivery sooner or
-- later, so that alerts come and go.  prod_123 is left to whoever tries things.

WITH item AS MATERIALIZED (
    SELECT product_id, warehouse_id, quantity_available, minimum_stock, random() AS dice
      FROM inventory
     WHERE product_id <> 'prod_123'
     ORDER BY random()
     LIMIT 1
), step AS MATERIALIZED (
    SELECT product_id, warehouse_id,
           quantity_available <= 0 OR quantity_available < minimum_stock AND dice < 0.3 OR dice < 0.02 AS is_delivery,
           4 * minimum_stock AS delivery,
           1 + floor(4 * random())::bigint AS sale
      FROM item
)
SELECT c.product_id, c.warehouse_id, c.movement_type, c.new_quantity, c.version
  FROM step s
 CROSS JOIN LATERAL inventory_adjust(
        s.product_id, s.warehouse_id,
        CASE WHEN s.is_delivery THEN s.delivery ELSE s.sale END,
        CASE WHEN s.is_delivery THEN 'in' ELSE 'out' END,
        reason => CASE WHEN s.is_delivery THEN 'Delivery' ELSE (ARRAY['Web shop', 'Mobile app', 'Till 1', 'Till 2'])[s.sale] END,
        on_shortage => 'partial') c
\watch 0.7
