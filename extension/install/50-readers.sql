-- Reading ------------------------------------------------------------------------

CREATE FUNCTION inventory_version_at(inventory_id bigint, version bigint, as_of timestamptz)
	RETURNS bigint
	LANGUAGE c
	STABLE
	STRICT
	PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'inventory_version_at';
COMMENT ON FUNCTION inventory_version_at(bigint, bigint, timestamptz) IS 'the last version of an item that was made until a moment; 0 = none';
REVOKE ALL ON FUNCTION inventory_version_at(bigint, bigint, timestamptz) FROM PUBLIC;

-- Column by column: somebody may have added some of his own to the table.
CREATE FUNCTION inventory_list(
	product_id text DEFAULT NULL,
	warehouse_id text DEFAULT NULL,
	as_of timestamptz DEFAULT NULL)
	RETURNS TABLE (
		organization_id text,
		product_id text,
		warehouse_id text,
		inventory_id bigint,
		quantity_available bigint,
		quantity_reserved bigint,
		quantity_on_hand bigint,
		minimum_stock bigint,
		stock_floor bigint,
		track_batches boolean,
		attributes jsonb,
		alert_state text,
		version bigint,
		last_modified_at timestamptz,
		last_restocked_at timestamptz,
		retired_at timestamptz)
	LANGUAGE sql
	STABLE
	PARALLEL RESTRICTED
	SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
AS $$
	SELECT i.organization_id, i.product_id, i.warehouse_id, i.inventory_id,
		i.quantity_available, i.quantity_reserved, i.quantity_on_hand,
		i.minimum_stock, i.stock_floor, i.track_batches, i.attributes,
		i.alert_state, i.version, i.last_modified_at, i.last_restocked_at, i.retired_at
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
		@extschema@.inventory_movement m
	WHERE $3 IS NOT NULL
		AND m.inventory_id = i.inventory_id
		AND m.version = @extschema@.inventory_version_at(i.inventory_id, i.version, $3)
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

-- A relay that has just started reads what its predecessor had in memory, so
-- that clients that come back all together are not a storm on the log.  Ticks
-- are looked at from the newest on, and no more of them than events are wanted.
CREATE FUNCTION inventory_relay_recent(max_events integer)
	RETURNS text
	LANGUAGE sql
	STABLE
	STRICT
	PARALLEL SAFE
	SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
AS $$
	SELECT format('%s-%s', r.id, lpad(to_hex(r.mark), 16, '0'))
	  FROM (SELECT t.id, t.mark, sum(t.event_count) OVER (ORDER BY t.id DESC) - t.event_count AS newer
			  FROM (SELECT i.id, i.mark, i.event_count FROM @extschema@.inventory_tick i
					 ORDER BY i.id DESC LIMIT greatest(max_events, 0) + 1) t) r
	 WHERE r.newer <= max_events
	 ORDER BY r.id
	 LIMIT 1
$$;
COMMENT ON FUNCTION inventory_relay_recent(integer) IS 'for relays: the position after which at most so many events are in the log';
REVOKE ALL ON FUNCTION inventory_relay_recent(integer) FROM PUBLIC;

CREATE FUNCTION inventory_relay_want_tick(tick bigint)
	RETURNS bigint
	LANGUAGE c
	VOLATILE
	STRICT
	PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'inventory_relay_want_tick';
COMMENT ON FUNCTION inventory_relay_want_tick(bigint) IS 'for relays: let the publisher reach a tick, with empty ones if need be';
REVOKE ALL ON FUNCTION inventory_relay_want_tick(bigint) FROM PUBLIC;

-- A page of items shows what is visible now, which a crash could still take
-- back.  The tick after the next has its snapshot taken later than the page's,
-- and is durable: from covered_by on, the page may be shown.
CREATE FUNCTION inventory_relay_snapshot(
	organization_id text,
	warehouses text[] DEFAULT NULL,
	product_id text DEFAULT NULL,
	warehouse_id text DEFAULT NULL,
	after_product_id text DEFAULT '',
	after_warehouse_id text DEFAULT '',
	max_rows integer DEFAULT 500)
	RETURNS TABLE (product_id text, warehouse_id text, version bigint, data json, covered_by bigint)
	LANGUAGE sql
	VOLATILE
	PARALLEL UNSAFE
	SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
AS $$
	WITH head AS MATERIALIZED (
		SELECT @extschema@.inventory_relay_want_tick(max(t.id) + 2) AS covered_by
		FROM @extschema@.inventory_tick t)
	SELECT i.product_id, i.warehouse_id, i.version,
		CASE WHEN i.inventory_id IS NOT NULL THEN json_build_object(
			'inventoryId', i.inventory_id, 'productId', i.product_id, 'warehouseId', i.warehouse_id,
			'quantityAvailable', i.quantity_available, 'quantityReserved', i.quantity_reserved,
			'quantityOnHand', i.quantity_on_hand, 'minimumStock', i.minimum_stock,
			'stockFloor', i.stock_floor, 'trackBatches', i.track_batches,
			'alertState', i.alert_state, 'version', i.version, 'attributes', i.attributes,
			'lastModifiedAt', to_char(i.last_modified_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
			'lastRestockedAt', to_char(i.last_restocked_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
			'retiredAt', to_char(i.retired_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')) END,
		head.covered_by
	FROM head LEFT JOIN LATERAL (
		SELECT * FROM @extschema@.inventory v
		WHERE v.organization_id = $1
			AND ($2 IS NULL OR v.warehouse_id = ANY ($2))
			AND ($3 IS NULL OR v.product_id = $3)
			AND ($4 IS NULL OR v.warehouse_id = $4)
			AND (v.product_id, v.warehouse_id) > ($5, $6)
		ORDER BY v.product_id, v.warehouse_id
		LIMIT $7) i ON true
	ORDER BY i.product_id, i.warehouse_id
$$;
COMMENT ON FUNCTION inventory_relay_snapshot(text, text[], text, text, text, text, integer) IS 'for relays: a page of items as subscribers get them, and the tick that makes it safe to show';
REVOKE ALL ON FUNCTION inventory_relay_snapshot(text, text[], text, text, text, text, integer) FROM PUBLIC;

-- The records of one item, for relays: like a page of items, covered by a tick.
-- No row at all: there is no such item in the scope, which is all that is said.
-- An item without such records is one row with covered_by only.
CREATE FUNCTION inventory_relay_movements(
	organization_id text,
	warehouses text[],
	product_id text,
	warehouse_id text,
	before bigint DEFAULT NULL,
	max_rows integer DEFAULT 500)
	RETURNS TABLE (data json, covered_by bigint)
	LANGUAGE sql
	VOLATILE
	PARALLEL UNSAFE
	SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
AS $$
	WITH head AS MATERIALIZED (
		SELECT @extschema@.inventory_relay_want_tick(max(t.id) + 2) AS covered_by
		FROM @extschema@.inventory_tick t)
	SELECT CASE WHEN m.movement_id IS NOT NULL THEN json_build_object(
			'id', m.movement_id, 'version', m.version, 'movementType', m.movement_type,
			'quantity', m.quantity, 'deltaAvailable', m.delta_available, 'deltaReserved', m.delta_reserved,
			'availableAfter', m.available_after, 'reservedAfter', m.reserved_after,
			'reason', m.reason, 'reference', m.reference, 'performedBy', m.performed_by,
			'operationId', m.operation_id,
			'occurredAt', to_char(m.occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
			'createdAt', to_char(m.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')) END,
		head.covered_by
	FROM head
		JOIN @extschema@.inventory i ON i.organization_id = $1 AND i.product_id = $3 AND i.warehouse_id = $4
			AND ($2 IS NULL OR i.warehouse_id = ANY ($2))
		LEFT JOIN LATERAL (
			SELECT * FROM @extschema@.inventory_movement v
			WHERE v.inventory_id = i.inventory_id AND v.version < coalesce($5, 9223372036854775807)
			ORDER BY v.version DESC
			LIMIT $6) m ON true
	ORDER BY m.version DESC
$$;
COMMENT ON FUNCTION inventory_relay_movements(text, text[], text, text, bigint, integer) IS 'for relays: the movements of an item before a version, newest first';
REVOKE ALL ON FUNCTION inventory_relay_movements(text, text[], text, text, bigint, integer) FROM PUBLIC;

CREATE FUNCTION inventory_relay_batches(
	organization_id text,
	warehouses text[],
	product_id text,
	warehouse_id text,
	before bigint DEFAULT NULL,
	max_rows integer DEFAULT 500)
	RETURNS TABLE (data json, covered_by bigint)
	LANGUAGE sql
	VOLATILE
	PARALLEL UNSAFE
	SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
AS $$
	WITH head AS MATERIALIZED (
		SELECT @extschema@.inventory_relay_want_tick(max(t.id) + 2) AS covered_by
		FROM @extschema@.inventory_tick t)
	SELECT CASE WHEN b.batch_id IS NOT NULL THEN json_build_object(
			'batchId', b.batch_id, 'batchNumber', b.batch_number, 'quantity', b.quantity,
			'expiresAt', to_char(b.expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
			'receivedAt', to_char(b.received_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
			'status', b.status, 'version', b.version,
			'lastModifiedAt', to_char(b.last_modified_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')) END,
		head.covered_by
	FROM head
		JOIN @extschema@.inventory i ON i.organization_id = $1 AND i.product_id = $3 AND i.warehouse_id = $4
			AND ($2 IS NULL OR i.warehouse_id = ANY ($2))
		LEFT JOIN LATERAL (
			SELECT * FROM @extschema@.inventory_batch v
			WHERE v.inventory_id = i.inventory_id AND v.batch_id < coalesce($5, 9223372036854775807)
			ORDER BY v.batch_id DESC
			LIMIT $6) b ON true
	ORDER BY b.batch_id DESC
$$;
COMMENT ON FUNCTION inventory_relay_batches(text, text[], text, text, bigint, integer) IS 'for relays: the batches of an item before a batch, newest first';
REVOKE ALL ON FUNCTION inventory_relay_batches(text, text[], text, text, bigint, integer) FROM PUBLIC;

-- Ids of reservations are the caller's, so time orders them.  A reservation
-- that has ended since the page before still says where that page ended.
CREATE FUNCTION inventory_relay_reservations(
	organization_id text,
	warehouses text[],
	product_id text,
	warehouse_id text,
	before text DEFAULT NULL,
	max_rows integer DEFAULT 500)
	RETURNS TABLE (data json, covered_by bigint)
	LANGUAGE sql
	VOLATILE
	PARALLEL UNSAFE
	SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
AS $$
	WITH head AS MATERIALIZED (
		SELECT @extschema@.inventory_relay_want_tick(max(t.id) + 2) AS covered_by
		FROM @extschema@.inventory_tick t)
	SELECT CASE WHEN r.reservation_id IS NOT NULL THEN json_build_object(
			'reservationId', r.reservation_id, 'status', r.status, 'quantity', r.quantity,
			'reference', r.reference,
			'expiresAt', to_char(r.expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
			'createdAt', to_char(r.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
			'performedBy', r.performed_by) END,
		head.covered_by
	FROM head
		JOIN @extschema@.inventory i ON i.organization_id = $1 AND i.product_id = $3 AND i.warehouse_id = $4
			AND ($2 IS NULL OR i.warehouse_id = ANY ($2))
		LEFT JOIN LATERAL (
			SELECT v.*, l.quantity FROM @extschema@.inventory_reservation_line l
				JOIN @extschema@.inventory_reservation v
					ON v.organization_id = l.organization_id AND v.reservation_id = l.reservation_id
			WHERE l.inventory_id = i.inventory_id AND l.is_held
				AND ($5 IS NULL OR (v.created_at, v.reservation_id) < (
					SELECT p.created_at, p.reservation_id
					FROM @extschema@.inventory_reservation_line k
						JOIN @extschema@.inventory_reservation p
							ON p.organization_id = k.organization_id AND p.reservation_id = k.reservation_id
					WHERE k.organization_id = $1 AND k.reservation_id = $5 AND k.inventory_id = i.inventory_id))
			ORDER BY v.created_at DESC, v.reservation_id DESC
			LIMIT $6) r ON true
	ORDER BY r.created_at DESC, r.reservation_id DESC
$$;
COMMENT ON FUNCTION inventory_relay_reservations(text, text[], text, text, text, integer) IS 'for relays: the reservations that hold an item, made before one, newest first';
REVOKE ALL ON FUNCTION inventory_relay_reservations(text, text[], text, text, text, integer) FROM PUBLIC;

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
