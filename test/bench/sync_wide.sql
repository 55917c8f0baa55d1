-- A thousand sales, one of each of a thousand items.
SELECT count(*) FROM inventory_sync((
	SELECT jsonb_agg(jsonb_build_object('kind', 'adjust', 'idempotency_key', gen_random_uuid(),
		'product_id', 'p' || n, 'warehouse_id', 'w', 'quantity', -1, 'movement_type', 'out'))
	FROM generate_series(1, 1000) n));
