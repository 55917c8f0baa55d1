// Packs the client, installs the package in a fresh Vite project and builds,
// type-checks and runs a page that uses all three entry points.  The network
// is not needed: the package has no dependencies, and Vite, TypeScript and
// React are those of this workspace.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'vite';

const client = join(dirname(fileURLToPath(import.meta.url)), '..');
const modules = join(client, '..', 'node_modules');
const project = mkdtempSync(join(tmpdir(), 'inventory-vite-'));
const npm = (args, cwd) => execFileSync('npm', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });

const PAGE = `
import { createClient, InventoryError, itemKey, type ItemView } from 'inventory-client';
import { InventoryProvider, useInventoryItem, useInventoryWebSocket } from 'inventory-client/react';
import { MemoryDatabase, MemoryRelay, VirtualClock, VirtualPage } from 'inventory-client/testing';

export const hooks = [InventoryProvider, useInventoryItem, useInventoryWebSocket];

export async function run(): Promise<string> {
  const clock = new VirtualClock();
  const database = new MemoryDatabase(clock);
  database.seed('p', 'w', 100);
  const relay = new MemoryRelay({ clock, database });
  const client = createClient({ url: 'ws://test/ws', WebSocket: relay.WebSocket, clock, page: new VirtualPage(), storage: 'memory' });
  client.connect();
  await clock.until(() => client.state.name === 'connected');
  const operation = client.adjust({ productId: 'p', warehouseId: 'w', quantity: -10 });
  await clock.until(() => operation.status === 'acked');
  const view: ItemView = client.inventory.get(itemKey({ productId: 'p', warehouseId: 'w' }));
  await client.close();
  if (!(new InventoryError('CLOSED', 'x') instanceof Error)) throw new Error('no error');
  return \`\${view.value?.quantityAvailable} in version \${view.value?.version}\`;
}
`;

try {
  const [packed] = JSON.parse(npm(['pack', '--json', '--ignore-scripts', '--pack-destination', project], client));
  writeFileSync(join(project, 'package.json'), '{ "name": "fresh", "private": true, "type": "module" }\n');
  npm(['install', '--offline', '--no-audit', '--no-fund', `./${packed.filename}`], project);
  for (const name of ['react', 'react-dom', '@types/react']) {
    mkdirSync(dirname(join(project, 'node_modules', name)), { recursive: true });
    symlinkSync(join(modules, name), join(project, 'node_modules', name));
  }
  writeFileSync(join(project, 'index.html'), '<script type="module" src="/main.ts"></script>\n');
  writeFileSync(join(project, 'main.ts'), "import { run } from './page.js';\nvoid run().then(console.log);\n");
  writeFileSync(join(project, 'page.ts'), PAGE);
  writeFileSync(
    join(project, 'tsconfig.json'),
    JSON.stringify({
      compilerOptions: {
        strict: true,
        module: 'esnext',
        moduleResolution: 'bundler',
        target: 'es2022',
        noEmit: true,
        types: [],
      },
      include: ['*.ts'],
    }),
  );
  const typescript = createRequire(import.meta.url).resolve('typescript/package.json');
  execFileSync(process.execPath, [join(dirname(typescript), 'bin', 'tsc'), '-p', project], { stdio: 'inherit' });
  await build({ root: project, logLevel: 'warn' });
  await build({ root: project, logLevel: 'warn', build: { ssr: 'page.ts', outDir: 'run' }, ssr: { noExternal: true } });
  const { run } = await import(pathToFileURL(join(project, 'run', 'page.js')).href);
  const said = await run();
  if (said !== '90 in version 2') throw new Error(`the page said "${said}"`);

  // The module the relay serves: what an import without a bundler gets.
  const module = await import(pathToFileURL(join(client, 'dist', 'inventory-client.js')).href);
  for (const name of ['createClient', 'Connection', 'channel', 'itemKey', 'InventoryError']) {
    if (!(name in module)) throw new Error(`inventory-client.js lacks ${name}`);
  }
  const { dependencies = {} } = JSON.parse(readFileSync(join(client, 'package.json'), 'utf8'));
  if (Object.keys(dependencies).length > 0) throw new Error('the package has dependencies');
  console.log(`${packed.filename}: ${packed.entryCount} files, ${packed.size} bytes; a fresh page says "${said}"`);
} finally {
  rmSync(project, { recursive: true, force: true });
}
