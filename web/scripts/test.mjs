// Checks the style of the whole workspace, builds its packages and runs the
// `test` script of each that has one.  Such a script ends with a line "N passed,
// N failed"; the last line here is their sum.  One that does not say so failed.
//
//   node scripts/test.mjs [WORKSPACE]...
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const read = (folder) => JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
const wanted = process.argv.slice(2);
const workspaces = read('.').workspaces.filter((name) => wanted.length === 0 || wanted.includes(name));
const total = { passed: 0, failed: 0 };

function check(name, command, args) {
  const { status } = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  console.log(`${status === 0 ? 'ok' : 'not ok'} - ${name}`);
  total[status === 0 ? 'passed' : 'failed']++;
}

/** Runs a script of a workspace; its output goes on, and the counts in its last such line come back. */
function counts(workspace, script) {
  return new Promise((resolve) => {
    const child = spawn('npm', ['run', '--silent', script, '-w', workspace], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let text = '';
    child.stdout.on('data', (data) => {
      process.stdout.write(data);
      text += data;
    });
    child.on('close', () => {
      const [, passed, failed] = [...text.matchAll(/^(\d+) passed, (\d+) failed$/gm)].at(-1) ?? [null, 0, 1];
      resolve({ passed: Number(passed), failed: Number(failed) });
    });
  });
}

check('style', join(root, 'node_modules', '.bin', 'biome'), ['check', '.']);
for (const workspace of workspaces) {
  const { scripts = {} } = read(workspace);
  if (scripts.build) check(`build of ${workspace}`, 'npm', ['run', '--silent', 'build', '-w', workspace]);
  if (!scripts.test) continue;
  console.log(`--- ${workspace}`);
  const { passed, failed } = await counts(workspace, 'test');
  total.passed += passed;
  total.failed += failed;
}
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exit(total.failed ? 1 : 0);
