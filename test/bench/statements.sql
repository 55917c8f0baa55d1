\set product random(1, 1000)
BEGIN;
UPDATE hand.inventory
   SET quantity_available = quantity_available - 1,
       version = version + 1,
       last_modified_at = clock_timestamp(),
       alert_state = CASE WHEN quantity_available - 1 <= 0 THEN 'out'
                          WHEN quantity_available - 1 < minimum_stock THEN 'low' ELSE 'ok' END
 WHERE organization_id = '' AND product_id = :product AND warehouse_id = 'w1'
   AND quantity_available - 1 >= stock_floor
RETURNING inventory_id, quantity_available, quantity_reserved, quantity_on_hand, minimum_stock, version, alert_state,
          last_modified_at \gset
INSERT INTO hand.movement (inventory_id, version, organization_id, product_id, warehouse_id, movement_type,
                           quantity, delta_available, delta_reserved, available_after, reserved_after,
                           reason, reference, performed_by, db_user, created_at)
VALUES (:inventory_id, :version, '', :product, 'w1', 'out',
        -1, -1, 0, :quantity_available, :quantity_reserved,
        'Sale', 'order', session_user, session_user, :last_modified_at)
RETURNING movement_id \gset
INSERT INTO hand.event (organization_id, type, product_id, warehouse_id, data)
VALUES ('', 'inventory.updated', :product, 'w1',
        json_build_object(
            'inventoryId', :inventory_id::bigint, 'productId', :product::text, 'warehouseId', 'w1',
            'quantityAvailable', :quantity_available::bigint, 'quantityReserved', :quantity_reserved::bigint,
            'quantityOnHand', :quantity_on_hand::bigint, 'minimumStock', :minimum_stock::bigint, 'version', :version::bigint,
            'previousQuantity', :quantity_available::bigint + 1, 'changeAmount', -1, 'movementType', 'out',
            'alertState', :alert_state::text, 'reason', 'Sale', 'performedBy', session_user,
            'operationId', NULL, 'movementId', :movement_id::bigint,
            'timestamp', date_trunc('milliseconds', :last_modified_at::timestamptz)));
COMMIT;
