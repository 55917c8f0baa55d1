-- Batches ------------------------------------------------------------------------

CREATE TABLE inventory_batch (
	batch_id bigint NOT NULL GENERATED ALWAYS AS IDENTITY (MAXVALUE 9007199254740991) PRIMARY KEY,
	inventory_id bigint NOT NULL,
	organization_id text COLLATE "C" NOT NULL,
	product_id text COLLATE "C" NOT NULL,
	warehouse_id text COLLATE "C" NOT NULL,
	batch_number text COLLATE "C" NOT NULL,
	quantity bigint NOT NULL CHECK (quantity BETWEEN 0 AND 9007199254740991),
	expires_at timestamptz,
	received_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	status text COLLATE "C" NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'quarantined', 'expired')),
	alerted_at timestamptz,
	version bigint NOT NULL DEFAULT 1,
	last_modified_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	UNIQUE (inventory_id, batch_number)
);
-- for the janitor: what is to expire, and has something to lose
CREATE INDEX inventory_batch_expires_at_idx ON inventory_batch (expires_at) WHERE status = 'active';

COMMENT ON TABLE inventory_batch IS 'lots of the items that track batches; their quantities add up to what is on hand';
COMMENT ON COLUMN inventory_batch.batch_id IS 'short name of the batch';
COMMENT ON COLUMN inventory_batch.inventory_id IS 'the item';
COMMENT ON COLUMN inventory_batch.organization_id IS 'as in inventory';
COMMENT ON COLUMN inventory_batch.product_id IS 'as in inventory';
COMMENT ON COLUMN inventory_batch.warehouse_id IS 'as in inventory';
COMMENT ON COLUMN inventory_batch.batch_number IS 'the number on the box; unique within the item';
COMMENT ON COLUMN inventory_batch.quantity IS 'what is in the place of this batch';
COMMENT ON COLUMN inventory_batch.expires_at IS 'from then on it is not sold; null = never expires';
COMMENT ON COLUMN inventory_batch.received_at IS 'when its first pieces came';
COMMENT ON COLUMN inventory_batch.status IS 'active, quarantined (not sold until freed) or expired (written off)';
COMMENT ON COLUMN inventory_batch.alerted_at IS 'when batch.expiring_soon was sent for this expiry';
COMMENT ON COLUMN inventory_batch.version IS 'number of changes of this row';
COMMENT ON COLUMN inventory_batch.last_modified_at IS 'time of the last change';

REVOKE ALL ON inventory_batch FROM PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('inventory_batch', '');
SELECT pg_catalog.pg_extension_config_dump('inventory_batch_batch_id_seq', '');

CREATE TABLE inventory_movement_batch (
	movement_id bigint NOT NULL,
	batch_id bigint NOT NULL,
	delta bigint NOT NULL,
	PRIMARY KEY (movement_id, batch_id)
);
CREATE INDEX inventory_movement_batch_batch_id_idx ON inventory_movement_batch (batch_id);

COMMENT ON TABLE inventory_movement_batch IS 'how a movement of a tracked item split over its batches';
COMMENT ON COLUMN inventory_movement_batch.movement_id IS 'the movement';
COMMENT ON COLUMN inventory_movement_batch.batch_id IS 'the batch';
COMMENT ON COLUMN inventory_movement_batch.delta IS 'change of the batch''s quantity';

REVOKE ALL ON inventory_movement_batch FROM PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('inventory_movement_batch', '');

CREATE TRIGGER inventory_movement_batch_append_only
	BEFORE UPDATE OR DELETE OR TRUNCATE ON inventory_movement_batch
	FOR EACH STATEMENT EXECUTE FUNCTION inventory_movement_refuse();
COMMENT ON TRIGGER inventory_movement_batch_append_only ON inventory_movement_batch IS 'refuses UPDATE, DELETE and TRUNCATE';

-- Reservations -------------------------------------------------------------------

CREATE TABLE inventory_reservation (
	organization_id text COLLATE "C" NOT NULL,
	reservation_id text COLLATE "C" NOT NULL,
	status text COLLATE "C" NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'committed', 'released', 'expired')),
	reference text,
	performed_by text,
	expires_at timestamptz NOT NULL,
	created_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	closed_at timestamptz,
	PRIMARY KEY (organization_id, reservation_id)
);
CREATE INDEX inventory_reservation_expires_at_idx ON inventory_reservation (expires_at) WHERE status = 'active';

COMMENT ON TABLE inventory_reservation IS 'stock held for a time, for an order that is not paid yet';
COMMENT ON COLUMN inventory_reservation.organization_id IS 'whose reservation it is';
COMMENT ON COLUMN inventory_reservation.reservation_id IS 'the caller''s own id, or a generated one';
COMMENT ON COLUMN inventory_reservation.status IS 'active, committed (sold), released (given back) or expired';
COMMENT ON COLUMN inventory_reservation.reference IS 'the order or cart it belongs to';
COMMENT ON COLUMN inventory_reservation.performed_by IS 'who made it';
COMMENT ON COLUMN inventory_reservation.expires_at IS 'until when the stock is held';
COMMENT ON COLUMN inventory_reservation.created_at IS 'when it was made';
COMMENT ON COLUMN inventory_reservation.closed_at IS 'when it ended, however';

REVOKE ALL ON inventory_reservation FROM PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('inventory_reservation', '');

CREATE TABLE inventory_reservation_line (
	organization_id text COLLATE "C" NOT NULL,
	reservation_id text COLLATE "C" NOT NULL,
	inventory_id bigint NOT NULL,
	product_id text COLLATE "C" NOT NULL,
	warehouse_id text COLLATE "C" NOT NULL,
	quantity bigint NOT NULL CHECK (quantity BETWEEN 1 AND 9007199254740991),
	quantity_committed bigint NOT NULL DEFAULT 0 CHECK (quantity_committed BETWEEN 0 AND quantity),
	-- a line may end before its reservation: when another sale needs overdue stock
	is_held boolean NOT NULL DEFAULT true,
	-- no foreign key: a parallel restore loads the tables in any order
	PRIMARY KEY (organization_id, reservation_id, inventory_id)
);
CREATE INDEX inventory_reservation_line_inventory_id_idx ON inventory_reservation_line (inventory_id) WHERE is_held;

COMMENT ON TABLE inventory_reservation_line IS 'what a reservation holds';
COMMENT ON COLUMN inventory_reservation_line.organization_id IS 'the reservation';
COMMENT ON COLUMN inventory_reservation_line.reservation_id IS 'the reservation';
COMMENT ON COLUMN inventory_reservation_line.inventory_id IS 'the item';
COMMENT ON COLUMN inventory_reservation_line.product_id IS 'as in inventory';
COMMENT ON COLUMN inventory_reservation_line.warehouse_id IS 'as in inventory';
COMMENT ON COLUMN inventory_reservation_line.quantity IS 'how much was reserved';
COMMENT ON COLUMN inventory_reservation_line.quantity_committed IS 'how much of it was sold';
COMMENT ON COLUMN inventory_reservation_line.is_held IS 'the quantity counts in the item''s quantity_reserved';

REVOKE ALL ON inventory_reservation_line FROM PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('inventory_reservation_line', '');

