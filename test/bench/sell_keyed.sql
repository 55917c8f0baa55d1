-- The same sale under an idempotency key, as every operation of a sync has one.
\set n random(1, 1000)
SELECT * FROM inventory_adjust('p' || :n, 'w', -1, 'out', idempotency_key => gen_random_uuid()::text);
