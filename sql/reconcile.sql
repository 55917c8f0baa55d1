-- inventory_reconcile: do counters, ledger, holds and batches agree, and how to get there again.
\pset null '(null)'
SET inventory.organization = 'reconcile';

SELECT version FROM inventory_define('a', 'shop', initial_quantity => 10);
SELECT new_quantity FROM inventory_adjust('a', 'shop', 4, 'out');
SELECT version FROM inventory_define('b', 'shop', initial_quantity => 10);
SELECT new_quantity FROM inventory_reserve('[{"product_id": "b", "warehouse_id": "shop", "quantity": 3}]', reservation_id => 'reconcile-1');
SELECT version FROM inventory_define('c', 'shop', track_batches => true);
SELECT new_quantity FROM inventory_adjust('c', 'shop', 8, 'in', batch_number => 'C1');
SELECT version FROM inventory_define('a', 'depot', initial_quantity => 5);

-- No row means that all is well.
SELECT * FROM inventory_reconcile();

-- What a look finds, a repair mends, and the next look finds no more.
CREATE FUNCTION look(repair boolean) RETURNS TABLE (item text, "check" text, expected bigint, actual bigint, repaired boolean)
	LANGUAGE sql SET search_path FROM CURRENT AS
	$$SELECT product_id || '/' || warehouse_id, "check", expected, actual, repaired FROM inventory_reconcile(repair => repair)$$;
CREATE PROCEDURE mend() LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
	r record;
BEGIN
	FOR r IN SELECT * FROM look(false) LOOP
		RAISE NOTICE 'found: %', r;
	END LOOP;
	FOR r IN SELECT * FROM look(true) LOOP
		RAISE NOTICE 'mended: %', r;
	END LOOP;
	FOR r IN SELECT * FROM look(false) LOOP
		RAISE NOTICE 'still there: %', r;
	END LOOP;
	FOR r IN SELECT product_id, warehouse_id, movement_type, quantity, delta_available, delta_reserved, available_after, reserved_after
		FROM inventory_movement WHERE organization_id = 'reconcile' AND reason = 'reconcile' ORDER BY movement_id LOOP
		RAISE NOTICE 'movement: %', r;
	END LOOP;
END $$;
-- The ledger is append-only even for us, but for a superuser's tricks.
CREATE FUNCTION damage(statement text) RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT SET session_replication_role = replica AS
	$$BEGIN EXECUTE statement; END$$;

-- A counter that was edited by hand: what is there is true.
BEGIN;
UPDATE inventory SET quantity_available = 9 WHERE organization_id = 'reconcile' AND product_id = 'a' AND warehouse_id = 'shop';
CALL mend();
SELECT quantity_available, version FROM inventory_list('a', 'shop');
SELECT type, data->>'quantityAvailable' AS available, data->>'changeAmount' AS change, data->>'previousQuantity' AS previous FROM inventory_event WHERE organization_id = 'reconcile' AND data->>'reason' = 'reconcile';
SELECT new_quantity, version FROM inventory_adjust('a', 'shop', 9, 'out');
ROLLBACK;
-- A reserved counter: the open holds are true, and on hand stays.
BEGIN;
UPDATE inventory SET quantity_reserved = 5, quantity_available = 5 WHERE organization_id = 'reconcile' AND product_id = 'b';
CALL mend();
SELECT quantity_available, quantity_reserved FROM inventory_list('b', 'shop');
SELECT new_quantity, quantity_reserved FROM inventory_commit('reconcile-1');
ROLLBACK;
-- A hold that was deleted.
BEGIN;
DELETE FROM inventory_reservation_line WHERE organization_id = 'reconcile';
CALL mend();
SELECT quantity_available, quantity_reserved FROM inventory_list('b', 'shop');
ROLLBACK;
-- A batch that was edited.
BEGIN;
UPDATE inventory_batch SET quantity = 6 WHERE organization_id = 'reconcile';
CALL mend();
SELECT quantity_available FROM inventory_list('c', 'shop');
SELECT new_quantity FROM inventory_adjust('c', 'shop', 6, 'out');
ROLLBACK;
-- A movement that was changed, and one that is missing: a gap stays, and is told.
BEGIN;
SELECT damage($$UPDATE inventory_movement SET delta_available = -3 WHERE organization_id = 'reconcile' AND movement_type = 'out'$$);
CALL mend();
ROLLBACK;
BEGIN;
SELECT damage($$DELETE FROM inventory_movement WHERE organization_id = 'reconcile' AND product_id = 'a' AND warehouse_id = 'shop' AND version = 1$$);
CALL mend();
ROLLBACK;
-- A row that is behind its ledger, as after a restored table: it goes on after the last entry.
BEGIN;
UPDATE inventory SET version = 1, quantity_available = 10 WHERE organization_id = 'reconcile' AND product_id = 'a' AND warehouse_id = 'shop';
CALL mend();
SELECT new_quantity, version FROM inventory_adjust('a', 'shop', 1, 'out');
ROLLBACK;
-- A row that is ahead of it.
BEGIN;
UPDATE inventory SET version = 9 WHERE organization_id = 'reconcile' AND product_id = 'a' AND warehouse_id = 'shop';
CALL mend();
ROLLBACK;
-- All of it at once.
BEGIN;
UPDATE inventory SET quantity_available = 100, quantity_reserved = 7 WHERE organization_id = 'reconcile';
DELETE FROM inventory_reservation_line WHERE organization_id = 'reconcile';
UPDATE inventory_batch SET quantity = 1 WHERE organization_id = 'reconcile';
CALL mend();
SELECT product_id, warehouse_id, quantity_available, quantity_reserved FROM inventory_list() ORDER BY 1, 2;
ROLLBACK;

-- Of one item, of one warehouse, of one's own organization only.
BEGIN;
UPDATE inventory SET quantity_available = quantity_available + 1 WHERE organization_id = 'reconcile';
SELECT product_id, warehouse_id, "check", repaired FROM inventory_reconcile('a');
SELECT product_id, warehouse_id, "check", repaired FROM inventory_reconcile(warehouse_id => 'depot', repair => true);
SELECT product_id, warehouse_id, "check", repaired FROM inventory_reconcile('b', 'shop', true);
SELECT product_id, warehouse_id, "check" FROM inventory_reconcile();
SELECT * FROM inventory_reconcile('nobody');
SET LOCAL inventory.organization = 'elsewhere';
SELECT * FROM inventory_reconcile(repair => true);
ROLLBACK;

SELECT * FROM inventory_reconcile();
DROP PROCEDURE mend;
DROP FUNCTION damage, look;
