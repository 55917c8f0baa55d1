/*
 * The built client, the real relay and PostgreSQL.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import WebSocket from 'ws';
import { itemKey } from '../../dist/index.js';
import { MemoryStorage, VirtualLocks } from '../../dist/testing/index.js';
import { Shop, token, until } from './shop.mjs';

const BEAN = { productId: 'bean', warehouseId: 'north' };
const PEA = { productId: 'pea', warehouseId: 'north' };

let shop;
beforeAll(async () => {
  shop = await Shop.open(['--reconnect-window', '500ms']);
  for (const id of ['bean', 'pea'])
    shop.sql(`SELECT FROM inventory_define('${id}', 'north', initial_quantity => 1000, minimum_stock => 10)`);
});
afterEach(() => shop.leave());
afterAll(() => shop.close());

const available = (item) =>
  Number(shop.sql(`SELECT quantity_available FROM inventory WHERE product_id = '${item.productId}'`));
const shown = (client, item) => client.get(item).value?.quantityAvailable;
const settled = (operations) =>
  until(
    () => operations.every(({ status }) => status === 'acked'),
    () => `all are acked: ${operations.map(({ status }) => status)}`,
  );

describe('reading', () => {
  test('a client is welcomed, gets the rows and hears what is committed', async () => {
    const client = await shop.connected();
    expect(client.state).toMatchObject({ dialect: 'protocol-1' });
    expect(client.list().map(({ key }) => key)).toEqual([itemKey(BEAN), itemKey(PEA)]);
    const before = shown(client, BEAN);
    shop.sql("SELECT FROM inventory_adjust('bean', 'north', 5, 'in')");
    await until(
      () => shown(client, BEAN) === before + 5,
      () => 'the change is shown',
    );
    expect(client.heard.errors).toEqual([]);
  });

  test.each([
    ['SIGTERM', 'ends as planned'],
    ['SIGKILL', 'is killed'],
  ])('nothing is missed or heard twice when the relay gets %s', async (signal) => {
    const client = await shop.connected();
    shop.sql("SELECT FROM inventory_adjust('pea', 'north', 1, 'in')");
    await until(
      () => client.heard.events.length === 1,
      () => 'the first is heard',
    );
    await shop.stop(signal);
    await until(
      () => client.state.name !== 'connected',
      () => 'the end is noticed',
    );
    shop.sql("SELECT count(inventory_adjust('pea', 'north', n, 'in')) FROM generate_series(1, 30) AS n");
    await shop.start();
    await until(
      () => client.heard.events.length >= 31,
      () => `all are heard: ${client.heard.events.length}`,
    );
    const versions = client.heard.events.map(({ data }) => data.version);
    expect(versions).toEqual(versions.map((_, i) => versions[0] + i));
    expect(client.heard).toMatchObject({ gaps: [], resyncs: 0 });
    expect(shown(client, PEA)).toBe(available(PEA));
  });

  test('a link that breaks without a word is resumed', async () => {
    const client = await shop.connected();
    client.sockets.at(-1).terminate();
    await until(
      () => client.state.name !== 'connected',
      () => 'the break is noticed',
    );
    shop.sql("SELECT FROM inventory_adjust('pea', 'north', 7, 'in')");
    await until(
      () => client.heard.events.length === 1,
      () => 'what was missed is heard',
    );
    expect(client.state).toMatchObject({ name: 'connected', recovered: true });
  });

  test('a position the relay does not know is a gap, and the rows come again', async () => {
    const client = await shop.connected({ since: '1-abc' });
    await until(
      () => client.list().length === 2,
      () => 'the rows are there',
    );
    expect(client.heard).toMatchObject({ resyncs: 1, gaps: [{ reason: 'resync' }] });
    expect(client.get(BEAN).stale).toBe(false);
  });

  test('a channel outside of the scope is refused, and the others go on', async () => {
    const claims = { sub: 'sam', inventory: { role: 'operator', warehouses: ['north'] } };
    const client = await shop.connected({
      getToken: () => token(claims),
      channels: ['warehouse:south', 'warehouse:north'],
    });
    await until(
      () => client.heard.errors.length === 1,
      () => 'the refusal is heard',
    );
    expect(client.heard.errors[0]).toMatchObject({ code: 'forbidden' });
    expect(client.list().map(({ key }) => key)).toEqual([itemKey(BEAN), itemKey(PEA)]);
    client.subscribe('product:bean').unsubscribe();
    expect(client.connection.position).not.toBeNull();
  });

  test('many follows at once are one message', async () => {
    const client = await shop.connected({ channels: [] });
    const channels = Array.from({ length: 60 }, (_, i) => client.subscribe(`product:p${i}`));
    const confirmed = new Set();
    client.connection.on('frame', (frame) => frame.type === 'subscribed' && confirmed.add(frame.channel));
    await until(
      () => confirmed.size === 60,
      () => `all are confirmed: ${confirmed.size} ${client.heard.errors}`,
    );
    expect(client.heard.errors).toEqual([]);
    for (const channel of channels) channel.unsubscribe();
  });
});

describe('the module the relay serves', () => {
  test('is what was built, installed and imported by a page', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'inventory-www-'));
    const built = fileURLToPath(new URL('../../dist/inventory-client.js', import.meta.url));
    const install = ['install', 'PREFIX=/usr', `DESTDIR=${folder}`, `CLIENT=${built}`];
    execFileSync('make', ['-s', '-C', join(process.env.INVENTORY_SOURCE, 'relay'), ...install], { stdio: 'pipe' });
    const served = await Shop.open(['--www', join(folder, 'usr/share/inventory-relay/www')]);
    try {
      const answer = await fetch(`http://127.0.0.1:${served.port}/inventory-client.js`);
      expect(answer.status).toBe(200);
      expect(answer.headers.get('content-type')).toMatch(/^text\/javascript/);
      const text = await answer.text();
      expect(text).toBe(readFileSync(built, 'utf8'));
      const module = await import(`data:text/javascript;base64,${Buffer.from(text).toString('base64')}`);
      served.sql("SELECT FROM inventory_define('bean', 'north', initial_quantity => 8)");
      const client = module.createClient({ url: served.url, storage: 'memory', WebSocket, autoConnect: true });
      await until(
        () => shown(client, BEAN) === 8,
        () => 'it shows the stock',
      );
      await client.close();
    } finally {
      await served.close();
      rmSync(folder, { recursive: true });
    }
  });
});

describe('who one is', () => {
  test('a refused token wants a person, and a good one is used at once', async () => {
    const client = shop.client({ getToken: () => 'not.a.token' });
    client.connect();
    await until(
      () => client.status === 'needs-auth',
      () => `it needs one: ${client.status}`,
    );
    client.setToken(token({ sub: 'ann', name: 'Ann' }));
    await client.ready();
    expect(client.connection.welcome.user).toMatchObject({ id: 'ann', name: 'Ann' });
  });

  test('a new token goes on with the open link', async () => {
    const client = await shop.connected({ getToken: () => token({ sub: 'ann' }) });
    const sockets = client.sockets.length;
    const accepted = new Promise((resolve) => client.connection.on('frame', resolve));
    client.setToken(token({ sub: 'ann', exp: Math.floor(Date.now() / 1000) + 7200 }));
    expect(await accepted).toMatchObject({ type: 'ack' });
    expect(client.sockets.length).toBe(sockets);
  });
});

describe('writing', () => {
  test('a change is acknowledged once it is committed, and others see it', async () => {
    const [mine, theirs] = [await shop.connected(), await shop.connected()];
    const before = available(BEAN);
    const operation = mine.adjust({ ...BEAN, quantity: -10, reason: 'sale' });
    expect((await operation.result).result).toMatchObject({ newQuantity: before - 10, productId: 'bean' });
    expect(available(BEAN)).toBe(before - 10);
    await until(
      () => shown(theirs, BEAN) === before - 10,
      () => 'the other one sees it',
    );
    await until(
      () => mine.get(BEAN).pending === 0,
      () => 'it is settled',
    );
    expect(theirs.heard.events.at(-1)).toMatchObject({ op: operation.id });
  });

  test('every kind of change is taken', async () => {
    const client = await shop.connected();
    const item = { productId: 'tea', warehouseId: 'north' };
    const changes = [
      { type: 'define', ...item, minimumStock: 3, attributes: { name: 'Tea' }, initialQuantity: 20 },
      { type: 'define', productId: 'tea', warehouseId: 'south' },
      { type: 'adjust', ...item, quantity: 5, movementType: 'in' },
      { type: 'set', ...item, quantity: 30, reason: 'count' },
      { type: 'apply', lines: [{ ...item, quantity: -2 }], reason: 'order' },
      { type: 'transfer', productId: 'tea', fromWarehouseId: 'north', toWarehouseId: 'south', quantity: 4 },
      { type: 'reserve', reservationId: 'r1', lines: [{ ...item, quantity: 3 }] },
      { type: 'commit', reservationId: 'r1' },
      { type: 'reserve', reservationId: 'r2', lines: [{ ...item, quantity: 3 }] },
      { type: 'release', reservationId: 'r2' },
    ];
    for (const change of changes) await client.change(change).result;
    await until(
      () => shown(client, item) === 21,
      () => `21 are left: ${shown(client, item)}`,
    );
    await client.change({ type: 'set', ...item, quantity: 0, expectedVersion: null }).result;
    await client.change({ type: 'retire', ...item }).result;
    await until(
      () => client.get(item).value === null,
      () => 'it is gone',
    );
  });

  test('what is short or moved is a conflict with the row, and each choice ends it', async () => {
    const client = await shop.connected();
    const short = client.adjust({ ...BEAN, quantity: -1_000_000 });
    await expect(short.result).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(client.conflicts.get(short.id)).toMatchObject({
      code: 'insufficient_stock',
      theirs: { quantityAvailable: available(BEAN) },
    });
    await client.conflicts.resolve(short.id, { choice: 'server' });
    expect(shown(client, BEAN)).toBe(available(BEAN));

    const counted = client.setQuantity({ ...BEAN, quantity: 50, expectedVersion: 1 });
    await expect(counted.result).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(client.conflicts.get(counted.id)).toMatchObject({ code: 'version_conflict' });
    const preview = client.conflicts.preview(counted.id, 'merge', 77);
    const decided = await client.conflicts.resolve(counted.id, { choice: 'merge', value: 77 });
    await decided.result;
    expect(available(BEAN)).toBe(77);
    expect(preview.quantityAvailable).toBe(77);
  });

  test('changes made while the relay is killed again and again are each done once', async () => {
    const client = await shop.connected({
      adaptive: false,
      queue: { merge: false },
      backoff: { baseMs: 50, maxMs: 200 },
    });
    const before = available(BEAN);
    shop.sql("SELECT FROM inventory_adjust('bean', 'north', 1000, 'in')");
    const operations = [];
    for (let round = 0; round < 4; round++) {
      for (let i = 0; i < 25; i++)
        operations.push(client.adjust({ ...(i % 2 ? BEAN : PEA), quantity: -1, reference: `${round}/${i}` }));
      const acked = () => operations.filter(({ status }) => status === 'acked').length;
      await until(
        () => acked() > round * 25,
        () => 'some are on their way',
      );
      await shop.stop('SIGKILL');
      await shop.start();
    }
    await settled(operations);
    const times = shop.sql(
      "SELECT max(n) || ' ' || sum(n) FROM (SELECT count(*) AS n FROM inventory_movement WHERE reference LIKE '%/%' GROUP BY reference) AS per",
    );
    expect(times).toBe('1 100');
    expect(available(BEAN)).toBe(before + 1000 - 48);
    expect(shop.sql('SELECT count(*) FROM inventory_reconcile()')).toBe('0');
    expect(client.heard.errors.filter(({ code }) => code !== 'CONNECTION_ERROR')).toEqual([]);
    await until(
      () => shown(client, BEAN) === available(BEAN),
      () => 'the client shows it',
    );
  });

  test('what was made offline is sent in order, merged where it is more of the same', async () => {
    const client = shop.client();
    const sales = Array.from({ length: 5 }, () => client.adjust({ ...PEA, quantity: -2, reason: 'offline' }));
    const count = client.change({ type: 'set', ...PEA, quantity: 500, expectedVersion: null, reason: 'offline' });
    const after = client.adjust({ ...PEA, quantity: -1, reason: 'offline' });
    await Promise.all([...sales, count, after].map(({ saved }) => saved));
    expect(client.queue.list().map(({ message }) => message.quantity)).toEqual([-10, 500, -1]);
    client.connect();
    await settled([...sales, count, after]);
    expect(available(PEA)).toBe(499);
    expect(shop.sql("SELECT count(*) FROM inventory_movement WHERE reason = 'offline'")).toBe('3');
  });

  test('two tabs that drain one queue send each change once', async () => {
    const storage = new MemoryStorage({ durable: true });
    const tabs = { storage, locks: new VirtualLocks(), queue: { merge: false } };
    const offline = shop.client(tabs);
    for (let i = 0; i < 30; i++) await offline.adjust({ ...PEA, quantity: 1, reference: `tab ${i}` }).saved;
    await offline.close();
    const [first, second] = [shop.client(tabs), shop.client(tabs)];
    first.connect();
    second.connect();
    await until(
      async () => (await storage.operations()).every(({ status }) => status === 'acked'),
      () => 'the queue is empty',
    );
    const times = shop.sql(
      "SELECT max(n) || ' ' || sum(n) FROM (SELECT count(*) AS n FROM inventory_movement WHERE reference LIKE 'tab %' GROUP BY reference) AS per",
    );
    expect(times).toBe('1 30');
  });

  test('a client without the right to write keeps nothing waiting: it is told', async () => {
    const client = await shop.connected({ getToken: () => token({ sub: 'vic', inventory: { role: 'viewer' } }) });
    await expect(client.adjust({ ...BEAN, quantity: 1 }).result).rejects.toMatchObject({ code: 'forbidden' });
  });
});

describe('presence', () => {
  test('two people see each other come, change and go, also through a break', async () => {
    const [mina, tom] = [
      await shop.connected({ getToken: () => token({ sub: 'mina', name: 'Mina' }) }),
      await shop.connected({ getToken: () => token({ sub: 'tom', name: 'Tom' }) }),
    ];
    const channel = 'presence:inventory_item:bean';
    const [hers, his] = [mina.presence(channel), tom.presence(channel)];
    const names = (view) => view.value.people.map(({ name, status }) => `${name} ${status}`).join();
    const see = (view, wanted) =>
      until(
        () => names(view) === wanted,
        () => `${wanted} is seen: ${names(view)} ${mina.heard.errors} ${tom.heard.errors}`,
      );
    hers.track('viewing');
    his.track('editing', { field: 'quantity' });
    await see(hers, 'Mina viewing,Tom editing');
    await see(his, 'Mina viewing,Tom editing');
    expect(hers.value.people[1].metadata).toEqual({ field: 'quantity' });
    hers.update({ status: 'idle' });
    await see(his, 'Mina idle,Tom editing');
    tom.sockets.at(-1).terminate();
    await until(
      () => tom.state.name !== 'connected' && his.value.lastKnown,
      () => 'the break is noticed',
    );
    expect(names(his)).toBe('Mina idle,Tom editing');
    await see(hers, 'Mina idle,Tom editing');
    await until(
      () => !his.value.lastKnown,
      () => 'he is back',
    );
    his.leave();
    await see(hers, 'Mina idle');
    await mina.close();
    await see(his, '');
  });
});

describe('odd input', () => {
  test.each(['a:b%c', 'o\'neill "x"', 'ключ 鍵 🔑', '<b>&amp;</b>', '__proto__', '../..', ' '])(
    'an item called %j is defined, followed, changed and shown',
    async (id) => {
      const item = { productId: id, warehouseId: id };
      const client = await shop.connected({ channels: [itemKey(item)] });
      await client.change({ type: 'define', ...item, initialQuantity: 3 }).result;
      await client.adjust({ ...item, quantity: 2 }).result;
      await until(
        () => shown(client, item) === 5,
        () => `it is shown: ${shown(client, item)} ${client.heard.errors}`,
      );
    },
  );

  test('what the relay could not read is refused here, and its neighbours go on', async () => {
    const client = await shop.connected();
    const before = available(PEA);
    // With the change and the batch around it, the innermost of deep.a.b.c is the eighth.
    const deep = { a: { b: { c: { d: { e: { f: { g: {} } } } } } } };
    const odd = [
      client.adjust({ ...PEA, quantity: 1, reason: 'half \ud83d' }),
      client.adjust({ ...PEA, quantity: 1, reason: 'nul \0' }),
      client.change({ type: 'define', ...PEA, attributes: deep }),
    ];
    const broken = client.adjust({ productId: 'line\nbreak', warehouseId: 'north', quantity: 1 });
    const good = [
      client.adjust({ ...PEA, quantity: 1, reason: 'good' }),
      client.change({ type: 'define', ...BEAN, attributes: deep.a.b.c }),
    ];
    await Promise.all(good.map(({ result }) => result));
    for (const operation of odd) await expect(operation.result).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    // This one the relay can read, and refuses by itself.
    await expect(broken.result).rejects.toMatchObject({ code: 'bad_request' });
    expect(available(PEA)).toBe(before + 1);
  });

  test('a name that is no channel is an error, and the link goes on', async () => {
    const client = await shop.connected();
    client.subscribe('produkt:bean');
    client.subscribe('product:%zz');
    expect(client.heard.errors.map(({ code }) => code)).toEqual(['INVALID_ARGUMENT', 'INVALID_ARGUMENT']);
    client.connection.probe();
    await new Promise((resolve) => client.connection.on('roundTrip', resolve));
  });
});
