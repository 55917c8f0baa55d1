import { describe, expect, test } from 'vitest';
import { Connection, type ConnectionOptions } from '../src/core/connection.js';
import type { InventoryError } from '../src/core/errors.js';
import type { InventoryEvent } from '../src/core/protocol.js';
import type { ConnectionState } from '../src/core/state.js';
import { MemoryDatabase, MemoryRelay, type RelayOptions, VirtualClock, VirtualPage } from '../src/testing/index.js';

function stage(options: Partial<ConnectionOptions> = {}, relayOptions: Partial<RelayOptions> = {}) {
  const clock = new VirtualClock();
  const page = new VirtualPage();
  const database = new MemoryDatabase(clock);
  database.seed('p', 'w', 100, 10);
  const relay = new MemoryRelay({ clock, database, ...relayOptions });
  const connection = new Connection({ url: 'ws://test/ws', WebSocket: relay.WebSocket, clock, page, ...options });
  const states: ConnectionState[] = [];
  const events: InventoryEvent[] = [];
  const errors: InventoryError[] = [];
  connection.on('state', (state) => void states.push(state));
  connection.on('message', (event) => void events.push(event));
  connection.on('error', (error) => void errors.push(error));
  const up = () => clock.until(() => connection.state.name === 'connected');
  const down = () => clock.until(() => connection.state.name !== 'connected');
  return { clock, page, database, relay, connection, states, events, errors, up, down };
}

describe('states', () => {
  test('a listener hears the present state at once', () => {
    const { states } = stage();
    expect(states).toMatchObject([
      { name: 'disconnected', reason: 'initial', lastConnected: null, reconnectAttempts: 0 },
    ]);
  });

  test('connecting leads to connected, and disconnecting is final until asked again', async () => {
    const { clock, page, connection, relay, up, states } = stage();
    connection.connect();
    await up();
    expect(connection.state).toMatchObject({
      name: 'connected',
      recovered: false,
      dialect: 'protocol-1',
      connectionId: 'conn-1',
    });
    connection.disconnect();
    expect(connection.status).toBe('disconnected');
    page.hide();
    page.show();
    page.signal('focus');
    page.goOffline();
    page.goOnline();
    page.signal('restored');
    await clock.advance(120_000);
    expect(connection.state).toMatchObject({ name: 'disconnected', reason: 'client' });
    expect(relay.dialled).toBe(1);
    connection.connect();
    await up();
    expect(states.map((s) => s.name)).toEqual([
      'disconnected',
      'connecting',
      'connected',
      'disconnected',
      'connecting',
      'connected',
    ]);
  });

  test('nothing connects before connect() is called', async () => {
    const { clock, page, relay } = stage();
    page.hide();
    page.show();
    page.signal('focus');
    page.signal('restored');
    page.goOnline();
    await clock.advance(60_000);
    expect(relay.dialled).toBe(0);
  });

  test('after five failed attempts the state is a recoverable error, and attempts go on', async () => {
    const { clock, relay, connection, up } = stage();
    relay.stop();
    connection.connect();
    await clock.until(() => connection.state.name === 'error');
    expect(connection.state).toMatchObject({ code: 'CONNECTION_ERROR', recoverable: true, reconnectAttempts: 0 });
    expect(relay.dialled).toBe(5);
    await clock.until(() => relay.dialled === 9);
    expect(connection.state.name).toBe('error');
    relay.start();
    connection.connect();
    await up();
    expect(relay.dialled).toBeLessThanOrEqual(10);
  });

  test('a relay that answers nothing is given up after the connect timeout', async () => {
    const { clock, relay, connection, up } = stage();
    relay.faults.halfOpen = true;
    connection.connect();
    await clock.advance(10_000);
    expect(connection.state).toMatchObject({ name: 'connecting', reason: 'no welcome in time' });
    relay.faults.halfOpen = false;
    await up();
  });

  test('a late close of a dead socket does not end the living one', async () => {
    const { clock, relay, connection, up, states } = stage();
    connection.connect();
    await up();
    const [first] = relay.sessions;
    connection.disconnect();
    connection.connect();
    await up();
    const before = states.length;
    first?.socket.onclose?.({ code: 1006 } as never);
    first?.socket.ended(1006, '');
    await clock.advance(5_000);
    expect(states.length).toBe(before);
    expect(connection.state.name).toBe('connected');
  });

  test('a url that no socket takes is a typed error, not a throw', async () => {
    const Refusing = class {
      constructor() {
        throw new SyntaxError('bad url');
      }
    };
    const { clock, connection, errors } = stage({ WebSocket: Refusing as never });
    expect(() => connection.connect()).not.toThrow();
    await clock.advance(0);
    expect(errors[0]).toMatchObject({ code: 'CONNECTION_ERROR', message: 'bad url' });
  });

  test.each([
    [4003, { name: 'error', code: 'forbidden', recoverable: false }],
    [4009, { name: 'error', code: 'bad_request', recoverable: false }],
    [1009, { name: 'error', code: 'bad_request', recoverable: false }],
    [4100, { name: 'connecting' }],
    [4101, { name: 'connecting' }],
    [4200, { name: 'connecting' }],
    [1006, { name: 'connecting' }],
  ])('close code %i is obeyed', async (code, state) => {
    const { relay, connection, up, down } = stage();
    connection.connect();
    await up();
    relay.closeAll(code);
    await down();
    expect(connection.state).toMatchObject(state);
  });
});

describe('waiting', () => {
  test('a drained client comes back spread over the window the relay named', async () => {
    const delays: number[] = [];
    for (let seed = 1; seed <= 40; seed++) {
      const clock = new VirtualClock({ seed });
      const database = new MemoryDatabase(clock);
      const relay = new MemoryRelay({ clock, database });
      const connection = new Connection({
        url: 'ws://test/ws',
        WebSocket: relay.WebSocket,
        clock,
        page: new VirtualPage(),
      });
      connection.connect();
      await clock.until(() => connection.state.name === 'connected');
      relay.drain(20_000);
      await clock.until(() => connection.state.name === 'connecting');
      const { state } = connection;
      if (state.name === 'connecting' && state.retryAt !== null) delays.push(state.retryAt - clock.now());
    }
    expect(delays).toHaveLength(40);
    expect(Math.max(...delays)).toBeLessThanOrEqual(20_000);
    expect(Math.max(...delays)).toBeGreaterThan(14_000);
    expect(Math.min(...delays)).toBeLessThan(6_000);
  });

  test('a relay that sends one away again and again is met with growing waits', async () => {
    const { clock, relay, connection } = stage({}, { reconnectWindowMs: 0 });
    connection.connect();
    connection.on('state', (state) => state.name === 'connected' && relay.closeAll(4200));
    await clock.advance(60_000);
    expect(relay.dialled).toBeLessThan(12);
  });

  test('the wait a relay names is kept', async () => {
    const { clock, relay, connection } = stage({}, {});
    connection.connect();
    await clock.advance(6);
    relay.broadcast({ type: 'error', code: 'overloaded', message: 'full', retryable: true, retryAfterMs: 50_000 });
    relay.closeAll(4100);
    await clock.until(() => connection.state.name === 'connecting' && connection.state.retryAt !== null);
    const { state } = connection;
    expect(state.name === 'connecting' && (state.retryAt ?? 0) - clock.now()).toBeGreaterThanOrEqual(50_000);
  });

  test('ten seconds of a standing link start the backoff anew', async () => {
    const { clock, relay, connection, up, down } = stage();
    relay.faults.refuse(4);
    connection.connect();
    await up();
    await clock.advance(10_000);
    relay.closeAll(1006);
    await down();
    const { state } = connection;
    expect(state.name === 'connecting' && (state.retryAt ?? 0) - clock.now()).toBeLessThan(1000);
  });

  test.each(['visible', 'focus', 'online', 'resume', 'restored'] as const)(
    'the signal %s ends a wait',
    async (signal) => {
      const { clock, page, relay, connection } = stage({ backoff: { baseMs: 30_000 } });
      relay.stop();
      connection.connect();
      await clock.until(() => connection.state.name === 'connecting' && connection.state.retryAt !== null);
      relay.start();
      page.signal(signal);
      await clock.advance(300);
      expect(connection.state.name).toBe('connected');
    },
  );
});

describe('signs of life', () => {
  test('a half-open link is noticed though the socket says it is open', async () => {
    const { clock, relay, connection, up, down } = stage();
    connection.connect();
    await up();
    relay.faults.halfOpen = true;
    const start = clock.monotonic();
    await down();
    expect(clock.monotonic() - start).toBeLessThanOrEqual(20_001);
    relay.faults.halfOpen = false;
    await up();
    expect(connection.state).toMatchObject({ recovered: true });
  });

  test('going offline asks at once, and the link survives if it answers', async () => {
    const { clock, page, relay, connection, up } = stage();
    connection.connect();
    await up();
    page.goOffline();
    await clock.advance(3_000);
    expect(connection.state.name).toBe('connected');
    relay.faults.halfOpen = true;
    page.signal('offline');
    await clock.advance(2_001);
    expect(connection.status).toBe('offline');
  });

  test('inbound frames count as life, even when pongs are late', async () => {
    const { clock, relay, connection, up, states } = stage();
    connection.connect();
    await up();
    await clock.advance(14_000);
    relay.faults.lose('up', 1);
    for (let i = 0; i < 10; i++) {
      await clock.advance(1_000);
      relay.broadcast({ type: 'fresh', position: 'x' });
    }
    expect(connection.state.name).toBe('connected');
    expect(states.filter((s) => s.name === 'connected')).toHaveLength(1);
  });

  test('a hidden page sends no pings and stays connected', async () => {
    const { clock, page, relay, connection, up } = stage({ hiddenTimeoutMs: 0 });
    connection.connect();
    await up();
    page.hide();
    await clock.advance(3_600_000);
    expect(connection.state.name).toBe('connected');
    expect(relay.received.filter((m) => m.type === 'ping')).toHaveLength(0);
  });

  test('a page hidden for five minutes lets go, and resumes when it is seen', async () => {
    const { clock, page, database, connection, up, events } = stage();
    connection.connect();
    await up();
    page.hide();
    await clock.advance(300_001);
    expect(connection.state).toMatchObject({ name: 'disconnected', reason: 'hidden' });
    database.change('p', 'w', -1);
    page.show();
    await up();
    await clock.advance(100);
    expect(connection.state).toMatchObject({ recovered: true });
    expect(events).toHaveLength(1);
  });

  test('a page that became visible without saying so keeps its link', async () => {
    const { clock, page, connection, up } = stage();
    connection.connect();
    await up();
    page.hide();
    page.showSilently();
    await clock.advance(400_000);
    expect(connection.state.name).toBe('connected');
  });

  test('after sleep the link is asked, and the sample is not trusted', async () => {
    const { clock, connection, up } = stage();
    const trips: boolean[] = [];
    connection.on('roundTrip', (trip) => void trips.push(trip.trusted));
    connection.connect();
    await up();
    await clock.advance(15_010);
    await clock.sleep(3_600_000);
    await clock.advance(1_000);
    expect(connection.state.name).toBe('connected');
    expect(trips).toEqual([true, false]);
  });

  test('a clock set forward or back by a day does not end the link', async () => {
    const { clock, connection, up, states } = stage();
    connection.connect();
    await up();
    clock.jump(86_400_000);
    await clock.advance(60_000);
    clock.jump(-2 * 86_400_000);
    await clock.advance(60_000);
    expect(states.filter((s) => s.name === 'connected')).toHaveLength(1);
  });

  test('a page restored from the back-forward cache opens a new socket at once', async () => {
    const { clock, page, relay, connection, up } = stage();
    connection.connect();
    await up();
    page.signal('restored');
    await clock.advance(300);
    expect(connection.state).toMatchObject({ name: 'connected', recovered: true });
    expect(relay.dialled).toBe(2);
  });
});

describe('resuming', () => {
  test('changes made while the relay was down are delivered', async () => {
    const { clock, database, relay, connection, up, down, events } = stage();
    connection.connect();
    await up();
    relay.stop();
    await down();
    for (let i = 0; i < 5; i++) database.change('p', 'w', -1);
    relay.start();
    await up();
    await clock.advance(100);
    expect(events.map((e) => e.data.version)).toEqual([2, 3, 4, 5, 6]);
  });

  test('resuming works again and again, also when no event ever came', async () => {
    const { clock, database, relay, connection, up, down, events } = stage();
    connection.connect();
    await up();
    for (let round = 0; round < 6; round++) {
      relay.closeAll(1006);
      await down();
      if (round >= 3) database.change('p', 'w', 1);
      await up();
      expect(connection.state).toMatchObject({ recovered: true });
      await clock.advance(50);
    }
    expect(events.map((e) => e.data.version)).toEqual([2, 3, 4]);
  });

  test('the position is stored before the event is emitted', async () => {
    const { clock, database, connection, up } = stage();
    const seen: (string | null)[] = [];
    connection.on('message', () => void seen.push(connection.position));
    connection.connect();
    await up();
    database.change('p', 'w', -1);
    database.change('p', 'w', -1);
    await clock.advance(100);
    expect(seen).toEqual(database.log.map((entry) => entry.position));
  });

  test('a listener that throws is reported and costs no event', async () => {
    const { clock, database, connection, up, events, errors } = stage();
    connection.on('message', () => {
      throw new Error('mine');
    });
    connection.connect();
    await up();
    database.change('p', 'w', -1);
    database.change('p', 'w', -1);
    await clock.advance(100);
    expect(events).toHaveLength(2);
    expect(errors.map((e) => e.code)).toEqual(['LISTENER_ERROR', 'LISTENER_ERROR']);
  });

  test('frames delivered twice are emitted once; alerts go by id', async () => {
    const { clock, database, relay, connection, up, events } = stage();
    connection.connect();
    await up();
    relay.faults.duplicate('down', 2);
    database.change('p', 'w', -95);
    await clock.advance(100);
    expect(events.map((e) => e.type)).toEqual(['inventory.updated', 'inventory.low_stock']);
  });

  test('a position that cannot be served is a resync and a gap, and rows come again', async () => {
    const { clock, database, relay, connection, up, down } = stage({ snapshot: true });
    const heard: string[] = [];
    connection.on('resync', () => void heard.push('resync'));
    connection.on('gap', (gap) => void heard.push(`gap ${gap.reason}`));
    connection.on('snapshot', (page) => void heard.push(`snapshot ${page.rows[0]?.version}`));
    connection.connect();
    await up();
    await clock.advance(100);
    relay.closeAll(1006);
    await down();
    database.restore([{ ...(database.row('p', 'w') as never as object), version: 1 } as never]);
    await up();
    await clock.advance(100);
    expect(heard).toEqual(['snapshot 1', 'resync', 'gap resync', 'snapshot 1']);
    expect(connection.position).toBe(database.head);
  });

  test('a link lost during a snapshot does not resume past the rows it never got', async () => {
    const { clock, database, relay, connection, up, down } = stage({ snapshot: true }, { pageSize: 1 });
    database.seed('q', 'w', 5);
    const rows: string[] = [];
    connection.on('snapshot', (page) => void rows.push(...page.rows.map((row) => row.productId)));
    connection.connect();
    relay.faults.loseIf((text) => text.includes('"productId":"q"'));
    await up();
    await clock.advance(100);
    expect(connection.position).toBeNull();
    relay.faults.loseIf(null);
    relay.closeAll(1006);
    await down();
    await up();
    await clock.advance(100);
    expect(rows.slice(-2)).toEqual(['p', 'q']);
    expect(relay.received.filter((m) => m.type === 'hello').map((m) => m.since)).toEqual([undefined, undefined]);
  });

  test('a missed version is a gap, and the rows are asked for once', async () => {
    const { clock, database, relay, connection, up } = stage({ snapshot: true });
    const gaps: unknown[] = [];
    connection.on('gap', (gap) => void gaps.push(gap));
    connection.connect();
    await up();
    await clock.advance(50);
    relay.faults.lose('down', 1);
    database.change('p', 'w', -1);
    database.change('p', 'w', -1);
    await clock.advance(50);
    expect(gaps).toEqual([{ key: 'product:p:warehouse:w', from: 1, to: 3, reason: 'versions' }]);
    expect(relay.received.filter((m) => m.type === 'subscribe')).toMatchObject([
      { channels: ['global'], snapshot: true },
    ]);
  });

  test('a conflated event stands for the versions it names', async () => {
    const { clock, relay, connection, up, events } = stage({ snapshot: true });
    const gaps: unknown[] = [];
    connection.on('gap', (gap) => void gaps.push(gap));
    connection.connect();
    await up();
    await clock.advance(50);
    relay.broadcast({
      type: 'inventory.updated',
      id: 9,
      position: '1-000009',
      conflated: 4,
      data: { productId: 'p', warehouseId: 'w', quantityAvailable: 1, version: 5 },
    });
    await clock.advance(50);
    expect(events).toHaveLength(1);
    expect(gaps).toEqual([]);
  });
});

describe('the plain dialect', () => {
  test('a relay that does not know hello is spoken to plainly', async () => {
    const { clock, database, relay, connection, up, events } = stage({ channels: ['product:p'] }, { plain: true });
    connection.connect();
    await up();
    expect(connection.state).toMatchObject({ dialect: 'plain', recovered: false });
    expect(connection.canWrite).toBe(false);
    database.change('p', 'w', -1);
    await clock.advance(100);
    expect(events).toHaveLength(1);
    expect(relay.received.slice(1)).toMatchObject([
      { type: 'unsubscribe', channel: 'global' },
      { type: 'subscribe', channel: 'product:p' },
    ]);
  });

  test('coming back to a plain relay is a gap', async () => {
    const { relay, connection, up, down } = stage({}, { plain: true });
    const gaps: unknown[] = [];
    connection.on('gap', (gap) => void gaps.push(gap));
    connection.connect();
    await up();
    relay.closeAll(1006);
    await down();
    await up();
    expect(gaps).toEqual([{ key: null, from: null, to: null, reason: 'plain-dialect' }]);
  });

  test('a relay that is silent about hello but answers a ping is plain', async () => {
    const { clock, relay, connection } = stage({}, { plain: true });
    relay.faults.loseIf((text) => text.includes('unknown_type'));
    connection.connect();
    await clock.advance(2_100);
    expect(connection.state).toMatchObject({ name: 'connected', dialect: 'plain' });
  });

  test('a relay upgraded meanwhile is spoken to in protocol 1', async () => {
    const { relay, connection, up, down } = stage({}, { plain: true });
    connection.connect();
    await up();
    relay.plain = false;
    relay.closeAll(1006);
    await down();
    await up();
    expect(connection.state).toMatchObject({ dialect: 'protocol-1' });
  });
});

describe('tokens', () => {
  const tokens = () =>
    new Map([
      ['good', { sub: 'mina' }],
      ['newer', { sub: 'mina' }],
    ]);

  test('a refused token is refreshed once, then a person has to sign in', async () => {
    const asked: boolean[] = [];
    const getToken = ({ refresh }: { refresh: boolean }) => {
      asked.push(refresh);
      return 'bad';
    };
    const { clock, relay, connection } = stage({ getToken }, { tokens: tokens() });
    connection.connect();
    await clock.advance(60_000);
    expect(connection.status).toBe('needs-auth');
    expect(asked).toEqual([false, true]);
    expect(relay.dialled).toBe(1);
    connection.setToken('good');
    await clock.until(() => connection.state.name === 'connected');
  });

  test('a token that differs each time and is refused each time does not loop', async () => {
    let n = 0;
    const { clock, relay, connection } = stage({ getToken: () => `bad${n++}` }, { tokens: tokens() });
    connection.connect();
    await clock.advance(120_000);
    expect(connection.status).toBe('needs-auth');
    expect(relay.dialled).toBe(2);
  });

  test('the token is asked for at each connect', async () => {
    const asked: boolean[] = [];
    const getToken = async ({ refresh }: { refresh: boolean }) => {
      asked.push(refresh);
      return asked.length === 1 ? 'good' : 'newer';
    };
    const { relay, connection, up, down } = stage({ getToken }, { tokens: tokens() });
    connection.connect();
    await up();
    relay.closeAll(1006);
    await down();
    await up();
    expect(asked).toEqual([false, false]);
    expect(relay.received.filter((m) => m.type === 'hello').map((m) => m.token)).toEqual(['good', 'newer']);
  });

  test('an expiring token is refreshed on the open link, at most every ten seconds', async () => {
    const asked: boolean[] = [];
    const getToken = ({ refresh }: { refresh: boolean }) => {
      asked.push(refresh);
      return refresh ? 'newer' : 'good';
    };
    const { clock, relay, connection, up } = stage({ getToken }, { tokens: tokens() });
    connection.connect();
    await up();
    for (let i = 0; i < 5; i++) relay.broadcast({ type: 'token_expiring', inMs: 1000 });
    await clock.advance(1_000);
    expect(asked).toEqual([false, true]);
    expect(relay.received.filter((m) => m.type === 'auth')).toMatchObject([{ token: 'newer' }]);
    expect(relay.dialled).toBe(1);
  });

  test.each([
    ['the provider is slow', 5_000, false],
    ['the relay never hears of the new one', 0, true],
  ])('a token that ends while it is renewed costs one connection and no sign-in, though %s', async (_, ms, lost) => {
    const all = tokens();
    const { clock, relay, connection, up, errors } = stage(
      {
        getToken: async ({ refresh }) => {
          if (refresh) await new Promise<void>((done) => clock.setTimeout(done, ms));
          return all.has('good') && !refresh ? 'good' : 'newer';
        },
      },
      { tokens: all },
    );
    connection.connect();
    await up();
    if (lost) relay.faults.loseIf((text, way) => way === 'up' && text.includes('"auth"'));
    relay.broadcast({ type: 'token_expiring', inMs: 3_000 });
    await clock.advance(3_000);
    all.delete('good');
    relay.closeAll(4201);
    await clock.advance(10_000);
    expect(connection.state.name).toBe('connected');
    expect(relay.received.filter((m) => m.type === 'hello').map((m) => m.token)).toEqual(['good', 'newer']);
    expect(errors.filter(({ code }) => code === 'TOKEN_UNAVAILABLE')).toEqual([]);
  });

  test('a provider that throws is a typed error, and attempts go on', async () => {
    let calls = 0;
    const getToken = () => {
      if (++calls < 3) throw new Error('no network');
      return 'good';
    };
    const { connection, up, errors } = stage({ getToken }, { tokens: tokens() });
    connection.connect();
    await up();
    expect(errors.map((e) => e.code)).toEqual(['TOKEN_UNAVAILABLE', 'TOKEN_UNAVAILABLE']);
  });
});

describe('hostile input', () => {
  test.each([
    ['not JSON', '{"type":'],
    ['no object', '[1,2]'],
    ['no type', '{"data":{}}'],
    ['null', 'null'],
    ['a snapshot without items', '{"type":"snapshot","channel":"global"}'],
    ['a snapshot of nonsense', '{"type":"snapshot","channel":"global","items":[null,1,{"version":"x"}]}'],
    ['a batch of nonsense', '{"type":"batch","events":[null,{"type":"x"}]}'],
  ])('%s is a typed error and costs nothing', async (_name, text) => {
    const { clock, relay, connection, up, errors } = stage();
    connection.connect();
    await up();
    relay.broadcast(text);
    await clock.advance(100);
    expect(errors.length).toBeGreaterThan(0);
    expect(new Set(errors.map((e) => e.code))).toEqual(new Set(['MALFORMED_FRAME']));
    expect(connection.state.name).toBe('connected');
  });

  test('an error listener that always throws ends nothing', async () => {
    const { clock, connection, relay, up } = stage();
    connection.connect();
    await up();
    let heard = 0;
    connection.on('error', () => {
      heard++;
      throw new Error('even here');
    });
    relay.broadcast('{');
    await clock.advance(50);
    expect(heard).toBe(2);
    expect(connection.state.name).toBe('connected');
  });

  test('a name that is no channel is an error, and costs no other channel', async () => {
    const { clock, connection, relay, errors, up } = stage({ channels: ['produkt:p', 'global'] });
    connection.connect();
    await up();
    for (const name of ['', 'product:', 'product:%zz', 'product:a:b', 'product:\u0000', 'warehouse:\ud800'])
      connection.follow(name);
    connection.follow('product:p%3A1');
    await clock.advance(50);
    // The first was named before anybody could listen.
    expect(errors.map(({ code }) => code)).toEqual(Array(6).fill('INVALID_ARGUMENT'));
    expect(connection.channels).toEqual(['global', 'product:p%3A1']);
    expect(relay.received.filter((m) => m.type === 'subscribe').map((m) => m.channels)).toEqual([['product:p%3A1']]);
  });

  test('channels followed while hello is on its way are told after it, in one message', async () => {
    const { clock, connection, relay, up } = stage();
    connection.connect();
    await clock.until(() => relay.received.some((m) => m.type === 'hello') || relay.sessions.size > 0);
    for (const name of ['product:a', 'product:b', 'product:c']) connection.follow(name);
    connection.unfollow('product:b');
    connection.unfollow('global');
    await up();
    await clock.advance(50);
    expect([...([...relay.sessions][0]?.channels ?? [])]).toEqual(['product:a', 'product:c']);
    expect(relay.received.filter((m) => m.type === 'subscribe')).toMatchObject([
      { channels: ['product:a', 'product:c'] },
    ]);
  });

  test('a refused channel keeps nobody from resuming', async () => {
    const { clock, connection, relay, up } = stage(
      { snapshot: true, channels: ['warehouse:w', 'warehouse:forbidden', 'product:p'] },
      { allows: (name) => name !== 'warehouse:forbidden' },
    );
    connection.connect();
    await up();
    await clock.advance(50);
    expect(connection.position).not.toBeNull();
    connection.follow('warehouse:forbidden');
    connection.follow('product:q');
    await clock.advance(50);
    expect(connection.position).not.toBeNull();
    relay.closeAll(1006);
    await clock.until(() => connection.state.name !== 'connected');
    await up();
    expect(connection.state).toMatchObject({ recovered: true });
  });

  test('a refusal that names no channel costs none its rows', async () => {
    const { clock, connection, relay, up } = stage({ snapshot: true, channels: ['warehouse:w'] });
    connection.connect();
    await up();
    await clock.advance(50);
    relay.faults.loseIf((text, way) => way === 'down' && text.includes('snapshot'));
    connection.follow('product:q');
    relay.broadcast({ type: 'error', code: 'overloaded', message: 'too many operations', retryable: true });
    await clock.advance(50);
    expect(connection.position).toBeNull();
  });

  test('a subscription refused for its rate is asked for again', async () => {
    const { clock, connection, relay, up } = stage();
    connection.connect();
    await up();
    relay.faults.loseIf((text, way) => way === 'up' && text.includes('subscribe'));
    connection.follow('product:p');
    await clock.advance(10);
    relay.faults.loseIf(null);
    relay.broadcast({ type: 'error', code: 'rate_limited', message: 'too many', retryable: true, retryAfterMs: 98 });
    await clock.advance(200);
    expect([...relay.sessions][0]?.channels).toContain('product:p');
  });

  test('a new link ends what the old one said of staleness', async () => {
    const { clock, relay, connection, up, down } = stage();
    const told: boolean[] = [];
    connection.on('stale', (isStale) => void told.push(isStale));
    connection.connect();
    await up();
    relay.broadcast({ type: 'stale', since: 0 });
    await clock.until(() => connection.stale);
    relay.stop();
    await down();
    relay.start();
    await up();
    expect(connection.stale).toBe(false);
    expect(told).toEqual([true, false]);
  });

  test('unknown types and prototype names do no harm', async () => {
    const { clock, relay, connection, up, errors } = stage();
    connection.connect();
    await up();
    relay.broadcast('{"type":"brand_new","x":1}');
    relay.broadcast(
      '{"type":"inventory.updated","data":{"productId":"__proto__","warehouseId":"constructor","quantityAvailable":1,"version":1}}',
    );
    relay.broadcast('{"type":"__proto__"}');
    await clock.advance(100);
    expect(errors).toEqual([]);
    expect(connection.state.name).toBe('connected');
  });

  test('a message too large for the relay is refused here', async () => {
    const { clock, relay, connection, up } = stage();
    connection.connect();
    await up();
    const reply = connection.request({ type: 'adjust', reason: 'x'.repeat(20_000) });
    await expect(reply).rejects.toMatchObject({ code: 'too_large' });
    await clock.advance(100);
    expect(relay.received.filter((m) => m.type === 'adjust')).toEqual([]);
  });
});
