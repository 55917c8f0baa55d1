-- traffic.sql
--     One change every 0.7 seconds, as a shop would make it.
--
-- Mostly small sales, and now and then an order that leaves little.  An item that
-- ran out, or low, gets a delivery sooner or later, so that alerts come and go.
-- prod_123 is left to whoever tries things.
--
-- The dice are thrown after the item was drawn: beside ORDER BY random() each
-- random() of the same SELECT is that one, and the item drawn has the least.

WITH item AS MATERIALIZED (
    SELECT product_id, warehouse_id, quantity_available, minimum_stock
      FROM inventory
     WHERE product_id <> 'prod_123'
     ORDER BY random()
     LIMIT 1
), dice AS MATERIALIZED (
    SELECT item.*, random() AS delivery_dice, random() AS order_dice, 1 + floor(4 * random())::int AS pieces
      FROM item
), step AS MATERIALIZED (
    SELECT product_id, warehouse_id, pieces,
           quantity_available <= 0
               OR delivery_dice < CASE WHEN quantity_available < minimum_stock THEN 0.3 ELSE 0.02 END AS is_delivery,
           order_dice < 0.02 AND quantity_available > minimum_stock AS is_order,
           4 * minimum_stock AS delivery,
           quantity_available - minimum_stock / 2 AS rest
      FROM dice
)
SELECT c.product_id, c.warehouse_id, c.movement_type, c.new_quantity, c.version
  FROM step s
 CROSS JOIN LATERAL inventory_adjust(
        s.product_id, s.warehouse_id,
        CASE WHEN s.is_delivery THEN s.delivery WHEN s.is_order THEN s.rest ELSE s.pieces END,
        CASE WHEN s.is_delivery THEN 'in' ELSE 'out' END,
        reason => CASE WHEN s.is_delivery THEN 'Delivery' WHEN s.is_order THEN 'Catering order'
                       ELSE (ARRAY['Web shop', 'Mobile app', 'Till 1', 'Till 2'])[s.pieces] END,
        on_shortage => 'partial') c
\watch 0.7
