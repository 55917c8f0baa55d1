-- Presence -----------------------------------------------------------------------

-- Who looks at what, as long as somebody keeps saying so.  A lease stands for
-- whoever says it, a relay or a backend, and is renewed by one UPDATE however
-- many viewers hang on it; when it is over, they all leave.
--
-- Both tables are unlogged and not marked for dumps, on purpose: after a crash
-- they are empty, and those who hold leases see that and register again.

CREATE UNLOGGED TABLE presence_session (
	session_id text COLLATE "C" NOT NULL PRIMARY KEY,
	kind text COLLATE "C" NOT NULL,
	created_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	last_seen timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	CHECK (octet_length(session_id) BETWEEN 1 AND 200),
	CHECK (kind IN ('relay', 'backend'))
) WITH (fillfactor = 50);

COMMENT ON TABLE presence_session IS 'leases on which viewers hang';
COMMENT ON COLUMN presence_session.session_id IS 'random, and known to the holder only';
COMMENT ON COLUMN presence_session.kind IS 'relay or backend';
COMMENT ON COLUMN presence_session.created_at IS 'when it began';
COMMENT ON COLUMN presence_session.last_seen IS 'when it was renewed last, by the clock of the server';
REVOKE ALL ON presence_session FROM PUBLIC;

CREATE UNLOGGED TABLE presence_status (
	id uuid NOT NULL DEFAULT pg_catalog.gen_random_uuid() PRIMARY KEY,
	session_id text COLLATE "C" NOT NULL REFERENCES presence_session,
	client_id text COLLATE "C" NOT NULL,
	organization_id text COLLATE "C" NOT NULL,
	user_id text COLLATE "C" NOT NULL,
	user_name text COLLATE "C",
	avatar_url text COLLATE "C",
	warehouses text[],
	resource_type text COLLATE "C" NOT NULL,
	resource_id text COLLATE "C" NOT NULL DEFAULT '',
	status text COLLATE "C" NOT NULL DEFAULT 'viewing',
	metadata jsonb NOT NULL DEFAULT '{}',
	created_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	UNIQUE (organization_id, resource_type, resource_id, client_id),
	CHECK (octet_length(client_id) BETWEEN 1 AND 200 AND octet_length(organization_id) <= 200
		AND octet_length(user_id) BETWEEN 1 AND 200 AND octet_length(user_name) <= 200),
	CHECK (octet_length(resource_type) BETWEEN 1 AND 200 AND octet_length(resource_id) <= 200),
	CHECK (avatar_url LIKE 'https://%' AND octet_length(avatar_url) <= 500),
	CHECK (status IN ('viewing', 'editing', 'idle')),
	CHECK (octet_length(metadata::text) <= 2048)
) WITH (fillfactor = 70);

COMMENT ON TABLE presence_status IS 'who looks at what, a row for each client and resource';
COMMENT ON COLUMN presence_status.id IS 'this presence, until it ends';
COMMENT ON COLUMN presence_status.session_id IS 'the lease it hangs on';
COMMENT ON COLUMN presence_status.client_id IS 'the connection, tab or device';
COMMENT ON COLUMN presence_status.organization_id IS 'whose it is';
COMMENT ON COLUMN presence_status.user_id IS 'the claim sub of the person';
COMMENT ON COLUMN presence_status.user_name IS 'for display';
COMMENT ON COLUMN presence_status.avatar_url IS 'for display, https only';
COMMENT ON COLUMN presence_status.warehouses IS 'the warehouses it is about: seen by those who see one of them; null = all';
COMMENT ON COLUMN presence_status.resource_type IS 'inventory_list, inventory_item, or what the application says';
COMMENT ON COLUMN presence_status.resource_id IS 'which one, for an item the product; empty where there is only one';
COMMENT ON COLUMN presence_status.status IS 'viewing, editing or idle';
COMMENT ON COLUMN presence_status.metadata IS 'what is being done there: field, productId, warehouseId, batchNumber, view, device';
COMMENT ON COLUMN presence_status.created_at IS 'since when';
REVOKE ALL ON presence_status FROM PUBLIC;

CREATE INDEX presence_status_session_id_idx ON presence_status (session_id);

CREATE FUNCTION presence_touch(session_id text)
	RETURNS boolean
	LANGUAGE c
	VOLATILE
	PARALLEL UNSAFE
	SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'presence_touch';
COMMENT ON FUNCTION presence_touch(text) IS 'renew a lease; false: it was not there and begins now, with nobody on it';
REVOKE ALL ON FUNCTION presence_touch(text) FROM PUBLIC;

CREATE FUNCTION presence_track(
	session_id text,
	client_id text,
	resource_type text,
	resource_id text DEFAULT '',
	status text DEFAULT 'viewing',
	metadata jsonb DEFAULT '{}',
	user_id text DEFAULT NULL,
	user_name text DEFAULT NULL,
	avatar_url text DEFAULT NULL)
	RETURNS uuid
	LANGUAGE c
	VOLATILE
	PARALLEL UNSAFE
	SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'presence_track';
COMMENT ON FUNCTION presence_track(text, text, text, text, text, jsonb, text, text, text) IS 'a client looks at a resource from now on, as long as the lease is renewed';
REVOKE ALL ON FUNCTION presence_track(text, text, text, text, text, jsonb, text, text, text) FROM PUBLIC;

CREATE FUNCTION presence_update(
	client_id text,
	resource_type text,
	resource_id text DEFAULT '',
	status text DEFAULT NULL,
	metadata jsonb DEFAULT NULL)
	RETURNS boolean
	LANGUAGE c
	VOLATILE
	PARALLEL UNSAFE
	SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'presence_update';
COMMENT ON FUNCTION presence_update(text, text, text, text, jsonb) IS 'a client does something else there; null keeps; false: nothing changed';
REVOKE ALL ON FUNCTION presence_update(text, text, text, text, jsonb) FROM PUBLIC;

CREATE FUNCTION presence_leave(
	client_id text,
	resource_type text DEFAULT NULL,
	resource_id text DEFAULT NULL)
	RETURNS integer
	LANGUAGE c
	VOLATILE
	PARALLEL UNSAFE
	SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'presence_leave';
COMMENT ON FUNCTION presence_leave(text, text, text) IS 'a client looks no longer at a resource (null = at any); returns at how many it did';
REVOKE ALL ON FUNCTION presence_leave(text, text, text) FROM PUBLIC;

-- A person counts once at a resource, with what the busiest of the connections does.
CREATE FUNCTION presence_list(
	resource_type text DEFAULT NULL,
	resource_id text DEFAULT NULL)
	RETURNS TABLE (
		resource_type text,
		resource_id text,
		user_id text,
		user_name text,
		avatar_url text,
		status text,
		metadata jsonb,
		connections integer,
		since timestamptz,
		last_seen timestamptz)
	LANGUAGE sql
	STABLE
	PARALLEL RESTRICTED
	SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
AS $$
	SELECT DISTINCT ON (p.resource_type, p.resource_id, p.user_id)
		p.resource_type, p.resource_id, p.user_id, p.user_name, p.avatar_url, p.status, p.metadata,
		count(*) OVER person::integer, min(p.created_at) OVER person, max(l.last_seen) OVER person
	FROM @extschema@.inventory_scope() s
		JOIN @extschema@.presence_status p ON p.organization_id = s.organization_id
		JOIN @extschema@.presence_session l ON l.session_id = p.session_id
	WHERE (s.warehouses IS NULL OR p.warehouses IS NULL OR p.warehouses && s.warehouses)
		AND ($1 IS NULL OR p.resource_type = $1)
		AND ($2 IS NULL OR p.resource_id = $2)
	WINDOW person AS (PARTITION BY p.resource_type, p.resource_id, p.user_id)
	ORDER BY p.resource_type, p.resource_id, p.user_id,
		array_position(ARRAY['editing', 'viewing', 'idle'], p.status), p.created_at DESC, p.id
$$;
COMMENT ON FUNCTION presence_list(text, text) IS 'who looks at what in the caller''s scope, a row for each person and resource';
REVOKE ALL ON FUNCTION presence_list(text, text) FROM PUBLIC;

CREATE FUNCTION presence_cleanup(
	timeout interval DEFAULT NULL,
	OUT sessions_ended integer,
	OUT viewers_left integer)
	LANGUAGE c
	VOLATILE
	PARALLEL UNSAFE
	SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'presence_cleanup';
COMMENT ON FUNCTION presence_cleanup(interval) IS 'end the leases that were not renewed for so long (null = inventory.presence_timeout)';
REVOKE ALL ON FUNCTION presence_cleanup(interval) FROM PUBLIC;

-- For relays, which have verified who their clients are ------------------------------

CREATE FUNCTION presence_relay_touch(session_id text)
	RETURNS boolean
	LANGUAGE c
	VOLATILE
	PARALLEL UNSAFE
	SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'presence_relay_touch';
COMMENT ON FUNCTION presence_relay_touch(text) IS 'for relays: renew the lease; false: it begins now, with nobody on it';
REVOKE ALL ON FUNCTION presence_relay_touch(text) FROM PUBLIC;

CREATE FUNCTION presence_relay_sync(session_id text, changes jsonb)
	RETURNS TABLE (
		seq integer,
		sqlstate text,
		message text)
	LANGUAGE c
	VOLATILE
	PARALLEL UNSAFE
	SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'presence_relay_sync';
COMMENT ON FUNCTION presence_relay_sync(text, jsonb) IS 'for relays: many clients come, change and go at once; returns those that were refused';
REVOKE ALL ON FUNCTION presence_relay_sync(text, jsonb) FROM PUBLIC;

CREATE FUNCTION presence_relay_list()
	RETURNS TABLE (
		id uuid,
		client_id text,
		organization_id text,
		user_id text,
		user_name text,
		avatar_url text,
		warehouses text[],
		resource_type text,
		resource_id text,
		status text,
		metadata jsonb,
		since timestamptz)
	LANGUAGE sql
	STABLE
	PARALLEL RESTRICTED
	SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
AS $$
	SELECT p.id, p.client_id, p.organization_id, p.user_id, p.user_name, p.avatar_url, p.warehouses,
		p.resource_type, p.resource_id, p.status, p.metadata, p.created_at
	FROM @extschema@.presence_status p
$$;
COMMENT ON FUNCTION presence_relay_list() IS 'for relays: who looks at what, in all organizations';
REVOKE ALL ON FUNCTION presence_relay_list() FROM PUBLIC;
