-- Reservations: hold, sell, give back; and what time does to them.
\pset null '(null)'
SET inventory.organization = 'reservations';

-- What is held, and by whom.
CREATE VIEW holds AS
SELECT r.reservation_id, r.status, string_agg(l.product_id || ':' || l.quantity || '/' || l.quantity_committed || CASE WHEN l.is_held THEN ' held' ELSE '' END, ', ' ORDER BY l.product_id) AS lines
	FROM inventory_reservation r LEFT JOIN inventory_reservation_line l USING (organization_id, reservation_id)
	WHERE organization_id = 'reservations' AND reservation_id NOT LIKE '%-%-%' GROUP BY r.organization_id, r.reservation_id ORDER BY r.reservation_id;
CREATE VIEW stock AS
SELECT product_id, quantity_available AS available, quantity_reserved AS reserved, version FROM inventory WHERE organization_id = 'reservations' ORDER BY product_id;
-- As if its time had come.  In a transaction that stays open, so that no janitor comes in between.
CREATE FUNCTION let_expire(id text) RETURNS void LANGUAGE sql SET search_path FROM CURRENT AS
	$$UPDATE inventory_reservation SET expires_at = '2001-01-01' WHERE organization_id = 'reservations' AND reservation_id = id$$;

SELECT version FROM inventory_define('a', 'shop', initial_quantity => 10);
SELECT version FROM inventory_define('b', 'shop', initial_quantity => 10);
SELECT version FROM inventory_define('c', 'shop', initial_quantity => 10, stock_floor => 3);

-- Available becomes reserved; on hand stays.
SELECT product_id, previous_quantity, new_quantity, quantity_reserved, version, movement_type, reservation_id, expires_at - created_at BETWEEN '14 min' AND '15 min 1 s' AS expires
	FROM inventory_reserve('[{"product_id": "a", "warehouse_id": "shop", "quantity": 4}, {"productId": "b", "warehouseId": "shop", "quantity": 2}, {"product_id": "a", "warehouse_id": "shop", "quantity": 1}]', reservation_id => 'r1', reference => 'cart 1', performed_by => 'mina');
SELECT * FROM holds;
SELECT * FROM stock;
SELECT movement_type, quantity, delta_available, delta_reserved, available_after, reserved_after, reference, performed_by
	FROM inventory_movement WHERE organization_id = 'reservations' AND reference = 'cart 1' ORDER BY movement_id;
SELECT reference, performed_by, expires_at > clock_timestamp() AS runs, closed_at FROM inventory_reservation WHERE reservation_id = 'r1';

-- What is held cannot be sold or held by others; all short lines are told.
SELECT * FROM inventory_adjust('a', 'shop', 6, 'out');
SELECT * FROM inventory_reserve('[{"product_id": "a", "warehouse_id": "shop", "quantity": 6}, {"product_id": "b", "warehouse_id": "shop", "quantity": 1}, {"product_id": "c", "warehouse_id": "shop", "quantity": 8}]', reservation_id => 'r2');
SELECT * FROM holds;

-- Again under the same id: the lines are replaced, and one's own hold is not in the way.
SELECT product_id, previous_quantity, new_quantity, quantity_reserved, movement_type
	FROM inventory_reserve('[{"product_id": "a", "warehouse_id": "shop", "quantity": 9}, {"product_id": "c", "warehouse_id": "shop", "quantity": 7}]', '1 hour', 'r1');
SELECT * FROM holds;
SELECT * FROM stock;
-- The same again moves nothing and makes no version, but extends the time.
SELECT product_id, quantity_reserved, version, movement_id, expires_at - clock_timestamp() BETWEEN '119 min' AND '120 min' AS expires
	FROM inventory_reserve('[{"product_id": "a", "warehouse_id": "shop", "quantity": 9}, {"product_id": "c", "warehouse_id": "shop", "quantity": 7}]', '2 hours', 'r1');
-- Too much this time: all stays as it was.
SELECT * FROM inventory_reserve('[{"product_id": "a", "warehouse_id": "shop", "quantity": 11}]', reservation_id => 'r1');
SELECT * FROM holds;

-- Part of it is sold, the rest given back.
SELECT * FROM inventory_commit('r1', '[{"product_id": "a", "warehouse_id": "shop", "quantity": 10}]');
SELECT * FROM inventory_commit('r1', '[{"product_id": "b", "warehouse_id": "shop", "quantity": 1}]');
SELECT product_id, previous_quantity, new_quantity, quantity_reserved, movement_type FROM inventory_commit('r1', '[{"product_id": "a", "warehouse_id": "shop", "quantity": 6}]');
SELECT * FROM holds;
SELECT * FROM stock;
-- Once: neither sold again, nor given back, nor taken again.
SELECT * FROM inventory_commit('r1');
SELECT * FROM inventory_release('r1');
SELECT * FROM inventory_reserve('[{"product_id": "b", "warehouse_id": "shop", "quantity": 1}]', reservation_id => 'r1');
-- A retry under the key is answered.
SELECT new_quantity, reservation_id FROM inventory_reserve('[{"product_id": "b", "warehouse_id": "shop", "quantity": 3}]', idempotency_key => 'res-1');
SELECT new_quantity, reservation_id, replayed FROM inventory_reserve('[{"product_id": "b", "warehouse_id": "shop", "quantity": 3}]', idempotency_key => 'res-1');
SELECT new_quantity, quantity_reserved, replayed FROM inventory_commit('res-1', idempotency_key => 'res-2');
SELECT new_quantity, quantity_reserved, replayed FROM inventory_commit('res-1', idempotency_key => 'res-2');

-- Given back, and again: nothing is given back twice.
SELECT new_quantity, quantity_reserved FROM inventory_reserve('[{"product_id": "b", "warehouse_id": "shop", "quantity": 3}]', reservation_id => 'r3');
SELECT new_quantity, quantity_reserved, movement_type FROM inventory_release('r3', reason => 'changed his mind');
SELECT new_quantity, quantity_reserved, movement_type FROM inventory_release('r3');
SELECT new_quantity, quantity_reserved, movement_type FROM inventory_release('r3', idempotency_key => 'res-3');
SELECT new_quantity, quantity_reserved, movement_type FROM inventory_release('r3', idempotency_key => 'res-3');
SELECT * FROM inventory_commit('r3');
SELECT * FROM stock;

-- A reservation without a name gets one.
SELECT reservation_id ~ '^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$' AS named FROM inventory_reserve('[{"product_id": "b", "warehouse_id": "shop", "quantity": 1}]') \gset
\echo :named
SELECT new_quantity FROM inventory_release((SELECT reservation_id FROM inventory_reservation WHERE organization_id = 'reservations' AND status = 'active'));

-- Expired, and nobody has swept: sold from the hold all the same.
BEGIN;
SELECT new_quantity FROM inventory_reserve('[{"product_id": "b", "warehouse_id": "shop", "quantity": 5}]', reservation_id => 'r4');
SELECT let_expire('r4');
SELECT new_quantity, quantity_reserved, movement_type FROM inventory_commit('r4');
ROLLBACK;
-- Swept: taken again if stock allows.
BEGIN;
SELECT new_quantity FROM inventory_reserve('[{"product_id": "a", "warehouse_id": "shop", "quantity": 1}, {"product_id": "b", "warehouse_id": "shop", "quantity": 5}]', reservation_id => 'r4');
SELECT let_expire('r4');
SELECT reservations_expired FROM inventory_sweep();
SELECT reservations_expired FROM inventory_sweep();
SELECT * FROM holds WHERE reservation_id = 'r4';
SELECT type, product_id, data - 'timestamp' AS data FROM (SELECT id, type, product_id, data::jsonb AS data FROM inventory_event WHERE organization_id = 'reservations' AND type = 'reservation.expired') e ORDER BY id;
SELECT movement_type, quantity, reason, performed_by, operation_id FROM inventory_movement WHERE organization_id = 'reservations' AND performed_by = 'janitor' ORDER BY movement_id;
SAVEPOINT s;
SELECT product_id, new_quantity, quantity_reserved, movement_type FROM inventory_commit('r4');
ROLLBACK TO s;
-- Nothing to give back is no error.
SELECT * FROM inventory_release('r4');
-- Reserved again under the same id, more than before.
SELECT product_id, new_quantity, quantity_reserved FROM inventory_reserve('[{"product_id": "b", "warehouse_id": "shop", "quantity": 6}]', reservation_id => 'r4');
SELECT * FROM holds WHERE reservation_id = 'r4';
ROLLBACK TO s;
-- Sold to somebody else in the meantime: gone, all of it.
SELECT new_quantity FROM inventory_adjust('b', 'shop', 3, 'out');
SAVEPOINT t;
\set VERBOSITY terse
SELECT * FROM inventory_commit('r4', '[{"product_id": "a", "warehouse_id": "shop", "quantity": 1}, {"product_id": "b", "warehouse_id": "shop", "quantity": 5}]');
\set VERBOSITY default
ROLLBACK TO t;
-- What is left of it can be had.
SELECT product_id, new_quantity, movement_type FROM inventory_commit('r4', '[{"product_id": "b", "warehouse_id": "shop", "quantity": 4}]');
SELECT * FROM holds WHERE reservation_id = 'r4';
SELECT * FROM inventory_reconcile();
ROLLBACK;

-- Somebody else's overdue hold is never in the way: of a sale, a hold, a cart, a transfer, a sale of what had expired.
BEGIN;
SELECT count(*) FROM inventory_reserve('[{"product_id": "a", "warehouse_id": "shop", "quantity": 2}, {"product_id": "b", "warehouse_id": "shop", "quantity": 7}]', reservation_id => 'r5');
SELECT let_expire('r5');
SAVEPOINT s;
-- Not touched while there is enough without it.
SELECT previous_quantity, new_quantity, quantity_reserved, version FROM inventory_adjust('a', 'shop', 1, 'out');
ROLLBACK TO s;
-- One line of it goes when it is needed; the last one closes it.
SELECT previous_quantity, new_quantity, quantity_reserved, version FROM inventory_adjust('b', 'shop', 2, 'out');
SELECT * FROM holds WHERE reservation_id = 'r5';
SELECT count(*) FROM inventory_event WHERE organization_id = 'reservations' AND type = 'reservation.expired';
SELECT previous_quantity, new_quantity, quantity_reserved FROM inventory_adjust('a', 'shop', 4, 'out');
SELECT * FROM holds WHERE reservation_id = 'r5';
SELECT count(*) FROM inventory_event WHERE organization_id = 'reservations' AND type = 'reservation.expired';
ROLLBACK TO s;
-- Half of it taken back, its owner comes: what is still held, and what can be taken again.
SELECT previous_quantity, new_quantity FROM inventory_adjust('b', 'shop', 1, 'out');
SAVEPOINT t;
SELECT product_id, new_quantity, quantity_reserved, movement_type FROM inventory_commit('r5', '[{"product_id": "a", "warehouse_id": "shop", "quantity": 2}, {"product_id": "b", "warehouse_id": "shop", "quantity": 6}]');
SELECT * FROM inventory_reconcile();
ROLLBACK TO s;
SELECT product_id, new_quantity, quantity_reserved FROM inventory_reserve('[{"product_id": "b", "warehouse_id": "shop", "quantity": 7}]', reservation_id => 'r6');
SELECT * FROM holds WHERE reservation_id IN ('r5', 'r6');
-- And r6 again of r5, when its time has come too.
SELECT let_expire('r6');
SELECT product_id, new_quantity, quantity_reserved, movement_type FROM inventory_commit('r5');
SELECT * FROM holds WHERE reservation_id IN ('r5', 'r6');
ROLLBACK TO s;
SELECT product_id, new_quantity FROM inventory_apply('[{"product_id": "b", "warehouse_id": "shop", "quantity": 7, "movement_type": "out"}, {"product_id": "a", "warehouse_id": "shop", "quantity": 4, "movement_type": "out"}]');
SELECT * FROM holds WHERE reservation_id = 'r5';
ROLLBACK TO s;
SELECT version FROM inventory_list('b', 'shop') \gset
SELECT previous_quantity, new_quantity, version - :version AS versions FROM inventory_adjust('b', 'shop', 7, 'out', expected_version => :version);
ROLLBACK TO s;
SELECT version FROM inventory_define('b', 'store');
SELECT warehouse_id, new_quantity FROM inventory_transfer('b', 'shop', 'store', 7);
SELECT * FROM inventory_reconcile();
ROLLBACK;

-- In one call of sync: what another operation is about to make is not there yet.
SELECT seq, status, sqlstate, message FROM inventory_sync('[
	{"kind": "commit", "idempotency_key": "s-1", "reservation_id": "r7"},
	{"kind": "release", "idempotency_key": "s-2", "reservation_id": "r7"},
	{"kind": "reserve", "idempotency_key": "s-3", "reservation_id": "r7", "lines": [{"product_id": "b", "warehouse_id": "shop", "quantity": 100}]},
	{"kind": "commit", "idempotency_key": "s-4", "reservation_id": "r7"}]');
SELECT * FROM holds WHERE reservation_id = 'r7';
SELECT seq, status, sqlstate, message FROM inventory_sync('[
	{"kind": "reserve", "idempotency_key": "s-5", "reservation_id": "r7", "ttl": "10 min", "lines": [{"product_id": "b", "warehouse_id": "shop", "quantity": 1}]},
	{"kind": "reserve", "idempotency_key": "s-6", "reservation_id": "r7", "lines": [{"product_id": "a", "warehouse_id": "shop", "quantity": 1}]},
	{"kind": "reserve", "idempotency_key": "s-7", "reservation_id": "r7", "lines": [{"product_id": "b", "warehouse_id": "shop", "quantity": 2}]},
	{"kind": "reserve", "idempotency_key": "s-8", "reservation_id": "r7", "lines": [{"product_id": "b", "warehouse_id": "shop", "quantity": 200}]},
	{"kind": "commit", "idempotency_key": "s-9", "reservation_id": "r7", "lines": [{"product_id": "b", "warehouse_id": "shop", "quantity": 1}]},
	{"kind": "commit", "idempotency_key": "s-10", "reservation_id": "r7"}]');
SELECT * FROM holds WHERE reservation_id = 'r7';

-- An item that is retired, and a reservation of it that had expired.
BEGIN;
SELECT version FROM inventory_define('d', 'shop', initial_quantity => 1);
SELECT new_quantity FROM inventory_reserve('[{"product_id": "d", "warehouse_id": "shop", "quantity": 1}]', reservation_id => 'r8');
SELECT let_expire('r8');
SELECT reservations_expired FROM inventory_sweep();
SELECT new_quantity FROM inventory_adjust('d', 'shop', 1, 'out');
SELECT movement_type FROM inventory_retire('d', 'shop');
SAVEPOINT s;
\set VERBOSITY terse
SELECT * FROM inventory_commit('r8');
\set VERBOSITY default
ROLLBACK TO s;
SELECT * FROM inventory_reserve('[{"product_id": "d", "warehouse_id": "shop", "quantity": 1}]', reservation_id => 'r8');
ROLLBACK TO s;
SELECT * FROM inventory_release('r8');
SELECT product_id, new_quantity FROM inventory_reserve('[{"product_id": "b", "warehouse_id": "shop", "quantity": 1}]', reservation_id => 'r8');
SELECT * FROM holds WHERE reservation_id = 'r8';
ROLLBACK;

-- A floor below zero can be held down to, a floor above cannot be held away.
SELECT version FROM inventory_define('e', 'shop', stock_floor => -2, initial_quantity => 1);
SELECT new_quantity, quantity_reserved FROM inventory_reserve('[{"product_id": "e", "warehouse_id": "shop", "quantity": 3}]', reservation_id => 'r9');
SELECT * FROM inventory_reserve('[{"product_id": "e", "warehouse_id": "shop", "quantity": 1}]', reservation_id => 'r10');
SELECT new_quantity, quantity_reserved FROM inventory_commit('r9');

-- What no reservation can be.
SELECT * FROM inventory_reserve(NULL);
SELECT * FROM inventory_reserve('[]');
SELECT * FROM inventory_reserve('[{"product_id": "a", "warehouse_id": "shop", "quantity": 0}]');
SELECT * FROM inventory_reserve('[{"product_id": "a", "warehouse_id": "shop", "quantity": -1}]');
SELECT * FROM inventory_reserve('[{"product_id": "a", "warehouse_id": "shop"}]');
SELECT * FROM inventory_reserve('[{"product_id": "a", "warehouse_id": "shop", "quantity": 1, "movement_type": "out"}]');
SELECT * FROM inventory_reserve('[{"product_id": "z", "warehouse_id": "shop", "quantity": 1}]', reservation_id => 'z');
SELECT * FROM inventory_reserve('[{"product_id": "a", "warehouse_id": "shop", "quantity": 1}]', '0 s');
SELECT * FROM inventory_reserve('[{"product_id": "a", "warehouse_id": "shop", "quantity": 1}]', '-1 s');
SELECT * FROM inventory_reserve('[{"product_id": "a", "warehouse_id": "shop", "quantity": 1}]', '367 days');
SELECT * FROM inventory_reserve('[{"product_id": "a", "warehouse_id": "shop", "quantity": 1}]', reservation_id => '');
SELECT * FROM inventory_commit('nobody');
SELECT * FROM inventory_commit(NULL);
SELECT * FROM inventory_commit('r7', '[]');
SELECT * FROM inventory_release('nobody');
SELECT * FROM inventory_release(NULL);

SELECT * FROM holds;
SELECT * FROM stock;
SELECT * FROM inventory_reconcile();
DROP VIEW holds, stock;
DROP FUNCTION let_expire;
