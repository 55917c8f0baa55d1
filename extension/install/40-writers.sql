-- Changing stock -----------------------------------------------------------------

-- The writers run as the owner of the extension, so their callers need no
-- right on any table, and each checks the caller's scope itself.

CREATE TYPE inventory_change AS (
	inventory_id bigint,
	organization_id text,
	product_id text,
	warehouse_id text,
	previous_quantity bigint,
	new_quantity bigint,
	quantity_reserved bigint,
	version bigint,
	movement_id bigint,
	movement_type text,
	shortfall bigint,
	retries integer,
	replayed boolean,
	created_at timestamptz
);
COMMENT ON TYPE inventory_change IS 'what a change did: the answer of every function that changes stock';

CREATE FUNCTION inventory_define(
	product_id text,
	warehouse_id text,
	minimum_stock bigint DEFAULT NULL,
	stock_floor bigint DEFAULT NULL,
	track_batches boolean DEFAULT NULL,
	attributes jsonb DEFAULT NULL,
	initial_quantity bigint DEFAULT NULL,
	reason text DEFAULT NULL,
	performed_by text DEFAULT NULL,
	reference text DEFAULT NULL,
	idempotency_key text DEFAULT NULL,
	occurred_at timestamptz DEFAULT NULL)
	RETURNS inventory_change
	LANGUAGE c
	VOLATILE
	PARALLEL UNSAFE
	SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'inventory_define';
COMMENT ON FUNCTION inventory_define(text, text, bigint, bigint, boolean, jsonb, bigint, text, text, text, text, timestamptz)
	IS 'create an item, or change its settings';
REVOKE ALL ON FUNCTION inventory_define(text, text, bigint, bigint, boolean, jsonb, bigint, text, text, text, text, timestamptz) FROM PUBLIC;

CREATE FUNCTION inventory_adjust(
	product_id text,
	warehouse_id text,
	quantity bigint,
	movement_type text DEFAULT 'adjustment',
	reason text DEFAULT NULL,
	performed_by text DEFAULT NULL,
	expected_version bigint DEFAULT NULL,
	batch_number text DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	on_shortage text DEFAULT 'reject',
	reference text DEFAULT NULL,
	idempotency_key text DEFAULT NULL,
	occurred_at timestamptz DEFAULT NULL)
	RETURNS inventory_change
	LANGUAGE c
	VOLATILE
	PARALLEL UNSAFE
	SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'inventory_adjust';
COMMENT ON FUNCTION inventory_adjust(text, text, bigint, text, text, text, bigint, text, timestamptz, text, text, text, timestamptz)
	IS 'change the stock of one item by a signed quantity';
REVOKE ALL ON FUNCTION inventory_adjust(text, text, bigint, text, text, text, bigint, text, timestamptz, text, text, text, timestamptz) FROM PUBLIC;

