// Measures what a page downloads (minified, gzip -9) and fails above a budget.
import { execFileSync } from 'node:child_process';
import { bundle } from './bundle.mjs';

const budgets = [
  { name: 'core (Connection)', file: 'src/index.ts', names: 'Connection', kib: 8 },
  { name: 'all (index)', file: 'src/index.ts', names: '*', kib: 17 },
  { name: 'react', file: 'src/react/index.ts', names: '*', kib: 2, external: ['react', /index\.js$/] },
];

let over = 0;
for (const { name, file, names, kib, external } of budgets) {
  const bytes = execFileSync('gzip', ['-9'], { input: await bundle(file, names, external) }).length;
  console.log(`${name}: ${bytes} of ${kib * 1024} bytes (gzip -9)`);
  if (bytes > kib * 1024) over++;
}
process.exit(over ? 1 : 0);
