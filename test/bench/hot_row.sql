-- What most shops do for the last pieces of one product, and nothing else.
UPDATE hot_row SET quantity = quantity - 1 WHERE id = 1 RETURNING quantity;
