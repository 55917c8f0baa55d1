/*
 * Properties that hold whatever happens in whatever order.  A failure prints
 * its seed, the path to the shortest case, and the case.
 */
import * as fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { backoffMs } from '../src/core/backoff.js';
import { Connection, type ConnectionState, type Operation, type Row, Store } from '../src/index.js';
import { effectsOf, lanesOf, type StoredOperation } from '../src/sync/operation.js';
import { MemoryDatabase, MemoryRelay, MemoryStorage, VirtualClock, VirtualPage } from '../src/testing/index.js';
import { stage } from './stage.js';

// Each run takes other cases. PROPERTY_RUNS=20 looks twenty times further; what
// is printed of a failure is run again by PROPERTY_SEED and PROPERTY_PATH, with
// the title of its property: npx vitest run property -t 'acks, events'.
const env = (globalThis as { process?: { env: Record<string, string | undefined> } }).process?.env ?? {};
const times = Number(env.PROPERTY_RUNS ?? 1);
fc.configureGlobal({
  ...(env.PROPERTY_SEED !== undefined && { seed: Number(env.PROPERTY_SEED) }),
  ...(env.PROPERTY_PATH !== undefined && { path: env.PROPERTY_PATH, endOnFailure: true }),
});
// No test of this project may take this long; a machine with much else to do may.
vi.setConfig({ testTimeout: 120_000 * times });

const runs = (count: number) => ({ numRuns: count * times });
const RUNS = runs(400);

test('the backoff is half fixed, half chance, never above its ceiling and never at once', () => {
  fc.assert(
    fc.property(
      fc.nat(200),
      fc.integer({ min: 1, max: 60_000 }),
      fc.integer({ min: 1, max: 120_000 }),
      fc.integer(),
      (n, baseMs, maxMs, seed) => {
        const ceiling = Math.min(baseMs * 2 ** Math.min(n, 30), maxMs);
        const wait = backoffMs(new VirtualClock({ seed }), n, { baseMs, maxMs });
        expect(wait).toBeGreaterThanOrEqual(ceiling / 2);
        expect(wait).toBeLessThan(ceiling + 1e-9);
      },
    ),
    runs(1000),
  );
});

const LEGAL: Record<ConnectionState['name'], readonly ConnectionState['name'][]> = {
  disconnected: ['connecting', 'disconnected', 'error'],
  connecting: ['connecting', 'connected', 'error', 'disconnected'],
  connected: ['connected', 'connecting', 'error', 'disconnected'],
  error: ['error', 'connecting', 'connected', 'disconnected'],
};

const moment = fc.oneof(
  fc.constantFrom(
    'connect',
    'disconnect',
    'stop',
    'start',
    'hide',
    'show',
    'offline',
    'online',
    'restored',
    'halfOpen',
    'heal',
    'change',
    'sleep',
  ),
  fc.constantFrom(1000, 1001, 1006, 1012, 4100, 4101, 4200, 4202, 4203).map((code) => ({ close: code })),
  fc.integer({ min: 1, max: 40_000 }).map((ms) => ({ wait: ms })),
);

test('the connection: legal steps only, one socket at most, sticky disconnect, and it always comes back', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(moment, { maxLength: 40, size: 'max' }), fc.integer(), async (moments, seed) => {
      const clock = new VirtualClock({ seed });
      const page = new VirtualPage();
      const database = new MemoryDatabase(clock);
      database.seed('p', 'w', 100);
      const relay = new MemoryRelay({ clock, database });
      const connection = new Connection({ url: 'ws://test/ws', WebSocket: relay.WebSocket, clock, page });
      const names: ConnectionState['name'][] = [];
      connection.on('state', (state) => void names.push(state.name));
      let wanted = false;
      for (const step of moments) {
        const dialled = relay.dialled;
        if (step === 'connect') {
          wanted = true;
          connection.connect();
        } else if (step === 'disconnect') {
          wanted = false;
          connection.disconnect();
        } else if (step === 'stop') relay.stop();
        else if (step === 'start') relay.start();
        else if (step === 'hide') page.hide();
        else if (step === 'show') page.show();
        else if (step === 'offline') page.goOffline();
        else if (step === 'online') page.goOnline();
        else if (step === 'restored') page.signal('restored');
        else if (step === 'halfOpen') relay.faults.halfOpen = true;
        else if (step === 'heal') relay.faults.halfOpen = false;
        else if (step === 'change') database.change('p', 'w', 1);
        else if (step === 'sleep') await clock.sleep(600_000);
        else if ('close' in step) relay.closeAll(step.close);
        else await clock.advance(step.wait);
        await clock.advance(1);
        expect(relay.sessions.size).toBeLessThanOrEqual(1);
        if (!wanted) {
          expect(connection.state.name).toBe('disconnected');
          expect(relay.dialled).toBe(dialled);
        }
      }
      names.forEach((name, i) => {
        const before = names[i - 1];
        if (before) expect(LEGAL[before]).toContain(name);
      });
      relay.start();
      relay.faults.halfOpen = false;
      page.goOnline();
      page.show();
      connection.connect();
      await clock.until(() => connection.state.name === 'connected', 120_000);
      connection.close();
      await clock.advance(600_000);
      expect(clock.pendingTimers).toBe(0);
    }),
    RUNS,
  );
});

test('positions never move backwards, and every change is heard once or announced as a gap', async () => {
  const step = fc.constantFrom('change', 'change', 'change', 'break', 'duplicate', 'wait', 'batch');
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60, size: 'max' }), fc.integer(), async (steps, seed) => {
      const clock = new VirtualClock({ seed });
      const database = new MemoryDatabase(clock);
      database.seed('p', 'w', 100);
      const relay = new MemoryRelay({ clock, database });
      const connection = new Connection({
        url: 'ws://test/ws',
        WebSocket: relay.WebSocket,
        clock,
        page: new VirtualPage(),
      });
      const versions: unknown[] = [];
      const positions: string[] = [];
      connection.on('message', (event) => {
        versions.push(event.data.version);
        if (connection.position !== null) positions.push(connection.position);
      });
      connection.connect();
      await clock.until(() => connection.state.name === 'connected');
      for (const what of steps) {
        if (what === 'change') database.change('p', 'w', 1);
        if (what === 'break') relay.closeAll(1006);
        if (what === 'duplicate') relay.faults.duplicate('down', 2);
        if (what === 'wait') await clock.advance(2_000);
        if (what === 'batch') await clock.advance(7);
      }
      await clock.until(() => connection.state.name === 'connected');
      await clock.advance(60_000);
      expect(versions).toEqual(Array.from({ length: database.log.length }, (_, i) => i + 2));
      expect(positions).toEqual([...positions].sort());
      connection.close();
    }),
    RUNS,
  );
});

const ITEMS = ['a', 'b'] as const;
const happening = fc.oneof(
  fc.record({ sell: fc.constantFrom(...ITEMS), quantity: fc.integer({ min: 1, max: 5 }) }),
  fc.record({ other: fc.constantFrom(...ITEMS), quantity: fc.integer({ min: -3, max: 9 }) }),
  fc.constantFrom('break', 'kill', 'reload', 'muteUp', 'muteDown', 'duplicate', 'resync', 'wait', 'moment'),
);

test('acks, events, reconnects, resyncs and reloads in any order end at the server’s value, once each', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(happening, { minLength: 1, maxLength: 40, size: 'max' }),
      fc.integer(),
      async (happenings, seed) => {
        const all = stage({ seed });
        const { clock, database, relay } = all;
        let current = { client: all.client, page: all.page };
        for (const item of ITEMS) database.seed(item, 'w', 1000);
        let overtaken = 0;
        const shown = new Map<string, number>();
        const watch = () => {
          const { client } = current;
          client.connection.on('resync', () => shown.clear());
          client.inventory.subscribeAll(() => {
            for (const item of ITEMS) {
              const base = client.get({ productId: item, warehouseId: 'w' }).base;
              if (!base) continue;
              if (base.version < (shown.get(item) ?? 0)) overtaken++;
              shown.set(item, base.version);
            }
          });
        };
        watch();
        const expected = new Map<string, number>(ITEMS.map((item) => [item, 1000]));
        const count = (item: string, by: number) => expected.set(item, (expected.get(item) ?? 0) + by);
        await all.up();
        // TCP loses no frame of a link that goes on: what is lost, is lost until the link breaks.
        let muted = false;
        const unmute = () => {
          if (!muted) return;
          muted = false;
          relay.closeAll(1006);
          relay.faults.loseIf(null);
        };
        for (const step of happenings) {
          if (typeof step === 'string' && step !== 'moment') unmute();
          if (step === 'break') relay.closeAll(1006);
          else if (step === 'kill') relay.faults.killAfterCommit();
          else if (step === 'reload') {
            await current.client.close();
            shown.clear();
            current = all.tab();
            watch();
            current.client.connect();
          } else if (step === 'muteUp' || step === 'muteDown') {
            muted = true;
            relay.faults.loseIf((_text, way) => way === (step === 'muteUp' ? 'up' : 'down'));
          } else if (step === 'duplicate') relay.faults.duplicate('down', 2);
          else if (step === 'resync') {
            database.forgetEvents();
            relay.closeAll(1006);
          } else if (step === 'wait') await clock.advance(5_000);
          else if (step === 'moment') await clock.advance(6);
          else if ('sell' in step) {
            count(step.sell, -step.quantity);
            await current.client.adjust({ productId: step.sell, warehouseId: 'w', quantity: -step.quantity }).saved;
          } else {
            count(step.other, step.quantity);
            database.change(step.other, 'w', step.quantity);
          }
          relay.start();
        }
        unmute();
        await clock.until(() => {
          relay.start();
          return current.client.queue.status.size === 0 && current.client.state.name === 'connected';
        }, 900_000);
        relay.closeAll(1006);
        await clock.advance(60_000);
        for (const item of ITEMS) {
          const view = current.client.get({ productId: item, warehouseId: 'w' });
          const row = database.row(item, 'w');
          expect(row?.quantityAvailable).toBe(expected.get(item));
          expect(view).toMatchObject({
            pending: 0,
            stale: false,
            value: { quantityAvailable: row?.quantityAvailable, version: row?.version },
          });
        }
        expect(overtaken).toBe(0);
        expect([...database.applied.values()].every((times) => times === 1)).toBe(true);
        await current.client.close();
      },
    ),
    {
      ...RUNS,
      // The batch a closed client still had to send came to the screen, and to the storage, half a second later.
      examples: [
        [
          [
            'kill',
            { sell: 'a', quantity: 1 },
            'wait',
            'moment',
            'wait',
            { sell: 'b', quantity: 1 },
            { sell: 'a', quantity: 1 },
            'reload',
            'break',
          ],
          27,
        ],
      ],
    },
  );
});

test('an operation’s own change is never counted twice nor left out while it settles', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 8 }),
      fc.array(fc.constantFrom('ack', 'event', 'none'), { minLength: 8, maxLength: 8 }),
      fc.integer(),
      async (sales, losses, seed) => {
        const { clock, client, relay, up } = stage({ seed });
        await up();
        // The number on screen may only go down, sale by sale: anything else is a flicker.
        let last = 100;
        let flickers = 0;
        client.inventory.subscribeAll(() => {
          const value = client.get({ productId: 'p', warehouseId: 'w' }).value?.quantityAvailable ?? 0;
          if (value > last) flickers++;
          last = value;
        });
        for (const [i, quantity] of sales.entries()) {
          const lost = losses[i];
          relay.faults.loseIf(
            (text, way) =>
              way === 'down' &&
              ((lost === 'ack' && text.includes('"ack"')) || (lost === 'event' && text.includes('.updated'))),
          );
          await client.adjust({ productId: 'p', warehouseId: 'w', quantity: -quantity }).saved;
          await clock.advance(3);
        }
        await clock.advance(60_000);
        expect(flickers).toBe(0);
        expect(last).toBe(100 - sales.reduce((sum, n) => sum + n, 0));
        await client.close();
      },
    ),
    RUNS,
  );
});

test('two tabs that drain at once apply nothing twice, with locks and without', async () => {
  const act = fc.record({ tab: fc.boolean(), item: fc.constantFrom(...ITEMS), wait: fc.integer({ min: 0, max: 300 }) });
  await fc.assert(
    fc.asyncProperty(
      fc.array(act, { minLength: 1, maxLength: 15 }),
      fc.boolean(),
      fc.integer(),
      async (acts, locked, seed) => {
        const all = stage({ seed, ...(!locked && { client: { locks: null } }) });
        for (const item of ITEMS) all.database.seed(item, 'w', 100);
        const second = all.tab();
        await all.up();
        await all.up(second.client);
        const operations: Operation[] = [];
        for (const { tab, item, wait } of acts) {
          const change = { productId: item, warehouseId: 'w', quantity: -1, reference: `${operations.length}` };
          operations.push((tab ? all : second).client.adjust(change));
          await all.clock.advance(wait);
        }
        await all.clock.until(() => operations.every((operation) => operation.status === 'acked'));
        await all.clock.advance(10_000);
        expect([...all.database.applied.values()]).toEqual(acts.map(() => 1));
        for (const item of ITEMS) {
          const left = 100 - acts.filter((a) => a.item === item).length;
          for (const { client } of [all, second]) {
            expect(client.get({ productId: item, warehouseId: 'w' })).toMatchObject({
              pending: 0,
              value: { quantityAvailable: left },
            });
          }
        }
      },
    ),
    runs(60),
  );
});

test('whatever is merged, taken back, sent or lost with the link, the server has what was not taken back, once', async () => {
  const act = fc.oneof(
    fc.record({
      sell: fc.constantFrom(...ITEMS),
      quantity: fc.integer({ min: 1, max: 5 }),
      why: fc.constantFrom('a', 'b'),
    }),
    fc.record({ takeBack: fc.nat(20) }),
    fc.constantFrom('up', 'down', 'kill', 'wait'),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(act, { minLength: 1, maxLength: 30, size: 'max' }), fc.integer(), async (acts, seed) => {
      const { clock, client, database, relay } = stage({ seed });
      for (const item of ITEMS) database.seed(item, 'w', 1000);
      const made: { item: string; quantity: number; operation: Operation; back: Promise<boolean> | null }[] = [];
      for (const step of acts) {
        if (typeof step === 'object' && 'sell' in step) {
          const { sell: item, quantity, why } = step;
          const change = { productId: item, warehouseId: 'w', quantity: -quantity, reason: why };
          made.push({ item, quantity, operation: client.adjust(change), back: null });
        } else if (typeof step === 'object') {
          const one = made[step.takeBack];
          if (one) one.back ??= one.operation.cancel();
        } else if (step === 'up') client.connect();
        else if (step === 'down') client.disconnect();
        else if (step === 'kill') relay.faults.killAfterCommit();
        else await clock.advance(150);
        relay.start();
      }
      client.connect();
      const backs = await Promise.all(made.map(({ back }) => back ?? false));
      await clock.until(() => {
        relay.start();
        return client.queue.status.size === 0 && client.state.name === 'connected';
      }, 900_000);
      await clock.advance(60_000);
      for (const item of ITEMS) {
        const sold = made.reduce((sum, one, i) => sum + (one.item === item && !backs[i] ? one.quantity : 0), 0);
        expect(database.row(item, 'w')?.quantityAvailable).toBe(1000 - sold);
        expect(client.get({ productId: item, warehouseId: 'w' })).toMatchObject({
          pending: 0,
          value: { quantityAvailable: 1000 - sold },
        });
      }
      made.forEach(({ operation }, i) => {
        expect(operation.status).toBe(backs[i] ? 'discarded' : 'acked');
      });
      await client.close();
    }),
    RUNS,
  );
});

test('operations of a lane reach the server in the order they were made', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom('a', 'b', 'ab'), { minLength: 1, maxLength: 20 }),
      fc.array(fc.constantFrom('conflict', 'timeout', 'unavailable'), { maxLength: 6 }),
      fc.integer(),
      async (plan, refusals, seed) => {
        const { clock, client, database, relay, up } = stage({ seed });
        for (const item of ITEMS) database.seed(item, 'w', 100);
        await up();
        relay.faults.answer(...refusals.map((code) => ({ code, retryable: true })));
        const made: Operation[] = [];
        for (const lane of plan) {
          made.push(
            lane === 'ab'
              ? client.change({
                  type: 'apply',
                  lines: ITEMS.map((productId) => ({ productId, warehouseId: 'w', quantity: -1 })),
                })
              : client.adjust({ productId: lane, warehouseId: 'w', quantity: -1, reference: `${made.length}` }),
          );
        }
        await clock.until(() => made.every((operation) => operation.status === 'acked'));
        for (const item of ITEMS) {
          const order = database.log
            .filter((e) => e.type === 'inventory.updated' && e.key.productId === item)
            .map((e) => e.op);
          expect(order).toEqual(
            made.filter((_, i) => plan[i] === item || plan[i] === 'ab').map((operation) => operation.id),
          );
        }
      },
    ),
    RUNS,
  );
});

test('the view is the base and all pending effects, whatever order they come and go in', () => {
  const row: Row = {
    productId: 'p',
    warehouseId: 'w',
    quantityAvailable: 50,
    quantityReserved: 5,
    quantityOnHand: 55,
    minimumStock: 0,
    version: 1,
    alertState: 'ok',
  };
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -9, max: 9 }), { maxLength: 12 }), fc.array(fc.nat(11)), (deltas, gone) => {
      const store = new Store(() => {});
      store.hydrate([row]);
      const operations = deltas.map((quantity, i): StoredOperation => {
        const message = { type: 'adjust', productId: 'p', warehouseId: 'w', quantity };
        const effects = effectsOf(message);
        return {
          seq: i,
          key: `k${i}`,
          message,
          effects,
          lanes: lanesOf(message, effects),
          status: 'queued',
          createdAt: 0,
          attempts: 0,
          uncertain: false,
          deferred: false,
          reviewed: false,
          base: null,
          bytes: 0,
        };
      });
      for (const operation of operations) store.show(operation);
      for (const i of gone) store.drop(`k${i}`);
      const left = deltas.filter((_, i) => !gone.includes(i));
      const view = store.get({ productId: 'p', warehouseId: 'w' });
      expect(view.pending).toBe(left.length);
      expect(view.value?.quantityAvailable).toBe(50 + left.reduce((sum, n) => sum + n, 0));
      expect(view.value?.quantityOnHand).toBe((view.value?.quantityAvailable ?? 0) + 5);
      expect(view.base).toEqual(row);
    }),
    runs(1000),
  );
});

test('no frame, however odd, throws or ends the connection', async () => {
  const odd = fc.oneof(
    fc.string(),
    fc.json(),
    fc
      .record(
        {
          type: fc.constantFrom(
            'snapshot',
            'batch',
            'inventory.updated',
            'presence.state',
            'presence.diff',
            'error',
            'ack',
            'subscribed',
            'pong',
            'fresh',
            'drain',
            'token_expiring',
          ),
          data: fc.jsonValue(),
          items: fc.jsonValue(),
          events: fc.jsonValue(),
          channel: fc.jsonValue(),
          members: fc.jsonValue(),
          id: fc.jsonValue(),
          position: fc.jsonValue(),
          code: fc.jsonValue(),
          details: fc.jsonValue(),
        },
        { requiredKeys: ['type'] },
      )
      .map((frame) => JSON.stringify(frame)),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(odd, { maxLength: 10 }), async (frames) => {
      const { clock, client, relay, up } = stage({ client: { storage: new MemoryStorage() } });
      client.presence('presence:inventory_list');
      await up();
      for (const frame of frames) relay.broadcast(frame);
      await clock.advance(100);
      expect(client.state.name).toBe('connected');
      await client.close();
    }),
    RUNS,
  );
});
