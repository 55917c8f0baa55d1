// A database of its own for each case, in the server that PGHOST names.
import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);
const psql = process.env.INVENTORY_PSQL ?? 'psql';
let made = 0;

/** What the demo has, smaller: coffee in two warehouses, with codes, minimums, a batch and a reservation. */
const STOCK = `
SELECT count(*) FROM (VALUES
    ('prod_123', 'House Blend Beans 1 kg', 'COF-HSE-1000', '2000000001234', 50, 500),
    ('prod_101', 'Espresso Beans 1 kg', 'COF-ESP-1000', '2000000001012', 24, 140),
    ('prod_105', 'Earl Grey Tea, 20 Bags', 'TEA-EAR-0020', '2000000001050', 20, 110),
    ('prod_114', 'Dark Chocolate 70 %, 100 g', 'SWT-CHO-0070', '2000000001142', 40, 210),
    ('prod_118', 'Cleaning Tablets, 10', 'ACC-CLN-0010', '2000000001180', 12, 8),
    ('prod_126', 'French Press 1 l', 'BRW-FRP-1000', '2000000001265', 5, 0)
) AS p(id, name, sku, barcode, minimum, quantity)
CROSS JOIN (VALUES ('wh_456', 'Central Warehouse'), ('wh_457', 'Shop Old Town')) AS w(id, name)
CROSS JOIN LATERAL inventory_define(p.id, w.id, minimum_stock => p.minimum,
    attributes => jsonb_build_object('name', p.name, 'sku', p.sku, 'barcode', p.barcode, 'unit', 'piece',
                                     'category', 'Coffee', 'warehouseName', w.name),
    initial_quantity => p.quantity, reason => 'Opening stock');
`;

const GRANTS = "SELECT inventory_grant(level, 'inventory_relay') FROM unnest(ARRAY['relay', 'backend']) AS level;";

export class Database {
  /** seed: a file of SQL instead of the stock below. */
  static async create({ products = 0, seed } = {}) {
    const database = new Database(`e2e_${process.pid}_${++made}`);
    await template();
    await psqlRun('postgres', `CREATE DATABASE ${database.name} TEMPLATE ${TEMPLATE}`);
    if (seed) {
      await database.sql('DROP EXTENSION pg_inventory CASCADE');
      await database.sql('CREATE EXTENSION pg_inventory');
      await database.sql(GRANTS);
      await run(psql, ['-Xq', '-v', 'ON_ERROR_STOP=1', '-d', database.name, '-f', seed]);
    }
    if (products > 0) {
      await database.sql(`SELECT count(*) FROM generate_series(1, ${products}) AS i
        CROSS JOIN LATERAL inventory_define('bulk_' || lpad(i::text, 5, '0'), 'wh_456', minimum_stock => 5,
          attributes => jsonb_build_object('name', 'Bulk item ' || i, 'sku', 'BLK-' || i), initial_quantity => 1000)`);
    }
    return database;
  }

  constructor(name) {
    this.name = name;
  }

  /** The rows, as arrays of texts. */
  async sql(text) {
    return psqlRun(this.name, text);
  }

  async one(text) {
    return (await this.sql(text))[0]?.[0];
  }

  async available(productId, warehouseId = 'wh_456') {
    return Number(
      await this.one(
        `SELECT quantity_available FROM inventory WHERE product_id = '${productId}' AND warehouse_id = '${warehouseId}'`,
      ),
    );
  }

  /** A change as a backend makes it. */
  async adjust(productId, quantity, { warehouseId = 'wh_456', reason = 'Till 1', by = 'Till 1' } = {}) {
    await this.sql(
      `SELECT version FROM inventory_adjust('${productId}', '${warehouseId}', ${quantity}, 'adjustment',
         reason => '${reason}', performed_by => '${by}', on_shortage => 'partial')`,
    );
  }

  /** Nobody gets in until open(), and who is in is thrown out. */
  async close() {
    await psqlRun('postgres', `ALTER DATABASE ${this.name} ALLOW_CONNECTIONS false`);
    await psqlRun(
      'postgres',
      `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '${this.name}'`,
    );
  }

  async open() {
    await psqlRun('postgres', `ALTER DATABASE ${this.name} ALLOW_CONNECTIONS true`);
  }

  async drop() {
    await psqlRun('postgres', `DROP DATABASE IF EXISTS ${this.name} WITH (FORCE)`);
  }
}

const TEMPLATE = `e2e_template_${process.pid}`;
let templateMade = null;

/** Databases are copied from one that is ready: that takes a tenth of the time. */
function template() {
  templateMade ??= (async () => {
    await psqlRun('postgres', `CREATE DATABASE ${TEMPLATE} TEMPLATE template0`);
    await psqlRun(TEMPLATE, 'CREATE EXTENSION pg_inventory');
    await psqlRun(
      TEMPLATE,
      `DO $$ BEGIN CREATE ROLE inventory_relay LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
       ${GRANTS}
       ${STOCK}`,
    );
    // Its workers hold connections, and CREATE DATABASE wants none.
    await psqlRun('postgres', `ALTER DATABASE ${TEMPLATE} IS_TEMPLATE true ALLOW_CONNECTIONS false`);
    await psqlRun(
      'postgres',
      `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '${TEMPLATE}'`,
    );
  })();
  return templateMade;
}

async function psqlRun(database, text) {
  const { stdout } = await run(psql, ['-XAtq', '-v', 'ON_ERROR_STOP=1', '-F', '\u001f', '-d', database, '-c', text], {
    maxBuffer: 64 * 1024 * 1024,
  }).catch((error) => {
    throw new Error(`psql: ${error.stderr || error.message}`);
  });
  return stdout === ''
    ? []
    : stdout
        .replace(/\n$/, '')
        .split('\n')
        .map((line) => line.split('\u001f'));
}

export function dropTemplate() {
  if (!templateMade) return;
  for (const text of [`ALTER DATABASE ${TEMPLATE} IS_TEMPLATE false`, `DROP DATABASE ${TEMPLATE} WITH (FORCE)`])
    execFileSync(psql, ['-Xq', '-d', 'postgres', '-c', text], { stdio: 'ignore' });
}
