/*
 * relay.mjs
 *	  A relay as one would write it: `pg` listens, `ws` sends.
 *
 * The rival of the relay in the benchmark of latency.  A notification is a
 * bell here, too: the events after the last position are read and each is sent
 * to every client as one message.  It keeps the promise of the event log, that
 * nothing is lost, and none of the others: no scopes, no channels, no limits.
 *
 *	node relay.mjs PORT CONNECTION_STRING
 */
import pg from 'pg';
import { WebSocketServer } from 'ws';

const [port, connectionString] = process.argv.slice(2);
const client = new pg.Client({ connectionString });
const read = {
  name: 'read',
  text: 'SELECT position, type, data::text AS data FROM inventory_events($1)',
};
let position;
let isReading = false;
let isRung = false;

await client.connect();
await client.query('LISTEN pg_inventory');
position = (await client.query('SELECT inventory_position() AS position')).rows[0].position;

const wss = new WebSocketServer({ host: '127.0.0.1', port: Number(port), path: '/ws', backlog: 4096 });

function send({ position: reached, type, data }) {
  const text = `{"type":"${type}","data":${data}}`;
  for (const screen of wss.clients) screen.send(text);
  position = reached;
}

async function readLog() {
  isRung = true;
  if (isReading) return;
  isReading = true;
  while (isRung) {
    isRung = false;
    const { rows } = await client.query({ ...read, values: [position] });
    rows.forEach(send);
  }
  isReading = false;
}

client.on('notification', readLog);
