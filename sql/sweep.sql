-- inventory_sweep: one round of the janitor, by hand.
-- All of it in one transaction, so that the janitor itself does not come in between.
\pset null '(null)'
SET inventory.organization = 'sweep';
BEGIN;
SELECT version FROM inventory_define('a', 'shop', minimum_stock => 3, initial_quantity => 100);
SELECT version FROM inventory_define('b', 'shop', initial_quantity => 100);
SELECT version FROM inventory_define('m', 'shop', track_batches => true);
SELECT * FROM inventory_sweep();

-- Only what is overdue, the oldest first, as many as are allowed.
SELECT count(*) FROM generate_series(1, 5) n,
	LATERAL inventory_reserve('[{"product_id": "b", "warehouse_id": "shop", "quantity": 10}, {"product_id": "a", "warehouse_id": "shop", "quantity": 20}]', reservation_id => 'sweep-' || n);
UPDATE inventory_reservation SET expires_at = '2001-01-05'::timestamptz - right(reservation_id, 1)::int * interval '1 day'
	WHERE organization_id = 'sweep' AND reservation_id <> 'sweep-1';
SELECT product_id, quantity_available, quantity_reserved, alert_state FROM inventory_list() WHERE product_id < 'm';
SELECT reservations_expired FROM inventory_sweep(1);
SELECT reservation_id, status FROM inventory_reservation WHERE organization_id = 'sweep' ORDER BY 1;
SELECT reservations_expired FROM inventory_sweep(2);
SELECT reservations_expired FROM inventory_sweep();
SELECT reservations_expired FROM inventory_sweep();
SELECT reservation_id, status, closed_at IS NOT NULL AS closed FROM inventory_reservation WHERE organization_id = 'sweep' ORDER BY 1;
SELECT product_id, quantity_available, quantity_reserved, alert_state, version FROM inventory_list() WHERE product_id < 'm';
SELECT type, data->>'reservationId' AS reservation FROM inventory_event WHERE organization_id = 'sweep' AND type IN ('reservation.expired', 'inventory.back_in_stock') ORDER BY id;

-- Every organization is swept.
SET LOCAL inventory.organization = 'sweep too';
SELECT version FROM inventory_define('a', 'shop', initial_quantity => 1);
SELECT new_quantity FROM inventory_reserve('[{"product_id": "a", "warehouse_id": "shop", "quantity": 1}]', reservation_id => 'sweep-1');
UPDATE inventory_reservation SET expires_at = '2001-01-01' WHERE organization_id = 'sweep too';
SET LOCAL inventory.organization = 'sweep';
SELECT reservations_expired FROM inventory_sweep();
SELECT organization_id, quantity_available FROM inventory WHERE organization_id LIKE 'sweep%' AND product_id = 'a' ORDER BY 1;

-- Batches: said once to expire soon, then written off.
SELECT count(*) FROM generate_series(1, 6) n,
	LATERAL inventory_adjust('m', 'shop', n, 'in', batch_number => 'M' || n, expires_at => now() + (2 * n - 4) * interval '1 day' + interval '1 hour');
SELECT batches_expired, batches_alerted FROM inventory_sweep(1);
SELECT batches_expired, batches_alerted FROM inventory_sweep();
SELECT batches_expired, batches_alerted FROM inventory_sweep();
SELECT batch_number, quantity, status, alerted_at IS NOT NULL AS alerted, expires_at < now() + interval '7 days' AS soon FROM inventory_batch WHERE organization_id = 'sweep' ORDER BY 1;
SELECT quantity_available FROM inventory_list('m');
SELECT type, data->>'batchNumber' AS batch, data->>'quantity' AS quantity, data->>'daysLeft' AS days FROM inventory_event WHERE organization_id = 'sweep' AND type LIKE 'batch%' ORDER BY id;

-- Empty batches of an item that no longer tracks them are not in the way of others.
SELECT version FROM inventory_define('n', 'shop', track_batches => true);
SELECT count(*) FROM generate_series(1, 3) n,
	LATERAL inventory_adjust('n', 'shop', 1, 'in', batch_number => 'N' || n, expires_at => now() - interval '2 days');
SELECT count(*) FROM generate_series(1, 3) n, LATERAL inventory_adjust('n', 'shop', -1, batch_number => 'N' || n);
SELECT version FROM inventory_define('n', 'shop', track_batches => false);
SELECT version FROM inventory_adjust('m', 'shop', 7, 'in', batch_number => 'M7', expires_at => now() - interval '1 day');
SELECT batches_expired FROM inventory_sweep(3);
SELECT batches_expired FROM inventory_sweep(3);
SELECT batches_expired FROM inventory_sweep(3);
SELECT batch_number, quantity, status FROM inventory_batch WHERE organization_id = 'sweep' AND (batch_number LIKE 'N%' OR batch_number = 'M7') ORDER BY 1;

-- What somebody has broken by hand stays, and stops nothing that comes after it.
SELECT version FROM inventory_define('c', 'shop', initial_quantity => 10);
SELECT version FROM inventory_define('o', 'shop', track_batches => true);
SELECT version FROM inventory_adjust('o', 'shop', 4, 'in', batch_number => 'O1', expires_at => now() - interval '4 days');
SELECT version FROM inventory_adjust('m', 'shop', 8, 'in', batch_number => 'M8', expires_at => now() - interval '1 day');
SELECT count(*) FROM generate_series(1, 3) n,
	LATERAL inventory_reserve(jsonb_build_array(jsonb_build_object('product_id', CASE n WHEN 3 THEN 'b' ELSE 'c' END, 'warehouse_id', 'shop', 'quantity', 4)),
		reservation_id => 'sweep-c' || n);
UPDATE inventory_reservation SET expires_at = '2001-01-01'::timestamptz + right(reservation_id, 1)::int * interval '1 day'
	WHERE organization_id = 'sweep' AND status = 'active';
SAVEPOINT whole;
UPDATE inventory SET quantity_reserved = 6 WHERE organization_id = 'sweep' AND product_id = 'c';
UPDATE inventory SET version = 1 WHERE organization_id = 'sweep' AND product_id = 'o';
SELECT reservations_expired, batches_expired FROM inventory_sweep(1);
SELECT reservations_expired, batches_expired FROM inventory_sweep(1);
SELECT reservations_expired, batches_expired FROM inventory_sweep(1);
SELECT reservation_id, status FROM inventory_reservation WHERE organization_id = 'sweep' AND reservation_id LIKE 'sweep-c%' ORDER BY 1;
SELECT product_id, quantity_available, quantity_reserved FROM inventory_list() WHERE product_id IN ('c', 'o');
DELETE FROM inventory WHERE organization_id = 'sweep' AND product_id IN ('c', 'o');
SELECT reservations_expired, batches_expired FROM inventory_sweep();
ROLLBACK TO whole;
SELECT reservations_expired, batches_expired FROM inventory_sweep();

-- Keys are forgotten when nobody can retry any more.
SELECT new_quantity FROM inventory_adjust('b', 'shop', 1, 'out', idempotency_key => 'sweep-a');
SELECT new_quantity FROM inventory_adjust('b', 'shop', 1, 'out', idempotency_key => 'sweep-b');
UPDATE inventory_operation SET created_at = clock_timestamp() - interval '89 days' WHERE operation_id = 'sweep-a';
UPDATE inventory_operation SET created_at = clock_timestamp() - interval '91 days' WHERE operation_id = 'sweep-b';
SELECT operations_pruned FROM inventory_sweep();
SELECT new_quantity, replayed FROM inventory_adjust('b', 'shop', 1, 'out', idempotency_key => 'sweep-a');
SELECT new_quantity, replayed FROM inventory_adjust('b', 'shop', 1, 'out', idempotency_key => 'sweep-b');

SELECT * FROM inventory_reconcile();
ROLLBACK;
SELECT * FROM inventory_sweep(0);
SELECT * FROM inventory_sweep(-1);
SELECT * FROM inventory_sweep(NULL);
