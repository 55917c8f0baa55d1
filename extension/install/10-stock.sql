-- Stock ----------------------------------------------------------------------

-- One row is one item, and the lock for everything about it.  The fillfactor
-- and the absence of indexes on changing columns keep its updates HOT; the
-- primary key serves the version check.  extension/item.c knows the columns by
-- their order, as movement.c and event.c do for their tables.
CREATE TABLE inventory (
	organization_id text COLLATE "C" NOT NULL,
	product_id text COLLATE "C" NOT NULL,
	warehouse_id text COLLATE "C" NOT NULL,
	inventory_id bigint NOT NULL GENERATED ALWAYS AS IDENTITY (MAXVALUE 9007199254740991) UNIQUE,
	quantity_available bigint NOT NULL DEFAULT 0,
	quantity_reserved bigint NOT NULL DEFAULT 0,
	quantity_on_hand bigint NOT NULL GENERATED ALWAYS AS (quantity_available + quantity_reserved) STORED,
	minimum_stock bigint NOT NULL DEFAULT 0,
	stock_floor bigint NOT NULL DEFAULT 0,
	track_batches boolean NOT NULL DEFAULT false,
	attributes jsonb,
	alert_state text COLLATE "C" NOT NULL DEFAULT 'ok',
	version bigint NOT NULL DEFAULT 1,
	last_modified_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	last_restocked_at timestamptz,
	retired_at timestamptz,
	PRIMARY KEY (organization_id, product_id, warehouse_id),
	-- one expression, because each one is compiled anew for every change
	CONSTRAINT inventory_check CHECK (
		quantity_reserved >= 0
		AND quantity_available BETWEEN -9007199254740991 AND 9007199254740991
		AND quantity_available + quantity_reserved BETWEEN -9007199254740991 AND 9007199254740991
		AND minimum_stock >= 0
		AND version > 0
		AND alert_state IN ('ok', 'low', 'out'))
) WITH (fillfactor = 70);

COMMENT ON TABLE inventory IS 'stock of one product in one warehouse: the present figures';
COMMENT ON COLUMN inventory.organization_id IS 'whose stock it is; empty where there is only one organization';
COMMENT ON COLUMN inventory.product_id IS 'the application''s own id of the product';
COMMENT ON COLUMN inventory.warehouse_id IS 'the application''s own id of the place';
COMMENT ON COLUMN inventory.inventory_id IS 'short name of the item, used by the ledger';
COMMENT ON COLUMN inventory.quantity_available IS 'what may be sold; negative only down to stock_floor, or by force';
COMMENT ON COLUMN inventory.quantity_reserved IS 'what is held by reservations';
COMMENT ON COLUMN inventory.quantity_on_hand IS 'what is in the place: available plus reserved';
COMMENT ON COLUMN inventory.minimum_stock IS 'below this the item is low';
COMMENT ON COLUMN inventory.stock_floor IS 'the least a sale may leave available: 0 never oversells, -10 allows ten backorders, 2 keeps a buffer';
COMMENT ON COLUMN inventory.track_batches IS 'stock is kept by batch, with number and expiry';
COMMENT ON COLUMN inventory.attributes IS 'name, sku, barcode, unit and the like, for people and search';
COMMENT ON COLUMN inventory.alert_state IS 'ok, low or out; alerts are sent when it changes';
COMMENT ON COLUMN inventory.version IS 'number of the last movement of this item, without gaps';
COMMENT ON COLUMN inventory.last_modified_at IS 'time of the last movement';
COMMENT ON COLUMN inventory.last_restocked_at IS 'time of the last movement that brought stock in';
COMMENT ON COLUMN inventory.retired_at IS 'since when the item is out of use';

REVOKE ALL ON inventory FROM PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('inventory', '');
SELECT pg_catalog.pg_extension_config_dump('inventory_inventory_id_seq', '');

CREATE TABLE inventory_movement (
	inventory_id bigint NOT NULL,
	version bigint NOT NULL,
	movement_id bigint NOT NULL GENERATED ALWAYS AS IDENTITY (MAXVALUE 9007199254740991),
	operation_id text COLLATE "C",
	organization_id text COLLATE "C" NOT NULL,
	product_id text COLLATE "C" NOT NULL,
	warehouse_id text COLLATE "C" NOT NULL,
	movement_type text COLLATE "C" NOT NULL,
	quantity bigint NOT NULL,
	delta_available bigint NOT NULL,
	delta_reserved bigint NOT NULL,
	available_after bigint NOT NULL,
	reserved_after bigint NOT NULL,
	reason text,
	reference text,
	performed_by text,
	db_user text NOT NULL,
	occurred_at timestamptz,
	created_at timestamptz NOT NULL,
	-- one index serves order, uniqueness and the search by time
	PRIMARY KEY (inventory_id, version)
);

COMMENT ON TABLE inventory_movement IS 'the ledger: every change of every item, never altered';
COMMENT ON COLUMN inventory_movement.inventory_id IS 'the item';
COMMENT ON COLUMN inventory_movement.version IS 'the item''s version that this movement made';
COMMENT ON COLUMN inventory_movement.movement_id IS 'short name of the movement';
COMMENT ON COLUMN inventory_movement.operation_id IS 'the idempotency key, or what groups the lines of one operation';
COMMENT ON COLUMN inventory_movement.organization_id IS 'as in inventory';
COMMENT ON COLUMN inventory_movement.product_id IS 'as in inventory';
COMMENT ON COLUMN inventory_movement.warehouse_id IS 'as in inventory';
COMMENT ON COLUMN inventory_movement.movement_type IS 'created, settings, in, out, adjustment, count, reserve, release, commit, transfer_in, transfer_out, expire or retired';
COMMENT ON COLUMN inventory_movement.quantity IS 'what was asked, with its sign';
COMMENT ON COLUMN inventory_movement.delta_available IS 'what became of it: change of the available quantity';
COMMENT ON COLUMN inventory_movement.delta_reserved IS 'change of the reserved quantity';
COMMENT ON COLUMN inventory_movement.available_after IS 'available quantity after the movement';
COMMENT ON COLUMN inventory_movement.reserved_after IS 'reserved quantity after the movement';
COMMENT ON COLUMN inventory_movement.reason IS 'why, in words or by one of the documented codes';
COMMENT ON COLUMN inventory_movement.reference IS 'the order, invoice or document it belongs to';
COMMENT ON COLUMN inventory_movement.performed_by IS 'who did it, as the caller says';
COMMENT ON COLUMN inventory_movement.db_user IS 'session_user, which the caller cannot choose';
COMMENT ON COLUMN inventory_movement.occurred_at IS 'when it happened, as the caller says';
COMMENT ON COLUMN inventory_movement.created_at IS 'clock at the write, never before that of an earlier version';

REVOKE ALL ON inventory_movement FROM PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('inventory_movement', '');
SELECT pg_catalog.pg_extension_config_dump('inventory_movement_movement_id_seq', '');

CREATE FUNCTION inventory_movement_refuse() RETURNS trigger
	LANGUAGE plpgsql
	SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RAISE EXCEPTION USING
		ERRCODE = '42501',
		MESSAGE = 'the ledger is append-only',
		HINT = 'Correct a movement by another one, with inventory_adjust or inventory_set.';
END
$$;
COMMENT ON FUNCTION inventory_movement_refuse() IS 'trigger that keeps the ledger append-only';
REVOKE ALL ON FUNCTION inventory_movement_refuse() FROM PUBLIC;

CREATE TRIGGER inventory_movement_append_only
	BEFORE UPDATE OR DELETE OR TRUNCATE ON inventory_movement
	FOR EACH STATEMENT EXECUTE FUNCTION inventory_movement_refuse();
COMMENT ON TRIGGER inventory_movement_append_only ON inventory_movement IS 'refuses UPDATE, DELETE and TRUNCATE';

CREATE TABLE inventory_operation (
	organization_id text COLLATE "C" NOT NULL,
	operation_id text COLLATE "C" NOT NULL,
	kind text COLLATE "C" NOT NULL,
	request_hash bytea,
	result jsonb,
	performed_by text,
	created_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	PRIMARY KEY (organization_id, operation_id)
	-- a key is claimed first and answered later in the same transaction: room
	-- for the answer on the same page keeps that update HOT
) WITH (fillfactor = 30);

COMMENT ON TABLE inventory_operation IS 'operations done under an idempotency key, and those of several items, with their answers';
COMMENT ON COLUMN inventory_operation.organization_id IS 'whose operation it is';
COMMENT ON COLUMN inventory_operation.operation_id IS 'the idempotency key, or a generated id';
COMMENT ON COLUMN inventory_operation.kind IS 'the verb: adjust, define, ...';
COMMENT ON COLUMN inventory_operation.request_hash IS 'hash of the arguments, to tell a retry from a key used twice; null without a key';
COMMENT ON COLUMN inventory_operation.result IS 'the rows of inventory_change it was answered with';
COMMENT ON COLUMN inventory_operation.performed_by IS 'who did it';
COMMENT ON COLUMN inventory_operation.created_at IS 'when';

-- for the janitor; keys come in the order of time, so a block range index does
CREATE INDEX inventory_operation_created_at_idx ON inventory_operation USING brin (created_at);

REVOKE ALL ON inventory_operation FROM PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('inventory_operation', '');

