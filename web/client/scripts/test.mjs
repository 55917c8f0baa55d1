// Runs every check of the client and ends with one line: N passed, N failed.
// The checks besides the tests (types, sizes, the package) count as one each.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const client = join(dirname(fileURLToPath(import.meta.url)), '..');
const bin = (name) => join(client, '..', 'node_modules', '.bin', name);
const scratch = mkdtempSync(join(tmpdir(), 'inventory-client-'));
let passed = 0;
let failed = 0;

function check(name, command, args) {
  const { status } = spawnSync(command, args, { cwd: client, stdio: 'inherit' });
  console.log(`${status === 0 ? 'ok' : 'not ok'} - ${name}`);
  if (status === 0) passed++;
  else failed++;
}

check('types', bin('tsc'), ['-p', 'tsconfig.test.json']);
check('sizes', process.execPath, ['scripts/size.mjs']);
check('package in a fresh Vite project', process.execPath, ['scripts/package.mjs']);

const report = join(scratch, 'report.json');
const { status } = spawnSync(
  bin('vitest'),
  ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`],
  { cwd: client, stdio: 'inherit' },
);
try {
  const result = JSON.parse(readFileSync(report, 'utf8'));
  passed += result.numPassedTests;
  failed += result.numFailedTests;
  // A file that cannot be loaded has no tests to fail.
  if (status !== 0 && result.numFailedTests === 0) failed++;
} catch {
  failed++;
}
rmSync(scratch, { recursive: true, force: true });
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
