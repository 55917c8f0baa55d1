-- Reading ------------------------------------------------------------------------

CREATE FUNCTION inventory_list(
	product_id text DEFAULT NULL,
	warehouse_id text DEFAULT NULL,
	as_of timestamptz DEFAULT NULL)
	RETURNS SETOF inventory
	LANGUAGE sql
	STABLE
	PARALLEL RESTRICTED
	SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
AS $$
	SELECT i.*
	FROM @extschema@.inventory i, @extschema@.inventory_scope() s
	WHERE $3 IS NULL
		AND i.organization_id = s.organization_id
		AND (s.warehouses IS NULL OR i.warehouse_id = ANY (s.warehouses))
		AND ($1 IS NULL OR i.product_id = $1)
		AND ($2 IS NULL OR i.warehouse_id = $2)
	UNION ALL
	-- as it was: the figures of the last movement until then, today's settings
	SELECT i.organization_id, i.product_id, i.warehouse_id, i.inventory_id,
		m.available_after, m.reserved_after, m.available_after + m.reserved_after,
		i.minimum_stock, i.stock_floor, i.track_batches, i.attributes,
		CASE WHEN m.available_after <= 0 THEN 'out'
			WHEN m.available_after < i.minimum_stock THEN 'low' ELSE 'ok' END,
		m.version, m.created_at,
		CASE WHEN i.last_restocked_at <= $3 THEN i.last_restocked_at
			ELSE (SELECT r.created_at FROM @extschema@.inventory_movement r
				WHERE r.inventory_id = i.inventory_id AND r.version <= m.version
					AND r.movement_type IN ('in', 'transfer_in')
				ORDER BY r.version DESC LIMIT 1) END,
		CASE WHEN i.retired_at <= $3 THEN i.retired_at END
	FROM @extschema@.inventory i, @extschema@.inventory_scope() s,
		LATERAL (SELECT * FROM @extschema@.inventory_movement v
			WHERE v.inventory_id = i.inventory_id AND v.created_at <= $3
			ORDER BY v.version DESC LIMIT 1) m
	WHERE $3 IS NOT NULL
		AND i.organization_id = s.organization_id
		AND (s.warehouses IS NULL OR i.warehouse_id = ANY (s.warehouses))
		AND ($1 IS NULL OR i.product_id = $1)
		AND ($2 IS NULL OR i.warehouse_id = $2)
	ORDER BY 2, 3
$$;
COMMENT ON FUNCTION inventory_list(text, text, timestamptz) IS 'the items of the caller''s scope, as they are or as they were';
REVOKE ALL ON FUNCTION inventory_list(text, text, timestamptz) FROM PUBLIC;

CREATE FUNCTION inventory_reconcile(
	product_id text DEFAULT NULL,
	warehouse_id text DEFAULT NULL,
	repair boolean DEFAULT false)
	RETURNS TABLE (
		product_id text,
		warehouse_id text,
		inventory_id bigint,
		"check" text,
		expected bigint,
		actual bigint,
		repaired boolean)
	LANGUAGE c
	VOLATILE
	PARALLEL UNSAFE
	SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'inventory_reconcile';
COMMENT ON FUNCTION inventory_reconcile(text, text, boolean) IS 'where counters, ledger, holds and batches disagree; no row means that all agree';
REVOKE ALL ON FUNCTION inventory_reconcile(text, text, boolean) FROM PUBLIC;

-- The readers of the log look for few rows of tables that change faster than
-- their statistics, hence no sequential scans.

CREATE FUNCTION inventory_position()
	RETURNS text
	LANGUAGE c
	VOLATILE
	PARALLEL UNSAFE
	SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	SET enable_seqscan = off
	AS 'MODULE_PATHNAME', 'inventory_position';
COMMENT ON FUNCTION inventory_position() IS 'the newest position of the event log';
REVOKE ALL ON FUNCTION inventory_position() FROM PUBLIC;

CREATE FUNCTION inventory_events(
	after_position text DEFAULT NULL,
	max_events integer DEFAULT 1000)
	RETURNS TABLE (
		"position" text,
		tick bigint,
		id bigint,
		organization_id text,
		type text,
		product_id text,
		warehouse_id text,
		op text,
		data json,
		created_at timestamptz)
	LANGUAGE c
	VOLATILE
	PARALLEL UNSAFE
	SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	SET enable_seqscan = off
	SET jit = off
	AS 'MODULE_PATHNAME', 'inventory_events';
COMMENT ON FUNCTION inventory_events(text, integer) IS 'the events after a position (null = the oldest kept), in order';
REVOKE ALL ON FUNCTION inventory_events(text, integer) FROM PUBLIC;

CREATE FUNCTION inventory_relay_read(
	after_position text,
	max_events integer DEFAULT 1000)
	RETURNS TABLE (
		"position" text,
		tick bigint,
		id bigint,
		organization_id text,
		type text,
		product_id text,
		warehouse_id text,
		subject text,
		op text,
		data json,
		created_at timestamptz,
		head text,
		round_age_ms bigint,
		more boolean)
	LANGUAGE c
	VOLATILE
	PARALLEL UNSAFE
	SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	SET enable_seqscan = off
	SET jit = off
	AS 'MODULE_PATHNAME', 'inventory_relay_read';
COMMENT ON FUNCTION inventory_relay_read(text, integer) IS 'for relays: the events of all organizations after a position, then the head of the log';
REVOKE ALL ON FUNCTION inventory_relay_read(text, integer) FROM PUBLIC;

CREATE FUNCTION inventory_status()
	RETURNS TABLE (
		component text,
		pid integer,
		state text,
		started_at timestamptz,
		last_round_at timestamptz,
		last_tick bigint,
		lag interval,
		last_error text,
		details json)
	LANGUAGE c
	VOLATILE
	PARALLEL UNSAFE
	SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'inventory_status';
COMMENT ON FUNCTION inventory_status() IS 'how the workers, the log and the counters of this database are';
REVOKE ALL ON FUNCTION inventory_status() FROM PUBLIC;
