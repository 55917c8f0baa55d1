-- comments.sql
--     Everything public says what it is, as \d+ and \df+ show it.
\ir objects.psql

CREATE TEMPORARY VIEW described AS
SELECT 'relation ' || relname AS object, obj_description(oid, 'pg_class') AS comment
  FROM member_relation WHERE relkind IN ('r', 'p', 'v', 'm')
UNION ALL
SELECT 'column ' || r.relname || '.' || a.attname, col_description(r.oid, a.attnum)
  FROM member_relation r JOIN pg_attribute a ON a.attrelid = r.oid
 WHERE r.relkind IN ('r', 'p', 'v', 'm') AND a.attnum > 0 AND NOT a.attisdropped AND a.attislocal
UNION ALL
SELECT 'function ' || signature, obj_description(oid, 'pg_proc') FROM member_function
UNION ALL
SELECT 'type ' || t.typname, obj_description(t.oid, 'pg_type')
  FROM member m JOIN pg_type t ON m.classid = 'pg_type'::regclass AND m.objid = t.oid
  LEFT JOIN pg_class c ON c.oid = t.typrelid
 WHERE (c.relkind IS NULL OR c.relkind = 'c') AND t.typelem = 0
UNION ALL
SELECT 'trigger ' || t.tgname, obj_description(t.oid, 'pg_trigger')
  FROM member_relation r JOIN pg_trigger t ON t.tgrelid = r.oid AND NOT t.tgisinternal
UNION ALL
SELECT 'policy ' || p.polname || ' on ' || r.relname, obj_description(p.oid, 'pg_policy')
  FROM member_relation r JOIN pg_policy p ON p.polrelid = r.oid
UNION ALL
SELECT 'extension ' || extname, obj_description(oid, 'pg_extension') FROM pg_extension WHERE extname = 'pg_inventory';

-- A phrase, as PostgreSQL's own: no capital at its beginning, no full stop at its end.
SELECT ok(comment ~ '^[^A-Z].*([^.]|\.\.\.)$', object || ' has a comment: ' || coalesce(comment, 'none'))
  FROM described
 ORDER BY object;

SELECT * FROM finish();
