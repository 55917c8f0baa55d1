// Builds dist: modules and types as published, and dist/inventory-client.js,
// the whole client as one minified module, which the relay serves.
import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { bundle, root } from './bundle.mjs';

const typescript = createRequire(import.meta.url).resolve('typescript/package.json');

rmSync(join(root, 'dist'), { recursive: true, force: true });
execFileSync(process.execPath, [join(dirname(typescript), 'bin', 'tsc'), '-p', join(root, 'tsconfig.json')], {
  stdio: 'inherit',
});
writeFileSync(join(root, 'dist/inventory-client.js'), await bundle('src/index.ts', '*'));
