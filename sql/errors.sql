-- Every refusal, with its SQLSTATE, message, detail and hint.
\pset null '(null)'
\pset format unaligned
\pset fieldsep ' | '
\t on

CREATE FUNCTION attempt(statement text) RETURNS TABLE (code text, message text, detail text, hint text)
	LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	code := 'no error';
	RETURN NEXT;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN NEXT;
END $$;

SELECT version FROM inventory_define('err', 'shop', initial_quantity => 10);

-- Bad arguments: 22023
SELECT * FROM attempt($$SELECT inventory_adjust(NULL, 'shop', 1)$$);
SELECT * FROM attempt($$SELECT inventory_adjust('err', NULL, 1)$$);
SELECT * FROM attempt($$SELECT inventory_adjust('', 'shop', 1)$$);
SELECT * FROM attempt($$SELECT inventory_adjust('err', '', 1)$$);
SELECT * FROM attempt($$SELECT inventory_adjust(repeat('x', 201), 'shop', 1)$$);
SELECT * FROM attempt($$SELECT inventory_adjust(E'a\nb', 'shop', 1)$$);
SELECT * FROM attempt($$SELECT inventory_adjust('err', 'shop', NULL)$$);
SELECT * FROM attempt($$SELECT inventory_adjust('err', 'shop', 0)$$);
SELECT * FROM attempt($$SELECT inventory_adjust('err', 'shop', 1, 'sideways')$$);
SELECT * FROM attempt($$SELECT inventory_adjust('err', 'shop', 1, NULL)$$);
SELECT * FROM attempt($$SELECT inventory_adjust('err', 'shop', 1, 'created')$$);
SELECT * FROM attempt($$SELECT inventory_adjust('err', 'shop', 1, on_shortage => 'clamp')$$);
SELECT * FROM attempt($$SELECT inventory_adjust('err', 'shop', 1, on_shortage => NULL)$$);
SELECT * FROM attempt($$SELECT inventory_adjust('err', 'shop', 1, expected_version => 0)$$);
SELECT * FROM attempt($$SELECT inventory_adjust('err', 'shop', 1, reason => repeat('x', 501))$$);
SELECT * FROM attempt($$SELECT inventory_adjust('err', 'shop', 1, performed_by => repeat('x', 201))$$);
SELECT * FROM attempt($$SELECT inventory_adjust('err', 'shop', 1, reference => repeat('x', 201))$$);
SELECT * FROM attempt($$SELECT inventory_adjust('err', 'shop', 1, idempotency_key => '')$$);
SELECT * FROM attempt($$SELECT inventory_adjust('err', 'shop', 1, idempotency_key => repeat('x', 201))$$);
SELECT * FROM attempt($$SELECT inventory_adjust('err', 'shop', 1, occurred_at => 'infinity')$$);
SELECT * FROM attempt($$SELECT inventory_adjust('err', 'shop', 1, occurred_at => '0001-12-31 23:59:59.999999+00 BC')$$);
SELECT * FROM attempt($$SELECT inventory_adjust('err', 'shop', 1, occurred_at => '10000-01-01 00:00+00')$$);
SELECT * FROM attempt($$SELECT inventory_adjust('err', 'shop', 1, batch_number => 'B1')$$);
SELECT * FROM attempt($$SELECT inventory_define('err2', 'shop', minimum_stock => -1)$$);
SELECT * FROM attempt($$SELECT inventory_define('err2', 'shop', initial_quantity => -1)$$);
SELECT * FROM attempt($$SELECT inventory_define('err2', 'shop', attributes => '[1]')$$);
SELECT * FROM attempt($$SELECT inventory_define('err2', 'shop', attributes => jsonb_build_object('a', repeat('x', 4096)))$$);
SELECT * FROM attempt($$SELECT inventory_define('err2', 'shop', attributes => '{"a": 1e10000}')$$);
SELECT * FROM attempt($$SELECT inventory_define('err2', NULL)$$);

-- Out of range: 22003
SELECT * FROM attempt($$SELECT inventory_adjust('err', 'shop', 9007199254740992)$$);
SELECT * FROM attempt($$SELECT inventory_adjust('err', 'shop', -9223372036854775808)$$);
SELECT * FROM attempt($$SELECT inventory_adjust('err', 'shop', 9007199254740991, 'in')$$);
SELECT * FROM attempt($$SELECT inventory_define('err2', 'shop', minimum_stock => 9007199254740992)$$);

-- No such item: IV404, and the organization that was searched
SELECT * FROM attempt($$SELECT inventory_adjust('O''Brien', 'shop', 1)$$);
SELECT * FROM attempt($$SELECT inventory_adjust('err', 'elsewhere', 1)$$);
SET inventory.organization = 'acme';
SELECT * FROM attempt($$SELECT inventory_adjust('err', 'shop', 1)$$);
RESET inventory.organization;

-- Stale version: IV412, with the row as it is
SELECT code, message, regexp_replace(regexp_replace(detail, '"lastModifiedAt":"[^"]*"', '"lastModifiedAt":…'), '"inventoryId":\d+', '"inventoryId":…'), hint
	FROM attempt($$SELECT inventory_adjust('err', 'shop', 1, expected_version => 7)$$);

-- Short: IV422, with what was asked and what there is
SELECT * FROM attempt($$SELECT inventory_adjust('err', 'shop', -11, 'out')$$);
SELECT * FROM attempt($$SELECT inventory_adjust('err', 'shop', -11)$$);

-- A key used twice: IV400
SELECT code FROM attempt($$SELECT inventory_adjust('err', 'shop', 1, idempotency_key => 'twice')$$);
SELECT * FROM attempt($$SELECT inventory_adjust('err', 'shop', 2, idempotency_key => 'twice')$$);

-- No organization where one is demanded, or one that is none: IV403, 22023
SET inventory.require_organization = on;
SELECT * FROM attempt($$SELECT inventory_adjust('err', 'shop', 1)$$);
SELECT * FROM attempt($$SELECT * FROM inventory_list()$$);
SELECT * FROM attempt($$SELECT * FROM inventory_events()$$);
RESET inventory.require_organization;
SET inventory.organization = E'a\tb';
SELECT * FROM attempt($$SELECT inventory_adjust('err', 'shop', 1)$$);
RESET inventory.organization;

-- A lost position: IV410
SELECT * FROM attempt($$SELECT * FROM inventory_events('0-0123456789abcdef')$$);
SELECT * FROM attempt($$SELECT inventory_events('x' || repeat('ü', 40))$$);

-- The ledger is append-only: 42501
SELECT * FROM attempt($$UPDATE inventory_movement SET quantity = 1$$);
SELECT * FROM attempt($$DELETE FROM inventory_movement$$);
SELECT * FROM attempt($$TRUNCATE inventory_movement$$);

-- Carts and other lists: 22023
SELECT * FROM attempt($$SELECT inventory_apply(NULL)$$);
SELECT * FROM attempt($$SELECT inventory_apply('{}')$$);
SELECT * FROM attempt($$SELECT inventory_apply('[]')$$);
SELECT * FROM attempt($$SELECT inventory_apply((SELECT jsonb_agg(n) FROM generate_series(1, 1001) n))$$);
SELECT * FROM attempt($$SELECT inventory_apply('[7]')$$);
SELECT * FROM attempt($$SELECT inventory_apply('[{"product_id": 7, "warehouse_id": "shop", "quantity": 1}]')$$);
SELECT * FROM attempt($$SELECT inventory_apply('[{"product_id": "err", "warehouse_id": "shop"}]')$$);
SELECT * FROM attempt($$SELECT inventory_apply('[{"product_id": "err", "warehouse_id": "shop", "quantity": "1"}]')$$);
SELECT * FROM attempt($$SELECT inventory_apply('[{"product_id": "err", "warehouse_id": "shop", "quantity": 0.5}]')$$);
SELECT * FROM attempt($$SELECT inventory_apply('[{"product_id": "err", "warehouse_id": "shop", "quantity": 1, "colour": "red"}]')$$);
SELECT * FROM attempt($$SELECT inventory_apply('[{"product_id": "err", "warehouse_id": "shop", "quantity": 1, "batch_number": "B", "expires_at": "2026-13-01"}]')$$);
SELECT * FROM attempt($$SELECT inventory_apply('[{"product_id": "err", "warehouse_id": "shop", "quantity": 1, "batch_number": "B", "expires_at": "soon"}]')$$);
SELECT * FROM attempt($$SELECT inventory_reserve('[{"product_id": "err", "warehouse_id": "shop", "quantity": 0}]')$$);
SELECT * FROM attempt($$SELECT inventory_reserve('[{"product_id": "err", "warehouse_id": "shop", "quantity": 1}]', '367 days')$$);
SELECT * FROM attempt($$SELECT inventory_commit(NULL)$$);
SELECT * FROM attempt($$SELECT inventory_sync(NULL)$$);
SELECT * FROM attempt($$SELECT inventory_sync('7')$$);
SELECT * FROM attempt($$SELECT inventory_sync('[]')$$);
SELECT seq, sqlstate, message FROM inventory_sync('[7, {}, {"kind": "sell"}, {"kind": "adjust"}, {"kind": "define", "idempotency_key": "k", "product_id": "p", "warehouse_id": "w", "track_batches": 1}, {"kind": "adjust", "idempotency_key": "k", "product_id": "p", "warehouse_id": "w"}]');
SELECT * FROM attempt($$SELECT inventory_sweep(0)$$);
SELECT * FROM attempt($$SELECT inventory_events(NULL, 0)$$);
SELECT * FROM attempt($$SELECT inventory_events(NULL, NULL)$$);
SELECT * FROM attempt($$SELECT inventory_events('yesterday')$$);

-- Counts, transfers, batches: 22023
SELECT * FROM attempt($$SELECT inventory_set('err', 'shop', -1, NULL)$$);
SELECT * FROM attempt($$SELECT inventory_set('err', 'shop', 1, NULL, counted_at => 'infinity')$$);
SELECT * FROM attempt($$SELECT inventory_set('err', 'shop', 1, NULL, counted_at => '2001-01-01')$$);
SELECT * FROM attempt($$SELECT inventory_set('err', 'shop', 1, NULL, counted_at => '-infinity')$$);
SELECT * FROM attempt($$SELECT inventory_transfer('err', 'shop', 'shop', 1)$$);
SELECT * FROM attempt($$SELECT inventory_transfer('err', NULL, 'shop', 1)$$);
SELECT * FROM attempt($$SELECT inventory_batch_set('err', 'shop', NULL)$$);
SELECT * FROM attempt($$SELECT inventory_batch_set('err', 'shop', 'B', status => 'lost')$$);
SELECT * FROM attempt($$SELECT inventory_batch_set('err', 'shop', 'B', status => 'expired')$$);
SELECT * FROM attempt($$SELECT inventory_adjust('err', 'shop', 1, expires_at => '2100-01-01')$$);
SELECT version FROM inventory_define('bat', 'shop', track_batches => true);
SELECT * FROM attempt($$SELECT inventory_define('bat2', 'shop', track_batches => true, initial_quantity => 1)$$);
SELECT * FROM attempt($$SELECT inventory_adjust('bat', 'shop', 1, 'in')$$);
SELECT * FROM attempt($$SELECT inventory_set('bat', 'shop', 1, NULL)$$);
SELECT * FROM attempt($$SELECT inventory_adjust('bat', 'shop', 1, 'out', on_shortage => 'force')$$);

-- Not in the state for it: 55000
SELECT code, message, hint FROM attempt($$SELECT inventory_retire('err', 'shop')$$);
SELECT * FROM attempt($$SELECT inventory_define('err', 'shop', track_batches => true)$$);
SELECT version FROM inventory_define('bat', 'east');
SELECT * FROM attempt($$SELECT inventory_transfer('bat', 'shop', 'east', 1)$$);
-- A log without its first row.
BEGIN;
LOCK TABLE inventory_tick;
DELETE FROM inventory_tick;
SELECT * FROM attempt($$SELECT inventory_position()$$);
ROLLBACK;

-- Out of range, of each of the three figures: 22003
BEGIN;
SELECT version FROM inventory_define('big', 'shop', stock_floor => -9007199254740991, initial_quantity => 10);
SELECT count(*) FROM inventory_reserve('[{"product_id": "big", "warehouse_id": "shop", "quantity": 9007199254740991}]');
SELECT * FROM attempt($$SELECT inventory_reserve('[{"product_id": "big", "warehouse_id": "shop", "quantity": 5}]')$$);
SELECT count(*) FROM inventory_adjust('big', 'shop', 9007199254740981, 'in');
SELECT * FROM attempt($$SELECT inventory_adjust('big', 'shop', 1, 'in')$$);
SELECT * FROM attempt($$SELECT inventory_apply('[{"product_id": "err", "warehouse_id": "shop", "quantity": 1e40}]')$$);
ROLLBACK;

-- No such batch or reservation, an item that is retired: IV404
SELECT * FROM attempt($$SELECT inventory_batch_set('bat', 'shop', 'B0')$$);
SELECT * FROM attempt($$SELECT inventory_commit('nobody')$$);
SELECT count(*) FROM inventory_reserve('[{"product_id": "err", "warehouse_id": "shop", "quantity": 1}]', reservation_id => 'err-1');
SELECT * FROM attempt($$SELECT inventory_commit('err-1', '[{"product_id": "bat", "warehouse_id": "shop", "quantity": 1}]')$$);
SELECT movement_type FROM inventory_retire('bat', 'east');
SELECT * FROM attempt($$SELECT inventory_adjust('bat', 'east', 1, 'in')$$);

-- A reservation that is closed, or has expired and lost its stock: IV410
SELECT count(*) FROM inventory_release('err-1');
SELECT * FROM attempt($$SELECT inventory_commit('err-1')$$);
BEGIN;
SELECT count(*) FROM inventory_reserve('[{"product_id": "err", "warehouse_id": "shop", "quantity": 11}]', reservation_id => 'err-2');
UPDATE inventory_reservation SET expires_at = '2001-01-01' WHERE reservation_id = 'err-2';
SELECT new_quantity FROM inventory_adjust('err', 'shop', 1, 'out');
SELECT code, message, detail <> '' AS with_the_row, hint FROM attempt($$SELECT inventory_commit('err-2')$$);
ROLLBACK;

-- Another quantity than expected, another expiry: IV412
SELECT code, message, detail <> '' AS with_the_row, hint FROM attempt($$SELECT inventory_set('err', 'shop', 1, 7)$$);
SELECT new_quantity FROM inventory_adjust('bat', 'shop', 5, 'in', batch_number => 'B1', expires_at => '2100-01-01 00:00:00+00');
SELECT * FROM attempt($$SELECT inventory_adjust('bat', 'shop', 5, 'in', batch_number => 'B1', expires_at => '2100-01-02 00:00:00+00')$$);

-- No such batch, though there is stock: IV404
SELECT * FROM attempt($$SELECT inventory_adjust('bat', 'shop', 1, 'out', batch_number => 'B0')$$);

-- Short, in all the ways there are: IV422
SELECT * FROM attempt($$SELECT inventory_apply('[{"product_id": "err", "warehouse_id": "shop", "quantity": -20}, {"product_id": "bat", "warehouse_id": "shop", "quantity": -20}]')$$);
SELECT * FROM attempt($$SELECT inventory_adjust('bat', 'shop', 6, 'out')$$);
SELECT new_quantity FROM inventory_adjust('bat', 'shop', 5, 'in', batch_number => 'B2');
SELECT * FROM attempt($$SELECT inventory_adjust('bat', 'shop', 6, 'out', batch_number => 'B2')$$);
SELECT count(*) FROM inventory_reserve('[{"product_id": "err", "warehouse_id": "shop", "quantity": 1}]', reservation_id => 'err-3');
SELECT * FROM attempt($$SELECT inventory_commit('err-3', '[{"product_id": "err", "warehouse_id": "shop", "quantity": 2}]')$$);
SELECT count(*) FROM inventory_release('err-3');

-- A batch that must not be sold: IV423
SELECT movement_type FROM inventory_batch_set('bat', 'shop', 'B2', status => 'quarantined');
SELECT * FROM attempt($$SELECT inventory_adjust('bat', 'shop', 1, 'out', batch_number => 'B2')$$);
BEGIN;
SELECT movement_type FROM inventory_batch_set('bat', 'shop', 'B2', status => 'active', expires_at => '2001-01-01');
SELECT * FROM attempt($$SELECT inventory_adjust('bat', 'shop', 1, 'out', batch_number => 'B2')$$);
SELECT batches_expired FROM inventory_sweep();
SELECT * FROM attempt($$SELECT inventory_adjust('bat', 'shop', 1, 'in', batch_number => 'B2')$$);
SELECT * FROM attempt($$SELECT inventory_batch_set('bat', 'shop', 'B2', status => 'active')$$);
ROLLBACK;

-- Nothing of all that has changed anything.
SELECT quantity_available, version FROM inventory WHERE product_id = 'err';
SELECT count(*) FROM inventory WHERE product_id = 'err2';

DROP FUNCTION attempt;
