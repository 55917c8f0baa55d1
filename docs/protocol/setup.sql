SET inventory.organization = 'acme';
SELECT FROM inventory_define('bean', 'north', initial_quantity => 100, minimum_stock => 10);
SELECT FROM inventory_define('bean', 'south', initial_quantity => 100);
SELECT FROM inventory_define('pea', 'north', initial_quantity => 100);
SET inventory.organization = 'guild';
SELECT FROM inventory_define('oil', 'south', initial_quantity => 100);
INSERT INTO inventory_member (organization_id, subject, role) VALUES ('guild', 'eve', 'viewer');
