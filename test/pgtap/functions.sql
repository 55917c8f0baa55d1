-- functions.sql
--     Every function: arguments with their defaults, result, and how it runs.
\ir objects.psql

INSERT INTO actual
SELECT proname || '(' || pg_get_function_arguments(oid) || ')',
       concat_ws(' ', pg_get_function_result(oid),
                 (SELECT lanname FROM pg_language l WHERE l.oid = prolang),
                 CASE provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' ELSE 'volatile' END,
                 CASE proparallel WHEN 's' THEN 'parallel safe' WHEN 'r' THEN 'parallel restricted' ELSE 'parallel unsafe' END,
                 CASE WHEN proisstrict THEN 'strict' END,
                 CASE WHEN prosecdef THEN 'security definer' END,
                 array_to_string(proconfig, ' '))
  FROM member_function;

COPY expected FROM stdin (DELIMITER '|');
inventory_adjust(product_id text, warehouse_id text, quantity bigint, movement_type text DEFAULT 'adjustment'::text, reason text DEFAULT NULL::text, performed_by text DEFAULT NULL::text, expected_version bigint DEFAULT NULL::bigint, batch_number text DEFAULT NULL::text, expires_at timestamp with time zone DEFAULT NULL::timestamp with time zone, on_shortage text DEFAULT 'reject'::text, reference text DEFAULT NULL::text, idempotency_key text DEFAULT NULL::text, occurred_at timestamp with time zone DEFAULT NULL::timestamp with time zone)|inventory_change c volatile parallel unsafe security definer search_path=pg_catalog, pg_temp
inventory_apply(lines jsonb, reason text DEFAULT NULL::text, performed_by text DEFAULT NULL::text, reference text DEFAULT NULL::text, idempotency_key text DEFAULT NULL::text, occurred_at timestamp with time zone DEFAULT NULL::timestamp with time zone)|SETOF inventory_change c volatile parallel unsafe security definer search_path=pg_catalog, pg_temp
inventory_batch_set(product_id text, warehouse_id text, batch_number text, expires_at timestamp with time zone DEFAULT NULL::timestamp with time zone, status text DEFAULT NULL::text, reason text DEFAULT NULL::text, performed_by text DEFAULT NULL::text, reference text DEFAULT NULL::text, idempotency_key text DEFAULT NULL::text, occurred_at timestamp with time zone DEFAULT NULL::timestamp with time zone)|inventory_change c volatile parallel unsafe security definer search_path=pg_catalog, pg_temp
inventory_check_level(level text)|void plpgsql immutable parallel safe search_path=pg_catalog, pg_temp
inventory_commit(reservation_id text, lines jsonb DEFAULT NULL::jsonb, reason text DEFAULT NULL::text, performed_by text DEFAULT NULL::text, reference text DEFAULT NULL::text, idempotency_key text DEFAULT NULL::text, occurred_at timestamp with time zone DEFAULT NULL::timestamp with time zone)|SETOF inventory_change c volatile parallel unsafe security definer search_path=pg_catalog, pg_temp
inventory_define(product_id text, warehouse_id text, minimum_stock bigint DEFAULT NULL::bigint, stock_floor bigint DEFAULT NULL::bigint, track_batches boolean DEFAULT NULL::boolean, attributes jsonb DEFAULT NULL::jsonb, initial_quantity bigint DEFAULT NULL::bigint, reason text DEFAULT NULL::text, performed_by text DEFAULT NULL::text, reference text DEFAULT NULL::text, idempotency_key text DEFAULT NULL::text, occurred_at timestamp with time zone DEFAULT NULL::timestamp with time zone)|inventory_change c volatile parallel unsafe security definer search_path=pg_catalog, pg_temp
inventory_events(after_position text DEFAULT NULL::text, max_events integer DEFAULT 1000)|TABLE("position" text, tick bigint, id bigint, organization_id text, type text, product_id text, warehouse_id text, op text, data json, created_at timestamp with time zone) c volatile parallel unsafe security definer search_path=pg_catalog, pg_temp enable_seqscan=off jit=off
inventory_grant(level text, role regrole)|void plpgsql volatile parallel unsafe search_path=pg_catalog, pg_temp
inventory_level_backend()|void c stable parallel safe
inventory_level_objects(level text)|TABLE(privilege text, object text) sql stable parallel safe search_path=pg_catalog, pg_temp
inventory_list(product_id text DEFAULT NULL::text, warehouse_id text DEFAULT NULL::text, as_of timestamp with time zone DEFAULT NULL::timestamp with time zone)|TABLE(organization_id text, product_id text, warehouse_id text, inventory_id bigint, quantity_available bigint, quantity_reserved bigint, quantity_on_hand bigint, minimum_stock bigint, stock_floor bigint, track_batches boolean, attributes jsonb, alert_state text, version bigint, last_modified_at timestamp with time zone, last_restocked_at timestamp with time zone, retired_at timestamp with time zone) sql stable parallel restricted security definer search_path=pg_catalog, pg_temp
inventory_member_changed()|trigger c volatile parallel unsafe security definer search_path=pg_catalog, pg_temp
inventory_movement_refuse()|trigger plpgsql volatile parallel unsafe search_path=pg_catalog, pg_temp
inventory_organization_changed()|trigger c volatile parallel unsafe security definer search_path=pg_catalog, pg_temp
inventory_position()|text c volatile parallel unsafe security definer search_path=pg_catalog, pg_temp enable_seqscan=off
inventory_reconcile(product_id text DEFAULT NULL::text, warehouse_id text DEFAULT NULL::text, repair boolean DEFAULT false)|TABLE(product_id text, warehouse_id text, inventory_id bigint, "check" text, expected bigint, actual bigint, repaired boolean) c volatile parallel unsafe security definer search_path=pg_catalog, pg_temp
inventory_relay_batches(organization_id text, warehouses text[], product_id text, warehouse_id text, before bigint DEFAULT NULL::bigint, max_rows integer DEFAULT 500)|TABLE(data json, covered_by bigint) sql volatile parallel unsafe security definer search_path=pg_catalog, pg_temp
inventory_relay_movements(organization_id text, warehouses text[], product_id text, warehouse_id text, before bigint DEFAULT NULL::bigint, max_rows integer DEFAULT 500)|TABLE(data json, covered_by bigint) sql volatile parallel unsafe security definer search_path=pg_catalog, pg_temp
inventory_relay_read(after_position text, max_events integer DEFAULT 1000)|TABLE("position" text, tick bigint, id bigint, organization_id text, type text, product_id text, warehouse_id text, subject text, op text, data json, created_at timestamp with time zone, head text, round_age_ms bigint, more boolean) c volatile parallel unsafe security definer search_path=pg_catalog, pg_temp enable_seqscan=off jit=off
inventory_relay_recent(max_events integer)|text sql stable parallel safe strict security definer search_path=pg_catalog, pg_temp
inventory_relay_reservations(organization_id text, warehouses text[], product_id text, warehouse_id text, before text DEFAULT NULL::text, max_rows integer DEFAULT 500)|TABLE(data json, covered_by bigint) sql volatile parallel unsafe security definer search_path=pg_catalog, pg_temp
inventory_relay_scope(claims text, OUT organization_id text, OUT warehouses text[], OUT role text, OUT actor text, OUT name text, OUT picture text)|record c stable parallel restricted security definer search_path=pg_catalog, pg_temp
inventory_relay_snapshot(organization_id text, warehouses text[] DEFAULT NULL::text[], product_id text DEFAULT NULL::text, warehouse_id text DEFAULT NULL::text, after_product_id text DEFAULT ''::text, after_warehouse_id text DEFAULT ''::text, max_rows integer DEFAULT 500)|TABLE(product_id text, warehouse_id text, version bigint, data json, covered_by bigint) sql volatile parallel unsafe security definer search_path=pg_catalog, pg_temp
inventory_relay_sync(operations jsonb, callers jsonb, wait boolean DEFAULT false)|TABLE(seq integer, idempotency_key text, status text, sqlstate text, message text, detail text, result jsonb) c volatile parallel unsafe security definer search_path=pg_catalog, pg_temp
inventory_relay_want_tick(tick bigint)|bigint c volatile parallel unsafe strict
inventory_release(reservation_id text, reason text DEFAULT NULL::text, performed_by text DEFAULT NULL::text, reference text DEFAULT NULL::text, idempotency_key text DEFAULT NULL::text, occurred_at timestamp with time zone DEFAULT NULL::timestamp with time zone)|SETOF inventory_change c volatile parallel unsafe security definer search_path=pg_catalog, pg_temp
inventory_reserve(lines jsonb, ttl interval DEFAULT NULL::interval, reservation_id text DEFAULT NULL::text, reason text DEFAULT NULL::text, performed_by text DEFAULT NULL::text, reference text DEFAULT NULL::text, idempotency_key text DEFAULT NULL::text, occurred_at timestamp with time zone DEFAULT NULL::timestamp with time zone)|SETOF inventory_change c volatile parallel unsafe security definer search_path=pg_catalog, pg_temp
inventory_retire(product_id text, warehouse_id text, reason text DEFAULT NULL::text, performed_by text DEFAULT NULL::text, reference text DEFAULT NULL::text, idempotency_key text DEFAULT NULL::text, occurred_at timestamp with time zone DEFAULT NULL::timestamp with time zone)|inventory_change c volatile parallel unsafe security definer search_path=pg_catalog, pg_temp
inventory_revoke(level text, role regrole)|void plpgsql volatile parallel unsafe search_path=pg_catalog, pg_temp
inventory_scope(OUT organization_id text, OUT warehouses text[], OUT role text, OUT actor text, OUT name text, OUT picture text)|record c stable parallel restricted security definer search_path=pg_catalog, pg_temp
inventory_set(product_id text, warehouse_id text, quantity bigint, expected_quantity bigint, expected_version bigint DEFAULT NULL::bigint, counted_at timestamp with time zone DEFAULT NULL::timestamp with time zone, batch_number text DEFAULT NULL::text, expires_at timestamp with time zone DEFAULT NULL::timestamp with time zone, reason text DEFAULT NULL::text, performed_by text DEFAULT NULL::text, reference text DEFAULT NULL::text, idempotency_key text DEFAULT NULL::text, occurred_at timestamp with time zone DEFAULT NULL::timestamp with time zone)|inventory_change c volatile parallel unsafe security definer search_path=pg_catalog, pg_temp
inventory_status()|TABLE(component text, pid integer, state text, started_at timestamp with time zone, last_round_at timestamp with time zone, last_tick bigint, lag interval, last_error text, details json) c volatile parallel unsafe security definer search_path=pg_catalog, pg_temp
inventory_sweep(max_rows integer DEFAULT 1000, OUT reservations_expired integer, OUT batches_expired integer, OUT batches_alerted integer, OUT operations_pruned integer)|record c volatile parallel unsafe security definer search_path=pg_catalog, pg_temp
inventory_sync(operations jsonb)|TABLE(seq integer, idempotency_key text, status text, sqlstate text, message text, detail text, result jsonb) c volatile parallel unsafe security definer search_path=pg_catalog, pg_temp
inventory_transfer(product_id text, from_warehouse_id text, to_warehouse_id text, quantity bigint, batch_number text DEFAULT NULL::text, reason text DEFAULT NULL::text, performed_by text DEFAULT NULL::text, reference text DEFAULT NULL::text, idempotency_key text DEFAULT NULL::text, occurred_at timestamp with time zone DEFAULT NULL::timestamp with time zone)|SETOF inventory_change c volatile parallel unsafe security definer search_path=pg_catalog, pg_temp
presence_cleanup(timeout interval DEFAULT NULL::interval, OUT sessions_ended integer, OUT viewers_left integer)|record c volatile parallel unsafe security definer search_path=pg_catalog, pg_temp
presence_leave(client_id text, resource_type text DEFAULT NULL::text, resource_id text DEFAULT NULL::text)|integer c volatile parallel unsafe security definer search_path=pg_catalog, pg_temp
presence_list(resource_type text DEFAULT NULL::text, resource_id text DEFAULT NULL::text)|TABLE(resource_type text, resource_id text, user_id text, user_name text, avatar_url text, status text, metadata jsonb, connections integer, since timestamp with time zone, last_seen timestamp with time zone) sql stable parallel restricted security definer search_path=pg_catalog, pg_temp
presence_relay_list()|TABLE(id uuid, client_id text, organization_id text, user_id text, user_name text, avatar_url text, warehouses text[], resource_type text, resource_id text, status text, metadata jsonb, since timestamp with time zone) sql stable parallel restricted security definer search_path=pg_catalog, pg_temp
presence_relay_sync(session_id text, changes jsonb)|TABLE(seq integer, sqlstate text, message text) c volatile parallel unsafe security definer search_path=pg_catalog, pg_temp
presence_relay_touch(session_id text)|boolean c volatile parallel unsafe security definer search_path=pg_catalog, pg_temp
presence_touch(session_id text)|boolean c volatile parallel unsafe security definer search_path=pg_catalog, pg_temp
presence_track(session_id text, client_id text, resource_type text, resource_id text DEFAULT ''::text, status text DEFAULT 'viewing'::text, metadata jsonb DEFAULT '{}'::jsonb, user_id text DEFAULT NULL::text, user_name text DEFAULT NULL::text, avatar_url text DEFAULT NULL::text)|uuid c volatile parallel unsafe security definer search_path=pg_catalog, pg_temp
presence_update(client_id text, resource_type text, resource_id text DEFAULT ''::text, status text DEFAULT NULL::text, metadata jsonb DEFAULT NULL::jsonb)|boolean c volatile parallel unsafe security definer search_path=pg_catalog, pg_temp
inventory_version_at(inventory_id bigint, version bigint, as_of timestamp with time zone)|bigint c stable parallel safe strict
\.

SELECT pg_temp.compare('function');

-- Who runs with the owner's rights must not look for names where the caller says.
SELECT ok(proconfig[1] = 'search_path=pg_catalog, pg_temp', signature || ' chooses its own search path')
  FROM member_function
 WHERE prosecdef OR prolang = (SELECT oid FROM pg_language WHERE lanname = 'plpgsql')
 ORDER BY 1;

-- The rest of what belongs to the extension: types, and the kinds there are.
TRUNCATE expected, actual;

INSERT INTO actual
SELECT t.typname, string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ', ' ORDER BY a.attnum)
  FROM member m
  JOIN pg_type t ON m.classid = 'pg_type'::regclass AND m.objid = t.oid
  LEFT JOIN pg_attribute a ON a.attrelid = t.typrelid AND a.attnum > 0
  LEFT JOIN pg_class c ON c.oid = t.typrelid
 WHERE c.relkind IS NULL OR c.relkind = 'c'
 GROUP BY t.typname;

COPY expected FROM stdin (DELIMITER '|');
inventory_change|inventory_id bigint, organization_id text, product_id text, warehouse_id text, previous_quantity bigint, new_quantity bigint, quantity_reserved bigint, version bigint, movement_id bigint, movement_type text, shortfall bigint, retries integer, replayed boolean, created_at timestamp with time zone, reservation_id text, expires_at timestamp with time zone
\.

SELECT pg_temp.compare('type');

SELECT set_eq(
    'SELECT DISTINCT classid::regclass::text FROM member',
    ARRAY['pg_class', 'pg_proc', 'pg_type'],
    'the extension consists of relations, functions and types');

SELECT * FROM finish();
