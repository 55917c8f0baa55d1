// @vitest-environment happy-dom
import { createElement, type ReactNode, act as reactAct, StrictMode } from 'react';
import { createRoot, type Root } from 'react-dom/client';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import {
  InventoryProvider,
  type InventoryWebSocket,
  useConflicts,
  useConnection,
  useConnectionQuality,
  useHealth,
  useInventoryItem,
  useInventoryList,
  useInventoryPresence,
  useInventoryWebSocket,
  useOfflineQueue,
  useOptimisticInventory,
  useSyncStatus,
} from '../src/react/index.js';
import { P, stage } from './stage.js';

let root: Root;
let host: HTMLElement;
let frames: FrameRequestCallback[] = [];

/** Lets React do what fn causes, and then what the next frame does. */
async function act(fn: () => Promise<unknown> | undefined): Promise<void> {
  await reactAct(async () => void (await fn()));
  await frame();
}

async function frame(): Promise<void> {
  const due = frames;
  frames = [];
  await reactAct(async () => {
    for (const run of due) run(0);
  });
}

beforeEach(() => {
  (globalThis as { IS_REACT_ACT_ENVIRONMENT?: boolean }).IS_REACT_ACT_ENVIRONMENT = true;
  // React's own scheduling stays real; only the hooks' grace periods are moved by hand.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  frames = [];
  vi.stubGlobal('requestAnimationFrame', (run: FrameRequestCallback) => frames.push(run));
  host = document.createElement('div');
  root = createRoot(host);
});
afterEach(async () => {
  await act(async () => root.unmount());
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

async function render(all: ReturnType<typeof stage>, node: ReactNode, strict = true): Promise<void> {
  const tree = createElement(InventoryProvider, { client: all.client }, node);
  await act(async () => root.render(strict ? createElement(StrictMode, null, tree) : tree));
}

function Stock({ id = 'p' }: { id?: string }) {
  const { item, isPending } = useOptimisticInventory({ productId: id, warehouseId: 'w' });
  return createElement('b', null, `${item.value?.quantityAvailable ?? '?'}${isPending ? '…' : ''}`);
}

test('StrictMode opens one socket', async () => {
  const all = stage();
  const events: string[] = [];
  const seen: boolean[] = [];
  function Live() {
    const { isConnected } = useInventoryWebSocket({
      url: 'ws://test/ws',
      WebSocket: all.relay.WebSocket,
      clock: all.clock,
      page: all.page,
      onEvent: (event) => events.push(event.type),
    });
    seen.push(isConnected);
    return null;
  }
  await render(all, createElement(Live));
  await act(async () => all.clock.advance(100));
  expect(all.relay.dialled).toBe(1);
  expect(all.relay.sessions.size).toBe(1);
  expect(seen.at(-1)).toBe(true);
  all.database.change('p', 'w', -1);
  await act(async () => all.clock.advance(100));
  expect(events).toEqual(['inventory.updated']);
  await act(async () => root.render(null));
  vi.advanceTimersByTime(1_001);
  await all.clock.advance(100);
  expect(all.relay.sessions.size).toBe(0);
});

test('useInventoryWebSocket connects, tells, follows channels and disconnects when asked', async () => {
  const all = stage();
  const told: string[] = [];
  let ws: InventoryWebSocket | undefined;
  function Live() {
    ws = useInventoryWebSocket({
      url: 'ws://test/ws',
      autoConnect: false,
      channels: [],
      WebSocket: all.relay.WebSocket,
      clock: all.clock,
      page: all.page,
      onConnect: () => told.push('connect'),
      onDisconnect: () => told.push('disconnect'),
      onEvent: (event) => told.push(event.type),
      onError: (error) => told.push(error.code),
    });
    return null;
  }
  await render(all, createElement(Live));
  await act(async () => all.clock.advance(100));
  expect(all.relay.dialled).toBe(0);
  ws?.connect();
  await act(async () => all.clock.advance(100));
  ws?.subscribe('product:p');
  await act(async () => all.clock.advance(100));
  all.database.change('p', 'w', -1);
  all.relay.broadcast('nonsense');
  await act(async () => all.clock.advance(100));
  ws?.unsubscribe('product:p');
  await act(async () => all.clock.advance(100));
  all.database.change('p', 'w', -1);
  await act(async () => all.clock.advance(100));
  await act(async () => ws?.disconnect());
  expect(told).toEqual(['connect', 'inventory.updated', 'MALFORMED_FRAME', 'disconnect']);
});

test('a number changes at once, is marked while on its way, and settles', async () => {
  const all = stage();
  await all.up();
  await render(all, createElement(Stock));
  expect(host.textContent).toBe('100');
  await act(async () => all.client.adjust({ ...P, quantity: -10 }).saved);
  expect(host.textContent).toBe('90…');
  await act(async () => all.clock.advance(1_000));
  expect(host.textContent).toBe('90');
});

test('what comes between two frames is rendered once, and what is hidden is not', async () => {
  const all = stage();
  all.database.seed('q', 'w', 5);
  await all.up();
  let renders = 0;
  function List() {
    renders++;
    return createElement(
      'b',
      null,
      useInventoryList()
        .map(({ value }) => value?.quantityAvailable)
        .join(),
    );
  }
  await render(all, createElement(List), false);
  renders = 0;
  // No frame runs here, as in a hidden page.
  await reactAct(async () => {
    for (let i = 0; i < 20; i++) {
      all.database.change(i % 2 ? 'p' : 'q', 'w', 1);
      await all.clock.advance(20);
    }
  });
  expect(all.client.get(P).value?.quantityAvailable).toBe(110);
  expect([renders, frames.length]).toEqual([0, 1]);
  await frame();
  expect(renders).toBe(1);
  expect(host.textContent).toBe('110,15');
});

test('an item nobody knows yet renders and comes alive', async () => {
  const all = stage();
  await all.up();
  await render(all, createElement(Stock, { id: 'new' }));
  expect(host.textContent).toBe('?');
  all.database.seed('new', 'w', 3);
  all.database.change('new', 'w', 1);
  await act(async () => all.clock.advance(2_000));
  expect(host.textContent).toBe('4');
});

test('a component that mounts again causes no traffic', async () => {
  const all = stage();
  await all.up();
  await render(all, createElement(Stock));
  await act(async () => all.clock.advance(10));
  const before = all.relay.received.length;
  await render(all, null);
  await render(all, createElement(Stock));
  await act(async () => all.clock.advance(5_000));
  expect(all.relay.received.slice(before).filter((m) => m.type === 'subscribe' || m.type === 'unsubscribe')).toEqual(
    [],
  );
});

test('only the rows that changed render', async () => {
  const all = stage();
  all.database.seed('q', 'w', 5);
  await all.up();
  const renders: string[] = [];
  function Row({ id }: { id: string }) {
    const view = useInventoryItem({ productId: id, warehouseId: 'w' }, { follow: false });
    renders.push(id);
    return createElement('i', null, view.value?.quantityAvailable);
  }
  await render(all, [createElement(Row, { id: 'p', key: 'p' }), createElement(Row, { id: 'q', key: 'q' })], false);
  renders.length = 0;
  all.database.change('q', 'w', 1);
  await act(async () => all.clock.advance(100));
  expect(renders).toEqual(['q']);
});

test('every other hook renders, updates and does not loop', async () => {
  const all = stage();
  await all.up();
  const frames: string[] = [];
  function Panel() {
    const { status, isConnected } = useConnection();
    const quality = useConnectionQuality();
    const sync = useSyncStatus();
    const list = useInventoryList({ warehouseId: 'w' });
    const { operations } = useOfflineQueue();
    const { conflicts } = useConflicts();
    const health = useHealth();
    const { people } = useInventoryPresence('presence:inventory_list', { status: 'viewing' });
    frames.push(
      [
        status,
        isConnected,
        quality.colour,
        sync.state,
        list.length,
        operations.length,
        conflicts.length,
        health.score > 0,
        people.length,
      ].join(),
    );
    return null;
  }
  await render(all, createElement(Panel));
  await act(async () => all.clock.advance(2_000));
  expect(frames.at(-1)).toBe('connected,true,green,synced,1,0,0,true,1');
  await act(async () => void all.client.adjust({ ...P, quantity: -500 }));
  await act(async () => all.clock.advance(1_000));
  expect(frames.at(-1)).toBe('connected,true,green,review,1,1,1,true,1');
  expect(frames.length).toBeLessThan(40);
});

test('who showed this user leaves with its component, though another still looks on', async () => {
  const all = stage();
  await all.up();
  function Here({ mine }: { mine?: { status: string } }) {
    useInventoryPresence('presence:inventory_list', mine);
    return null;
  }
  const view = (...mine: ({ status: string } | undefined)[]) =>
    render(
      all,
      [undefined, ...mine].map((one, key) => createElement(Here, { key, ...(one && { mine: one }) })),
    );
  const told = () =>
    all.relay.received.flatMap((m) =>
      /^presence\.(track|update|leave)$/.test(String(m.type)) ? [`${m.type} ${m.status ?? ''}`.trim()] : [],
    );
  const wait = () =>
    act(async () => {
      vi.advanceTimersByTime(1_000);
      await all.clock.advance(1_000);
    });
  await view({ status: 'viewing' });
  await wait();
  expect(told()).toEqual(['presence.track viewing']);
  await view({ status: 'editing' });
  await wait();
  await view({ status: 'editing' }, { status: 'idle' });
  await wait();
  await view({ status: 'editing' });
  await wait();
  expect(told().slice(1)).toEqual(['presence.update editing', 'presence.update idle', 'presence.update editing']);
  await view();
  await wait();
  expect(told().slice(4)).toEqual(['presence.leave']);
});

test('a smoothed status holds "syncing" for a second', async () => {
  const all = stage();
  await all.up();
  const states: string[] = [];
  function Status() {
    states.push(useSyncStatus({ smooth: true }).state);
    return null;
  }
  await render(all, createElement(Status));
  await act(async () => void all.client.adjust({ ...P, quantity: -1 }));
  await act(async () => all.clock.advance(500));
  expect(all.client.queue.status.state).toBe('synced');
  expect(['saving', 'syncing']).toContain(states.at(-1));
  await act(async () => void vi.advanceTimersByTime(1_001));
  expect(states.at(-1)).toBe('synced');
});
