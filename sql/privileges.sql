-- Nobody may do anything until it is granted.

CREATE ROLE regress_nobody;
SELECT current_schema AS schema \gset
GRANT USAGE ON SCHEMA :"schema" TO regress_nobody;
SET ROLE regress_nobody;
SELECT * FROM inventory_adjust('x', 'y', 1);
SELECT * FROM inventory_define('x', 'y');
SELECT * FROM inventory_list();
SELECT * FROM inventory_events();
SELECT * FROM inventory_relay_read(NULL);
SELECT inventory_position();
SELECT * FROM inventory_status();
SELECT * FROM inventory;
SELECT * FROM inventory_movement;
SELECT * FROM inventory_event;
SELECT * FROM inventory_event_0;
SELECT * FROM inventory_tick;
SELECT * FROM inventory_operation;
RESET ROLE;
DROP OWNED BY regress_nobody;
DROP ROLE regress_nobody;
