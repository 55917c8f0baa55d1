// Changes of the stock at a steady rate, by one session of psql.
import { spawn } from 'node:child_process';

const psql = process.env.INVENTORY_PSQL ?? 'psql';
const ROUNDS = 20;

export function startTraffic(database, { perSecond }) {
  const child = spawn(psql, ['-Xq', '-d', database.name], { stdio: ['pipe', 'ignore', 'ignore'] });
  child.stdin.end(`
    SELECT count(*) FROM (
      SELECT product_id, warehouse_id, quantity_available FROM inventory ORDER BY random() LIMIT ${Math.round(perSecond / ROUNDS)}) AS i
    CROSS JOIN LATERAL inventory_adjust(i.product_id, i.warehouse_id,
      CASE WHEN i.quantity_available > 5 AND random() < 0.5 THEN -1 ELSE 1 END, 'adjustment', reason => 'Traffic')
    \\watch ${1 / ROUNDS}
  `);
  const gone = new Promise((resolve) => child.once('exit', resolve));
  return {
    stop() {
      child.kill('SIGTERM');
      return gone;
    },
  };
}
