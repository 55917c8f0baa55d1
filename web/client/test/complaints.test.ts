/*
 * What users of other clients complain about, and no test elsewhere covers.
 * The whole table is in README.md beside this file.
 */
import { expect, test } from 'vitest';
import { Connection } from '../src/index.js';
import { MemoryDatabase, MemoryRelay, VirtualClock, VirtualPage } from '../src/testing/index.js';
import { P, stage } from './stage.js';

test('a frozen page that wakes without an event reconnects', async () => {
  const { clock, client, page, relay, up } = stage({ client: { hiddenTimeoutMs: 0 } });
  await up();
  page.hide();
  relay.stop();
  await clock.sleep(3_600_000);
  page.showSilently();
  relay.start();
  await clock.advance(60_000);
  expect(client.state.name).toBe('connected');
});

test('a page hidden while the link breaks reconnects while hidden', async () => {
  const { clock, client, page, database, relay, up } = stage();
  await up();
  page.hide();
  relay.closeAll(1006);
  database.change('p', 'w', -1);
  await clock.advance(10_000);
  expect(client.state.name).toBe('connected');
  expect(client.get(P).value?.quantityAvailable).toBe(99);
});

test('no first retry comes within half a second of a break', async () => {
  for (let seed = 0; seed < 50; seed++) {
    const clock = new VirtualClock({ seed });
    const relay = new MemoryRelay({ clock, database: new MemoryDatabase(clock) });
    const connection = new Connection({
      url: 'ws://test/ws',
      WebSocket: relay.WebSocket,
      clock,
      page: new VirtualPage(),
    });
    connection.connect();
    await clock.until(() => connection.state.name === 'connected');
    relay.closeAll(1006);
    await clock.advance(490);
    expect(relay.dialled).toBe(1);
    connection.close();
  }
});

test('a timer of an old link does nothing to the new one', async () => {
  const { clock, client, relay, up } = stage();
  await up();
  await clock.advance(14_990);
  relay.faults.loseIf((text, way) => way === 'up' && text.includes('"ping"'));
  await clock.advance(20); // a ping is out, its deadline runs
  client.disconnect();
  relay.faults.loseIf(null);
  await up();
  await clock.advance(10_000);
  expect(relay.dialled).toBe(2);
});

test('a channel left while the link was down is not followed after', async () => {
  const { clock, client, relay, up, down } = stage();
  const subscription = client.subscribe('product:p');
  await up();
  await down();
  subscription.unsubscribe();
  await clock.advance(1_500);
  relay.start();
  await up();
  const [session] = relay.sessions;
  expect([...(session?.channels ?? [])]).toEqual(['global']);
});

test('focus on a healthy link asks once and loads nothing again', async () => {
  const { clock, page, relay, up } = stage();
  await up();
  const before = relay.received.length;
  for (let i = 0; i < 5; i++) {
    page.signal('focus');
    await clock.advance(100);
  }
  expect(new Set(relay.received.slice(before).map((m) => m.type))).toEqual(new Set(['ping']));
});

test('reading goes on while changes cannot be sent', async () => {
  const { clock, client, database, relay, up } = stage();
  await up();
  relay.faults.answer(...Array.from({ length: 5 }, () => ({ code: 'unavailable', retryable: true })));
  client.adjust({ ...P, quantity: -1 });
  database.seed('q', 'w', 1);
  database.change('q', 'w', 6);
  await clock.advance(200);
  expect(client.get({ productId: 'q', warehouseId: 'w' }).value?.quantityAvailable).toBe(7);
  expect(client.queue.status.size).toBe(1);
});

test('a change on its way when the socket is replaced is not lost', async () => {
  const { clock, client, page, database, up } = stage();
  await up();
  const operation = client.adjust({ ...P, quantity: -4 });
  await operation.saved;
  page.signal('restored');
  await clock.advance(5_000);
  expect(operation.status).toBe('acked');
  expect(database.row('p', 'w')).toMatchObject({ quantityAvailable: 96, version: 2 });
});

test('a burst after a thaw is told to the screen once', async () => {
  const { clock, client, database, relay, up } = stage();
  await up();
  relay.stop();
  await clock.until(() => client.state.name !== 'connected');
  relay.start();
  for (let i = 0; i < 500; i++) database.change('p', 'w', 1);
  let told = 0;
  let notified = 0;
  client.inventory.subscribe(P, () => told++);
  client.on('message', () => notified++);
  await clock.until(() => client.state.name === 'connected');
  await clock.advance(100);
  expect(notified).toBe(500);
  expect(told).toBe(1);
  expect(client.get(P).value?.quantityAvailable).toBe(600);
});

test('five thousand changes made offline are taken, and the next one is refused, not the first dropped', async () => {
  const { client } = stage();
  const operations = Array.from({ length: 5_000 }, (_, i) =>
    client.adjust({ ...P, quantity: -1, reference: `order ${i}` }),
  );
  await Promise.all(operations.map((operation) => operation.saved));
  const late = client.adjust({ ...P, quantity: -1 });
  await expect(late.result).rejects.toMatchObject({ code: 'QUEUE_FULL' });
  expect(client.queue.status).toMatchObject({ size: 5_000, nearlyFull: true });
  expect(operations[0]?.status).toBe('queued');
});
