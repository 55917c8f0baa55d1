-- complain if this script is sourced in psql, rather than through CREATE EXTENSION
\echo Use "CREATE EXTENSION pg_inventory" to load this file. \quit

DO $$
BEGIN
	IF pg_catalog.getdatabaseencoding() <> 'UTF8' THEN
		RAISE EXCEPTION USING
			ERRCODE = '0A000',
			MESSAGE = pg_catalog.format('pg_inventory needs a database with encoding UTF8, not %s', pg_catalog.getdatabaseencoding()),
			HINT = 'Create one with: CREATE DATABASE name TEMPLATE template0 ENCODING ''UTF8'';';
	END IF;
END
$$;

-- Everything an application may touch is revoked from PUBLIC beside its
-- definition.  Everything user-made survives a dump: a table and its identity
-- sequence are each marked with pg_extension_config_dump.

