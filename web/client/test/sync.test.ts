import { describe, expect, test } from 'vitest';
import type { Conflict, ItemView, Row, SyncStatus } from '../src/index.js';
import { MemoryStorage } from '../src/testing/index.js';
import { P, stage } from './stage.js';

describe('optimistic updates', () => {
  test('a change is on the screen before the server knows of it, and settles without a flicker', async () => {
    const { clock, client, database, up, shown } = stage();
    await up();
    const seen: (number | undefined)[] = [];
    client.inventory.subscribe(P, () => void seen.push(shown()));
    const operation = client.adjust({ ...P, quantity: -10, reason: 'sale' });
    await operation.saved;
    expect(shown()).toBe(90);
    expect(client.get(P)).toMatchObject({ pending: 1, base: { version: 1 } });
    await clock.advance(1_000);
    expect(await operation.result).toMatchObject({ id: operation.id, result: { newQuantity: 90, version: 2 } });
    expect(operation.status).toBe('acked');
    expect(client.get(P)).toMatchObject({ pending: 0, base: { version: 2 } });
    expect(new Set(seen)).toEqual(new Set([90]));
    expect(database.row('p', 'w')).toMatchObject({ quantityAvailable: 90, version: 2 });
  });

  test.each(['"type":"ack"', '"type":"inventory.updated"'])(
    'it settles when the frame with %s is lost',
    async (lost) => {
      const { clock, client, relay, up, shown } = stage();
      await up();
      relay.faults.loseIf((text) => text.includes(lost));
      const operation = client.adjust({ ...P, quantity: -10 });
      await clock.advance(100);
      expect(operation.status).toBe('acked');
      expect(client.get(P).pending).toBe(0);
      expect(shown()).toBe(90);
    },
  );

  test('a refused change is rolled back by leaving it out', async () => {
    const { clock, client, database, up, shown } = stage();
    await up();
    const big = client.adjust({ ...P, quantity: -500 });
    await big.saved;
    expect(shown()).toBe(-400);
    database.change('p', 'w', 5);
    await clock.advance(100);
    await expect(big.result).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(shown()).toBe(105);
  });

  test('the update is shown within 100 ms of the click, link or no link', async () => {
    const { clock, client, up, down, shown } = stage();
    await up();
    await down();
    const before = clock.monotonic();
    await client.adjust({ ...P, quantity: -1 }).saved;
    expect(shown()).toBe(99);
    expect(clock.monotonic() - before).toBeLessThan(100);
  });

  test('a transfer moves two items and settles both', async () => {
    const { clock, client, database, up } = stage();
    database.seed('p', 'v', 0);
    await up();
    const operation = client.change({
      type: 'transfer',
      productId: 'p',
      fromWarehouseId: 'w',
      toWarehouseId: 'v',
      quantity: 30,
    });
    await operation.saved;
    expect(client.list().map((view) => view.value?.quantityAvailable)).toEqual([30, 70]);
    await clock.advance(100);
    expect(client.list().map((view) => [view.base?.quantityAvailable, view.pending])).toEqual([
      [30, 0],
      [70, 0],
    ]);
  });

  test('a transfer of which one event arrived before the link broke is counted once on each side', async () => {
    const { clock, client, database, relay, up } = stage();
    database.seed('p', 'v', 0);
    await up();
    relay.faults.loseIf(
      (text, way) => way === 'down' && (text.includes('"ack"') || text.includes('"warehouseId":"v"')),
    );
    client.change({ type: 'transfer', productId: 'p', fromWarehouseId: 'w', toWarehouseId: 'v', quantity: 30 });
    await clock.advance(100);
    relay.stop();
    await clock.until(() => client.state.name !== 'connected');
    expect(client.list().map((view) => view.value?.quantityAvailable)).toEqual([30, 70]);
    relay.faults.loseIf(null);
    relay.start();
    await up();
    await clock.until(() => client.queue.status.size === 0);
    expect(client.list().map((view) => [view.value?.quantityAvailable, view.pending])).toEqual([
      [30, 0],
      [70, 0],
    ]);
  });

  test('a reservation shows less available and the same on hand', async () => {
    const { clock, client, up } = stage();
    await up();
    await client.change({ type: 'reserve', reservationId: 'r1', lines: [{ ...P, quantity: 8 }] }).saved;
    expect(client.get(P).value).toMatchObject({ quantityAvailable: 92, quantityReserved: 8, quantityOnHand: 100 });
    client.change({ type: 'release', reservationId: 'r1' });
    await clock.advance(500);
    expect(client.get(P).value).toMatchObject({ quantityAvailable: 100, quantityReserved: 0 });
  });

  test('view objects are the same until the item changes', async () => {
    const { client, up } = stage();
    await up();
    const first = client.get(P);
    expect(client.get(P)).toBe(first);
    await client.adjust({ ...P, quantity: 1 }).saved;
    expect(client.get(P)).not.toBe(first);
  });

  test('an item that is gone from the snapshot is gone from the screen', async () => {
    const { clock, client, database, relay, up } = stage();
    database.seed('q', 'w', 5);
    await up();
    relay.closeAll(1006);
    await clock.until(() => client.state.name !== 'connected');
    const rows = [...database.rows.values()].filter((row) => row.productId === 'p');
    database.restore(rows);
    await up();
    await clock.advance(100);
    expect(client.list().map((view) => view.value?.productId)).toEqual(['p']);
  });
});

describe('offline', () => {
  test('a page left as soon as it was shown finds its rows again, though nothing is in reach', async () => {
    const first = stage();
    await first.up();
    await first.down();
    const second = first.tab();
    await first.clock.advance(0);
    expect(first.shown(second.client)).toBe(100);
  });

  test('changes made offline survive a reload and are applied in order, once', async () => {
    const { clock, client, database, relay, tab, up, down } = stage();
    await up();
    await down();
    for (let i = 1; i <= 20; i++) await client.adjust({ ...P, quantity: -i, reason: `sale ${i}` }).saved;
    expect(client.queue.status).toMatchObject({ state: 'waiting', size: 20, durable: true });
    await client.close();
    relay.start();
    const again = tab();
    await clock.advance(10);
    expect(again.client.get(P)).toMatchObject({ pending: 20, stale: true, value: { quantityAvailable: -110 } });
    const plenty = database.change('p', 'w', 1000);
    expect(plenty.quantityAvailable).toBe(1100);
    await up(again.client);
    await clock.until(() => again.client.queue.status.size === 0);
    expect(database.row('p', 'w')).toMatchObject({ quantityAvailable: 890 });
    const reasons = relay.received.flatMap((m) => (m.type === 'adjust' ? [m.reason] : []));
    expect(reasons).toEqual(Array.from({ length: 20 }, (_, i) => `sale ${i + 1}`));
    expect(new Set(database.applied.values())).toEqual(new Set([1]));
  });

  test('a client closed while it begins to send writes, shows and sends nothing more', async () => {
    const { clock, client, relay, storage, up } = stage({ client: { batch: { windowMs: 500 } } });
    await up();
    relay.faults.loseIf((text, way) => way === 'up' && text.includes('adjust'));
    // The second waits for the window of the first; its lane is free, so it is on its way when the client ends.
    await client.adjust({ ...P, quantity: -1 }).saved;
    await clock.advance(1);
    await client.adjust({ productId: 'q', warehouseId: 'w', quantity: -1 }).saved;
    await client.close();
    const kept = await storage.operations();
    let told = 0;
    client.inventory.subscribeAll(() => void told++);
    const heard = relay.received.length;
    await clock.advance(600_000);
    expect(told).toBe(0);
    expect(clock.pendingTimers).toBe(0);
    expect(relay.received.length).toBe(heard);
    expect(await storage.operations()).toEqual(kept);
    expect(kept.map((op) => op.status)).toEqual(['sending', 'sending']);
  });

  test('a relay killed between COMMIT and ack applies the change once', async () => {
    const { clock, client, database, relay, up, shown } = stage();
    await up();
    relay.faults.killAfterCommit();
    const operation = client.adjust({ ...P, quantity: -7 });
    await clock.until(() => client.state.name !== 'connected');
    expect(shown()).toBe(93);
    relay.start();
    await up();
    await clock.until(() => operation.status === 'acked');
    expect(database.row('p', 'w')).toMatchObject({ quantityAvailable: 93, version: 2 });
    expect(shown()).toBe(93);
  });

  test('after a resync a change the server may have is not counted twice', async () => {
    const { clock, client, database, relay, up, shown } = stage();
    await up();
    relay.faults.killAfterCommit();
    const operation = client.adjust({ ...P, quantity: -7 });
    await clock.until(() => client.state.name !== 'connected');
    database.forgetEvents();
    const seen = new Set<number | undefined>();
    client.inventory.subscribe(P, () => void seen.add(shown()));
    client.queue.pause(); // the rows are there before the change can be sent again
    relay.start();
    await up();
    expect(client.get(P).stale).toBe(true);
    client.queue.resume();
    await clock.until(() => operation.status === 'acked');
    expect(client.counters.resyncs).toBeGreaterThan(0);
    expect(seen).toEqual(new Set([93]));
  });

  test('after a reload a change the server may have is not counted twice', async () => {
    const { clock, client, database, relay, tab, up } = stage();
    await up();
    await clock.advance(2_000);
    relay.faults.killAfterCommit();
    client.adjust({ ...P, quantity: -7 });
    await clock.until(() => client.state.name !== 'connected');
    await client.close();
    relay.start();
    const again = tab();
    const seen = new Set<number | undefined>();
    again.client.inventory.subscribe(P, () => void seen.add(again.client.get(P).value?.quantityAvailable));
    again.client.connect();
    await clock.until(() => again.client.queue.status.size === 0 && again.client.state.name === 'connected');
    await clock.advance(100);
    expect(again.client.get(P)).toMatchObject({
      pending: 0,
      stale: false,
      value: { quantityAvailable: 93, version: 2 },
    });
    seen.delete(100); // the row as kept, before the queue was read
    expect(seen).toEqual(new Set([93]));
    expect(database.applied.size).toBe(1);
  });

  test('operations of one item go one after the other, others side by side', async () => {
    const { clock, client, database, relay, up } = stage();
    for (let i = 0; i < 12; i++) database.seed(`q${i}`, 'w', 10);
    await up();
    relay.faults.loseIf((_text, way) => way === 'down');
    for (let i = 0; i < 12; i++) {
      await client.adjust({ productId: `q${i}`, warehouseId: 'w', quantity: -1 }).saved;
      await client.adjust({ productId: `q${i}`, warehouseId: 'w', quantity: -1 }).saved;
    }
    await clock.advance(500);
    expect(client.queue.status).toMatchObject({ sending: 8, size: 24 });
    const inFlight = client.queue.list().filter((op) => op.status === 'sending');
    expect(new Set(inFlight.map((op) => op.lanes[0])).size).toBe(8);
  });

  test('an operation that fails stops its lane and nothing else', async () => {
    const { clock, client, relay, database, up } = stage();
    database.seed('q', 'w', 10);
    await up();
    relay.faults.answer({ code: 'forbidden', retryable: false });
    const poison = client.adjust({ ...P, quantity: -1 });
    const behind = client.adjust({ ...P, quantity: -2 });
    const beside = client.adjust({ productId: 'q', warehouseId: 'w', quantity: -3 });
    await clock.advance(2_000);
    expect([poison.status, behind.status, beside.status]).toEqual(['failed', 'queued', 'acked']);
    await expect(poison.result).rejects.toMatchObject({ code: 'forbidden' });
    await client.queue.retry(poison.id);
    await clock.advance(2_000);
    expect([poison.status, behind.status]).toEqual(['acked', 'acked']);
    expect(database.row('p', 'w')?.quantityAvailable).toBe(97);
  });

  test('a settled promise never flips', async () => {
    const { clock, client, relay, up } = stage();
    await up();
    relay.faults.answer({ code: 'not_found', retryable: false });
    const operation = client.adjust({ ...P, quantity: -1 });
    const outcomes: string[] = [];
    operation.result.then(
      () => outcomes.push('done'),
      () => outcomes.push('failed'),
    );
    await clock.advance(500);
    await client.queue.retry(operation.id);
    await clock.advance(500);
    expect(outcomes).toEqual(['failed']);
    expect(operation.status).toBe('acked');
  });

  test('what may be tried again is, with the same key and not before the time named', async () => {
    const { clock, client, relay, up } = stage();
    await up();
    relay.faults.answer(
      { code: 'rate_limited', retryable: true, retryAfterMs: 4_000 },
      { code: 'conflict', retryable: true },
      { code: 'unavailable', retryable: true },
    );
    const operation = client.adjust({ ...P, quantity: -1 });
    await clock.advance(3_900);
    expect(relay.received.filter((m) => m.type === 'adjust')).toHaveLength(1);
    await clock.until(() => operation.status === 'acked');
    const keys = relay.received.filter((m) => m.type === 'adjust').map((m) => m.key);
    expect(keys).toHaveLength(4);
    expect(new Set(keys)).toEqual(new Set([operation.id]));
  });

  test('a round that failed is tried again without a new change', async () => {
    const { clock, client, relay, up } = stage();
    await up();
    relay.faults.answer({ code: 'unavailable', retryable: true });
    const operation = client.adjust({ ...P, quantity: -1 });
    await clock.advance(6_000);
    expect(operation.status).toBe('acked');
  });

  test('a refused token pauses the queue and loses nothing', async () => {
    const tokens = new Map([
      ['one', { sub: 'mina' }],
      ['two', { sub: 'mina' }],
    ]);
    let refreshes = 0;
    const { clock, client, relay, up } = stage({
      client: {
        getToken: ({ refresh }) => {
          if (refresh) refreshes++;
          return refresh ? 'two' : 'one';
        },
      },
      relay: { tokens },
    });
    await up();
    relay.faults.answer({ code: 'token_expired', retryable: false });
    const operation = client.adjust({ ...P, quantity: -1 });
    const paused: unknown[] = [];
    client.on('sync', (status) => void paused.push(status.paused));
    await clock.advance(2_000);
    expect(paused).toContain('auth');
    expect(operation.status).toBe('acked');
    expect(refreshes).toBe(1);
  });

  test('pause, resume, progress and flush', async () => {
    const { clock, client, database, up } = stage();
    for (let i = 0; i < 6; i++) database.seed(`q${i}`, 'w', 10);
    await up();
    client.queue.pause();
    for (let i = 0; i < 6; i++)
      await client.adjust({ productId: `q${i}`, warehouseId: 'w', quantity: i === 5 ? -99 : -1 }).saved;
    expect(client.queue.status).toMatchObject({ state: 'paused', size: 6, progress: { done: 0, total: 6 } });
    const progress: SyncStatus['progress'][] = [];
    client.on('sync', (status) => void progress.push(status.progress));
    client.queue.resume();
    const flushed = client.queue.flush();
    await clock.advance(2_000);
    expect(await flushed).toEqual({ sent: 6, acked: 5, conflicts: 1, failed: 0 });
    expect(progress).toContainEqual({ done: 6, total: 6 });
    expect(client.queue.status.state).toBe('review');
  });

  test('a change can be taken back until it is sent', async () => {
    const { client, up, down, shown } = stage();
    await up();
    await down();
    const operation = client.adjust({ ...P, quantity: -10 });
    await operation.saved;
    expect(await operation.cancel()).toBe(true);
    expect(operation.status).toBe('discarded');
    expect(shown()).toBe(100);
    await expect(operation.result).rejects.toMatchObject({ code: 'DISCARDED' });
    expect(await operation.cancel()).toBe(false);
  });

  test('a change the relay could not read is refused here, before it is in anybody’s way', async () => {
    const { client, database, clock, up } = stage();
    await up();
    const deep = { a: { b: { c: { d: {} } } } };
    const odd = [
      client.adjust({ ...P, quantity: 1, reason: 'half \ud83d' }),
      client.adjust({ ...P, quantity: 1, reason: 'nul \0' }),
      client.adjust({ ...P, quantity: Number.NaN }),
      client.adjust({ ...P, quantity: 2 ** 60 }),
      client.adjust({ productId: '', warehouseId: 'w', quantity: 1 }),
      client.change({ type: 'apply', lines: [] }),
      client.change({ type: 'define', ...P, attributes: { deep } }),
      client.change({ type: 'define', ...P, attributes: { '\ud83d': 1 } }),
      client.change({ type: 'define', ...P, attributes: { n: 1n as never } }),
    ];
    const good = [
      client.adjust({ ...P, quantity: 1, reason: 'a whole 🔑' }),
      client.change({ type: 'define', ...P, attributes: deep }),
    ];
    for (const operation of odd) await expect(operation.result).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await clock.advance(1_000);
    expect(good.map(({ status }) => status)).toEqual(['acked', 'acked']);
    expect(database.row('p', 'w')?.quantityAvailable).toBe(101);
  });

  test('a frame the relay cannot read holds up what was in it once, and then its own lane only', async () => {
    const { clock, client, relay, up } = stage();
    await up();
    // Poison: any frame with it is answered by an error that names nobody.
    relay.faults.loseIf((text, way) => way === 'up' && text.includes('poison'));
    const poison = client.adjust({ ...P, quantity: -1, reason: 'poison' });
    const beside = client.adjust({ productId: 'q', warehouseId: 'w', quantity: 1 });
    await clock.until(() => beside.status !== 'queued' && beside.status !== 'sending' && beside.status !== 'saving');
    expect(beside.status).toBe('failed');
    expect(poison.status).toMatch(/queued|sending/);
  });

  describe('merging', () => {
    test('without a link more of the same is one change, for which each part is answered', async () => {
      const { clock, client, database, up, shown } = stage();
      const sales = Array.from({ length: 3 }, () => client.adjust({ ...P, quantity: -2, reason: 'sale' }));
      await Promise.all(sales.map(({ saved }) => saved));
      client.list();
      expect(client.queue.list().map((op) => [op.message.quantity, op.parts?.length])).toEqual([[-6, 3]]);
      expect(sales.map(({ status }) => status)).toEqual(['queued', 'queued', 'queued']);
      await up();
      expect(shown()).toBe(94);
      await clock.advance(1_000);
      expect(await Promise.all(sales.map(({ result }) => result))).toMatchObject(sales.map(({ id }) => ({ id })));
      expect(database.applied.size).toBe(1);
      expect(client.get(P)).toMatchObject({ pending: 0, value: { quantityAvailable: 94 } });
    });

    test('what differs in anything but its size stays by itself', async () => {
      const { clock, client } = stage();
      const make = (more: object) => client.adjust({ ...P, quantity: -1, ...more }).saved;
      await make({});
      await make({ reason: 'sale' });
      await make({ reason: 'sale', quantity: 1 });
      await make({ reason: 'sale', expectedVersion: 4 });
      await make({ reason: 'sale', movementType: 'out', quantity: 1 });
      await make({ reason: 'sale', performedBy: 'ann', movementType: 'out', quantity: 1 });
      await clock.advance(61_000);
      await make({ reason: 'sale', performedBy: 'ann', movementType: 'out', quantity: 1 });
      await client.change({ type: 'apply', lines: [{ ...P, quantity: -1 }] }).saved;
      expect(client.queue.list()).toHaveLength(8);
    });

    test('one part can be taken back, whichever it is, and the others stay', async () => {
      const { client, database, clock, up, shown } = stage();
      await up();
      client.disconnect();
      const [a, b, c] = [1, 2, 4].map((n) => client.adjust({ ...P, quantity: -n, reason: 'sale' }));
      await Promise.all([a?.saved, b?.saved, c?.saved]);
      expect(shown()).toBe(93);
      expect(await c?.cancel()).toBe(true);
      expect(shown()).toBe(97);
      expect(await a?.cancel()).toBe(true);
      expect([a?.status, b?.status, c?.status]).toEqual(['discarded', 'queued', 'discarded']);
      await expect(a?.result).rejects.toMatchObject({ code: 'DISCARDED' });
      await up();
      await clock.advance(1_000);
      expect(b?.status).toBe('acked');
      expect(database.row('p', 'w')?.quantityAvailable).toBe(98);
      expect(await b?.cancel()).toBe(false);
    });

    test('another tab’s change in between is not overtaken', async () => {
      const { clock, client, tab } = stage();
      const second = tab();
      await client.adjust({ ...P, quantity: -1 }).saved;
      await clock.advance(10);
      await second.client.change({ type: 'set', ...P, quantity: 50, expectedVersion: null }).saved;
      await clock.advance(10);
      await client.adjust({ ...P, quantity: -1 }).saved;
      expect(client.queue.list().map((op) => op.message.quantity)).toEqual([-1, 50, -1]);
    });
  });

  test('what another tab takes back while this one begins to send it is not sent', async () => {
    const { clock, client, database, tab, up } = stage();
    const second = tab();
    client.queue.pause();
    const operation = second.client.adjust({ ...P, quantity: -1 });
    await operation.saved;
    await clock.advance(10);
    await up();
    const taken = second.client.queue.discard(operation.id);
    client.queue.resume();
    await clock.advance(5_000);
    expect(await taken).toBe(database.applied.size === 0);
    expect(operation.status).toBe(database.applied.size === 0 ? 'discarded' : 'acked');
  });

  test('the browser is asked once to keep what is only on this device', async () => {
    const asked: string[] = [];
    const storage = Object.assign(new MemoryStorage({ durable: true }), { persist: () => asked.push('persist') });
    const { client, clock, up } = stage({ client: { storage } });
    await up();
    await client.adjust({ ...P, quantity: -1 }).saved;
    await clock.advance(100);
    expect(asked).toEqual([]);
    client.disconnect();
    await client.adjust({ ...P, quantity: -1 }).saved;
    await client.adjust({ ...P, quantity: -2, reason: 'x' }).saved;
    expect(asked).toEqual(['persist']);
  });

  test('a full queue takes no more and drops nothing', async () => {
    const { client, errors } = stage({ client: { queue: { maxOps: 10 } } });
    const operations = Array.from({ length: 12 }, (_, i) =>
      client.adjust({ ...P, quantity: -1, reference: `order ${i}` }),
    );
    await Promise.allSettled(operations.map((operation) => operation.saved));
    expect(operations.map((operation) => operation.status)).toEqual([...Array(10).fill('queued'), 'failed', 'failed']);
    await expect(operations[11]?.result).rejects.toMatchObject({ code: 'QUEUE_FULL' });
    expect(errors.map((error) => error.code)).toEqual(['QUEUE_FULL', 'QUEUE_FULL']);
    expect(client.queue.status).toMatchObject({ size: 10, nearlyFull: true, usage: 1 });
    expect(JSON.parse(client.queue.export())).toHaveLength(10);
  });

  test('an old change wants a look before it is sent', async () => {
    const { clock, client, database, relay, up, down } = stage();
    await up();
    await down();
    const operation = client.adjust({ ...P, quantity: -1 });
    await operation.saved;
    clock.jump(90_000_000);
    relay.start();
    await up();
    expect(client.conflicts.list()).toMatchObject([{ id: operation.id, code: 'STALE_OPERATION', suggested: 'rebase' }]);
    const again = await client.conflicts.resolve(operation.id, { choice: 'rebase' });
    await clock.advance(500);
    expect(again?.status).toBe('acked');
    expect(database.row('p', 'w')?.quantityAvailable).toBe(99);
  });

  test.each([
    [{ productId: '', warehouseId: 'w', quantity: 1 }],
    [{ productId: 'p', warehouseId: 'w', quantity: 1.5 }],
    [{ productId: 'p', warehouseId: 'w', quantity: Number.NaN }],
    [{ productId: 'p', warehouseId: 3 as unknown as string, quantity: 1 }],
  ])('the change %j is refused here as a typed error', async (change) => {
    const { client, errors } = stage();
    const operation = client.adjust(change);
    await expect(operation.result).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect(operation.status).toBe('failed');
    expect(errors).toHaveLength(1);
  });

  test('a storage that refuses is said, and changes go on in memory', async () => {
    const storage = new MemoryStorage({ durable: true });
    storage.add = () => Promise.reject(new DOMException('full', 'QuotaExceededError'));
    const { clock, client, errors, up } = stage({ client: { storage } });
    const operation = client.adjust({ ...P, quantity: -1 });
    await operation.saved;
    expect(operation.durable).toBe(false);
    expect(errors).toMatchObject([{ code: 'STORAGE_UNAVAILABLE' }]);
    expect(client.queue.status.durable).toBe(false);
    await up();
    await clock.advance(500);
    expect(operation.status).toBe('acked');
  });

  test('a plain relay takes no changes: they wait', async () => {
    const { clock, client, relay, up } = stage({ relay: { plain: true } });
    await up();
    const operation = client.adjust({ ...P, quantity: -1 });
    await clock.advance(5_000);
    expect(client.queue.status.state).toBe('waiting');
    relay.plain = false;
    relay.closeAll(1006);
    await clock.until(() => operation.status === 'acked');
  });
});

describe('rights that change', () => {
  const Q = { productId: 'p', warehouseId: 'v' };

  async function two() {
    const all = stage();
    all.database.seed('p', 'v', 7);
    await all.up();
    expect(all.client.list()).toHaveLength(2);
    return all;
  }

  test.each(['while connected', 'while there was no link'])(
    '%s take away what is not for one any more',
    async (when) => {
      const { client, clock, relay, up, down, database } = await two();
      if (when !== 'while connected') await down();
      relay.warehouses = ['v'];
      if (when === 'while connected') relay.closeAll(4203);
      relay.start();
      await up();
      await clock.advance(2_000);
      expect(client.list().map(({ value }) => value?.warehouseId)).toEqual(['v']);
      expect(client.get(Q)).toMatchObject({ stale: false, value: { quantityAvailable: 7 } });
      // And what comes to be for one is there at once.
      relay.warehouses = null;
      relay.closeAll(4203);
      await clock.advance(5_000);
      expect(client.get(P)).toMatchObject({ stale: false, value: { quantityAvailable: 100 } });
      database.change('p', 'w', -1);
      await clock.advance(100);
      expect(client.get(P).value?.quantityAvailable).toBe(99);
    },
  );

  test('a token renewed with the same rights costs no snapshot, and leaves nothing unconfirmed', async () => {
    const { client, clock, relay } = await two();
    const before = relay.received.length;
    relay.closeAll(4203);
    await clock.advance(5_000);
    expect(client.state.name).toBe('connected');
    expect(client.list().filter(({ stale }) => stale)).toEqual([]);
    expect(relay.received.slice(before).filter(({ type }) => type === 'subscribe')).toEqual([]);
  });
});

describe('tabs', () => {
  test('both tabs show a change, one of them sends it', async () => {
    const { clock, client, database, relay, tab, up } = stage();
    const second = tab();
    await up();
    await up(second.client);
    client.adjust({ ...P, quantity: -1 });
    second.client.adjust({ ...P, quantity: -2 });
    await clock.advance(10_000);
    expect(client.get(P)).toMatchObject({ pending: 0, value: { quantityAvailable: 97 } });
    expect(second.client.get(P)).toMatchObject({ pending: 0, value: { quantityAvailable: 97 } });
    expect(relay.received.filter((m) => m.type === 'adjust')).toHaveLength(2);
    expect(database.applied.size).toBe(2);
  });

  test('the tab that made a change hears of its end from the one that sent it', async () => {
    const { clock, tab, up } = stage();
    const offline = tab();
    await up();
    const operation = offline.client.adjust({ ...P, quantity: -1 });
    await clock.advance(10_000);
    expect(operation.status).toBe('acked');
    await expect(operation.result).resolves.toMatchObject({ id: operation.id });
  });

  test('a tab that dies while sending is followed by another, and nothing is applied twice', async () => {
    const { clock, client, database, relay, locks, tab, up } = stage();
    const second = tab();
    await up(second.client);
    await up();
    relay.faults.loseIf(
      (text, way) => way === 'down' && (text.includes('"ack"') || text.includes('inventory.updated')),
    );
    client.adjust({ ...P, quantity: -5 });
    await clock.advance(100);
    client.connection.close();
    client.queue.close();
    locks.release();
    relay.faults.loseIf(null);
    await clock.advance(20_000);
    expect(second.client.queue.status.size).toBe(0);
    expect(database.row('p', 'w')).toMatchObject({ quantityAvailable: 95, version: 2 });
  });

  test('a frozen tab lets go of the lock', async () => {
    const { clock, client, page, database, relay, tab, up } = stage();
    const second = tab();
    await up();
    relay.faults.loseIf((_text, way) => way === 'down');
    client.adjust({ ...P, quantity: -5 });
    await clock.advance(100);
    page.signal('leave');
    relay.faults.loseIf(null);
    await up(second.client);
    await clock.advance(10_000);
    expect(database.row('p', 'w')?.quantityAvailable).toBe(95);
    expect(second.client.queue.status.size).toBe(0);
  });

  test('a browser that refuses locks is as one without', async () => {
    const refused = { request: () => Promise.reject(new DOMException('not here', 'SecurityError')) };
    const { clock, client, database, up } = stage({ client: { locks: refused } });
    await up();
    const operation = client.adjust({ ...P, quantity: -10 });
    await clock.advance(1_000);
    expect(operation.status).toBe('acked');
    expect(database.row('p', 'w')).toMatchObject({ quantityAvailable: 90, version: 2 });
  });

  test('without locks both tabs drain, and the server applies each change once', async () => {
    const { clock, client, database, tab, up, down, relay } = stage({ client: { locks: null } });
    const second = tab();
    await up();
    await up(second.client);
    await down();
    for (let i = 0; i < 10; i++) await client.adjust({ ...P, quantity: -1 }).saved;
    relay.start();
    await clock.advance(60_000);
    expect(database.row('p', 'w')?.quantityAvailable).toBe(90);
    expect(client.queue.status.size + second.client.queue.status.size).toBe(0);
  });
});

describe('conflicts', () => {
  async function counted(theirs: number) {
    const all = stage();
    await all.up();
    await all.down();
    await all.client.setQuantity({ ...P, quantity: 80, reason: 'count' }).saved;
    all.database.change('p', 'w', theirs - 100);
    all.relay.start();
    const found: Conflict[] = [];
    all.client.on('conflict', (conflict) => void found.push(conflict));
    await all.up();
    await all.clock.until(() => found.length > 0);
    return { ...all, conflict: found[0] as Conflict };
  }

  test('a count on a moved version shows base, mine and theirs', async () => {
    const { conflict, shown } = await counted(95);
    expect(conflict).toMatchObject({
      code: 'version_conflict',
      suggested: 'server',
      base: { quantityAvailable: 100 },
      mine: { quantityAvailable: 80 },
      theirs: { quantityAvailable: 95, version: 2 },
    });
    expect(shown()).toBe(95);
  });

  test.each([
    ['server', undefined, 95],
    ['local', undefined, 80],
    ['rebase', undefined, 75],
    ['merge', 77, 77],
  ] as const)('the choice %s leads to what its preview said', async (choice, value, result) => {
    const { clock, client, database, conflict } = await counted(95);
    const seen = client.conflicts.preview(conflict.id, choice, value);
    expect(seen).toMatchObject({ quantityAvailable: result, belowMinimum: false });
    await client.conflicts.resolve(conflict.id, { choice, ...(value !== undefined && { value }) });
    await clock.advance(1_000);
    expect(database.row('p', 'w')?.quantityAvailable).toBe(result);
    expect(client.conflicts.list()).toEqual([]);
    expect(client.queue.status.state).toBe('synced');
  });

  test('if it moved again, it is a conflict again', async () => {
    const { clock, client, database, relay, conflict } = await counted(95);
    relay.faults.lose('down', 1);
    database.change('p', 'w', -1);
    await client.conflicts.resolve(conflict.id, { choice: 'local' });
    await clock.advance(1_000);
    expect(client.conflicts.list()).toMatchObject([{ theirs: { quantityAvailable: 94, version: 3 } }]);
  });

  test('a sale that is short can be recorded by force, or dropped', async () => {
    const { clock, client, database, up } = stage();
    await up();
    const sale = client.adjust({ ...P, quantity: 150, movementType: 'out' });
    await clock.advance(500);
    expect(sale.status).toBe('conflict');
    expect(client.get(P).conflict).toBe(true);
    expect(client.conflicts.preview(sale.id, 'local')).toMatchObject({
      quantityAvailable: -50,
      belowZero: true,
      change: { onShortage: 'force' },
    });
    await client.conflicts.resolve(sale.id, { choice: 'local' });
    await clock.advance(500);
    expect(database.row('p', 'w')?.quantityAvailable).toBe(-50);
    expect(client.get(P).conflict).toBe(false);
  });

  test('a conflict put off lets the rest of the lane pass', async () => {
    const { clock, client, database, up } = stage();
    await up();
    const short = client.adjust({ ...P, quantity: -150 });
    const next = client.adjust({ ...P, quantity: -1 });
    await clock.advance(500);
    expect([short.status, next.status]).toEqual(['conflict', 'queued']);
    await client.conflicts.defer(short.id);
    await clock.advance(1_000);
    expect([short.status, next.status]).toEqual(['conflict', 'acked']);
    expect(database.row('p', 'w')?.quantityAvailable).toBe(99);
  });

  test('a handler decides at once; one that throws leaves it to a person', async () => {
    let throwing = true;
    const { clock, client, errors, up } = stage({
      client: {
        conflictHandler: () => {
          if (throwing) throw new Error('mine');
          return { choice: 'server' };
        },
      },
    });
    await up();
    client.adjust({ ...P, quantity: -150 });
    await clock.advance(500);
    expect(client.conflicts.list()).toHaveLength(1);
    expect(errors.map((error) => error.code)).toContain('LISTENER_ERROR');
    throwing = false;
    await client.conflicts.resolve(client.conflicts.list()[0]?.id ?? '', { choice: 'server' });
    client.adjust({ ...P, quantity: -150 });
    await clock.advance(500);
    expect(client.conflicts.list()).toEqual([]);
  });

  describe('of a batch', () => {
    const BATCH = { ...P, batchNumber: 'L2', reason: 'count' };

    test.each([
      ['by what it differs from what was expected of it', 8, 97],
      ['by nothing that is known, where nothing was expected', undefined, 100],
    ])('a count moves the item %s', async (_how, expectedQuantity, result) => {
      const { client, up, down, shown } = stage();
      await up();
      await down();
      await client.setQuantity({ ...BATCH, quantity: 5, ...(expectedQuantity && { expectedQuantity }) }).saved;
      expect(shown()).toBe(result);
    });

    test('a count that is decided on stays one of the batch, and what it leads to is not known', async () => {
      const { clock, client, database, relay, up, down } = stage();
      await up();
      await down();
      const count = client.setQuantity({ ...BATCH, quantity: 5, expectedQuantity: 8 });
      await count.saved;
      database.change('p', 'w', -1);
      relay.start();
      await up();
      await clock.advance(500);
      const { id } = client.conflicts.list()[0] as Conflict;
      expect(client.conflicts.preview(id, 'local')).toMatchObject({
        quantityAvailable: null,
        change: { type: 'set', batchNumber: 'L2', quantity: 5, expectedVersion: 2 },
      });
      expect(client.conflicts.preview(id, 'merge', 7)?.change).toMatchObject({ batchNumber: 'L2', quantity: 7 });
      expect(client.conflicts.preview(id, 'rebase')?.change).toBe(null);
      expect(client.conflicts.preview(id, 'server')).toMatchObject({ quantityAvailable: 99, change: null });
    });

    test('a sale is never made a count of it', async () => {
      const { clock, client, up, down, relay } = stage();
      await up();
      await down();
      const sale = client.adjust({ ...P, batchNumber: 'L2', quantity: -1 });
      await sale.saved;
      clock.jump(90_000_000);
      relay.start();
      await up();
      expect(client.conflicts.preview(sale.id, 'local')?.change).toMatchObject({ type: 'adjust', quantity: -1 });
    });

    test('whether an item is kept by batch is known of its row, and stays known', async () => {
      const { clock, client, database, up } = stage();
      database.rows.set('product:p:warehouse:w', { ...(database.row('p', 'w') as Row), trackBatches: true });
      await up();
      database.change('p', 'w', -1);
      await clock.advance(100);
      expect(client.get(P).base).toMatchObject({ version: 2, trackBatches: true });
    });
  });

  test('own changes ahead of a count are no conflict', async () => {
    const { clock, client, database, up, down, relay } = stage();
    await up();
    await down();
    await client.adjust({ ...P, quantity: -10 }).saved;
    const count = client.setQuantity({ ...P, quantity: 88 });
    await count.saved;
    expect((client.get(P) as ItemView).value?.quantityAvailable).toBe(88);
    relay.start();
    await up();
    await clock.advance(2_000);
    expect(count.status).toBe('acked');
    expect(database.row('p', 'w')?.quantityAvailable).toBe(88);
  });
});

describe('batching', () => {
  test('changes of one moment share a frame, and frames keep the rate the relay allows', async () => {
    const { clock, client, database, relay, up } = stage();
    for (let i = 0; i < 40; i++) database.seed(`q${i}`, 'w', 10);
    await up();
    for (let i = 0; i < 40; i++) client.adjust({ productId: `q${i}`, warehouseId: 'w', quantity: -1 });
    let frames = 0;
    client.connection.on('traffic', ({ direction }) => {
      if (direction === 'out') frames++;
    });
    await clock.until(() => client.queue.status.size === 0 && database.applied.size === 40);
    expect(frames).toBeLessThanOrEqual(12);
    expect(relay.received.some((m) => m.type === 'batch')).toBe(true);
  });
});
