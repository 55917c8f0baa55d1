\set product random(1, 1000)
SELECT * FROM inventory_adjust(:product, 'w1', -1, 'out', reason => 'Sale', reference => 'order');
