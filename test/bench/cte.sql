\set product random(1, 1000)
WITH item AS (
    UPDATE hand.inventory
       SET quantity_available = quantity_available - 1,
           version = version + 1,
           last_modified_at = clock_timestamp(),
           alert_state = CASE WHEN quantity_available - 1 <= 0 THEN 'out'
                              WHEN quantity_available - 1 < minimum_stock THEN 'low' ELSE 'ok' END
     WHERE organization_id = '' AND product_id = :product AND warehouse_id = 'w1'
       AND quantity_available - 1 >= stock_floor
    RETURNING *
), movement AS (
    INSERT INTO hand.movement (inventory_id, version, organization_id, product_id, warehouse_id, movement_type,
                               quantity, delta_available, delta_reserved, available_after, reserved_after,
                               reason, reference, performed_by, db_user, created_at)
    SELECT inventory_id, version, organization_id, product_id, warehouse_id, 'out',
           -1, -1, 0, quantity_available, quantity_reserved,
           'Sale', 'order', session_user, session_user, last_modified_at
      FROM item
    RETURNING movement_id
), event AS (
    INSERT INTO hand.event (organization_id, type, product_id, warehouse_id, data)
    SELECT organization_id, 'inventory.updated', product_id, warehouse_id,
           json_build_object(
               'inventoryId', inventory_id, 'productId', product_id, 'warehouseId', warehouse_id,
               'quantityAvailable', quantity_available, 'quantityReserved', quantity_reserved,
               'quantityOnHand', quantity_on_hand, 'minimumStock', minimum_stock, 'version', version,
               'previousQuantity', quantity_available + 1, 'changeAmount', -1, 'movementType', 'out',
               'alertState', alert_state, 'reason', 'Sale', 'performedBy', session_user,
               'operationId', NULL, 'movementId', movement_id,
               'timestamp', date_trunc('milliseconds', last_modified_at))
      FROM item, movement
)
SELECT inventory_id, organization_id, product_id, warehouse_id, quantity_available + 1 AS previous_quantity,
       quantity_available, quantity_reserved, version, movement_id, last_modified_at
  FROM item, movement;
