-- The event log: positions, pages, and order.

-- Waits until the publisher has made a tick of what has committed.
CREATE PROCEDURE wait_for_ticks() LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1..1000 LOOP
		EXIT WHEN (SELECT sum(event_count) FROM inventory_tick) >= (SELECT count(*) FROM inventory_event);
		PERFORM pg_sleep(0.01);
		COMMIT;
	END LOOP;
END $$;

SELECT version FROM inventory_define('nut', 'shop', minimum_stock => 2, initial_quantity => 3);
CALL wait_for_ticks();
SELECT inventory_position() AS start \gset
SELECT version FROM inventory_adjust('nut', 'shop', -2, 'out');
SELECT version FROM inventory_adjust('nut', 'shop', -1, 'out', idempotency_key => 'log-1');
CALL wait_for_ticks();

-- What came after a position, in order.
SELECT type, organization_id, product_id, warehouse_id, op, data->>'version' AS version
	FROM inventory_events(:'start');
-- Page by page, each from the position of the last row of the one before.
SELECT type, data->>'version' AS version, "position" AS next FROM inventory_events(:'start', 1) \gset a_
SELECT type, data->>'version' AS version, "position" AS next FROM inventory_events(:'a_next', 1) \gset b_
\echo :a_type :a_version / :b_type :b_version
SELECT type, data->>'version' AS version FROM inventory_events(:'b_next');
-- The end of the log is the newest position, and has nothing after it.
SELECT "position" = inventory_position() AS at_head FROM inventory_events(:'b_next') ORDER BY tick DESC, id DESC LIMIT 1;
SELECT count(*) FROM inventory_events(inventory_position());
-- NULL begins with the oldest kept.
SELECT count(*) = (SELECT count(*) FROM inventory_event WHERE organization_id = '') AS all_of_them FROM inventory_events(NULL, 100000);
SELECT bool_and(ordered) FROM (SELECT (tick, id) > lag((tick, id)) OVER () AS ordered FROM inventory_events(NULL, 100000)) o;

-- A transaction with a thousand events is one tick, read in pages.
BEGIN;
SELECT count(*) FROM generate_series(1, 1000) g, LATERAL inventory_adjust('nut', 'shop', sign(g)::bigint, 'in');
COMMIT;
CALL wait_for_ticks();
CREATE PROCEDURE read_in_pages(start text, page int) LANGUAGE plpgsql AS $$
DECLARE
	versions bigint[];
	got bigint[];
	next text := start;
	pages int := 0;
BEGIN
	LOOP
		SELECT array_agg((data->>'version')::bigint) FILTER (WHERE type = 'inventory.updated'), (array_agg("position" ORDER BY tick, id))[count(*)]
			INTO got, next FROM inventory_events(next, page);
		EXIT WHEN next IS NULL;
		versions := versions || got;
		pages := pages + 1;
	END LOOP;
	RAISE NOTICE '% versions in % pages, from % to %, without gap or repeat: %', cardinality(versions), pages,
		versions[1], versions[cardinality(versions)],
		(SELECT bool_and(v = versions[1] + n - 1) FROM unnest(versions) WITH ORDINALITY AS u (v, n));
END $$;
CALL read_in_pages(:'start', 100);
CALL read_in_pages(:'start', 7);

-- A relay sees all organizations, and where the head is.
SET inventory.organization = 'other';
SELECT version FROM inventory_define('nut', 'shop', initial_quantity => 1);
RESET inventory.organization;
CALL wait_for_ticks();
SELECT count(*) FROM inventory_events(inventory_position());
SELECT organization_id, type, head IS NULL AS is_event FROM inventory_relay_read(:'b_next', 100000) WHERE organization_id = 'other';
SELECT type, "position" = head AS at_head, head = inventory_position() AS head, round_age_ms >= 0 AS round_age_ms, more
	FROM inventory_relay_read(:'b_next', 100000) WHERE type IS NULL;
SELECT count(*), bool_or(more) AS more FROM inventory_relay_read(:'start', 2);
SELECT type, "position" = inventory_position() AS at_head, more FROM inventory_relay_read(NULL);
-- Each organization sees its own only.
SELECT count(DISTINCT organization_id) FROM inventory_events(NULL, 100000);

-- A position of another history, and what is none.
SELECT * FROM inventory_events(regexp_replace(:'start', '-.*', '-0123456789abcdef'));
SELECT * FROM inventory_events('999999-0123456789abcdef');
SELECT * FROM inventory_events('yesterday');
SELECT * FROM inventory_events('-1-0');
SELECT * FROM inventory_events('1-0-5x');
SELECT * FROM inventory_events('');
SELECT * FROM inventory_events(NULL, 0);
SELECT * FROM inventory_events(NULL, 100001);
SELECT * FROM inventory_events(NULL, NULL);
DROP PROCEDURE read_in_pages;
DROP PROCEDURE wait_for_ticks;
