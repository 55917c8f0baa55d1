// Measures what a page downloads (minified, gzip -9) and fails above a budget.
import { execFileSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const budgets = [
  { name: 'core (Connection)', code: "export { Connection } from './src/index.ts';", kib: 8 },
  { name: 'all (index)', code: "export * from './src/index.ts';", kib: 17 },
];

/** @returns [[name, bytes, budget in bytes], …] */
export async function sizes() {
  const rows = [];
  for (const { name, code, kib, external = [] } of budgets) {
    const { outputFiles } = await build({
      stdin: { contents: code, resolveDir: root, loader: 'ts' },
      bundle: true,
      minify: true,
      write: false,
      format: 'esm',
      target: 'es2022',
      external,
    });
    const bytes = execFileSync('gzip', ['-9'], { input: outputFiles[0].contents }).length;
    rows.push([name, bytes, kib * 1024]);
  }
  return rows;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  let over = 0;
  for (const [name, bytes, budget] of await sizes()) {
    console.log(`${name}: ${bytes} of ${budget} bytes (gzip -9)`);
    if (bytes > budget) over++;
  }
  process.exit(over ? 1 : 0);
}
