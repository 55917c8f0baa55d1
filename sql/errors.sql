-- Every refusal, with its SQLSTATE, message, detail and hint.
\pset null '(null)'
\pset format unaligned
\pset fieldsep ' | '
\t on

CREATE FUNCTION attempt(statement text) RETURNS TABLE (code text, message text, detail text, hint text)
	LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	code := 'no error';
	RETURN NEXT;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN NEXT;
END $$;

SELECT version FROM inventory_define('err', 'shop', initial_quantity => 10);

-- Bad arguments: 22023
SELECT * FROM attempt($$SELECT inventory_adjust(NULL, 'shop', 1)$$);
SELECT * FROM attempt($$SELECT inventory_adjust('err', NULL, 1)$$);
SELECT * FROM attempt($$SELECT inventory_adjust('', 'shop', 1)$$);
SELECT * FROM attempt($$SELECT inventory_adjust('err', '', 1)$$);
SELECT * FROM attempt($$SELECT inventory_adjust(repeat('x', 201), 'shop', 1)$$);
SELECT * FROM attempt($$SELECT inventory_adjust(E'a\nb', 'shop', 1)$$);
SELECT * FROM attempt($$SELECT inventory_adjust('err', 'shop', NULL)$$);
SELECT * FROM attempt($$SELECT inventory_adjust('err', 'shop', 0)$$);
SELECT * FROM attempt($$SELECT inventory_adjust('err', 'shop', 1, 'sideways')$$);
SELECT * FROM attempt($$SELECT inventory_adjust('err', 'shop', 1, NULL)$$);
SELECT * FROM attempt($$SELECT inventory_adjust('err', 'shop', 1, 'created')$$);
SELECT * FROM attempt($$SELECT inventory_adjust('err', 'shop', 1, on_shortage => 'clamp')$$);
SELECT * FROM attempt($$SELECT inventory_adjust('err', 'shop', 1, on_shortage => NULL)$$);
SELECT * FROM attempt($$SELECT inventory_adjust('err', 'shop', 1, expected_version => 0)$$);
SELECT * FROM attempt($$SELECT inventory_adjust('err', 'shop', 1, reason => repeat('x', 501))$$);
SELECT * FROM attempt($$SELECT inventory_adjust('err', 'shop', 1, performed_by => repeat('x', 201))$$);
SELECT * FROM attempt($$SELECT inventory_adjust('err', 'shop', 1, reference => repeat('x', 201))$$);
SELECT * FROM attempt($$SELECT inventory_adjust('err', 'shop', 1, idempotency_key => '')$$);
SELECT * FROM attempt($$SELECT inventory_adjust('err', 'shop', 1, idempotency_key => repeat('x', 201))$$);
SELECT * FROM attempt($$SELECT inventory_adjust('err', 'shop', 1, occurred_at => 'infinity')$$);
SELECT * FROM attempt($$SELECT inventory_adjust('err', 'shop', 1, batch_number => 'B1')$$);
SELECT * FROM attempt($$SELECT inventory_define('err2', 'shop', minimum_stock => -1)$$);
SELECT * FROM attempt($$SELECT inventory_define('err2', 'shop', initial_quantity => -1)$$);
SELECT * FROM attempt($$SELECT inventory_define('err2', 'shop', attributes => '[1]')$$);
SELECT * FROM attempt($$SELECT inventory_define('err2', 'shop', attributes => jsonb_build_object('a', repeat('x', 4096)))$$);
SELECT * FROM attempt($$SELECT inventory_define('err2', NULL)$$);

-- Out of range: 22003
SELECT * FROM attempt($$SELECT inventory_adjust('err', 'shop', 9007199254740992)$$);
SELECT * FROM attempt($$SELECT inventory_adjust('err', 'shop', -9223372036854775808)$$);
SELECT * FROM attempt($$SELECT inventory_adjust('err', 'shop', 9007199254740991, 'in')$$);
SELECT * FROM attempt($$SELECT inventory_define('err2', 'shop', minimum_stock => 9007199254740992)$$);

-- No such item: IV404, and the organization that was searched
SELECT * FROM attempt($$SELECT inventory_adjust('O''Brien', 'shop', 1)$$);
SELECT * FROM attempt($$SELECT inventory_adjust('err', 'elsewhere', 1)$$);
SET inventory.organization = 'acme';
SELECT * FROM attempt($$SELECT inventory_adjust('err', 'shop', 1)$$);
RESET inventory.organization;

-- Stale version: IV412, with the row as it is
SELECT code, message, regexp_replace(regexp_replace(detail, '"lastModifiedAt":"[^"]*"', '"lastModifiedAt":…'), '"inventoryId":\d+', '"inventoryId":…'), hint
	FROM attempt($$SELECT inventory_adjust('err', 'shop', 1, expected_version => 7)$$);

-- Short: IV422, with what was asked and what there is
SELECT * FROM attempt($$SELECT inventory_adjust('err', 'shop', -11, 'out')$$);
SELECT * FROM attempt($$SELECT inventory_adjust('err', 'shop', -11)$$);

-- A key used twice: IV400
SELECT code FROM attempt($$SELECT inventory_adjust('err', 'shop', 1, idempotency_key => 'twice')$$);
SELECT * FROM attempt($$SELECT inventory_adjust('err', 'shop', 2, idempotency_key => 'twice')$$);

-- No organization where one is demanded, or one that is none: IV403, 22023
SET inventory.require_organization = on;
SELECT * FROM attempt($$SELECT inventory_adjust('err', 'shop', 1)$$);
SELECT * FROM attempt($$SELECT * FROM inventory_list()$$);
SELECT * FROM attempt($$SELECT * FROM inventory_events()$$);
RESET inventory.require_organization;
SET inventory.organization = E'a\tb';
SELECT * FROM attempt($$SELECT inventory_adjust('err', 'shop', 1)$$);
RESET inventory.organization;

-- A lost position: IV410
SELECT * FROM attempt($$SELECT * FROM inventory_events('0-0123456789abcdef')$$);

-- The ledger is append-only: 42501
SELECT * FROM attempt($$UPDATE inventory_movement SET quantity = 1$$);
SELECT * FROM attempt($$DELETE FROM inventory_movement$$);
SELECT * FROM attempt($$TRUNCATE inventory_movement$$);

-- Nothing of all that has changed anything.
SELECT quantity_available, version FROM inventory WHERE product_id = 'err';
SELECT count(*) FROM inventory WHERE product_id = 'err2';

DROP FUNCTION attempt;
