SELECT * FROM inventory;
