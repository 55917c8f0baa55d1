/*
 * hooks.ts
 *   What a component may ask of the client its provider holds.
 */
import {
  createContext,
  createElement,
  type ReactElement,
  type ReactNode,
  useCallback,
  useContext,
  useEffect,
  useMemo,
  useRef,
  useState,
  useSyncExternalStore,
} from 'react';
import type {
  Adjustment,
  ClientEvents,
  Conflict,
  ConflictChoice,
  ConnectionState,
  ConnectionStatus,
  Health,
  InventoryClient,
  ItemFilter,
  ItemKey,
  ItemView,
  JsonObject,
  Operation,
  Presence,
  PresenceSnapshot,
  Quality,
  StockTake,
  StoredOperation,
  SyncStatus,
} from '../index.js';
import { channel } from '../index.js';
import { framed } from './frame.js';

const Context = createContext<InventoryClient | null>(null);

/** Hands a client to the components below. Who made it connects and closes it. */
export function InventoryProvider(props: { client: InventoryClient; children?: ReactNode }): ReactElement {
  return createElement(Context.Provider, { value: props.client }, props.children);
}

export function useClient(): InventoryClient {
  const client = useContext(Context);
  if (!client) throw new Error('no InventoryProvider above this component');
  return client;
}

/** A value of the client, read again at an event of it. */
function useEvent<T>(name: keyof ClientEvents, read: (client: InventoryClient) => T): T {
  const client = useClient();
  const last = useRef<{ client: InventoryClient; value: T } | null>(null);
  const subscribe = useCallback(
    (changed: () => void) =>
      client.on(name, () => {
        last.current = null;
        changed();
      }),
    [client, name],
  );
  // The same object until the event: React would render for ever otherwise.
  return useSyncExternalStore(subscribe, () => {
    if (last.current?.client !== client) last.current = { client, value: read(client) };
    return last.current.value;
  });
}

export function useConnection(): {
  state: ConnectionState;
  status: ConnectionStatus;
  isConnected: boolean;
  connect: () => void;
  disconnect: () => void;
} {
  const client = useClient();
  const { state, status } = useEvent('state', (c) => ({ state: c.state, status: c.status }));
  return useMemo(
    () => ({
      state,
      status,
      isConnected: state.name === 'connected',
      connect: () => client.connect(),
      disconnect: () => client.disconnect(),
    }),
    [client, state, status],
  );
}

export function useConnectionQuality(): Quality {
  return useEvent('quality', (client) => client.quality);
}

export function useHealth(): Health {
  return useEvent('health', (client) => client.health());
}

export interface SmoothSyncOptions {
  /** Holds "syncing" for at least a second, so that it can be read. */
  smooth?: boolean;
}

export function useSyncStatus({ smooth = false }: SmoothSyncOptions = {}): SyncStatus {
  const status = useEvent('sync', (client) => client.queue.status);
  const [held, setHeld] = useState<SyncStatus['state'] | null>(null);
  const { state } = status;
  useEffect(() => {
    if (!smooth) return;
    if (state === 'syncing' || state === 'saving') {
      setHeld(state);
      return;
    }
    const timer = setTimeout(() => setHeld(null), 1000);
    return () => clearTimeout(timer);
  }, [smooth, state]);
  return useMemo(() => (held === null ? status : { ...status, state: held }), [held, status]);
}

/** Follows the item's channel while mounted, unless follow is false (its warehouse is followed elsewhere). */
export function useInventoryItem(key: ItemKey, options: { follow?: boolean } = {}): ItemView {
  const client = useClient();
  const name = channel.item(key);
  useFollow(options.follow === false ? null : name);
  return useSyncExternalStore(
    useMemo(() => framed((changed) => client.inventory.subscribe(name, changed)), [client, name]),
    () => client.inventory.get(name),
  );
}

/** The items that are known, in order; follows nothing by itself. */
export function useInventoryList(filter: ItemFilter = {}): ItemView[] {
  const client = useClient();
  const revision = useSyncExternalStore(
    useMemo(() => framed((changed) => client.inventory.subscribeAll(changed)), [client]),
    () => client.inventory.revision,
  );
  const { productId, warehouseId, alertState } = filter;
  // The revision stands for the rows.
  return useMemo(
    () => client.list({ productId, warehouseId, alertState }),
    [client, productId, warehouseId, alertState, revision],
  );
}

/** Changes of one item, and the view that shows them at once. */
export function useOptimisticInventory(key: ItemKey): {
  item: ItemView;
  isPending: boolean;
  adjust: (adjustment: Omit<Adjustment, keyof ItemKey>) => Operation;
  setQuantity: (count: Omit<StockTake, keyof ItemKey>) => Operation;
} {
  const client = useClient();
  const item = useInventoryItem(key);
  const { productId, warehouseId } = key;
  return useMemo(
    () => ({
      item,
      isPending: item.pending > 0,
      adjust: (adjustment) => client.adjust({ productId, warehouseId, ...adjustment }),
      setQuantity: (count) => client.setQuantity({ productId, warehouseId, ...count }),
    }),
    [client, item, productId, warehouseId],
  );
}

export function useOfflineQueue(): {
  status: SyncStatus;
  operations: StoredOperation[];
  queue: InventoryClient['queue'];
} {
  const client = useClient();
  return useEvent('sync', () => ({
    status: client.queue.status,
    operations: client.queue.list(),
    queue: client.queue,
  }));
}

export function useConflicts(): {
  conflicts: Conflict[];
  resolve: (id: string, how: { choice: ConflictChoice; value?: number }) => Promise<Operation | null>;
  preview: InventoryClient['conflicts']['preview'];
  defer: (id: string) => Promise<boolean>;
} {
  return useEvent('sync', (client) => ({ ...client.conflicts, conflicts: client.conflicts.list() }));
}

/** Who else looks at the channel; with `mine`, they see this user too. */
export function useInventoryPresence(
  name: string,
  mine?: { status?: string; metadata?: JsonObject },
): PresenceSnapshot & { update: (patch: { status?: string; metadata?: JsonObject }) => void } {
  const client = useClient();
  const [held, setHeld] = useState<Presence | null>(null);
  useEffect(() => {
    setHeld(client.presence(name));
    return () => client.releasePresence(name);
  }, [client, name]);
  const value = useSyncExternalStore(
    useCallback((changed) => held?.subscribe(changed) ?? (() => {}), [held]),
    () => held?.value ?? NOBODY,
  );
  const status = mine && (mine.status ?? 'viewing');
  const metadata = JSON.stringify(mine?.metadata ?? {});
  useEffect(() => {
    if (!held || status === undefined) return;
    return show(held, { status, metadata: JSON.parse(metadata) as JsonObject });
  }, [held, status, metadata]);
  return useMemo(() => ({ ...value, update: (patch) => held?.update(patch) }), [value, held]);
}

/** Of each presence, what the components there say of this user. The newest counts. */
const said = new WeakMap<Presence, object[]>();

/** Until the function it returns is called; with the last of them the user leaves. */
function show(presence: Presence, mine: { status: string; metadata: JsonObject }): () => void {
  const all = said.get(presence) ?? [];
  said.set(presence, all);
  all.push(mine);
  presence.update(mine);
  return () => {
    all.splice(all.indexOf(mine), 1);
    const below = all.at(-1);
    if (below) presence.update(below);
    // A moment late: it may only have changed what it says.
    else setTimeout(() => all.length === 0 && presence.leave(), 1_000);
  };
}

const NOBODY: PresenceSnapshot = { members: [], people: [], lastKnown: true };

function useFollow(name: string | null): void {
  const client = useClient();
  useEffect(() => {
    if (name === null) return;
    const subscription = client.subscribe(name);
    return () => subscription.unsubscribe();
  }, [client, name]);
}
