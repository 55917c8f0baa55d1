-- Identity ---------------------------------------------------------------------

CREATE FUNCTION inventory_scope(
	OUT organization_id text, OUT warehouses text[], OUT role text, OUT actor text)
	LANGUAGE c
	STABLE
	PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'inventory_scope';
COMMENT ON FUNCTION inventory_scope() IS 'who the session is: organization, warehouses (null = all), role and actor';
REVOKE ALL ON FUNCTION inventory_scope() FROM PUBLIC;

