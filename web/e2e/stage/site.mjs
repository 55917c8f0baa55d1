// The dashboard built for development, where React checks more.
import { execFile } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const web = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

let built = null;

export function developmentSite() {
  built ??= build();
  return built;
}

async function build() {
  const folder = mkdtempSync(join(tmpdir(), 'e2e-site-'));
  await promisify(execFile)(
    process.execPath,
    [
      join(web, 'node_modules', 'vite', 'bin', 'vite.js'),
      ...['build', '--mode', 'development', '--outDir', folder, '--emptyOutDir', '--logLevel', 'error'],
    ],
    { cwd: join(web, 'dashboard'), env: { ...process.env, NODE_ENV: 'development' } },
  );
  return folder;
}
