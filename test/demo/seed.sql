-- seed.sql
--     Forty products in three warehouses.
--
-- prod_123 in wh_456 begins with 500 and is left alone by the simulated sales:
-- it is the one to try things on.  One product begins low and one out of stock.  The barcodes are EAN-13 from the range that
-- a shop may use within its own walls (prefix 20).

CREATE TEMPORARY TABLE product (
    product_id text, name text, sku text, barcode text, unit text, category text,
    minimum_stock bigint, quantity bigint
);

INSERT INTO product VALUES
    ('prod_101', 'Espresso Beans 1 kg', 'COF-ESP-1000', '2000000001012', 'bag', 'Coffee', 24, 140),
    ('prod_102', 'Filter Coffee Ground 500 g', 'COF-FIL-0500', '2000000001029', 'bag', 'Coffee', 30, 180),
    ('prod_103', 'Decaf Beans 250 g', 'COF-DEC-0250', '2000000001036', 'bag', 'Coffee', 12, 60),
    ('prod_104', 'Cold Brew Bottle 330 ml', 'COF-CBR-0330', '2000000001043', 'bottle', 'Coffee', 36, 220),
    ('prod_105', 'Earl Grey Tea, 20 Bags', 'TEA-EAR-0020', '2000000001050', 'box', 'Tea', 20, 110),
    ('prod_106', 'Green Sencha Loose 100 g', 'TEA-SEN-0100', '2000000001067', 'tin', 'Tea', 10, 55),
    ('prod_107', 'Peppermint Tea, 20 Bags', 'TEA-PEP-0020', '2000000001074', 'box', 'Tea', 20, 95),
    ('prod_108', 'Rooibos Loose 100 g', 'TEA-ROO-0100', '2000000001081', 'tin', 'Tea', 8, 45),
    ('prod_109', 'Oat Drink Barista 1 l', 'MLK-OAT-1000', '2000000001098', 'carton', 'Milk', 48, 300),
    ('prod_110', 'Whole Milk UHT 1 l', 'MLK-UHT-1000', '2000000001104', 'carton', 'Milk', 48, 260),
    ('prod_111', 'Almond Drink 1 l', 'MLK-ALM-1000', '2000000001111', 'carton', 'Milk', 24, 120),
    ('prod_112', 'Cane Sugar Sticks, 100', 'SWT-CAN-0100', '2000000001128', 'box', 'Sweet', 15, 70),
    ('prod_113', 'Honey 500 g', 'SWT-HON-0500', '2000000001135', 'jar', 'Sweet', 10, 48),
    ('prod_114', 'Dark Chocolate 70 %, 100 g', 'SWT-CHO-0070', '2000000001142', 'bar', 'Sweet', 40, 210),
    ('prod_115', 'Shortbread 150 g', 'SWT-SHO-0150', '2000000001159', 'pack', 'Sweet', 25, 130),
    ('prod_116', 'Oatmeal Cookies 200 g', 'SWT-OAT-0200', '2000000001166', 'pack', 'Sweet', 25, 115),
    ('prod_117', 'Paper Filters No. 4, 100', 'ACC-FLT-0004', '2000000001173', 'pack', 'Accessories', 30, 160),
    ('prod_118', 'Cleaning Tablets, 10', 'ACC-CLN-0010', '2000000001180', 'tube', 'Accessories', 12, 8),
    ('prod_119', 'Descaler 500 ml', 'ACC-DSC-0500', '2000000001197', 'bottle', 'Accessories', 10, 42),
    ('prod_120', 'Paper Cups 250 ml, 50', 'ACC-CUP-0250', '2000000001203', 'sleeve', 'Accessories', 40, 240),
    ('prod_121', 'Cup Lids 250 ml, 50', 'ACC-LID-0250', '2000000001210', 'sleeve', 'Accessories', 40, 230),
    ('prod_122', 'Wooden Stirrers, 1000', 'ACC-STR-1000', '2000000001227', 'box', 'Accessories', 10, 38),
    ('prod_123', 'House Blend Beans 1 kg', 'COF-HSE-1000', '2000000001234', 'bag', 'Coffee', 50, 500),
    ('prod_124', 'Pour-Over Dripper, Ceramic', 'BRW-DRP-0001', '2000000001241', 'piece', 'Brewing', 6, 24),
    ('prod_125', 'Glass Server 600 ml', 'BRW-SRV-0600', '2000000001258', 'piece', 'Brewing', 6, 22),
    ('prod_126', 'French Press 1 l', 'BRW-FRP-1000', '2000000001265', 'piece', 'Brewing', 5, 0),
    ('prod_127', 'Moka Pot, 6 Cups', 'BRW-MOK-0006', '2000000001272', 'piece', 'Brewing', 5, 20),
    ('prod_128', 'Hand Grinder, Steel Burr', 'BRW-GRD-0001', '2000000001289', 'piece', 'Brewing', 4, 15),
    ('prod_129', 'Gooseneck Kettle 0.9 l', 'BRW-KTL-0900', '2000000001296', 'piece', 'Brewing', 4, 14),
    ('prod_130', 'Digital Scale 2 kg', 'BRW-SCL-2000', '2000000001302', 'piece', 'Brewing', 5, 19),
    ('prod_131', 'Milk Frothing Pitcher 600 ml', 'BAR-PIT-0600', '2000000001319', 'piece', 'Barista', 6, 26),
    ('prod_132', 'Tamper 58 mm', 'BAR-TMP-0058', '2000000001326', 'piece', 'Barista', 4, 16),
    ('prod_133', 'Knock Box', 'BAR-KNO-0001', '2000000001333', 'piece', 'Barista', 3, 12),
    ('prod_134', 'Barista Towel, Set of 3', 'BAR-TWL-0003', '2000000001340', 'set', 'Barista', 8, 34),
    ('prod_135', 'Espresso Cups, Set of 6', 'TAB-ESP-0006', '2000000001357', 'set', 'Tableware', 6, 28),
    ('prod_136', 'Latte Glasses, Set of 4', 'TAB-LAT-0004', '2000000001364', 'set', 'Tableware', 6, 25),
    ('prod_137', 'Stoneware Mug 300 ml', 'TAB-MUG-0300', '2000000001371', 'piece', 'Tableware', 20, 90),
    ('prod_138', 'Travel Mug 400 ml', 'TAB-TRV-0400', '2000000001388', 'piece', 'Tableware', 12, 52),
    ('prod_139', 'Gift Box Small', 'GFT-BOX-0001', '2000000001395', 'piece', 'Gifts', 15, 64),
    ('prod_140', 'Gift Card Sleeve', 'GFT-SLV-0001', '2000000001401', 'piece', 'Gifts', 50, 320);

CREATE TEMPORARY TABLE warehouse (warehouse_id text, name text, share numeric);

INSERT INTO warehouse VALUES
    ('wh_456', 'Central Warehouse', 1),
    ('wh_457', 'Shop Old Town', 0.4),
    ('wh_458', 'Shop Harbour', 0.3);

SELECT count(*)
  FROM product p
 CROSS JOIN warehouse w
 CROSS JOIN LATERAL inventory_define(
        p.product_id, w.warehouse_id,
        minimum_stock => ceil(p.minimum_stock * w.share)::bigint,
        attributes => jsonb_build_object('name', p.name, 'sku', p.sku, 'barcode', p.barcode, 'unit', p.unit,
                                         'category', p.category, 'warehouseName', w.name),
        initial_quantity => ceil(p.quantity * w.share)::bigint,
        reason => 'Opening stock');
