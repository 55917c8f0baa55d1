-- Who may see and do what: claims, members, and what is denied.
\pset null '(null)'
\set SHOW_CONTEXT never

CREATE ROLE regress_gateway;
SELECT inventory_grant('manager', 'regress_gateway');
CREATE ROLE regress_backend;
SELECT inventory_grant('backend', 'regress_backend');

SET inventory.organization = 'globex';
SELECT version FROM inventory_define('bolt', 'W1', initial_quantity => 10);
SELECT version FROM inventory_define('bolt', 'W2', initial_quantity => 20);
SET inventory.organization = 'hooli';
SELECT version FROM inventory_define('bolt', 'W1', initial_quantity => 99);
RESET inventory.organization;

CREATE FUNCTION attempt(statement text) RETURNS text
	LANGUAGE plpgsql AS $$
DECLARE
	code text; message text; detail text;
BEGIN
	EXECUTE statement;
	RETURN 'done';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
	RETURN format('%s %s / %s', code, message, detail);
END $$;
GRANT EXECUTE ON FUNCTION attempt TO regress_gateway, regress_backend;

-- A backend without claims has everything of the organization it names.
SET ROLE regress_backend;
SET inventory.organization = 'globex';
SELECT organization_id, warehouses, role, actor = session_user AS actor FROM inventory_scope();
SELECT warehouse_id, quantity_available FROM inventory_list();
SELECT new_quantity FROM inventory_adjust('bolt', 'W1', -1, 'out', performed_by => 'till 7');
-- Row-level security says the same of the table.
SELECT organization_id, warehouse_id, quantity_available FROM inventory ORDER BY 1, 2;
RESET inventory.organization;
RESET ROLE;

-- A gateway without claims has nothing.
SET ROLE regress_gateway;
SELECT attempt('SELECT * FROM inventory_list()');
SELECT attempt('SELECT * FROM inventory');
SELECT attempt($$SELECT inventory_adjust('bolt', 'W1', -1, 'out')$$);
-- The setting does not help it.
SET inventory.organization = 'globex';
SELECT attempt('SELECT * FROM inventory_list()');
RESET inventory.organization;

-- A viewer of W1 sees W1 only, and writes nothing.
SET request.jwt.claims = '{"sub": "vera", "org": "globex", "inventory": {"role": "viewer", "warehouses": ["W1"]}}';
SELECT * FROM inventory_scope();
SELECT warehouse_id, quantity_available FROM inventory_list();
SELECT organization_id, warehouse_id, quantity_available FROM inventory;
SELECT DISTINCT organization_id, warehouse_id FROM inventory_movement;
SELECT attempt($$SELECT inventory_adjust('bolt', 'W1', -1, 'out')$$);
SELECT attempt($$SELECT inventory_adjust('bolt', 'W2', -1, 'out')$$);
SELECT attempt($$SELECT inventory_adjust('nothing', 'W2', -1, 'out')$$);
SELECT attempt($$SELECT inventory_reserve('[{"product_id": "bolt", "warehouse_id": "W1", "quantity": 1}]')$$);
SELECT attempt($$SELECT inventory_define('bolt', 'W1', minimum_stock => 1)$$);
SELECT status, sqlstate, message FROM inventory_sync('[{"kind": "adjust", "idempotency_key": "v1", "product_id": "bolt", "warehouse_id": "W1", "quantity": -1}]');

-- An operator of W1 adjusts W1 only, and may not force, define, or act for others.
SET request.jwt.claims = '{"sub": "otto", "org": "globex", "inventory": {"role": "operator", "warehouses": ["W1"]}}';
SELECT new_quantity FROM inventory_adjust('bolt', 'W1', -1, 'out');
SELECT performed_by FROM inventory_movement ORDER BY version DESC LIMIT 1;
SELECT attempt($$SELECT inventory_adjust('bolt', 'W1', -100, 'out', on_shortage => 'force')$$);
SELECT attempt($$SELECT inventory_adjust('bolt', 'W1', -1, 'out', performed_by => 'mina')$$);
SELECT attempt($$SELECT inventory_define('bolt', 'W1', minimum_stock => 1)$$);
SELECT attempt($$SELECT inventory_retire('bolt', 'W1')$$);
SELECT attempt($$SELECT inventory_transfer('bolt', 'W1', 'W2', 1)$$);
SELECT attempt($$SELECT inventory_apply('[{"product_id": "bolt", "warehouse_id": "W1", "quantity": -1}, {"product_id": "bolt", "warehouse_id": "W2", "quantity": -1}]')$$);
-- Not even a manager touches a table.
SELECT attempt('UPDATE inventory SET quantity_available = 0');
SELECT attempt('DELETE FROM inventory_movement');
SELECT attempt('SELECT * FROM inventory_event');
SELECT attempt('SELECT * FROM inventory_tick');
SELECT attempt('SELECT * FROM inventory_relay_read(NULL)');
SELECT attempt('SELECT * FROM inventory_sweep()');

-- The events of the scope: nothing of W2, nothing of the rival.
SELECT DISTINCT organization_id, warehouse_id FROM inventory_events(NULL, 100000);

-- Another organization's item of the same name does not exist for one.
SET request.jwt.claims = '{"sub": "rita", "org": "initech", "inventory": {"role": "manager"}}';
SELECT * FROM inventory_list();
SELECT attempt($$SELECT inventory_adjust('bolt', 'W1', -1, 'out')$$);
SELECT count(*) FROM inventory_reconcile();
-- A unique violation does not tell of it either.
SELECT version FROM inventory_define('bolt', 'W1', initial_quantity => 1);

-- Claims that deny: empty, malformed, without subject, without access, of another type.
SET request.jwt.claims = '';
SELECT attempt('SELECT * FROM inventory_list()');
SET request.jwt.claims = '{';
SELECT attempt('SELECT * FROM inventory_list()');
SET request.jwt.claims = '[]';
SELECT attempt('SELECT * FROM inventory_list()');
SET request.jwt.claims = '{"org": "globex", "inventory": {"role": "manager"}}';
SELECT attempt('SELECT * FROM inventory_list()');
SET request.jwt.claims = '{"sub": "", "org": "globex", "inventory": {"role": "manager"}}';
SELECT attempt('SELECT * FROM inventory_list()');
SET request.jwt.claims = '{"sub": "x", "org": 7, "inventory": {"role": "manager"}}';
SELECT attempt('SELECT * FROM inventory_list()');
SET request.jwt.claims = '{"sub": "x", "org": "globex", "role": "manager"}';
SELECT attempt('SELECT * FROM inventory_list()');
SET request.jwt.claims = '{"sub": "x", "org": "globex", "inventory": {"role": "owner"}}';
SELECT attempt('SELECT * FROM inventory_list()');
SET request.jwt.claims = '{"sub": "x", "org": "globex", "inventory": {}}';
SELECT attempt('SELECT * FROM inventory_list()');
SET request.jwt.claims = '{"sub": "x", "org": "globex", "inventory": {"role": "viewer", "warehouses": "W1"}}';
SELECT attempt('SELECT * FROM inventory_list()');
SET request.jwt.claims = '{"sub": "x", "org": "globex", "inventory": {"role": "viewer", "warehouses": [1]}}';
SELECT attempt('SELECT * FROM inventory_list()');
SET request.jwt.claims = '{"sub": "x", "org": "globex", "inventory": {"role": "viewer", "warehouses": []}}';
SELECT count(*) FROM inventory_list();
RESET ROLE;
-- Also for a backend: claims that are set are what counts, even when a SET LOCAL has ended.
\c -
\pset null '(null)'
SET ROLE regress_backend;
BEGIN;
SET LOCAL request.jwt.claims = '{"sub": "x", "org": "globex", "inventory": {"role": "viewer"}}';
SELECT count(*) FROM inventory_list();
COMMIT;
SELECT attempt('SELECT * FROM inventory_list()');
RESET ROLE;

-- Members: the scope is what token and row both give.
INSERT INTO inventory_member VALUES ('globex', 'otto', '{W1,W2}', 'viewer'), ('globex', 'mina', NULL, 'manager');
SET ROLE regress_gateway;
SET request.jwt.claims = '{"sub": "otto", "org": "globex", "inventory": {"role": "operator", "warehouses": ["W1", "W3"]}}';
SELECT warehouses, role FROM inventory_scope();
SET request.jwt.claims = '{"sub": "otto", "org": "globex"}';
SELECT warehouses, role FROM inventory_scope();
SELECT subject FROM inventory_member;
SET request.jwt.claims = '{"sub": "mina", "org": "globex"}';
SELECT warehouses, role FROM inventory_scope();
SELECT subject FROM inventory_member ORDER BY 1;
-- In an organization with members, a token alone is not enough ...
SET request.jwt.claims = '{"sub": "eve", "org": "globex", "inventory": {"role": "manager"}}';
SELECT attempt('SELECT * FROM inventory_list()');
RESET ROLE;
-- ... and deleting the last member opens nothing.
DELETE FROM inventory_member;
SELECT * FROM inventory_organization;
SET ROLE regress_gateway;
SELECT attempt('SELECT * FROM inventory_list()');
RESET ROLE;
-- A prepared plan keeps no old scope.
INSERT INTO inventory_member VALUES ('globex', 'otto', '{W1}', 'viewer');
SET ROLE regress_gateway;
SET request.jwt.claims = '{"sub": "otto", "org": "globex"}';
PREPARE seen AS SELECT warehouse_id FROM inventory ORDER BY 1;
EXECUTE seen;
RESET ROLE;
UPDATE inventory_member SET warehouses = '{W2}';
SET ROLE regress_gateway;
EXECUTE seen;
RESET ROLE;
DELETE FROM inventory_member;
SET ROLE regress_gateway;
EXECUTE seen;
RESET ROLE;
DEALLOCATE seen;

-- Every change of rights is an event for relays, and for nobody else.
INSERT INTO inventory_member VALUES ('globex', 'zoe', NULL, 'viewer');
TRUNCATE inventory_member;
UPDATE inventory_organization SET members_only = false;
SELECT type, subject, count(*) FROM inventory_event WHERE type = 'access.changed' GROUP BY 1, 2 ORDER BY 2;
-- Of organizations also when the key changes, and when all go at once.
BEGIN;
DELETE FROM inventory_event;
INSERT INTO inventory_organization VALUES ('acme', false);
UPDATE inventory_organization SET organization_id = 'initrode' WHERE organization_id = 'acme';
UPDATE inventory_organization SET members_only = true WHERE organization_id = 'initrode';
TRUNCATE inventory_organization;
SELECT organization_id, subject, count(*) FROM inventory_event WHERE type = 'access.changed' GROUP BY 1, 2 ORDER BY 1;
ROLLBACK;
RESET request.jwt.claims;
SET inventory.organization = 'globex';
SELECT count(*) FROM inventory_events(NULL, 100000) WHERE type = 'access.changed';
RESET inventory.organization;
INSERT INTO inventory_member VALUES ('globex', 'bad', NULL, 'owner');
INSERT INTO inventory_member VALUES ('globex', '', NULL, 'viewer');

-- What a relay asks for a token it has verified.
SELECT * FROM inventory_relay_scope('{"sub": "pat", "org": "globex", "inventory": {"role": "operator", "warehouses": ["W2"]}, "name": "Pat", "picture": "https://example.org/p.png"}');
SELECT * FROM inventory_relay_scope('{}');
SELECT * FROM inventory_relay_scope(NULL);

-- The policy costs an initplan, not a call per row.
CREATE FUNCTION pg_temp.plan(query text) RETURNS SETOF text LANGUAGE plpgsql AS
	$$ BEGIN RETURN QUERY EXECUTE 'EXPLAIN (COSTS OFF) ' || query; END $$;
SET ROLE regress_backend;
SET inventory.organization = 'globex';
SELECT count(*) FILTER (WHERE line ~ '^ *InitPlan') AS once, count(*) FILTER (WHERE line ~ 'SubPlan|Filter:.*inventory_scope') AS per_row
FROM pg_temp.plan('SELECT * FROM inventory_movement') AS line;
RESET inventory.organization;
RESET ROLE;

-- Through level reader nobody changes anything, a manager neither.
CREATE ROLE regress_reader;
SELECT inventory_grant('reader', 'regress_reader');
GRANT EXECUTE ON FUNCTION attempt TO regress_reader;
BEGIN;
UPDATE inventory SET quantity_available = quantity_available + 1 WHERE organization_id = 'hooli';
SET LOCAL request.jwt.claims = '{"sub": "gavin", "org": "hooli", "inventory": {"role": "manager"}}';
SET LOCAL ROLE regress_reader;
SELECT "check", repaired FROM inventory_reconcile();
SELECT attempt('SELECT inventory_reconcile(repair => true)');
SELECT "check" FROM inventory_reconcile();
SET LOCAL ROLE regress_gateway;
SELECT "check", repaired FROM inventory_reconcile(repair => true);
ROLLBACK;
DROP OWNED BY regress_reader;
DROP ROLE regress_reader;

-- Nor does anybody get by inventory_sync what his role may not call: each operation needs what its verb needs.
CREATE ROLE regress_clerk;
SELECT inventory_grant('operator', 'regress_clerk');
REVOKE EXECUTE ON FUNCTION inventory_transfer FROM regress_clerk;
-- What somebody has named alike counts for nothing, and is given to nobody.
CREATE FUNCTION inventory_define(x int) RETURNS void LANGUAGE sql AS '';
REVOKE EXECUTE ON FUNCTION inventory_define(int) FROM PUBLIC;
SELECT inventory_grant('manager', 'regress_gateway');
SELECT has_function_privilege('regress_gateway', 'inventory_define(int)', 'EXECUTE');
BEGIN;
SET LOCAL request.jwt.claims = '{"sub": "gavin", "org": "hooli", "inventory": {"role": "manager"}}';
SELECT FROM inventory_define('bolt', 'W2', initial_quantity => 1);
CREATE FUNCTION pg_temp.sync_all() RETURNS TABLE (kind text, status text, sqlstate text, message text)
	LANGUAGE sql AS $$
	WITH wanted AS (SELECT jsonb_agg(o || jsonb_build_object('idempotency_key', o->>'kind')) AS list
		FROM jsonb_array_elements('[{"kind": "define", "product_id": "bolt", "warehouse_id": "W1", "minimum_stock": 7},
			{"kind": "retire", "product_id": "bolt", "warehouse_id": "W9"},
			{"kind": "batch_set", "product_id": "bolt", "warehouse_id": "W1", "batch_number": "B"},
			{"kind": "transfer", "product_id": "bolt", "from_warehouse_id": "W1", "to_warehouse_id": "W2", "quantity": 1},
			{"kind": "adjust", "product_id": "bolt", "warehouse_id": "W1", "quantity": 1}]') o)
	SELECT s.idempotency_key, s.status, s.sqlstate, s.message FROM wanted, inventory_sync(list) s
$$;
SET LOCAL ROLE regress_clerk;
SELECT * FROM pg_temp.sync_all();
SET LOCAL ROLE regress_gateway;
SELECT * FROM pg_temp.sync_all();
-- A function of somebody else's answers for those who may not even sync.
RESET ROLE;
CREATE FUNCTION answering() RETURNS SETOF text LANGUAGE sql SECURITY DEFINER
	AS $$SELECT status FROM inventory_sync('[{"kind": "define", "idempotency_key": "a", "product_id": "bolt", "warehouse_id": "W1", "minimum_stock": 8}]')$$;
REVOKE EXECUTE ON FUNCTION inventory_sync FROM regress_clerk;
SET LOCAL ROLE regress_clerk;
SELECT answering();
ROLLBACK;
DROP FUNCTION inventory_define(int);
DROP OWNED BY regress_clerk;
DROP ROLE regress_clerk;

-- Levels are taken back as they were given; what is none is refused.
SELECT inventory_revoke('manager', 'regress_gateway');
SET ROLE regress_gateway;
SELECT attempt('SELECT * FROM inventory_list()');
RESET ROLE;
SELECT inventory_grant('owner', 'regress_gateway');
SELECT inventory_grant(NULL, 'regress_gateway');
SELECT inventory_revoke('backend', 'regress_backend');
DROP OWNED BY regress_gateway, regress_backend;
DROP FUNCTION attempt;
DROP ROLE regress_gateway;
DROP ROLE regress_backend;
