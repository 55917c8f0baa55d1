-- inventory_retire: out of use, and back.
\pset null '(null)'
SET inventory.organization = 'retire';
SELECT version FROM inventory_define('fax', 'shop', minimum_stock => 2, initial_quantity => 3);

-- Not while there is stock, or a hold.
\set VERBOSITY terse
SELECT * FROM inventory_retire('fax', 'shop');
SELECT new_quantity FROM inventory_reserve('[{"product_id": "fax", "warehouse_id": "shop", "quantity": 3}]', reservation_id => 'retire-1');
SELECT * FROM inventory_retire('fax', 'shop');
SELECT new_quantity FROM inventory_release('retire-1');
SELECT new_quantity FROM inventory_adjust('fax', 'shop', 4, 'out', on_shortage => 'force');
-- Nor while something is owed.
SELECT * FROM inventory_retire('fax', 'shop');
\set VERBOSITY default
SELECT new_quantity FROM inventory_set('fax', 'shop', 0, NULL);

SELECT previous_quantity, new_quantity, version, movement_type FROM inventory_retire('fax', 'shop', reason => 'discontinued', performed_by => 'mina');
SELECT movement_type, quantity, delta_available, reason, performed_by FROM inventory_movement WHERE organization_id = 'retire' ORDER BY version DESC LIMIT 1;
SELECT retired_at = last_modified_at AS retired, alert_state FROM inventory_list('fax', 'shop');
SELECT type FROM inventory_event WHERE organization_id = 'retire' AND data->>'version' = '6' ORDER BY id;
-- Once more is no error and no version.
SELECT version, movement_id, movement_type FROM inventory_retire('fax', 'shop');

-- Nothing can be done with it ...
\set VERBOSITY terse
SELECT * FROM inventory_adjust('fax', 'shop', 1, 'in');
SELECT * FROM inventory_apply('[{"product_id": "fax", "warehouse_id": "shop", "quantity": 1}]');
SELECT * FROM inventory_set('fax', 'shop', 0, NULL);
SELECT * FROM inventory_reserve('[{"product_id": "fax", "warehouse_id": "shop", "quantity": 1}]');
\set VERBOSITY default
-- ... its ledger stays, and so does what was.
SELECT count(*) AS movements, max(version) AS version FROM inventory_movement WHERE organization_id = 'retire';
SELECT quantity_available, retired_at FROM inventory_list('fax', 'shop', (SELECT created_at FROM inventory_movement WHERE organization_id = 'retire' AND version = 1));

-- A definition takes it into use again.
SELECT version, movement_type FROM inventory_define('fax', 'shop');
SELECT retired_at, minimum_stock FROM inventory_list('fax', 'shop');
SELECT new_quantity, version FROM inventory_adjust('fax', 'shop', 1, 'in');

-- In one call of sync: sold out, retired, refused, taken into use.
SELECT seq, status, sqlstate, message, result->0->>'version' AS version FROM inventory_sync('[
	{"kind": "adjust", "idempotency_key": "retire-1", "product_id": "fax", "warehouse_id": "shop", "quantity": -1},
	{"kind": "retire", "idempotency_key": "retire-2", "product_id": "fax", "warehouse_id": "shop"},
	{"kind": "adjust", "idempotency_key": "retire-3", "product_id": "fax", "warehouse_id": "shop", "quantity": 1},
	{"kind": "define", "idempotency_key": "retire-4", "product_id": "fax", "warehouse_id": "shop", "initial_quantity": 7},
	{"kind": "adjust", "idempotency_key": "retire-5", "product_id": "fax", "warehouse_id": "shop", "quantity": 1}]');

SELECT * FROM inventory_retire('fax', 'nowhere');
SELECT * FROM inventory_retire(NULL, 'shop');
SELECT * FROM inventory_reconcile();
