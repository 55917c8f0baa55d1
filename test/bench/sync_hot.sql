-- A thousand sales of one item, as one call with a verdict for each.  The JSON
-- is made in the same statement, at our expense.
SELECT count(*) FROM inventory_sync((
	SELECT jsonb_agg(jsonb_build_object('kind', 'adjust', 'idempotency_key', gen_random_uuid(),
		'product_id', 'p1', 'warehouse_id', 'w', 'quantity', -1, 'movement_type', 'out'))
	FROM generate_series(1, 1000)));
