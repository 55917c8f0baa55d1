-- The event log ----------------------------------------------------------------

-- Events and ticks are not marked for dumps, on purpose: transaction ids and
-- snapshots mean nothing in another cluster, and a restored database must
-- answer old positions with "gone".

CREATE TABLE inventory_event (
	-- CACHE 1: a session that kept numbers in stock would break id order
	id bigint NOT NULL GENERATED ALWAYS AS IDENTITY (MAXVALUE 9007199254740991 CACHE 1),
	xid xid8 NOT NULL DEFAULT pg_catalog.pg_current_xact_id(),
	organization_id text COLLATE "C" NOT NULL,
	type text COLLATE "C" NOT NULL,
	product_id text COLLATE "C",
	warehouse_id text COLLATE "C",
	subject text COLLATE "C",
	op text COLLATE "C",
	data json NOT NULL,
	created_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	PRIMARY KEY (xid, id)
);

COMMENT ON TABLE inventory_event IS 'what committed changes tell the world, in the parts that inherit from it';
COMMENT ON COLUMN inventory_event.id IS 'order of events; within an item, that of its versions';
COMMENT ON COLUMN inventory_event.xid IS 'the transaction that wrote it';
COMMENT ON COLUMN inventory_event.organization_id IS 'whose event it is';
COMMENT ON COLUMN inventory_event.type IS 'inventory.updated and so on';
COMMENT ON COLUMN inventory_event.product_id IS 'the item, for routing';
COMMENT ON COLUMN inventory_event.warehouse_id IS 'the item, for routing';
COMMENT ON COLUMN inventory_event.subject IS 'whom an access.changed is about; of presence, the warehouses, as a JSON array (null = all)';
COMMENT ON COLUMN inventory_event.op IS 'the idempotency key of the operation that caused it';
COMMENT ON COLUMN inventory_event.data IS 'the event as subscribers get it, byte for byte';
COMMENT ON COLUMN inventory_event.created_at IS 'clock at the write';

-- Used in turn and emptied by TRUNCATE; see extension/event.c.
CREATE TABLE inventory_event_0 (PRIMARY KEY (xid, id)) INHERITS (inventory_event);
CREATE TABLE inventory_event_1 (PRIMARY KEY (xid, id)) INHERITS (inventory_event);
CREATE TABLE inventory_event_2 (PRIMARY KEY (xid, id)) INHERITS (inventory_event);
COMMENT ON TABLE inventory_event_0 IS 'part of inventory_event';
COMMENT ON TABLE inventory_event_1 IS 'part of inventory_event';
COMMENT ON TABLE inventory_event_2 IS 'part of inventory_event';
REVOKE ALL ON inventory_event, inventory_event_0, inventory_event_1, inventory_event_2 FROM PUBLIC;

CREATE TABLE inventory_tick (
	id bigint NOT NULL PRIMARY KEY,
	mark bigint NOT NULL,
	snapshot pg_snapshot NOT NULL,
	event_count bigint NOT NULL,
	created_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);

COMMENT ON TABLE inventory_tick IS 'batches of events that became visible together';
COMMENT ON COLUMN inventory_tick.id IS 'number of the tick, without gaps';
COMMENT ON COLUMN inventory_tick.mark IS 'random, so that a tick of another history is not taken for this one';
COMMENT ON COLUMN inventory_tick.snapshot IS 'what was visible when the tick was made';
COMMENT ON COLUMN inventory_tick.event_count IS 'events visible in this tick and not in the one before';
COMMENT ON COLUMN inventory_tick.created_at IS 'when';
REVOKE ALL ON inventory_tick FROM PUBLIC;

-- The tick before all events.
INSERT INTO inventory_tick (id, mark, snapshot, event_count)
	VALUES (0,
			('x' || pg_catalog.substr(pg_catalog.replace(pg_catalog.gen_random_uuid()::text, '-', ''), 1, 16))::bit(64)::bigint,
			pg_catalog.pg_current_snapshot(), 0);

