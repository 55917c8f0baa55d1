-- One sale of one of the thousand items.
\set n random(1, 1000)
SELECT * FROM inventory_adjust('p' || :n, 'w', -1, 'out');
