-- Events stay small: a kilobyte for ids up to 64 bytes, two at the limits of everything.
SET inventory.organization = 'event size';
SELECT repeat('p', 64) AS p, repeat('w', 64) AS w, repeat('k', 64) AS k, repeat('a', 64) AS a, repeat('r', 500) AS r \gset
SELECT version FROM inventory_define(:'p', :'w', minimum_stock => 9007199254740991, initial_quantity => 9007199254740991);
SELECT version FROM inventory_adjust(:'p', :'w', -9007199254740990, 'adjustment', reason => :'r', performed_by => :'a', reference => repeat('f', 200), idempotency_key => :'k');
SELECT version FROM inventory_reserve(jsonb_build_array(jsonb_build_object('product_id', :'p', 'warehouse_id', :'w', 'quantity', 1)), reservation_id => :'k', reason => :'r', performed_by => :'a');
SELECT count(*) AS events, max(octet_length(data::text)) < 1024 AS below_1_kb FROM inventory_event WHERE organization_id = 'event size';

-- Ids of 200 bytes each, in an organization whose name is as long.
SELECT repeat('o', 200) AS o, repeat('p', 200) AS p, repeat('w', 200) AS w, repeat('k', 200) AS k, repeat('a', 200) AS a, repeat('b', 200) AS b \gset
SET inventory.organization = :'o';
SELECT version FROM inventory_define(:'p', :'w', minimum_stock => 9007199254740991, initial_quantity => 9007199254740991);
SELECT version FROM inventory_adjust(:'p', :'w', -9007199254740990, 'adjustment', reason => :'r', performed_by => :'a', reference => repeat('f', 200), idempotency_key => :'k');
SELECT version FROM inventory_define(:'b', :'w', track_batches => true);
BEGIN;
SELECT version FROM inventory_adjust(:'b', :'w', 1000000, 'in', batch_number => :'b', expires_at => now() + interval '1 day');
SELECT batches_alerted FROM inventory_sweep();
-- A hold of a hundred lines expires: as many of them are told as fit.
SELECT count(*) FROM generate_series(1, 100) n, LATERAL inventory_define(left(n || :'p', 200), :'w', initial_quantity => 9007199254740991);
SELECT count(*) FROM inventory_reserve((SELECT jsonb_agg(jsonb_build_object('product_id', left(n || :'p', 200), 'warehouse_id', :'w', 'quantity', 9007199254740991)) FROM generate_series(1, 100) n),
	reservation_id => :'k', reference => repeat('f', 200));
UPDATE inventory_reservation SET expires_at = '2001-01-01' WHERE organization_id = :'o';
SELECT reservations_expired FROM inventory_sweep();
SELECT type, json_array_length(data->'lines') AS lines FROM inventory_event WHERE organization_id = :'o' AND type = 'reservation.expired';
SELECT count(DISTINCT type) AS types, max(octet_length(data::text)) <= 2048 AS at_most_2_kb FROM inventory_event WHERE organization_id = :'o';
ROLLBACK;

-- A small one is told whole.
SET inventory.organization = 'event size';
BEGIN;
SELECT count(*) FROM generate_series(1, 25) n, LATERAL inventory_define('p' || n, 'w', initial_quantity => 1);
SELECT count(*) FROM inventory_reserve((SELECT jsonb_agg(jsonb_build_object('product_id', 'p' || n, 'warehouse_id', 'w', 'quantity', 1)) FROM generate_series(1, 10) n), reservation_id => 'ten');
SELECT count(*) FROM inventory_reserve((SELECT jsonb_agg(jsonb_build_object('product_id', 'p' || n, 'warehouse_id', 'w', 'quantity', 1)) FROM generate_series(11, 25) n), reservation_id => 'fifteen');
UPDATE inventory_reservation SET expires_at = '2001-01-01' WHERE organization_id = 'event size' AND reservation_id IN ('ten', 'fifteen');
SELECT reservations_expired FROM inventory_sweep();
SELECT data->>'reservationId' AS reservation, json_array_length(data->'lines') AS lines FROM inventory_event WHERE organization_id = 'event size' AND type = 'reservation.expired' ORDER BY reservation;
ROLLBACK;

-- A long reason is cut where a character ends: é has two bytes, € three, 😀 four.
SELECT version FROM inventory_define('cut', 'w', initial_quantity => 100);
SELECT version FROM generate_series(0, 3) n, LATERAL inventory_adjust('cut', 'w', -1, reason => repeat('x', n) || repeat('é', 200));
SELECT version FROM generate_series(0, 3) n, LATERAL inventory_adjust('cut', 'w', -1, reason => repeat('x', n) || repeat('€', 100));
SELECT version FROM generate_series(0, 3) n, LATERAL inventory_adjust('cut', 'w', -1, reason => repeat('x', n) || repeat('😀', 100));
SELECT version FROM inventory_adjust('cut', 'w', -1, reason => repeat('x', 100));
SELECT version FROM inventory_adjust('cut', 'w', -1, reason => repeat('x', 101));
SELECT data->>'version' AS version, octet_length(data->>'reason') AS bytes, length(data->>'reason') AS characters, right(data->>'reason', 1) AS last
	FROM inventory_event WHERE organization_id = 'event size' AND product_id = 'cut' AND type = 'inventory.updated' AND data->>'reason' IS NOT NULL ORDER BY id;
-- The ledger keeps all of it.
SELECT max(octet_length(reason)) FROM inventory_movement WHERE organization_id = 'event size' AND product_id = 'cut';
-- What has to be escaped is escaped.
SELECT version FROM inventory_define(E'q"uo\\te', 'w/ü ', initial_quantity => 1);
SELECT version FROM inventory_adjust(E'q"uo\\te', 'w/ü ', -1, reason => E'"\\</script>');
SELECT data->>'productId' AS product, data->>'warehouseId' AS warehouse, data->>'reason' AS reason FROM inventory_event WHERE organization_id = 'event size' ORDER BY id DESC LIMIT 1;
