// Holds the built client against a relay that runs, with its database and some
// traffic (`make demo`):  node scripts/relay.mjs [ws://127.0.0.1:8792/ws]
//
// Covers what holds in the plain dialect too: events arrive in the order of
// their versions, nothing is heard twice, a broken link comes back by itself
// and says what it missed, and no error is seen.
import WebSocket from 'ws';
import { createClient } from '../dist/index.js';

const url = process.argv[2] ?? 'ws://127.0.0.1:8792/ws';
const sockets = [];
class Socket extends WebSocket {
  constructor(...args) {
    super(...args);
    sockets.push(this);
  }
}

let passed = 0;
let failed = 0;
function check(name, ok, why = '') {
  console.log(`${ok ? 'ok' : 'not ok'} - ${name}${ok ? '' : ` (${why})`}`);
  if (ok) passed++;
  else failed++;
}

const client = createClient({ url, WebSocket: Socket, storage: 'memory' });
const versions = new Map();
const gaps = [];
const errors = [];
let disorder = 0;
let events = 0;
client.on('gap', (gap) => gaps.push(gap.reason));
client.on('error', (error) => errors.push(`${error.code}: ${error.message}`));
client.on('message', ({ type, data }) => {
  if (type !== 'inventory.updated') return;
  events++;
  const key = `${data.productId} ${data.warehouseId}`;
  if (data.version <= (versions.get(key) ?? 0)) disorder++;
  versions.set(key, data.version);
});

/** Resolves when the condition holds, looked at with each event and state; false after a limit. */
function until(condition, limitMs) {
  return new Promise((resolve) => {
    const stop = new AbortController();
    const end = (value) => {
      clearTimeout(timer);
      stop.abort();
      resolve(value);
    };
    const look = () => condition() && end(true);
    const timer = setTimeout(() => end(false), limitMs);
    client.on('state', look, { signal: stop.signal });
    client.on('message', look, { signal: stop.signal });
    look();
  });
}

client.connect();
check(
  'the client connects',
  await until(() => client.state.name === 'connected', 15_000),
  JSON.stringify(client.state),
);
check('events arrive', await until(() => events >= 5, 30_000), `${events} events`);
check('what arrived is shown', client.list().length > 0 && [...versions.values()].every((version) => version > 0));
const before = events;
sockets.at(-1)?.terminate();
check('a broken link is noticed', await until(() => client.state.name === 'connecting', 5_000));
check('and comes back by itself', await until(() => client.state.name === 'connected', 15_000));
check('events arrive again', await until(() => events >= before + 3, 30_000), `${events - before} events`);
const plain = client.state.name === 'connected' && client.state.dialect === 'plain';
check(
  'what was missed is resumed or announced',
  plain ? gaps.join() === 'plain-dialect' : gaps.length === 0,
  gaps.join(),
);
check('events of an item come in the order of its versions, once each', disorder === 0, `${disorder} did not`);
check('no error was seen', errors.length === 0, errors.join('; '));
await client.close();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
