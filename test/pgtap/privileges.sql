-- privileges.sql
--     Nobody but the owner may do anything until it is granted.
\ir objects.psql

-- A privilege list that is null means the default, which for functions and
-- types lets everybody in.
CREATE TEMPORARY VIEW grant_of AS
SELECT 'relation ' || relname AS object, acldefault(CASE relkind WHEN 'S' THEN 's'::"char" ELSE 'r' END, relowner) AS standard,
       relacl AS acl, relowner AS owner
  FROM member_relation WHERE relkind IN ('r', 'p', 'v', 'm', 'S')
UNION ALL
SELECT 'function ' || signature, acldefault('f', proowner), proacl, proowner FROM member_function;

SELECT is(
           (SELECT string_agg(x.privilege_type || ' to ' || CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE x.grantee::regrole::text END, ', ')
              FROM aclexplode(coalesce(acl, standard)) x WHERE x.grantee <> owner),
           NULL, object || ' is granted to nobody')
  FROM grant_of
 ORDER BY object;

SELECT is((SELECT count(*) FROM pg_attribute a JOIN member_relation r ON r.oid = a.attrelid WHERE a.attacl IS NOT NULL),
    0::bigint, 'no column is granted by itself');

-- And what a role without grants gets to hear.
CREATE ROLE pgtap_nobody;
SELECT format('GRANT USAGE ON SCHEMA %I TO pgtap_nobody', current_schema) \gexec
SET ROLE pgtap_nobody;
SELECT throws_ok('SELECT * FROM inventory', '42501', NULL, 'a stranger cannot read the stock');
SELECT throws_ok('SELECT * FROM inventory_event', '42501', NULL, 'nor the events');
SELECT throws_ok($$SELECT inventory_adjust('a', 'b', 1)$$, '42501', NULL, 'nor change anything');
SELECT throws_ok('SELECT * FROM presence_status', '42501', NULL, 'nor see who is there');
SELECT throws_ok('SELECT * FROM presence_session', '42501', NULL, 'nor the leases of that');
SELECT throws_ok($$SELECT presence_touch('x')$$, '42501', NULL, 'nor be present');
RESET ROLE;
DROP OWNED BY pgtap_nobody;
DROP ROLE pgtap_nobody;

SELECT * FROM finish();
