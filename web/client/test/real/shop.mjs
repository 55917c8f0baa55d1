/*
 * A shop: a database with the extension in it, and a relay in front.
 *
 * For tests that are run by test/run, which says where things are:
 * INVENTORY_STAGE (what `make install` made), INVENTORY_SOURCE (what it was made
 * from), INVENTORY_PSQL, and PGHOST.
 * The relay ends with the test, or with the process that runs it.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import WebSocket from 'ws';
import { createClient } from '../../dist/index.js';

const { INVENTORY_STAGE: stage, INVENTORY_PSQL: psql, PGHOST: host } = process.env;
const secret = 'a secret of the tests, 32 bytes or more';

/** Signed for an hour, unless the claims say otherwise. */
export function token(claims) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const body = [
    part({ alg: 'HS256', typ: 'JWT' }),
    part({ exp: Math.floor(Date.now() / 1000) + 3600, inventory: { role: 'operator' }, ...claims }),
  ].join('.');
  return `${body}.${createHmac('sha256', secret).update(body).digest('base64url')}`;
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Resolves when the condition holds, looked at often; throws with what it was about. */
export async function until(condition, what, limitMs = 30_000) {
  const end = Date.now() + limitMs;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`waited in vain until ${what()}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

let shops = 0;

export class Shop {
  #clients = [];
  #relay = null;

  static async open(options = []) {
    const shop = new Shop();
    shop.database = `web_${process.pid}_${++shops}`;
    shop.#psql('postgres', `CREATE DATABASE ${shop.database} TEMPLATE template0`);
    shop.sql('CREATE EXTENSION pg_inventory');
    shop.port = await freePort();
    shop.adminPort = await freePort();
    shop.options = options;
    await shop.start();
    return shop;
  }

  get url() {
    return `ws://127.0.0.1:${this.port}/ws`;
  }

  #psql(database, text) {
    const { status, stdout, stderr } = spawnSync(psql, ['-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', database, '-c', text], {
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`${text}: ${stderr}`);
    return stdout.trim();
  }

  /** One value, as text. */
  sql(text) {
    return this.#psql(this.database, text);
  }

  /** Starts the relay and waits until it is ready. */
  async start() {
    const { port, adminPort, database, options } = this;
    this.log = '';
    this.#relay = spawn('setpriv', [
      ...['--pdeathsig', 'TERM', `${stage}/usr/bin/inventory-relay`],
      ...['--listen', `127.0.0.1:${port}`, '--admin', `127.0.0.1:${adminPort}`],
      ...['--dsn', `host=${host} port=5432 dbname=${database} user=postgres`],
      ...['--jwt-secret', secret, '--anonymous', 'manager', ...options],
    ]);
    this.#relay.stderr.on('data', (data) => {
      this.log += data;
    });
    await until(
      () =>
        fetch(`http://127.0.0.1:${port}/readyz`).then(
          ({ ok }) => ok,
          () => false,
        ),
      () => `the relay is ready: ${this.log}`,
    );
  }

  async stop(signal = 'SIGTERM') {
    const relay = this.#relay;
    if (!relay || relay.exitCode !== null || relay.signalCode !== null) return;
    const ended = once(relay, 'exit');
    relay.kill(signal);
    await ended;
  }

  /** A client of it, with what it said written down. */
  client(options = {}) {
    const sockets = [];
    const client = createClient({
      url: this.url,
      storage: 'memory',
      locks: null,
      tabs: null,
      WebSocket: class extends WebSocket {
        constructor(...args) {
          super(...args);
          sockets.push(this);
        }
      },
      ...options,
    });
    // To be broken.
    client.sockets = sockets;
    client.heard = { errors: [], gaps: [], events: [], resyncs: 0 };
    client.on('error', (error) => client.heard.errors.push(error));
    client.on('gap', (gap) => client.heard.gaps.push(gap));
    client.on('message', (event) => client.heard.events.push(event));
    client.connection.on('resync', () => client.heard.resyncs++);
    this.#clients.push(client);
    return client;
  }

  /** A client that is connected and has its rows. */
  async connected(options) {
    const client = this.client(options);
    client.connect();
    await until(
      () => client.state.name === 'connected' && client.connection.position !== null,
      () => `the client is connected: ${JSON.stringify(client.state)} ${client.heard.errors}`,
    );
    return client;
  }

  /** Ends the clients there are. */
  async leave() {
    await Promise.all(this.#clients.splice(0).map((client) => client.close()));
  }

  async close() {
    await this.leave();
    await this.stop();
    this.#psql('postgres', `DROP DATABASE ${this.database} WITH (FORCE)`);
  }
}
