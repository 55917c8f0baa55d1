-- A cart of up to five of the twenty items "c1" to "c20", in random order.
SELECT count(*) FROM inventory_apply((
	SELECT jsonb_agg(jsonb_build_object('product_id', 'c' || (1 + floor(random() * 20))::int, 'warehouse_id', 'w', 'quantity', -1))
	FROM generate_series(1, 5)));
