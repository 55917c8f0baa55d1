import { describe, expect, test } from 'vitest';
import { HealthMeter } from '../src/perf/health.js';
import { QualityMeter } from '../src/perf/quality.js';
import { VirtualClock } from '../src/testing/index.js';
import { P, stage } from './stage.js';

const connected = {
  name: 'connected',
  since: 0,
  recovered: false,
  connectionId: 'x',
  dialect: 'protocol-1',
  lastConnected: 0,
  reconnectAttempts: 0,
} as const;
const connecting = { name: 'connecting', attempt: 1, retryAt: null, lastConnected: 0, reconnectAttempts: 1 } as const;

function meter(hints = {}) {
  const clock = new VirtualClock();
  const quality = new QualityMeter(clock, () => hints);
  quality.onState(connected);
  const feed = (ms: number, times = 20) => {
    for (let i = 0; i < times; i++) quality.onRoundTrip({ ms, trusted: true });
  };
  return { clock, quality, feed };
}

describe('quality', () => {
  test.each([
    [20, 'excellent', 'green'],
    [70, 'good', 'green'],
    [100, 'fair', 'yellow'],
    [500, 'fair', 'yellow'],
    [800, 'poor', 'red'],
  ])('%i ms is %s and %s', (ms, grade, colour) => {
    const { quality, feed } = meter();
    feed(ms, 60);
    expect(quality.value).toMatchObject({ grade, colour, rttMs: ms });
  });

  test('samples are smoothed by RFC 6298', () => {
    const { quality } = meter();
    quality.onRoundTrip({ ms: 100, trusted: true });
    expect(quality.value).toMatchObject({ rttMs: 100, jitterMs: 50 });
    quality.onRoundTrip({ ms: 180, trusted: true });
    expect(quality.value).toMatchObject({ rttMs: 110, jitterMs: 57.5 });
  });

  test('samples taken asleep, hidden or busy are thrown away', () => {
    const { quality, feed } = meter();
    feed(20);
    quality.onRoundTrip({ ms: 60_000, trusted: false });
    expect(quality.value.rttMs).toBe(20);
  });

  test('a grade falls at once and rises after three good samples', () => {
    const { quality, feed } = meter();
    feed(20);
    quality.onMissedPong();
    expect(quality.value.grade).toBe('poor');
    feed(20, 2);
    expect(quality.value.grade).toBe('poor');
    feed(20, 1);
    expect(quality.value.grade).toBe('excellent');
  });

  test('stability is the share of time with a link, less five per cent a reconnect', async () => {
    const { clock, quality } = meter();
    await clock.advance(60_000);
    expect(quality.value.stability).toBe(1);
    quality.onState(connecting);
    await clock.advance(20_000);
    quality.onState(connected);
    await clock.advance(20_000);
    expect(quality.value.stability).toBeCloseTo(0.8 - 0.05);
    await clock.advance(600_000);
    expect(quality.value.stability).toBe(1);
  });

  test('a page that saves data counts as a poor link; throughput is of the last ten seconds', async () => {
    expect(meter({ saveData: true }).quality.value.grade).toBe('poor');
    const { clock, quality } = meter();
    quality.onTraffic({ direction: 'in', bytes: 5_000 });
    quality.onTraffic({ direction: 'out', bytes: 1_000 });
    expect(quality.value).toMatchObject({ inBytesPerSecond: 500, outBytesPerSecond: 100 });
    await clock.advance(10_001);
    expect(quality.value.inBytesPerSecond).toBe(0);
  });

  test('measured over a real link, latency gives its colour', async () => {
    for (const [delay, colour] of [
      [0, 'green'],
      [100, 'yellow'],
      [400, 'red'],
    ] as const) {
      const { clock, client, relay, up } = stage();
      relay.faults.delayMs = delay;
      await up();
      await clock.advance(60_000);
      expect(client.quality.colour).toBe(colour);
    }
  });
});

describe('health', () => {
  const state = {
    connected: true,
    quality: meter().quality.value,
    queue: stage().client.queue.status,
    stale: false,
    notes: [] as [what: string, ms?: number][],
  };
  const healthOf = (change: Partial<typeof state> = {}) => {
    const { connected, quality, queue, stale, notes } = { ...state, ...change };
    const health = new HealthMeter(new VirtualClock());
    for (const note of notes) health.note(...note);
    return health.value(connected, quality, queue, stale);
  };

  test('all well is a hundred, with nothing to recommend', () => {
    const health = healthOf();
    expect(health.score).toBe(100);
    expect(health.factors.reduce((sum, f) => sum + f.weight, 0)).toBe(100);
    expect(health.factors.filter((f) => f.recommendation)).toEqual([]);
  });

  test('a page that was busy says so for five minutes', async () => {
    const { clock, client, page, up } = stage();
    await up();
    const factor = () => client.health().factors.find(({ id }) => id === 'page');
    page.beBusy(20_000);
    expect(factor()).toMatchObject({ value: 20_000, recommendation: expect.stringContaining('20 s') });
    await clock.advance(301_000);
    expect(factor()).toMatchObject({ value: 0, score: 1 });
    await client.close();
    page.beBusy(20_000);
    expect(factor()).toMatchObject({ value: 0 });
  });

  test('a dead link is never more than forty', () => {
    expect(healthOf({ connected: false }).score).toBe(40);
  });

  test.each<[string, Partial<typeof state>]>([
    ['latency', { quality: { ...state.quality, rttMs: 900 } }],
    ['jitter', { quality: { ...state.quality, jitterMs: 290 } }],
    ['queue', { queue: { ...state.queue, size: 800 } }],
    ['errors', { notes: Array(9).fill(['rate_limited']) }],
    ['freshness', { stale: true }],
    ['page', { notes: [['busy', 20_000]] }],
    ['connection', { quality: { ...state.quality, stability: 0.5 } }],
  ])('a bad %s lowers the score and says what to do', (id, change) => {
    const health = healthOf(change);
    expect(health.score).toBeLessThan(100);
    expect(health.factors.filter((f) => f.recommendation).map((f) => f.id)).toEqual([id]);
  });
});

describe('adapting', () => {
  test('a slow link waits longer, sends less at once and asks for less', async () => {
    const { clock, client, relay, up } = stage();
    const presence = client.presence('presence:inventory_list');
    relay.faults.delayMs = 400;
    await up();
    await clock.advance(60_000);
    expect(client.quality.grade).toBe('poor');
    expect(client.queue.drain.batcher.windowMs).toBe(500);
    expect(client.queue.drain.maxInFlight).toBe(2);
    expect(presence.throttleMs).toBe(5_000);
    relay.closeAll(4101);
    await clock.until(() => client.state.name !== 'connected');
    await up();
    expect(relay.received.filter((m) => m.type === 'hello').map((m) => m.maxRate)).toEqual([undefined, 1]);
    relay.faults.delayMs = 0;
    await clock.advance(600_000);
    expect(client.queue.drain.maxInFlight).toBe(8);
  });

  test('a link that broke is not asked to be slow', async () => {
    const { clock, client, relay, up } = stage();
    await up();
    await clock.advance(20_000);
    relay.closeAll(1006);
    await clock.until(() => client.state.name !== 'connected');
    await up();
    expect(relay.received.filter((m) => m.type === 'hello').map((m) => m.maxRate)).toEqual([undefined, undefined]);
  });
});

describe('telling', () => {
  test('a lost link is said after five seconds, and what came of it', async () => {
    const { clock, client, relay, up, down } = stage();
    const told: string[] = [];
    client.on('lostConnection', (what) => void told.push(what));
    await up();
    relay.closeAll(1006);
    await clock.advance(4_000);
    await up();
    expect(told).toEqual([]);
    await down();
    await clock.advance(5_100);
    expect(told).toEqual(['lost']);
    relay.start();
    await up();
    expect(told).toEqual(['lost', 'restored']);
  });

  test('ready() resolves with the link and rejects without', async () => {
    const { clock, client, relay } = stage();
    relay.stop();
    client.connect();
    const late = client.ready(1_000);
    const caught = late.catch((error: unknown) => error);
    await clock.advance(1_001);
    expect(await caught).toMatchObject({ code: 'timeout' });
    relay.start();
    const soon = client.ready(60_000);
    await clock.advance(60_000);
    await expect(soon).resolves.toBeUndefined();
  });

  test('subscriptions are counted, filter their events and linger a second', async () => {
    const { clock, client, database, relay, up } = stage({ client: { channels: [] } });
    database.seed('q', 'w', 1);
    const heard: string[] = [];
    const one = client.subscribe('product:p', { onEvent: (event) => void heard.push(String(event.data.productId)) });
    const two = client.subscribe('product:p');
    client.subscribe('product:q');
    await up();
    database.change('p', 'w', 1);
    database.change('q', 'w', 1);
    await clock.advance(100);
    expect(heard).toEqual(['p']);
    one.unsubscribe();
    one.unsubscribe();
    await clock.advance(2_000);
    expect(relay.received.some((m) => m.type === 'unsubscribe')).toBe(false);
    two.unsubscribe();
    await clock.advance(2_000);
    expect(relay.received.filter((m) => m.type === 'unsubscribe')).toMatchObject([{ channel: 'product:p' }]);
  });

  test('counters say what was dropped, missed and resumed', async () => {
    const { clock, client, database, relay, up } = stage();
    await up();
    relay.faults.duplicate('down', 1);
    database.change('p', 'w', 1);
    await clock.advance(50);
    relay.faults.lose('down', 1);
    database.change('p', 'w', 1);
    database.change('p', 'w', 1);
    await clock.advance(50);
    relay.closeAll(1006);
    await clock.until(() => client.state.name !== 'connected');
    await up();
    expect(client.counters).toMatchObject({ events: 2, duplicates: 1, gaps: 1, reconnects: 1, resyncs: 0 });
    expect(client.get(P).value?.quantityAvailable).toBe(103);
  });

  test('after close() nothing ticks on', async () => {
    const { clock, client, up } = stage();
    await up();
    client.subscribe('product:p').unsubscribe();
    await client.close();
    await clock.advance(2_000);
    expect(clock.pendingTimers).toBe(0);
    const late = client.adjust({ ...P, quantity: 1 });
    await expect(late.result).rejects.toMatchObject({ code: 'CLOSED' });
    expect(late.status).toBe('failed');
  });
});
