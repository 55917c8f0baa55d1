// Runs cases, a few at a time, each in a world of its own, and counts them.
import { World } from './world.mjs';

const cases = [];

/** limitMs: longer than that is a failure. alone: it measures, and nothing runs beside it. */
export function test(name, run, { limitMs = 120_000, alone = false, world = {} } = {}) {
  cases.push({ name, run, limitMs, alone, world });
}

export async function runCases({ lanes, words }) {
  const wanted = cases.filter(({ name }) => words.length === 0 || words.some((word) => name.includes(word)));
  const counts = { passed: 0, failed: 0 };
  const queue = wanted.filter((one) => !one.alone);
  const take = async () => {
    for (let one = queue.shift(); one; one = queue.shift()) count(counts, await runCase(one));
  };
  await Promise.all(Array.from({ length: lanes }, take));
  for (const one of wanted.filter(({ alone }) => alone)) count(counts, await runCase(one));
  return counts;
}

function count(counts, isFine) {
  counts[isFine ? 'passed' : 'failed']++;
}

async function runCase({ name, run, limitMs, world: options }) {
  const began = Date.now();
  let world = null;
  let problem = null;
  try {
    world = await World.create(options);
    await within(run(world), limitMs);
    const complaints = world.complaints.flat();
    if (complaints.length > 0) throw new Error(`the page complained: ${complaints.join('; ')}`);
  } catch (error) {
    problem = error;
  }
  const log = [...(problem ? ((await world?.seen()) ?? []) : []), ...(world?.relay?.log ?? '').split('\n').slice(-8)];
  await world?.close();
  console.log(`${problem ? 'not ok' : 'ok'} - ${name} (${Date.now() - began} ms)`);
  if (problem) console.log(`${problem.stack ?? problem}\n${log.join('\n')}`.replaceAll(/^/gm, '    '));
  return problem === null;
}

function within(promise, limitMs) {
  let timer;
  const limit = new Promise((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`not done within ${limitMs} ms`)), limitMs);
  });
  return Promise.race([promise, limit]).finally(() => clearTimeout(timer));
}
