\set product random(0, 999)
\set warehouse random(0, 9)
SELECT * FROM inventory_adjust('p' || :product, 'w' || :warehouse, -1, 'out');
