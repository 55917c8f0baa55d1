import { type ClientOptions, createClient, type InventoryClient, type InventoryError } from '../src/index.js';
import {
  MemoryDatabase,
  MemoryRelay,
  MemoryStorage,
  type RelayOptions,
  VirtualClock,
  VirtualLocks,
  VirtualPage,
  VirtualTabs,
} from '../src/testing/index.js';

/** One browser and one relay; each tab() is a client with the same storage. */
export function stage(options: { client?: Partial<ClientOptions>; relay?: Partial<RelayOptions>; seed?: number } = {}) {
  const clock = new VirtualClock(options.seed === undefined ? {} : { seed: options.seed });
  const database = new MemoryDatabase(clock);
  database.seed('p', 'w', 100, 10);
  const relay = new MemoryRelay({ clock, database, ...options.relay });
  const storage = new MemoryStorage({ durable: true });
  const locks = new VirtualLocks();
  const tabs = new VirtualTabs(clock);
  const tab = (more: Partial<ClientOptions> = {}) => {
    const page = new VirtualPage();
    const client = createClient({
      url: 'ws://test/ws',
      WebSocket: relay.WebSocket,
      clock,
      page,
      storage,
      locks,
      tabs: tabs.open(),
      ...options.client,
      ...more,
    });
    const errors: InventoryError[] = [];
    client.on('error', (error) => void errors.push(error));
    return { client, page, errors };
  };
  const first = tab();
  const up = async (client: InventoryClient = first.client) => {
    client.connect();
    await clock.until(() => client.state.name === 'connected');
    await clock.advance(50);
  };
  const down = async (client: InventoryClient = first.client) => {
    relay.stop();
    await clock.until(() => client.state.name !== 'connected');
  };
  const shown = (client: InventoryClient = first.client) => client.get(P).value?.quantityAvailable;
  return { clock, database, relay, storage, locks, tabs, tab, ...first, up, down, shown };
}

export const P = { productId: 'p', warehouseId: 'w' };
