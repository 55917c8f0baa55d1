-- complain if this script is sourced in psql, rather than through CREATE EXTENSION
\echo Use "CREATE EXTENSION pg_inventory" to load this file. \quit

-- Everything an application may touch is revoked from PUBLIC beside its
-- definition.  Everything user-made survives a dump: a table and its identity
-- sequence are each marked with pg_extension_config_dump.

