\set n random(1, 10000)
SELECT * FROM inventory_adjust('p' || :n, 'w', 1, 'out');
