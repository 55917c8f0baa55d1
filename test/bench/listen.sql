-- Somebody who listens, and reads what came every fifth of a second.
LISTEN hand;
LISTEN pg_inventory;
SELECT 1 \watch 0.2
