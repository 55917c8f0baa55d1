-- tables.sql
--     Every table, column, key, check, index and trigger.
\ir objects.psql

INSERT INTO actual
SELECT r.relname || '.' || a.attname,
       format_type(a.atttypid, a.atttypmod)
       || CASE WHEN l.collname <> 'default' THEN ' COLLATE ' || l.collname ELSE '' END
       || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END
       || CASE a.attidentity WHEN 'a' THEN ' ALWAYS IDENTITY' WHEN 'd' THEN ' DEFAULT IDENTITY' ELSE '' END
       || coalesce(CASE a.attgenerated WHEN 's' THEN ' GENERATED ' ELSE ' DEFAULT ' END || pg_get_expr(d.adbin, d.adrelid), '')
  FROM member_relation r
  JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
  LEFT JOIN pg_collation l ON l.oid = a.attcollation
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
 WHERE r.relkind IN ('r', 'p', 'v', 'm', 'c') AND a.attislocal;

COPY expected FROM stdin (DELIMITER '|');
inventory.alert_state|text COLLATE C NOT NULL DEFAULT 'ok'::text
inventory.attributes|jsonb
inventory.inventory_id|bigint NOT NULL ALWAYS IDENTITY
inventory.last_modified_at|timestamp with time zone NOT NULL DEFAULT clock_timestamp()
inventory.last_restocked_at|timestamp with time zone
inventory.minimum_stock|bigint NOT NULL DEFAULT 0
inventory.organization_id|text COLLATE C NOT NULL
inventory.product_id|text COLLATE C NOT NULL
inventory.quantity_available|bigint NOT NULL DEFAULT 0
inventory.quantity_on_hand|bigint NOT NULL GENERATED (quantity_available + quantity_reserved)
inventory.quantity_reserved|bigint NOT NULL DEFAULT 0
inventory.retired_at|timestamp with time zone
inventory.stock_floor|bigint NOT NULL DEFAULT 0
inventory.track_batches|boolean NOT NULL DEFAULT false
inventory.version|bigint NOT NULL DEFAULT 1
inventory.warehouse_id|text COLLATE C NOT NULL
inventory_batch.alerted_at|timestamp with time zone
inventory_batch.batch_id|bigint NOT NULL ALWAYS IDENTITY
inventory_batch.batch_number|text COLLATE C NOT NULL
inventory_batch.expires_at|timestamp with time zone
inventory_batch.inventory_id|bigint NOT NULL
inventory_batch.last_modified_at|timestamp with time zone NOT NULL DEFAULT clock_timestamp()
inventory_batch.organization_id|text COLLATE C NOT NULL
inventory_batch.product_id|text COLLATE C NOT NULL
inventory_batch.quantity|bigint NOT NULL
inventory_batch.received_at|timestamp with time zone NOT NULL DEFAULT clock_timestamp()
inventory_batch.status|text COLLATE C NOT NULL DEFAULT 'active'::text
inventory_batch.version|bigint NOT NULL DEFAULT 1
inventory_batch.warehouse_id|text COLLATE C NOT NULL
inventory_event.created_at|timestamp with time zone NOT NULL DEFAULT clock_timestamp()
inventory_event.data|json NOT NULL
inventory_event.id|bigint NOT NULL ALWAYS IDENTITY
inventory_event.op|text COLLATE C
inventory_event.organization_id|text COLLATE C NOT NULL
inventory_event.product_id|text COLLATE C
inventory_event.subject|text COLLATE C
inventory_event.type|text COLLATE C NOT NULL
inventory_event.warehouse_id|text COLLATE C
inventory_event.xid|xid8 NOT NULL DEFAULT pg_current_xact_id()
inventory_member.organization_id|text COLLATE C NOT NULL
inventory_member.role|text COLLATE C NOT NULL
inventory_member.subject|text COLLATE C NOT NULL
inventory_member.warehouses|text[]
inventory_movement.available_after|bigint NOT NULL
inventory_movement.created_at|timestamp with time zone NOT NULL
inventory_movement.db_user|text NOT NULL
inventory_movement.delta_available|bigint NOT NULL
inventory_movement.delta_reserved|bigint NOT NULL
inventory_movement.inventory_id|bigint NOT NULL
inventory_movement.movement_id|bigint NOT NULL ALWAYS IDENTITY
inventory_movement.movement_type|text COLLATE C NOT NULL
inventory_movement.occurred_at|timestamp with time zone
inventory_movement.operation_id|text COLLATE C
inventory_movement.organization_id|text COLLATE C NOT NULL
inventory_movement.performed_by|text
inventory_movement.product_id|text COLLATE C NOT NULL
inventory_movement.quantity|bigint NOT NULL
inventory_movement.reason|text
inventory_movement.reference|text
inventory_movement.reserved_after|bigint NOT NULL
inventory_movement.version|bigint NOT NULL
inventory_movement.warehouse_id|text COLLATE C NOT NULL
inventory_movement_batch.batch_id|bigint NOT NULL
inventory_movement_batch.delta|bigint NOT NULL
inventory_movement_batch.movement_id|bigint NOT NULL
inventory_operation.created_at|timestamp with time zone NOT NULL DEFAULT clock_timestamp()
inventory_operation.kind|text COLLATE C NOT NULL
inventory_operation.operation_id|text COLLATE C NOT NULL
inventory_operation.organization_id|text COLLATE C NOT NULL
inventory_operation.performed_by|text
inventory_operation.request_hash|bytea
inventory_operation.result|jsonb
inventory_organization.members_only|boolean NOT NULL DEFAULT true
inventory_organization.organization_id|text COLLATE C NOT NULL
inventory_reservation.closed_at|timestamp with time zone
inventory_reservation.created_at|timestamp with time zone NOT NULL DEFAULT clock_timestamp()
inventory_reservation.expires_at|timestamp with time zone NOT NULL
inventory_reservation.organization_id|text COLLATE C NOT NULL
inventory_reservation.performed_by|text
inventory_reservation.reference|text
inventory_reservation.reservation_id|text COLLATE C NOT NULL
inventory_reservation.status|text COLLATE C NOT NULL DEFAULT 'active'::text
inventory_reservation_line.inventory_id|bigint NOT NULL
inventory_reservation_line.is_held|boolean NOT NULL DEFAULT true
inventory_reservation_line.organization_id|text COLLATE C NOT NULL
inventory_reservation_line.product_id|text COLLATE C NOT NULL
inventory_reservation_line.quantity|bigint NOT NULL
inventory_reservation_line.quantity_committed|bigint NOT NULL DEFAULT 0
inventory_reservation_line.reservation_id|text COLLATE C NOT NULL
inventory_reservation_line.warehouse_id|text COLLATE C NOT NULL
inventory_tick.created_at|timestamp with time zone NOT NULL DEFAULT clock_timestamp()
inventory_tick.event_count|bigint NOT NULL
inventory_tick.id|bigint NOT NULL
inventory_tick.mark|bigint NOT NULL
inventory_tick.snapshot|pg_snapshot NOT NULL
presence_session.created_at|timestamp with time zone NOT NULL DEFAULT clock_timestamp()
presence_session.kind|text COLLATE C NOT NULL
presence_session.last_seen|timestamp with time zone NOT NULL DEFAULT clock_timestamp()
presence_session.session_id|text COLLATE C NOT NULL
presence_status.avatar_url|text COLLATE C
presence_status.client_id|text COLLATE C NOT NULL
presence_status.created_at|timestamp with time zone NOT NULL DEFAULT clock_timestamp()
presence_status.id|uuid NOT NULL DEFAULT gen_random_uuid()
presence_status.metadata|jsonb NOT NULL DEFAULT '{}'::jsonb
presence_status.organization_id|text COLLATE C NOT NULL
presence_status.resource_id|text COLLATE C NOT NULL DEFAULT ''::text
presence_status.resource_type|text COLLATE C NOT NULL
presence_status.session_id|text COLLATE C NOT NULL
presence_status.status|text COLLATE C NOT NULL DEFAULT 'viewing'::text
presence_status.user_id|text COLLATE C NOT NULL
presence_status.user_name|text COLLATE C
presence_status.warehouses|text[]
\.

SELECT pg_temp.compare('column');

-- Keys, checks, indexes, triggers, policies, and how the tables are kept.
TRUNCATE expected, actual;

INSERT INTO actual
SELECT r.relname || ': ' || c.conname, pg_get_constraintdef(c.oid)
  FROM member_relation r JOIN pg_constraint c ON c.conrelid = r.oid
UNION ALL
SELECT r.relname || ': ' || i.relname, regexp_replace(pg_get_indexdef(i.oid), ' ON \S+\.', ' ON ')
  FROM member_relation r JOIN pg_index x ON x.indrelid = r.oid JOIN pg_class i ON i.oid = x.indexrelid
 WHERE NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.oid)
UNION ALL
SELECT r.relname || ': ' || t.tgname,
       replace(regexp_replace(pg_get_triggerdef(t.oid), '^.* (BEFORE|AFTER)', '\1'), quote_ident(current_schema) || '.', '')
  FROM member_relation r JOIN pg_trigger t ON t.tgrelid = r.oid AND NOT t.tgisinternal
UNION ALL
SELECT r.relname || ': policy ' || p.polname,
       concat_ws(' ', p.polcmd, pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
  FROM member_relation r JOIN pg_policy p ON p.polrelid = r.oid
UNION ALL
SELECT r.relname,
       concat_ws(', ', CASE r.relpersistence WHEN 'p' THEN 'logged' ELSE 'unlogged' END,
                 array_to_string(r.reloptions, ' '),
                 CASE WHEN r.relrowsecurity THEN 'row security' END,
                 (SELECT 'inherits ' || string_agg(h.inhparent::regclass::text, ' ') FROM pg_inherits h WHERE h.inhrelid = r.oid),
                 CASE WHEN r.oid = ANY (e.extconfig) THEN 'dumped' ELSE 'not dumped' END)
  FROM member_relation r, pg_extension e
 WHERE e.extname = 'pg_inventory' AND r.relkind IN ('r', 'p', 'S');

-- On one line each, whatever their layout.
UPDATE actual SET definition = regexp_replace(definition, '\s+', ' ', 'g');

COPY expected FROM stdin (DELIMITER '|');
inventory|logged, fillfactor=70, row security, dumped
inventory: inventory_check|CHECK (((quantity_reserved >= 0) AND ((quantity_available >= '-9007199254740991'::bigint) AND (quantity_available <= '9007199254740991'::bigint)) AND (((quantity_available + quantity_reserved) >= '-9007199254740991'::bigint) AND ((quantity_available + quantity_reserved) <= '9007199254740991'::bigint)) AND (minimum_stock >= 0) AND (version > 0) AND (alert_state = ANY (ARRAY['ok'::text, 'low'::text, 'out'::text]))))
inventory: inventory_inventory_id_key|UNIQUE (inventory_id)
inventory: inventory_pkey|PRIMARY KEY (organization_id, product_id, warehouse_id)
inventory: policy inventory_scope|r ((organization_id = ( SELECT s.organization_id FROM inventory_scope() s(organization_id, warehouses, role, actor, name, picture))) AND ((( SELECT s.warehouses FROM inventory_scope() s(organization_id, warehouses, role, actor, name, picture)) IS NULL) OR (warehouse_id = ANY (( SELECT s.warehouses FROM inventory_scope() s(organization_id, warehouses, role, actor, name, picture))::text[]))))
inventory_batch|logged, row security, dumped
inventory_batch: inventory_batch_expires_at_idx|CREATE INDEX inventory_batch_expires_at_idx ON inventory_batch USING btree (expires_at) WHERE (status = 'active'::text)
inventory_batch: inventory_batch_inventory_id_batch_number_key|UNIQUE (inventory_id, batch_number)
inventory_batch: inventory_batch_pkey|PRIMARY KEY (batch_id)
inventory_batch: inventory_batch_quantity_check|CHECK (((quantity >= 0) AND (quantity <= '9007199254740991'::bigint)))
inventory_batch: inventory_batch_status_check|CHECK ((status = ANY (ARRAY['active'::text, 'quarantined'::text, 'expired'::text])))
inventory_batch: policy inventory_scope|r ((organization_id = ( SELECT s.organization_id FROM inventory_scope() s(organization_id, warehouses, role, actor, name, picture))) AND ((( SELECT s.warehouses FROM inventory_scope() s(organization_id, warehouses, role, actor, name, picture)) IS NULL) OR (warehouse_id = ANY (( SELECT s.warehouses FROM inventory_scope() s(organization_id, warehouses, role, actor, name, picture))::text[]))))
inventory_batch_batch_id_seq|logged, dumped
inventory_event|logged, row security, not dumped
inventory_event: inventory_event_pkey|PRIMARY KEY (xid, id)
inventory_event_0|logged, row security, inherits inventory_event, not dumped
inventory_event_0: inventory_event_0_pkey|PRIMARY KEY (xid, id)
inventory_event_1|logged, row security, inherits inventory_event, not dumped
inventory_event_1: inventory_event_1_pkey|PRIMARY KEY (xid, id)
inventory_event_2|logged, row security, inherits inventory_event, not dumped
inventory_event_2: inventory_event_2_pkey|PRIMARY KEY (xid, id)
inventory_event_id_seq|logged, not dumped
inventory_inventory_id_seq|logged, dumped
inventory_member|logged, row security, dumped
inventory_member: inventory_member_changed|AFTER INSERT OR DELETE OR UPDATE ON inventory_member FOR EACH ROW EXECUTE FUNCTION inventory_member_changed()
inventory_member: inventory_member_check|CHECK (((octet_length(organization_id) <= 200) AND ((octet_length(subject) >= 1) AND (octet_length(subject) <= 200))))
inventory_member: inventory_member_pkey|PRIMARY KEY (organization_id, subject)
inventory_member: inventory_member_role_check|CHECK ((role = ANY (ARRAY['viewer'::text, 'operator'::text, 'manager'::text])))
inventory_member: inventory_member_truncated|BEFORE TRUNCATE ON inventory_member FOR EACH STATEMENT EXECUTE FUNCTION inventory_member_changed()
inventory_member: inventory_member_warehouses_check|CHECK ((array_position(warehouses, NULL::text) IS NULL))
inventory_member: policy inventory_scope|r ((organization_id = ( SELECT s.organization_id FROM inventory_scope() s(organization_id, warehouses, role, actor, name, picture))) AND ((subject = ( SELECT s.actor FROM inventory_scope() s(organization_id, warehouses, role, actor, name, picture))) OR ( SELECT ((s.role = 'manager'::text) AND (s.warehouses IS NULL)) FROM inventory_scope() s(organization_id, warehouses, role, actor, name, picture))))
inventory_movement|logged, row security, dumped
inventory_movement: inventory_movement_append_only|BEFORE DELETE OR UPDATE OR TRUNCATE ON inventory_movement FOR EACH STATEMENT EXECUTE FUNCTION inventory_movement_refuse()
inventory_movement: inventory_movement_pkey|PRIMARY KEY (inventory_id, version)
inventory_movement: policy inventory_scope|r ((organization_id = ( SELECT s.organization_id FROM inventory_scope() s(organization_id, warehouses, role, actor, name, picture))) AND ((( SELECT s.warehouses FROM inventory_scope() s(organization_id, warehouses, role, actor, name, picture)) IS NULL) OR (warehouse_id = ANY (( SELECT s.warehouses FROM inventory_scope() s(organization_id, warehouses, role, actor, name, picture))::text[]))))
inventory_movement_batch|logged, row security, dumped
inventory_movement_batch: inventory_movement_batch_append_only|BEFORE DELETE OR UPDATE OR TRUNCATE ON inventory_movement_batch FOR EACH STATEMENT EXECUTE FUNCTION inventory_movement_refuse()
inventory_movement_batch: inventory_movement_batch_batch_id_idx|CREATE INDEX inventory_movement_batch_batch_id_idx ON inventory_movement_batch USING btree (batch_id)
inventory_movement_batch: inventory_movement_batch_pkey|PRIMARY KEY (movement_id, batch_id)
inventory_movement_batch: policy inventory_scope|r (EXISTS ( SELECT FROM inventory_batch b WHERE (b.batch_id = inventory_movement_batch.batch_id)))
inventory_movement_movement_id_seq|logged, dumped
inventory_operation|logged, fillfactor=30, row security, dumped
inventory_operation: inventory_operation_created_at_idx|CREATE INDEX inventory_operation_created_at_idx ON inventory_operation USING brin (created_at)
inventory_operation: inventory_operation_pkey|PRIMARY KEY (organization_id, operation_id)
inventory_operation: policy inventory_scope|r ((organization_id = ( SELECT s.organization_id FROM inventory_scope() s(organization_id, warehouses, role, actor, name, picture))) AND (( SELECT s.warehouses FROM inventory_scope() s(organization_id, warehouses, role, actor, name, picture)) IS NULL))
inventory_organization|logged, row security, dumped
inventory_organization: inventory_organization_changed|AFTER INSERT OR DELETE OR UPDATE ON inventory_organization FOR EACH ROW EXECUTE FUNCTION inventory_organization_changed()
inventory_organization: inventory_organization_truncated|BEFORE TRUNCATE ON inventory_organization FOR EACH STATEMENT EXECUTE FUNCTION inventory_organization_changed()
inventory_organization: inventory_organization_pkey|PRIMARY KEY (organization_id)
inventory_organization: policy inventory_scope|r (organization_id = ( SELECT s.organization_id FROM inventory_scope() s(organization_id, warehouses, role, actor, name, picture)))
inventory_reservation|logged, row security, dumped
inventory_reservation: inventory_reservation_expires_at_idx|CREATE INDEX inventory_reservation_expires_at_idx ON inventory_reservation USING btree (expires_at) WHERE (status = 'active'::text)
inventory_reservation: inventory_reservation_pkey|PRIMARY KEY (organization_id, reservation_id)
inventory_reservation: inventory_reservation_status_check|CHECK ((status = ANY (ARRAY['active'::text, 'committed'::text, 'released'::text, 'expired'::text])))
inventory_reservation: policy inventory_scope|r ((organization_id = ( SELECT s.organization_id FROM inventory_scope() s(organization_id, warehouses, role, actor, name, picture))) AND (EXISTS ( SELECT FROM inventory_reservation_line l WHERE ((l.organization_id = inventory_reservation.organization_id) AND (l.reservation_id = inventory_reservation.reservation_id)))))
inventory_reservation_line|logged, row security, dumped
inventory_reservation_line: inventory_reservation_line_check|CHECK (((quantity_committed >= 0) AND (quantity_committed <= quantity)))
inventory_reservation_line: inventory_reservation_line_inventory_id_idx|CREATE INDEX inventory_reservation_line_inventory_id_idx ON inventory_reservation_line USING btree (inventory_id) WHERE is_held
inventory_reservation_line: inventory_reservation_line_pkey|PRIMARY KEY (organization_id, reservation_id, inventory_id)
inventory_reservation_line: inventory_reservation_line_quantity_check|CHECK (((quantity >= 1) AND (quantity <= '9007199254740991'::bigint)))
inventory_reservation_line: policy inventory_scope|r ((organization_id = ( SELECT s.organization_id FROM inventory_scope() s(organization_id, warehouses, role, actor, name, picture))) AND ((( SELECT s.warehouses FROM inventory_scope() s(organization_id, warehouses, role, actor, name, picture)) IS NULL) OR (warehouse_id = ANY (( SELECT s.warehouses FROM inventory_scope() s(organization_id, warehouses, role, actor, name, picture))::text[]))))
inventory_tick|logged, not dumped
inventory_tick: inventory_tick_pkey|PRIMARY KEY (id)
presence_session: presence_session_kind_check|CHECK ((kind = ANY (ARRAY['relay'::text, 'backend'::text])))
presence_session: presence_session_pkey|PRIMARY KEY (session_id)
presence_session: presence_session_session_id_check|CHECK (((octet_length(session_id) >= 1) AND (octet_length(session_id) <= 200)))
presence_session|unlogged, fillfactor=50, row security, not dumped
presence_status: policy inventory_scope|r ((organization_id = ( SELECT s.organization_id FROM inventory_scope() s(organization_id, warehouses, role, actor, name, picture))) AND ((warehouses IS NULL) OR (( SELECT s.warehouses FROM inventory_scope() s(organization_id, warehouses, role, actor, name, picture)) IS NULL) OR (warehouses && ( SELECT s.warehouses FROM inventory_scope() s(organization_id, warehouses, role, actor, name, picture)))))
presence_status: presence_status_avatar_url_check|CHECK (((avatar_url ~~ 'https://%'::text) AND (octet_length(avatar_url) <= 500)))
presence_status: presence_status_check1|CHECK ((((octet_length(resource_type) >= 1) AND (octet_length(resource_type) <= 200)) AND (octet_length(resource_id) <= 200)))
presence_status: presence_status_check|CHECK ((((octet_length(client_id) >= 1) AND (octet_length(client_id) <= 200)) AND (octet_length(organization_id) <= 200) AND ((octet_length(user_id) >= 1) AND (octet_length(user_id) <= 200)) AND (octet_length(user_name) <= 200)))
presence_status: presence_status_metadata_check|CHECK ((octet_length((metadata)::text) <= 2048))
presence_status: presence_status_organization_id_resource_type_resource_id_c_key|UNIQUE (organization_id, resource_type, resource_id, client_id)
presence_status: presence_status_pkey|PRIMARY KEY (id)
presence_status: presence_status_session_id_fkey|FOREIGN KEY (session_id) REFERENCES presence_session(session_id)
presence_status: presence_status_session_id_idx|CREATE INDEX presence_status_session_id_idx ON presence_status USING btree (session_id)
presence_status: presence_status_status_check|CHECK ((status = ANY (ARRAY['viewing'::text, 'editing'::text, 'idle'::text])))
presence_status|unlogged, fillfactor=70, row security, not dumped
\.

SELECT pg_temp.compare('rule');

SELECT * FROM finish();
