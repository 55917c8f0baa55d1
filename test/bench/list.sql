SELECT * FROM inventory_list();
