-- Identity and rights ------------------------------------------------------------

CREATE TABLE inventory_organization (
	organization_id text COLLATE "C" NOT NULL PRIMARY KEY,
	members_only boolean NOT NULL DEFAULT true
);
COMMENT ON TABLE inventory_organization IS 'organizations that have had members';
COMMENT ON COLUMN inventory_organization.organization_id IS 'the organization';
COMMENT ON COLUMN inventory_organization.members_only IS 'a token alone gives no access; without a row, so it is once there is a member';
REVOKE ALL ON inventory_organization FROM PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('inventory_organization', '');

CREATE TABLE inventory_member (
	organization_id text COLLATE "C" NOT NULL,
	subject text COLLATE "C" NOT NULL,
	warehouses text[],
	role text COLLATE "C" NOT NULL CHECK (role IN ('viewer', 'operator', 'manager')),
	PRIMARY KEY (organization_id, subject),
	CHECK (octet_length(organization_id) <= 200 AND octet_length(subject) BETWEEN 1 AND 200),
	CHECK (array_position(warehouses, NULL) IS NULL)
);
COMMENT ON TABLE inventory_member IS 'who may see and do what in an organization';
COMMENT ON COLUMN inventory_member.organization_id IS 'the organization';
COMMENT ON COLUMN inventory_member.subject IS 'the claim sub of the person or device';
COMMENT ON COLUMN inventory_member.warehouses IS 'the warehouses in reach; null = all';
COMMENT ON COLUMN inventory_member.role IS 'viewer, operator or manager';
REVOKE ALL ON inventory_member FROM PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('inventory_member', '');

CREATE FUNCTION inventory_member_changed() RETURNS trigger
	LANGUAGE c
	SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'inventory_member_changed';
COMMENT ON FUNCTION inventory_member_changed() IS 'trigger that tells relays of changed rights';
REVOKE ALL ON FUNCTION inventory_member_changed() FROM PUBLIC;

CREATE FUNCTION inventory_organization_changed() RETURNS trigger
	LANGUAGE c
	SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'inventory_organization_changed';
COMMENT ON FUNCTION inventory_organization_changed() IS 'trigger that tells relays of changed rights';
REVOKE ALL ON FUNCTION inventory_organization_changed() FROM PUBLIC;

CREATE TRIGGER inventory_member_changed
	AFTER INSERT OR UPDATE OR DELETE ON inventory_member
	FOR EACH ROW EXECUTE FUNCTION inventory_member_changed();
COMMENT ON TRIGGER inventory_member_changed ON inventory_member IS 'emits access.changed for the subject';
CREATE TRIGGER inventory_member_truncated
	BEFORE TRUNCATE ON inventory_member
	FOR EACH STATEMENT EXECUTE FUNCTION inventory_member_changed();
COMMENT ON TRIGGER inventory_member_truncated ON inventory_member IS 'emits access.changed for everybody';
CREATE TRIGGER inventory_organization_changed
	AFTER INSERT OR UPDATE OR DELETE ON inventory_organization
	FOR EACH ROW EXECUTE FUNCTION inventory_organization_changed();
COMMENT ON TRIGGER inventory_organization_changed ON inventory_organization IS 'emits access.changed for everybody of the organization';
CREATE TRIGGER inventory_organization_truncated
	BEFORE TRUNCATE ON inventory_organization
	FOR EACH STATEMENT EXECUTE FUNCTION inventory_organization_changed();
COMMENT ON TRIGGER inventory_organization_truncated ON inventory_organization IS 'emits access.changed for everybody';

-- They read members as the owner, whoever asks.

CREATE FUNCTION inventory_scope(
	OUT organization_id text, OUT warehouses text[], OUT role text, OUT actor text, OUT name text, OUT picture text)
	LANGUAGE c
	STABLE
	PARALLEL RESTRICTED
	SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'inventory_scope';
COMMENT ON FUNCTION inventory_scope() IS 'who the session is: organization, warehouses (null = all), role and actor';
REVOKE ALL ON FUNCTION inventory_scope() FROM PUBLIC;

CREATE FUNCTION inventory_relay_scope(
	claims text,
	OUT organization_id text, OUT warehouses text[], OUT role text, OUT actor text, OUT name text, OUT picture text)
	LANGUAGE c
	STABLE
	PARALLEL RESTRICTED
	SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'inventory_relay_scope';
COMMENT ON FUNCTION inventory_relay_scope(text) IS 'for relays: the scope of claims that the relay has verified';
REVOKE ALL ON FUNCTION inventory_relay_scope(text) FROM PUBLIC;

CREATE FUNCTION inventory_level_backend() RETURNS void
	LANGUAGE c
	STABLE
	PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'inventory_level_backend';
COMMENT ON FUNCTION inventory_level_backend() IS 'does nothing; the right to execute it is the level backend';
REVOKE ALL ON FUNCTION inventory_level_backend() FROM PUBLIC;

