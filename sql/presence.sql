-- Presence: who looks at what, for as long as a lease is renewed.

CREATE PROCEDURE wait_for_presence() LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1..1000 LOOP
		EXIT WHEN (SELECT sum(event_count) FROM inventory_tick) >= (SELECT count(*) FROM inventory_event);
		PERFORM pg_sleep(0.01);
		COMMIT;
	END LOOP;
END $$;
CREATE VIEW told AS
	SELECT type, organization_id AS org, product_id, subject AS warehouses, data->>'clientId' AS client, data->>'userId' AS "user",
		data->>'userName' AS name, data->>'resourceType' AS resource, data->>'resourceId' AS of,
		data->>'status' AS status, data->>'metadata' AS metadata, data->>'reason' AS reason
	FROM inventory_event WHERE type LIKE 'presence.%' ORDER BY id;

-- A lease begins with the first touch, and is renewed by the next.
SELECT presence_touch('shop backend');
SELECT presence_touch('shop backend');
SELECT session_id, kind, last_seen > created_at AS renewed FROM presence_session;

-- Three tabs of one person, and another one.
SELECT presence_track('shop backend', 'tab 1', 'inventory_item', 'nut', user_id => 'mina', user_name => 'Mina', avatar_url => 'https://example.com/mina.png') AS id \gset
SELECT presence_track('shop backend', 'tab 2', 'inventory_item', 'nut', 'editing', '{"field": "quantity"}', user_id => 'mina', user_name => 'Mina') IS NOT NULL AS tracked;
SELECT presence_track('shop backend', 'tab 3', 'inventory_item', 'nut', 'idle', user_id => 'mina', user_name => 'Mina') IS NOT NULL AS tracked;
SELECT presence_track('shop backend', 'till', 'inventory_item', 'nut', 'active', user_id => 'tom') IS NOT NULL AS tracked;
SELECT presence_track('shop backend', 'till', 'inventory_list', user_id => 'tom') IS NOT NULL AS tracked;
-- One person is one row; editing beats viewing.
SELECT resource_type, resource_id, user_id, user_name, status, metadata, connections FROM presence_list();
SELECT user_id, connections FROM presence_list('inventory_item');
SELECT user_id, connections FROM presence_list('inventory_item', 'bolt');
SELECT user_id, connections FROM presence_list(resource_id => 'nut');
SELECT bool_and(since > clock_timestamp() - interval '1 min' AND last_seen BETWEEN since - interval '1 min' AND clock_timestamp()) AS timed FROM presence_list();

-- An update says what changes; the rest stays, and so does the presence.
SELECT presence_update('tab 2', 'inventory_item', 'nut', 'viewing');
SELECT presence_update('tab 2', 'inventory_item', 'nut', 'viewing');
SELECT presence_update('tab 1', 'inventory_item', 'nut', metadata => '{"view": "history", "device": "phone"}');
SELECT presence_track('shop backend', 'tab 1', 'inventory_item', 'nut', user_id => 'mina', user_name => 'Mina', avatar_url => 'https://example.com/mina.png') = :'id' AS same;
SELECT user_id, status, metadata, avatar_url, connections FROM presence_list('inventory_item', 'nut');

-- Leaving one resource, or all.
SELECT presence_leave('tab 3', 'inventory_item', 'nut');
SELECT presence_leave('tab 3', 'inventory_item', 'nut');
SELECT presence_leave('till');
SELECT user_id, connections FROM presence_list();

-- What others were told: nothing of touches, and of what changed nothing.
SELECT * FROM told;
SELECT json_object_keys(data) FROM inventory_event WHERE type = 'presence.left' ORDER BY id LIMIT 13;

-- When the lease is over, everybody leaves.
SELECT * FROM presence_cleanup();
-- (Not late enough for the janitor, who would come in between.)
UPDATE presence_session SET last_seen = last_seen - interval '30 s';
BEGIN;
SELECT * FROM presence_cleanup(interval '15 s');
SELECT client, reason FROM told WHERE reason = 'timeout';
SELECT count(*) FROM presence_status;
ROLLBACK;
-- The clock of the server was set back by an hour, and nobody has renewed since.
BEGIN;
UPDATE presence_session SET last_seen = clock_timestamp() + interval '1 hour';
SELECT * FROM presence_cleanup(interval '59 min');
COMMIT;
SELECT presence_track('shop backend', 'tab 1', 'inventory_list');
SELECT presence_touch('shop backend');
SELECT * FROM presence_list();

-- Who is signed in is who is present, with the name and the picture of the token.
SELECT presence_touch('gateway');
SET request.jwt.claims = '{"sub": "vera", "org": "globex", "name": "Vera", "picture": "https://example.com/v.png", "inventory": {"role": "viewer", "warehouses": ["W1", "W2"]}}';
SELECT presence_track('gateway', 'v1', 'inventory_item', 'bolt') IS NOT NULL AS tracked;
SELECT presence_track('gateway', 'v1', 'inventory_list', user_id => 'mina');
SELECT presence_track('gateway', 'v1', 'inventory_list', user_name => 'Mina');
-- What is not fit to be shown is left out.
SET request.jwt.claims = '{"sub": "eve", "org": "globex", "name": "Eve\u0007", "picture": "http://example.com/e.png", "inventory": {"role": "manager"}}';
SELECT presence_track('gateway', 'e1', 'inventory_item', 'bolt') IS NOT NULL AS tracked;
SELECT set_config('request.jwt.claims', json_build_object('sub', 'zoe', 'org', 'globex', 'name', repeat('é', 101), 'picture', 'javascript:alert(1)',
	'inventory', json_build_object('role', 'viewer', 'warehouses', '["W3"]'::json))::text, false) IS NOT NULL AS is_zoe;
SELECT presence_track('gateway', 'z1', 'inventory_item', 'bolt') IS NOT NULL AS tracked;
SELECT user_id, user_name = repeat('é', 100) AS is_cut, avatar_url FROM presence_list();

-- People are seen by who shares a warehouse with them.
CREATE VIEW seen AS SELECT user_id, user_name, avatar_url, status, metadata FROM presence_list();
SET request.jwt.claims = '{"sub": "ann", "org": "globex", "inventory": {"role": "viewer", "warehouses": ["W2"]}}';
SELECT user_id FROM seen;
SET request.jwt.claims = '{"sub": "ann", "org": "globex", "inventory": {"role": "viewer", "warehouses": ["W3"]}}';
SELECT user_id FROM seen;
SET request.jwt.claims = '{"sub": "ann", "org": "globex", "inventory": {"role": "viewer"}}';
SELECT user_id FROM seen;
SET request.jwt.claims = '{"sub": "ann", "org": "hooli", "inventory": {"role": "viewer"}}';
SELECT user_id FROM seen;

-- Who is at work in one warehouse is seen there; to move is to leave and to come.
SET request.jwt.claims = '{"sub": "vera", "org": "globex", "inventory": {"role": "viewer", "warehouses": ["W1", "W2"]}}';
SELECT presence_update('v1', 'inventory_item', 'bolt', metadata => '{"warehouseId": "W1", "field": "minimumStock"}');
SELECT presence_update('v1', 'inventory_item', 'bolt', metadata => '{"warehouseId": "W3"}');
SET request.jwt.claims = '{"sub": "ann", "org": "globex", "inventory": {"role": "viewer", "warehouses": ["W2"]}}';
SELECT user_id FROM seen;
-- Nobody does it in another's name.
SELECT presence_update('v1', 'inventory_item', 'bolt', 'idle');
SELECT presence_leave('v1');
SELECT presence_track('gateway', 'v1', 'inventory_item', 'bolt');
SELECT * FROM told WHERE org = 'globex';

-- The log shows the same people.
RESET request.jwt.claims;
\connect
CALL wait_for_presence();
CREATE VIEW heard AS SELECT type, product_id, warehouse_id, data->>'userId' AS "user" FROM inventory_events(NULL, 1000) WHERE type LIKE 'presence.%';
SET request.jwt.claims = '{"sub": "ann", "org": "globex", "inventory": {"role": "viewer", "warehouses": ["W2"]}}';
SELECT * FROM heard;
SET request.jwt.claims = '{"sub": "ann", "org": "globex", "inventory": {"role": "viewer", "warehouses": ["W1", "W3"]}}';
SELECT * FROM heard;
SET request.jwt.claims = '{"sub": "ann", "org": "globex", "inventory": {"role": "viewer"}}';
SELECT * FROM heard;
SET request.jwt.claims = '{"sub": "ann", "org": "hooli", "inventory": {"role": "viewer"}}';
SELECT * FROM heard;
\connect

-- Relays speak for many clients at once, in all organizations.
SELECT presence_relay_touch('relay 1');
SELECT * FROM presence_relay_sync('relay 1', '[
	{"kind": "track", "organizationId": "globex", "clientId": "c1", "userId": "mina", "userName": "Mina", "warehouses": ["W1"],
	 "resourceType": "inventory_item", "resourceId": "nut", "status": "editing", "metadata": {"field": "quantity"}},
	{"kind": "track", "organizationId": "globex", "clientId": "c1", "userId": "mina", "resourceType": "inventory_list", "status": "viewing"},
	{"kind": "track", "organizationId": "hooli", "clientId": "c2", "userId": "tom", "resourceType": "inventory_list", "status": "viewing"},
	{"kind": "leave", "organizationId": "globex", "clientId": "c1", "resourceType": "inventory_list"},
	{"kind": "track", "organizationId": "globex", "clientId": "c1", "userId": "mina", "resourceType": "inventory_list", "status": "idle"}]');
-- One that cannot be read harms none of the rest.
SELECT * FROM presence_relay_sync('relay 1', '[
	{"kind": "come", "clientId": "c3"},
	{"kind": "track", "clientId": "c3", "resourceType": "inventory_list", "status": "viewing"},
	{"kind": "track", "clientId": "c3", "userId": "x", "resourceType": "inventory_item", "status": "viewing"},
	{"kind": "track", "clientId": "c3", "userId": "x", "resourceType": "inventory_list", "status": "away"},
	{"kind": "track", "clientId": "c3", "userId": "x", "resourceType": "inventory_list", "status": "idle", "metadata": {"warehouseId": "W9"}, "warehouses": ["W1"]},
	{"kind": "track", "clientId": "c3", "userId": "x", "resourceType": "inventory_list", "status": "idle", "warehouses": "W1"},
	{"kind": "leave", "clientId": "c3", "resourceType": "inventory_list", "colour": "red"},
	7,
	{"kind": "leave", "organizationId": "hooli", "clientId": "c2", "resourceType": "inventory_list"},
	{"kind": "leave", "organizationId": "hooli", "clientId": "c2", "resourceType": "inventory_list"}]');
SELECT client_id, organization_id, user_id, user_name, warehouses, resource_type, resource_id, status, metadata
	FROM presence_relay_list() ORDER BY organization_id, client_id, resource_type, resource_id;
SELECT * FROM presence_relay_sync('relay 2', '[{"kind": "leave", "clientId": "c3", "resourceType": "inventory_list"}]');
SELECT session_id, kind FROM presence_session ORDER BY 1;

-- An event has at most eight thousand bytes, whatever is said.
SELECT sqlstate, message FROM presence_relay_sync('relay 1', jsonb_build_array(jsonb_build_object('kind', 'track', 'organization_id', repeat('o', 200),
	'client_id', repeat('"', 200), 'user_id', repeat('"', 200), 'user_name', repeat('"', 200), 'avatar_url', 'https://' || repeat('"', 492),
	'resource_type', repeat('"', 200), 'resource_id', repeat('"', 200), 'status', 'editing',
	'metadata', jsonb_build_object('field', repeat('"', 200), 'view', repeat('"', 200), 'device', repeat('"', 200), 'productId', repeat('"', 200), 'batchNumber', repeat('"', 170)))));
SELECT octet_length(data::text) BETWEEN 4000 AND 7900 AS fits FROM inventory_event WHERE type = 'presence.joined' ORDER BY id DESC LIMIT 1;

-- What may not be said.
SELECT presence_track('relay 1', 'c', 'inventory_list', metadata => '{"colour": "red"}');
SELECT presence_track('relay 1', 'c', 'inventory_list', metadata => '{"field": 7}');
SELECT presence_track('relay 1', 'c', 'inventory_list', metadata => '{"field": {"field": "x"}}');
SELECT presence_track('relay 1', 'c', 'inventory_list', metadata => '[1]');
SELECT presence_track('relay 1', 'c', 'inventory_list', metadata => NULL);
SELECT presence_track('relay 1', 'c', 'inventory_list', metadata => jsonb_build_object('field', repeat('x', 201)));
SELECT presence_track('relay 1', 'c', 'inventory_list', metadata => '{"field": "a\nb"}');
SELECT presence_track('relay 1', 'c', 'inventory_list', metadata => jsonb_build_object('field', repeat('"', 200), 'view', repeat('"', 200),
	'device', repeat('"', 200), 'productId', repeat('"', 200), 'batchNumber', repeat('"', 200), 'warehouseId', repeat('"', 200)));
SELECT presence_track('relay 1', 'c', 'inventory_list', metadata => '{"warehouseId": ""}');
SELECT presence_track('relay 1', 'c', 'inventory_list', avatar_url => 'http://example.com/x.png');
SELECT presence_track('relay 1', 'c', 'inventory_list', avatar_url => 'https://' || repeat('x', 493));
SELECT presence_track('relay 1', 'c', 'inventory_list', user_name => repeat('x', 201));
SELECT presence_track('relay 1', 'c', 'inventory_list', user_id => '');
SELECT presence_track('relay 1', 'c', 'inventory_list', '7');
SELECT presence_track('relay 1', 'c', 'inventory_list', NULL);
SELECT presence_track('relay 1', 'c', 'inventory_item');
SELECT presence_track('relay 1', 'c', '');
SELECT presence_track('relay 1', 'c', NULL);
SELECT presence_track('relay 1', '', 'inventory_list');
SELECT presence_track('relay 1', repeat('x', 201), 'inventory_list');
SELECT presence_track('', 'c', 'inventory_list');
SELECT presence_track(NULL, 'c', 'inventory_list');
SELECT presence_track('relay 1', 'c', 'inventory_list', status => 'away');
SELECT presence_track('relay 1', 'c', 'inventory_list', status => NULL);
SELECT presence_track('nobody''s', 'c', 'inventory_list');
SELECT presence_update('c', 'inventory_list', status => 'idle');
SELECT presence_touch(NULL);
SELECT presence_touch(repeat('x', 201));
SELECT presence_leave(NULL);
SELECT * FROM presence_cleanup(interval '-1 s');
SELECT * FROM presence_cleanup(interval '25 days');
SELECT * FROM presence_relay_sync('relay 1', NULL);
SELECT * FROM presence_relay_sync('relay 1', '[]');
SELECT * FROM presence_relay_sync('relay 1', '{}');
SELECT * FROM presence_relay_sync('relay 1', (SELECT jsonb_agg(n) FROM generate_series(1, 1001) n));
SET request.jwt.claims = '';
SELECT presence_touch('relay 1');
SELECT presence_track('relay 1', 'c', 'inventory_list');
SELECT presence_update('c', 'inventory_list');
SELECT presence_leave('c');
SELECT * FROM presence_list();
\connect

DELETE FROM presence_status;
DELETE FROM presence_session;
DROP VIEW told, seen, heard;
DROP PROCEDURE wait_for_presence;
