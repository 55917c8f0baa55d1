// The real relay, on a port of its own, in front of a database.
import { spawn } from 'node:child_process';
import { createHmac, randomBytes } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from './wait.mjs';

const stage = process.env.INVENTORY_STAGE ?? '';
const program = join(stage, '/usr/bin/inventory-relay');
const site = process.env.INVENTORY_WWW ?? join(stage, '/usr/share/inventory-relay/www');

export const PEOPLE = [
  { sub: 'maria', name: 'Maria Manager', role: 'manager', warehouses: null },
  { sub: 'otto', name: 'Otto Operator', role: 'operator', warehouses: ['wh_457'] },
  { sub: 'olga', name: 'Olga Operator', role: 'operator', warehouses: null },
  { sub: 'vera', name: 'Vera Viewer', role: 'viewer', warehouses: null },
];

export class Relay {
  #child = null;
  #log = '';

  static async create(database, options = []) {
    const relay = new Relay();
    relay.database = database;
    relay.options = options;
    relay.port = await freePort();
    relay.secret = randomBytes(32).toString('hex');
    relay.www = mkdtempSync(join(tmpdir(), 'e2e-www-'));
    cpSync(site, relay.www, { recursive: true });
    relay.writePeople(3600);
    await relay.start();
    return relay;
  }

  token({ sub, name, role, warehouses }, seconds = 3600) {
    const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const now = Math.floor(Date.now() / 1000);
    const claims = { sub, name, exp: now + seconds, inventory: { role, ...(warehouses && { warehouses }) } };
    const body = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}`;
    return `${body}.${createHmac('sha256', this.secret).update(body).digest('base64url')}`;
  }

  /** As the demo does; the relay reads them at its start and on reload(). */
  writePeople(seconds) {
    const people = PEOPLE.map(({ sub, name, role, warehouses }) => ({
      name,
      role,
      warehouses,
      token: this.token({ sub, name, role, warehouses }, seconds),
    }));
    writeFileSync(join(this.www, '.people'), JSON.stringify(people));
    renameSync(join(this.www, '.people'), join(this.www, 'people.json'));
  }

  async people() {
    return (await fetch(`http://127.0.0.1:${this.port}/people.json`)).json();
  }

  async start() {
    const { PGHOST, PGPORT = '5432' } = process.env;
    const child = spawn(
      program,
      [
        ...['--listen', `127.0.0.1:${this.port}`, '--admin', `127.0.0.1:${await freePort()}`],
        ...['--dsn', `host=${PGHOST} port=${PGPORT} dbname=${this.database.name} user=inventory_relay`],
        ...['--www', this.www, '--anonymous', 'operator', '--jwt-leeway', '0s', '--reconnect-window', '1s'],
        ...['--drain-timeout', '1s', '--allow-origin', 'http://127.0.0.1:*'],
        ...this.options,
      ],
      { env: { ...process.env, INVENTORY_RELAY_JWT_SECRET: this.secret }, stdio: ['ignore', 'ignore', 'pipe'] },
    );
    this.#child = child;
    child.stderr.on('data', (data) => {
      this.#log = (this.#log + data).slice(-20_000);
    });
    const gone = new Promise((_resolve, reject) => child.once('exit', () => reject(new Error('the relay ended'))));
    const url = `http://127.0.0.1:${this.port}/readyz`;
    const ready = until('the relay is ready', async () => (await fetch(url).catch(() => null))?.status === 200, 20_000);
    await Promise.race([ready, gone]).catch((error) => {
      throw new Error(`${error.message}\n${this.#log}`);
    });
    gone.catch(() => {});
  }

  get log() {
    return this.#log;
  }

  reload() {
    this.#child?.kill('SIGHUP');
  }

  /** Another folder at /, with the people in it. */
  async serve(folder) {
    cpSync(folder, this.www, { recursive: true });
    this.writePeople(3600);
    const wanted = readFileSync(join(folder, 'index.html'), 'utf8');
    this.reload();
    await until('it is served', async () => (await (await fetch(`http://127.0.0.1:${this.port}/`)).text()) === wanted);
  }

  /** SIGTERM drains; SIGKILL does what a power cut does. */
  async stop(signal = 'SIGTERM') {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await gone;
    this.#child = null;
  }

  async restart(signal) {
    await this.stop(signal);
    await this.start();
  }

  async close() {
    await this.stop('SIGKILL');
    rmSync(this.www, { recursive: true, force: true });
  }
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
