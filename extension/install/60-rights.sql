
-- Row-level security ---------------------------------------------------------------

-- The scope is asked once per query, in initplans: called once per row it
-- would cost a hundred times as much.  The owner, and with it every function
-- above, is not subject to these policies; the functions check the scope
-- themselves, by the same rule.

ALTER TABLE inventory ENABLE ROW LEVEL SECURITY;
CREATE POLICY inventory_scope ON inventory FOR SELECT
	USING (organization_id = (SELECT s.organization_id FROM @extschema@.inventory_scope() s)
		AND ((SELECT s.warehouses FROM @extschema@.inventory_scope() s) IS NULL
			OR warehouse_id = ANY ((SELECT s.warehouses FROM @extschema@.inventory_scope() s)::text[])));
COMMENT ON POLICY inventory_scope ON inventory IS 'the items of the caller''s scope';

ALTER TABLE inventory_movement ENABLE ROW LEVEL SECURITY;
CREATE POLICY inventory_scope ON inventory_movement FOR SELECT
	USING (organization_id = (SELECT s.organization_id FROM @extschema@.inventory_scope() s)
		AND ((SELECT s.warehouses FROM @extschema@.inventory_scope() s) IS NULL
			OR warehouse_id = ANY ((SELECT s.warehouses FROM @extschema@.inventory_scope() s)::text[])));
COMMENT ON POLICY inventory_scope ON inventory_movement IS 'the movements of the caller''s scope';

ALTER TABLE inventory_batch ENABLE ROW LEVEL SECURITY;
CREATE POLICY inventory_scope ON inventory_batch FOR SELECT
	USING (organization_id = (SELECT s.organization_id FROM @extschema@.inventory_scope() s)
		AND ((SELECT s.warehouses FROM @extschema@.inventory_scope() s) IS NULL
			OR warehouse_id = ANY ((SELECT s.warehouses FROM @extschema@.inventory_scope() s)::text[])));
COMMENT ON POLICY inventory_scope ON inventory_batch IS 'the batches of the caller''s scope';

-- A split belongs to whoever sees its batch.
ALTER TABLE inventory_movement_batch ENABLE ROW LEVEL SECURITY;
CREATE POLICY inventory_scope ON inventory_movement_batch FOR SELECT
	USING (EXISTS (SELECT FROM @extschema@.inventory_batch b WHERE b.batch_id = inventory_movement_batch.batch_id));
COMMENT ON POLICY inventory_scope ON inventory_movement_batch IS 'the splits of batches of the caller''s scope';

ALTER TABLE inventory_reservation_line ENABLE ROW LEVEL SECURITY;
CREATE POLICY inventory_scope ON inventory_reservation_line FOR SELECT
	USING (organization_id = (SELECT s.organization_id FROM @extschema@.inventory_scope() s)
		AND ((SELECT s.warehouses FROM @extschema@.inventory_scope() s) IS NULL
			OR warehouse_id = ANY ((SELECT s.warehouses FROM @extschema@.inventory_scope() s)::text[])));
COMMENT ON POLICY inventory_scope ON inventory_reservation_line IS 'the holds of the caller''s scope';

-- A reservation is seen by who sees one of its lines.
ALTER TABLE inventory_reservation ENABLE ROW LEVEL SECURITY;
CREATE POLICY inventory_scope ON inventory_reservation FOR SELECT
	USING (organization_id = (SELECT s.organization_id FROM @extschema@.inventory_scope() s)
		AND EXISTS (SELECT FROM @extschema@.inventory_reservation_line l
			WHERE l.organization_id = inventory_reservation.organization_id
				AND l.reservation_id = inventory_reservation.reservation_id));
COMMENT ON POLICY inventory_scope ON inventory_reservation IS 'the reservations of the caller''s scope';

-- The answer of an operation may name any warehouse.
ALTER TABLE inventory_operation ENABLE ROW LEVEL SECURITY;
CREATE POLICY inventory_scope ON inventory_operation FOR SELECT
	USING (organization_id = (SELECT s.organization_id FROM @extschema@.inventory_scope() s)
		AND (SELECT s.warehouses FROM @extschema@.inventory_scope() s) IS NULL);
COMMENT ON POLICY inventory_scope ON inventory_operation IS 'the operations of the organization, for who sees all warehouses';

-- A manager of everything sees who the members are; anybody sees himself.
ALTER TABLE inventory_member ENABLE ROW LEVEL SECURITY;
CREATE POLICY inventory_scope ON inventory_member FOR SELECT
	USING (organization_id = (SELECT s.organization_id FROM @extschema@.inventory_scope() s)
		AND (subject = (SELECT s.actor FROM @extschema@.inventory_scope() s)
			OR (SELECT s.role = 'manager' AND s.warehouses IS NULL FROM @extschema@.inventory_scope() s)));
COMMENT ON POLICY inventory_scope ON inventory_member IS 'oneself; for managers of all warehouses, everybody of the organization';

ALTER TABLE inventory_organization ENABLE ROW LEVEL SECURITY;
CREATE POLICY inventory_scope ON inventory_organization FOR SELECT
	USING (organization_id = (SELECT s.organization_id FROM @extschema@.inventory_scope() s));
COMMENT ON POLICY inventory_scope ON inventory_organization IS 'the caller''s organization';

-- Seen by who sees a warehouse of it.  Leases are their holders' own business: no policy, no rows.
ALTER TABLE presence_status ENABLE ROW LEVEL SECURITY;
CREATE POLICY inventory_scope ON presence_status FOR SELECT
	USING (organization_id = (SELECT s.organization_id FROM @extschema@.inventory_scope() s)
		AND (warehouses IS NULL
			OR (SELECT s.warehouses FROM @extschema@.inventory_scope() s) IS NULL
			OR warehouses && (SELECT s.warehouses FROM @extschema@.inventory_scope() s)::text[]));
COMMENT ON POLICY inventory_scope ON presence_status IS 'the viewers in the caller''s scope';
ALTER TABLE presence_session ENABLE ROW LEVEL SECURITY;

-- The log is read through inventory_events() only: no policy, no rows.
ALTER TABLE inventory_event ENABLE ROW LEVEL SECURITY;
ALTER TABLE inventory_event_0 ENABLE ROW LEVEL SECURITY;
ALTER TABLE inventory_event_1 ENABLE ROW LEVEL SECURITY;
ALTER TABLE inventory_event_2 ENABLE ROW LEVEL SECURITY;

-- Levels ---------------------------------------------------------------------------

-- What each level may execute and select.  One place, for inventory_grant and
-- inventory_revoke alike; who may grant is decided by PostgreSQL, because both
-- run with the caller's own rights.
CREATE FUNCTION inventory_level_objects(level text)
	RETURNS TABLE (privilege text, object text)
	LANGUAGE sql
	STABLE
	PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $$
	WITH levels (name, rank) AS (VALUES ('reader', 1), ('operator', 2), ('manager', 3), ('backend', 4)),
	-- a level has everything of the levels below it; relay stands alone
	wanted (name) AS (
		SELECT l.name FROM levels l, levels w WHERE w.name = $1 AND l.rank <= w.rank
		UNION ALL SELECT $1 WHERE $1 = 'relay'),
	functions (level, name) AS (VALUES
		('reader', 'inventory_scope'), ('reader', 'inventory_list'), ('reader', 'inventory_events'),
		('reader', 'inventory_position'), ('reader', 'inventory_reconcile'), ('reader', 'presence_list'),
		('operator', 'inventory_adjust'), ('operator', 'inventory_apply'), ('operator', 'inventory_set'),
		('operator', 'inventory_reserve'), ('operator', 'inventory_commit'), ('operator', 'inventory_release'),
		('operator', 'inventory_transfer'), ('operator', 'inventory_sync'),
		('operator', 'presence_touch'), ('operator', 'presence_track'), ('operator', 'presence_update'),
		('operator', 'presence_leave'),
		('manager', 'inventory_define'), ('manager', 'inventory_retire'), ('manager', 'inventory_batch_set'),
		('backend', 'inventory_level_backend'), ('backend', 'inventory_status'), ('backend', 'inventory_sweep'),
		('backend', 'presence_cleanup'),
		('relay', 'inventory_relay_read'), ('relay', 'inventory_relay_recent'), ('relay', 'inventory_relay_scope'),
		('relay', 'inventory_relay_snapshot'), ('relay', 'inventory_relay_sync'),
		('relay', 'inventory_relay_movements'), ('relay', 'inventory_relay_batches'),
		('relay', 'inventory_relay_reservations'),
		('relay', 'inventory_status'),
		('relay', 'presence_relay_touch'), ('relay', 'presence_relay_sync'), ('relay', 'presence_relay_list')),
	tables (level, name) AS (VALUES
		('reader', 'inventory'), ('reader', 'inventory_movement'), ('reader', 'inventory_batch'),
		('reader', 'inventory_movement_batch'), ('reader', 'inventory_reservation'),
		('reader', 'inventory_reservation_line'), ('reader', 'inventory_operation'),
		('reader', 'inventory_member'), ('reader', 'inventory_organization'))
	SELECT 'EXECUTE', 'FUNCTION ' || p.oid::regprocedure
		FROM wanted w JOIN functions f ON f.level = w.name
			JOIN pg_proc p ON p.proname = f.name AND p.pronamespace = '@extschema@'::regnamespace
			-- and not what somebody else has named alike
			JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
	UNION ALL
	SELECT 'SELECT', 'TABLE @extschema@.' || t.name
		FROM wanted w JOIN tables t ON t.level = w.name
	UNION ALL
	SELECT 'USAGE', 'SCHEMA @extschema@' FROM wanted WHERE name = $1
$$;
COMMENT ON FUNCTION inventory_level_objects(text) IS 'what a level may execute and select';
REVOKE ALL ON FUNCTION inventory_level_objects(text) FROM PUBLIC;

CREATE FUNCTION inventory_check_level(level text)
	RETURNS void
	LANGUAGE plpgsql
	IMMUTABLE
	PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF $1 IS NULL OR $1 NOT IN ('reader', 'operator', 'manager', 'backend', 'relay') THEN
		RAISE EXCEPTION USING
			ERRCODE = '22023',
			MESSAGE = format('level must be "reader", "operator", "manager", "backend" or "relay", not %s',
				coalesce('"' || $1 || '"', 'null'));
	END IF;
END
$$;
COMMENT ON FUNCTION inventory_check_level(text) IS 'refuses what is no level';
REVOKE ALL ON FUNCTION inventory_check_level(text) FROM PUBLIC;

CREATE FUNCTION inventory_grant(level text, role regrole)
	RETURNS void
	LANGUAGE plpgsql
	VOLATILE
	PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	o record;
BEGIN
	PERFORM @extschema@.inventory_check_level($1);
	FOR o IN SELECT * FROM @extschema@.inventory_level_objects($1) LOOP
		EXECUTE format('GRANT %s ON %s TO %s', o.privilege, o.object, $2);
	END LOOP;
END
$$;
COMMENT ON FUNCTION inventory_grant(text, regrole) IS 'give a role the rights of a level: reader, operator, manager, backend or relay';
REVOKE ALL ON FUNCTION inventory_grant(text, regrole) FROM PUBLIC;

CREATE FUNCTION inventory_revoke(level text, role regrole)
	RETURNS void
	LANGUAGE plpgsql
	VOLATILE
	PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	o record;
BEGIN
	PERFORM @extschema@.inventory_check_level($1);
	-- the schema may be needed for another level, and shows nothing by itself
	FOR o IN SELECT * FROM @extschema@.inventory_level_objects($1) WHERE privilege <> 'USAGE' LOOP
		EXECUTE format('REVOKE %s ON %s FROM %s', o.privilege, o.object, $2);
	END LOOP;
END
$$;
COMMENT ON FUNCTION inventory_revoke(text, regrole) IS 'take the rights of a level, and of those below it, from a role';
REVOKE ALL ON FUNCTION inventory_revoke(text, regrole) FROM PUBLIC;
