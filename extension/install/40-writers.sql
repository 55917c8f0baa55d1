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
	created_at timestamptz,
	reservation_id text,
	expires_at timestamptz
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

CREATE FUNCTION inventory_apply(
	lines jsonb,
	reason text DEFAULT NULL,
	performed_by text DEFAULT NULL,
	reference text DEFAULT NULL,
	idempotency_key text DEFAULT NULL,
	occurred_at timestamptz DEFAULT NULL)
	RETURNS SETOF inventory_change
	LANGUAGE c
	VOLATILE
	PARALLEL UNSAFE
	SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'inventory_apply';
COMMENT ON FUNCTION inventory_apply(jsonb, text, text, text, text, timestamptz)
	IS 'change several items, all or nothing';
REVOKE ALL ON FUNCTION inventory_apply(jsonb, text, text, text, text, timestamptz) FROM PUBLIC;

CREATE FUNCTION inventory_set(
	product_id text,
	warehouse_id text,
	quantity bigint,
	expected_quantity bigint,
	expected_version bigint DEFAULT NULL,
	counted_at timestamptz DEFAULT NULL,
	batch_number text DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
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
	AS 'MODULE_PATHNAME', 'inventory_set';
COMMENT ON FUNCTION inventory_set(text, text, bigint, bigint, bigint, timestamptz, text, timestamptz, text, text, text, text, timestamptz)
	IS 'record a count of what is on hand';
REVOKE ALL ON FUNCTION inventory_set(text, text, bigint, bigint, bigint, timestamptz, text, timestamptz, text, text, text, text, timestamptz) FROM PUBLIC;

CREATE FUNCTION inventory_batch_set(
	product_id text,
	warehouse_id text,
	batch_number text,
	expires_at timestamptz DEFAULT NULL,
	status text DEFAULT NULL,
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
	AS 'MODULE_PATHNAME', 'inventory_batch_set';
COMMENT ON FUNCTION inventory_batch_set(text, text, text, timestamptz, text, text, text, text, text, timestamptz)
	IS 're-date, quarantine or free a batch';
REVOKE ALL ON FUNCTION inventory_batch_set(text, text, text, timestamptz, text, text, text, text, text, timestamptz) FROM PUBLIC;

CREATE FUNCTION inventory_reserve(
	lines jsonb,
	ttl interval DEFAULT NULL,
	reservation_id text DEFAULT NULL,
	reason text DEFAULT NULL,
	performed_by text DEFAULT NULL,
	reference text DEFAULT NULL,
	idempotency_key text DEFAULT NULL,
	occurred_at timestamptz DEFAULT NULL)
	RETURNS SETOF inventory_change
	LANGUAGE c
	VOLATILE
	PARALLEL UNSAFE
	SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'inventory_reserve';
COMMENT ON FUNCTION inventory_reserve(jsonb, interval, text, text, text, text, text, timestamptz)
	IS 'hold stock for a time, or replace what a reservation holds';
REVOKE ALL ON FUNCTION inventory_reserve(jsonb, interval, text, text, text, text, text, timestamptz) FROM PUBLIC;

CREATE FUNCTION inventory_commit(
	reservation_id text,
	lines jsonb DEFAULT NULL,
	reason text DEFAULT NULL,
	performed_by text DEFAULT NULL,
	reference text DEFAULT NULL,
	idempotency_key text DEFAULT NULL,
	occurred_at timestamptz DEFAULT NULL)
	RETURNS SETOF inventory_change
	LANGUAGE c
	VOLATILE
	PARALLEL UNSAFE
	SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'inventory_commit';
COMMENT ON FUNCTION inventory_commit(text, jsonb, text, text, text, text, timestamptz)
	IS 'sell what a reservation holds, all or part of it';
REVOKE ALL ON FUNCTION inventory_commit(text, jsonb, text, text, text, text, timestamptz) FROM PUBLIC;

CREATE FUNCTION inventory_release(
	reservation_id text,
	reason text DEFAULT NULL,
	performed_by text DEFAULT NULL,
	reference text DEFAULT NULL,
	idempotency_key text DEFAULT NULL,
	occurred_at timestamptz DEFAULT NULL)
	RETURNS SETOF inventory_change
	LANGUAGE c
	VOLATILE
	PARALLEL UNSAFE
	SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'inventory_release';
COMMENT ON FUNCTION inventory_release(text, text, text, text, text, timestamptz)
	IS 'give back what a reservation holds';
REVOKE ALL ON FUNCTION inventory_release(text, text, text, text, text, timestamptz) FROM PUBLIC;

CREATE FUNCTION inventory_transfer(
	product_id text,
	from_warehouse_id text,
	to_warehouse_id text,
	quantity bigint,
	batch_number text DEFAULT NULL,
	reason text DEFAULT NULL,
	performed_by text DEFAULT NULL,
	reference text DEFAULT NULL,
	idempotency_key text DEFAULT NULL,
	occurred_at timestamptz DEFAULT NULL)
	RETURNS SETOF inventory_change
	LANGUAGE c
	VOLATILE
	PARALLEL UNSAFE
	SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'inventory_transfer';
COMMENT ON FUNCTION inventory_transfer(text, text, text, bigint, text, text, text, text, text, timestamptz)
	IS 'move stock from one warehouse to another';
REVOKE ALL ON FUNCTION inventory_transfer(text, text, text, bigint, text, text, text, text, text, timestamptz) FROM PUBLIC;

CREATE FUNCTION inventory_retire(
	product_id text,
	warehouse_id text,
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
	AS 'MODULE_PATHNAME', 'inventory_retire';
COMMENT ON FUNCTION inventory_retire(text, text, text, text, text, text, timestamptz)
	IS 'take an empty item out of use';
REVOKE ALL ON FUNCTION inventory_retire(text, text, text, text, text, text, timestamptz) FROM PUBLIC;

CREATE FUNCTION inventory_sync(operations jsonb)
	RETURNS TABLE (
		seq integer,
		idempotency_key text,
		status text,
		sqlstate text,
		message text,
		detail text,
		result jsonb)
	LANGUAGE c
	VOLATILE
	PARALLEL UNSAFE
	SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'inventory_sync';
COMMENT ON FUNCTION inventory_sync(jsonb) IS 'do many independent operations in one transaction, each with its own verdict';
REVOKE ALL ON FUNCTION inventory_sync(jsonb) FROM PUBLIC;

CREATE FUNCTION inventory_relay_sync(operations jsonb, callers jsonb, wait boolean DEFAULT false)
	RETURNS TABLE (
		seq integer,
		idempotency_key text,
		status text,
		sqlstate text,
		message text,
		detail text,
		result jsonb)
	LANGUAGE c
	VOLATILE
	PARALLEL UNSAFE
	SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'inventory_relay_sync';
COMMENT ON FUNCTION inventory_relay_sync(jsonb, jsonb, boolean) IS 'for relays: operations of many clients, each under its own claims';
REVOKE ALL ON FUNCTION inventory_relay_sync(jsonb, jsonb, boolean) FROM PUBLIC;

CREATE FUNCTION inventory_sweep(
	max_rows integer DEFAULT 1000,
	OUT reservations_expired integer,
	OUT batches_expired integer,
	OUT batches_alerted integer,
	OUT operations_pruned integer)
	LANGUAGE c
	VOLATILE
	PARALLEL UNSAFE
	SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'inventory_sweep';
COMMENT ON FUNCTION inventory_sweep(integer) IS 'one round of the janitor: expire reservations and batches, forget old keys';
REVOKE ALL ON FUNCTION inventory_sweep(integer) FROM PUBLIC;

