-- members.sql
--     Everything that belongs to the extension, with its definition, as
--     lines "object: aspect = value"; two ways to the same version of the
--     extension must print the same.
--
--         psql -XAtq -f test/lib/members.sql DATABASE
--
-- OIDs and the order of creation are left out, the order of columns is not.
SET search_path = pg_catalog, pg_temp;

CREATE TEMPORARY VIEW member AS
	SELECT d.classid, d.objid, d.objsubid
	FROM pg_depend d JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
	WHERE e.extname = 'pg_inventory' AND d.deptype = 'e';

-- Kinds of objects that the queries below do not know would go unnoticed.
SELECT 'unknown kind: ' || pg_describe_object(classid, objid, objsubid)
FROM member WHERE classid NOT IN ('pg_proc'::regclass, 'pg_class'::regclass, 'pg_type'::regclass);

CREATE TEMPORARY VIEW aspect (object, aspect, value) AS
	SELECT pg_describe_object(classid, objid, objsubid), 'comment', obj_description(objid, classid::regclass::name)
	FROM member
UNION ALL
	SELECT pg_describe_object('pg_proc'::regclass, p.oid, 0), a.aspect, a.value
	FROM member m JOIN pg_proc p ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid,
		LATERAL (VALUES
			('definition', CASE WHEN p.prokind <> 'a' THEN pg_get_functiondef(p.oid) ELSE p::text END),
			('owner', p.proowner::regrole::text),
			('privileges', coalesce(p.proacl, acldefault('f', p.proowner))::text)) a (aspect, value)
UNION ALL
	SELECT pg_describe_object('pg_class'::regclass, c.oid, 0), a.aspect, a.value
	FROM member m JOIN pg_class c ON m.classid = 'pg_class'::regclass AND m.objid = c.oid,
		LATERAL (VALUES
			('owner', c.relowner::regrole::text),
			('privileges', coalesce(c.relacl, acldefault(CASE c.relkind WHEN 'S' THEN 's'::"char" ELSE 'r' END, c.relowner))::text),
			('persistence', c.relpersistence::text),
			('kind', c.relkind::text),
			('options', c.reloptions::text),
			('row security', c.relrowsecurity::text || ' ' || c.relforcerowsecurity::text),
			('replica identity', c.relreplident::text),
			('of parents', (SELECT string_agg(i.inhparent::regclass::text, ' ' ORDER BY i.inhseqno) FROM pg_inherits i WHERE i.inhrelid = c.oid)),
			('view', CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END),
			('sequence', (SELECT (s.seqtypid::regtype, s.seqstart, s.seqincrement, s.seqmax, s.seqmin, s.seqcache, s.seqcycle)::text
				FROM pg_sequence s WHERE s.seqrelid = c.oid)),
			('dumped', (SELECT 'yes ' || coalesce(e.extcondition[array_position(e.extconfig, c.oid)], '') FROM pg_extension e
				WHERE e.extname = 'pg_inventory' AND c.oid = ANY (e.extconfig)))) a (aspect, value)
UNION ALL
	SELECT pg_describe_object('pg_class'::regclass, c.oid, 0), 'column ' || t.attnum,
		concat_ws(' ', t.attname, format_type(t.atttypid, t.atttypmod), 'collate ' || nullif(t.attcollation, 0)::regcollation::text,
			CASE WHEN t.attnotnull THEN 'not null' END, 'identity ' || nullif(t.attidentity::text, ''),
			'generated ' || nullif(t.attgenerated::text, ''), 'default ' || pg_get_expr(f.adbin, f.adrelid),
			'storage ' || t.attstorage::text, 'statistics ' || t.attstattarget, 'inherited ' || t.attinhcount, 'privileges ' || t.attacl::text,
			'-- ' || col_description(c.oid, t.attnum))
	FROM member m JOIN pg_class c ON m.classid = 'pg_class'::regclass AND m.objid = c.oid
		JOIN pg_attribute t ON t.attrelid = c.oid AND t.attnum > 0 AND NOT t.attisdropped
		LEFT JOIN pg_attrdef f ON f.adrelid = c.oid AND f.adnum = t.attnum
	WHERE c.relkind <> 'S'
UNION ALL
	SELECT pg_describe_object('pg_class'::regclass, r.conrelid, 0), 'constraint ' || r.conname,
		concat_ws(' ', pg_get_constraintdef(r.oid), CASE WHEN NOT r.convalidated THEN 'not valid' END,
			'-- ' || obj_description(r.oid, 'pg_constraint'))
	FROM member m JOIN pg_constraint r ON m.classid = 'pg_class'::regclass AND m.objid = r.conrelid
UNION ALL
	SELECT pg_describe_object('pg_class'::regclass, i.indrelid, 0), 'index ' || c.relname,
		concat_ws(' ', pg_get_indexdef(i.indexrelid), c.reloptions::text, '-- ' || obj_description(c.oid, 'pg_class'))
	FROM member m JOIN pg_index i ON m.classid = 'pg_class'::regclass AND m.objid = i.indrelid JOIN pg_class c ON c.oid = i.indexrelid
UNION ALL
	SELECT pg_describe_object('pg_class'::regclass, t.tgrelid, 0), 'trigger ' || t.tgname,
		concat_ws(' ', pg_get_triggerdef(t.oid), t.tgenabled, '-- ' || obj_description(t.oid, 'pg_trigger'))
	FROM member m JOIN pg_trigger t ON m.classid = 'pg_class'::regclass AND m.objid = t.tgrelid
	WHERE NOT t.tgisinternal
UNION ALL
	SELECT pg_describe_object('pg_class'::regclass, p.polrelid, 0), 'policy ' || p.polname,
		concat_ws(' ', p.polcmd, p.polpermissive, p.polroles::regrole[]::text, pg_get_expr(p.polqual, p.polrelid),
			'check ' || pg_get_expr(p.polwithcheck, p.polrelid), '-- ' || obj_description(p.oid, 'pg_policy'))
	FROM member m JOIN pg_policy p ON m.classid = 'pg_class'::regclass AND m.objid = p.polrelid
UNION ALL
	SELECT pg_describe_object('pg_class'::regclass, r.ev_class, 0), 'rule ' || r.rulename, pg_get_ruledef(r.oid)
	FROM member m JOIN pg_rewrite r ON m.classid = 'pg_class'::regclass AND m.objid = r.ev_class
UNION ALL
	SELECT pg_describe_object('pg_type'::regclass, t.oid, 0), a.aspect, a.value
	FROM member m JOIN pg_type t ON m.classid = 'pg_type'::regclass AND m.objid = t.oid,
		LATERAL (VALUES
			('owner', t.typowner::regrole::text),
			('privileges', coalesce(t.typacl, acldefault('T', t.typowner))::text),
			('definition', concat_ws(' ', t.typtype, format_type(t.typbasetype, t.typtypmod), t.typdefault,
				CASE WHEN t.typnotnull THEN 'not null' END,
				(SELECT string_agg(pg_get_constraintdef(k.oid), ' ' ORDER BY k.conname) FROM pg_constraint k WHERE k.contypid = t.oid),
				(SELECT string_agg(e.enumlabel, ' ' ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid),
				(SELECT string_agg(concat_ws(' ', b.attname, format_type(b.atttypid, b.atttypmod), '-- ' || col_description(b.attrelid, b.attnum)), ', ' ORDER BY b.attnum)
					FROM pg_attribute b JOIN pg_class c ON c.oid = b.attrelid
					WHERE c.oid = t.typrelid AND c.relkind = 'c' AND b.attnum > 0 AND NOT b.attisdropped)))) a (aspect, value);

SELECT object || ': ' || aspect || ' = ' || replace(value, E'\n', ' ')
FROM aspect
WHERE value <> ''
ORDER BY object COLLATE "C", aspect COLLATE "C";
