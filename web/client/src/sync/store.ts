/*
 * store.ts
 *   What the screen shows: the confirmed base and, on top, what is on its way.
 *
 * A rollback removes the operation and computes again; no value is ever put
 * back from memory.  An operation leaves and the base moves in one step, by
 * whichever of event and ack comes first, so no number flickers.
 *
 * A snapshot does not say which operations it contains.  While an item has
 * one that was sent and not answered, the snapshot's row is therefore held
 * aside, and shown once the answer is there: shown earlier, the change might
 * be counted twice.
 */
import { Emitter } from '../core/emitter.js';
import type { SnapshotPage } from '../core/feed.js';
import {
  alertStateOf,
  channelCovers,
  type InventoryEvent,
  type ItemKey,
  itemKey,
  type JsonObject,
  type Row,
  readItem,
  readRow,
} from '../core/protocol.js';
import { oncePerTurn } from '../core/timer.js';
import { type Effect, isPending, type OperationStatus, type StoredOperation } from './operation.js';

export interface ItemView {
  readonly key: string;
  /** Base and pending changes together; null: not known (or retired). */
  readonly value: Row | null;
  /** As the server confirmed it. */
  readonly base: Row | null;
  /** Changes on their way. */
  readonly pending: number;
  /** Kept from before; the server has not confirmed it since. */
  readonly stale: boolean;
  /** A change of this item waits for a person. */
  readonly conflict: boolean;
}

/** What an operation does to one item. A transfer has two, most have one. */
interface Share {
  readonly effect: Effect;
  /** acked: an event has told of this item; of others it may still be to come. */
  status: OperationStatus;
  /** The server may have it. */
  readonly uncertain: boolean;
}

interface Item {
  base: Row | null;
  held: Row | null;
  stale: boolean;
  /** By operation, in the order they were made. */
  readonly shares: Map<string, Share>;
  view: ItemView | null;
}

/** No item is called so. */
const ALL = '';

export type ItemFilter = { readonly [K in 'productId' | 'warehouseId' | 'alertState']?: Row[K] | undefined };

export class Store {
  readonly #items = new Map<string, Item>();
  /** By item; ALL hears of every change. */
  readonly #emitter: Emitter<Record<string, undefined>>;
  /** Keys seen in a snapshot that is not complete. */
  readonly #snapshots = new Map<string, Set<string>>();
  readonly #changed = new Set<string>();
  readonly #dirty = new Set<string>();
  #revision = 0;
  /** Whatever changes in one turn of the loop is heard of once, at its end. */
  readonly #tellSoon = oncePerTurn(() => {
    const keys = [...this.#changed, ALL];
    this.#changed.clear();
    for (const key of keys) this.#emitter.emit(key, undefined);
  });

  constructor(onThrow: (error: unknown) => void) {
    this.#emitter = new Emitter(onThrow);
  }

  /** Grows with every change; a cheap key for computed lists. */
  get revision(): number {
    return this.#revision;
  }

  /** The same object until the item changes. */
  get(key: ItemKey | string): ItemView {
    const name = typeof key === 'string' ? key : itemKey(key);
    const item = this.#item(name);
    if (item.view) return item.view;
    const { base, held, stale } = item;
    const shares = [...item.shares.values()];
    const pending = shares.filter(isPending);
    item.view = {
      key: name,
      value: base && pending.reduce((row, { effect }) => after(row, effect), base),
      base,
      pending: pending.length,
      stale: stale || held !== null,
      conflict: shares.some(({ status }) => status === 'conflict'),
    };
    return item.view;
  }

  /** The known items, in order of their keys. */
  list(filter: ItemFilter = {}): ItemView[] {
    const wanted = Object.entries(filter) as [keyof ItemFilter, string | undefined][];
    return [...this.#items.keys()]
      .sort()
      .map((key) => this.get(key))
      .filter(({ value }) => value && wanted.every(([name, text]) => text === undefined || value[name] === text));
  }

  subscribe(key: ItemKey | string, fn: () => void): () => void {
    return this.#emitter.on(typeof key === 'string' ? key : itemKey(key), fn);
  }

  subscribeAll(fn: () => void): () => void {
    return this.#emitter.on(ALL, fn);
  }

  /** Rows kept on the device: shown at once, replaced by whatever the server says. */
  hydrate(rows: readonly Row[]): void {
    for (const row of rows) {
      const key = itemKey(row);
      const item = this.#item(key);
      if (item.base) continue;
      item.base = row;
      item.stale = true;
      this.#touch(key);
    }
  }

  onEvent({ type, data, op = '' }: InventoryEvent): void {
    const key = readItem(data)?.key;
    if (key === undefined) return;
    const item = this.#item(key);
    if (type === 'inventory.retired') {
      item.base = item.held = null;
      item.stale = false;
      this.#touch(key, true);
    } else if (type === 'inventory.updated') {
      const row = readRow(data, item.base);
      if (row) this.#advance(key, row, false);
    }
    const share = item.shares.get(op);
    if (!share) return;
    share.status = 'acked';
    this.#touch(key);
  }

  onSnapshot({ channel, rows, more }: SnapshotPage): void {
    const seen = this.#snapshots.get(channel) ?? new Set<string>();
    for (const row of rows) {
      const key = itemKey(row);
      seen.add(key);
      this.#advance(key, row, true);
    }
    if (more) {
      this.#snapshots.set(channel, seen);
      return;
    }
    this.#snapshots.delete(channel);
    for (const [key, item] of this.#items) {
      if (!item.stale || !item.base || seen.has(key) || !channelCovers(channel, item.base)) continue;
      item.base = null;
      item.stale = false;
      this.#touch(key, true);
    }
  }

  /** All versions are void; what is shown stays until rows come. */
  onResync(): void {
    this.#snapshots.clear();
    for (const [key, item] of this.#items) {
      item.stale = item.base !== null;
      item.held = null;
      this.#touch(key);
    }
  }

  /** The server did it: the base moves and the operation leaves, in one step. */
  onAck(op: string, result: JsonObject, replayed: boolean): void {
    for (const data of [result.changes ?? result].flat()) {
      const key = readItem(data)?.key ?? '';
      const item = this.#items.get(key);
      // Without a base only the numbers would be known, not the item.
      const row = item?.base && readRow(data, item.base);
      if (!row || !item?.base) continue;
      if (!item.stale || item.held) {
        this.#advance(key, row, false);
      } else if (row.version > item.base.version) {
        item.base = row;
        // What the server did just now is its present state; a replayed answer is an old one.
        item.stale = replayed;
        this.#touch(key, true);
      }
    }
    this.drop(op);
  }

  /** Shows an operation, or what became of it. */
  show(operation: StoredOperation): void {
    const { key: op, status } = operation;
    const uncertain = operation.uncertain || status === 'sending';
    for (const effect of operation.effects) {
      const { shares } = this.#item(effect.key);
      if (shares.get(op)?.status === 'acked') continue;
      shares.set(op, { effect, status, uncertain });
      this.#touch(effect.key);
    }
  }

  /** Removes an operation and computes again. */
  drop(op: string): void {
    for (const [key, { shares }] of this.#items) if (shares.delete(op)) this.#touch(key);
  }

  /** Answers will not come for a while: shows what is held aside. */
  release(): void {
    for (const key of this.#items.keys()) this.#adopt(key);
  }

  /** What changed since the last call: the rows by their keys, null for those gone. */
  takeDirty(): [key: string, row: Row | null][] {
    const keys = [...this.#dirty];
    this.#dirty.clear();
    return keys.map((key) => [key, this.#item(key).base]);
  }

  #advance(key: string, row: Row, snapshot: boolean): void {
    const item = this.#item(key);
    if (item.held ? row.version <= item.held.version : item.base && !item.stale && row.version <= item.base.version)
      return;
    if (item.held || (snapshot && item.base && isUncertain(item))) {
      item.held = row;
      this.#touch(key);
      return;
    }
    item.base = row;
    item.stale = false;
    this.#touch(key, true);
  }

  #adopt(key: string): void {
    const item = this.#items.get(key);
    if (!item?.held) return;
    if (item.stale || !item.base || item.held.version > item.base.version) item.base = item.held;
    item.held = null;
    item.stale = false;
    this.#touch(key, true);
  }

  #item(key: string): Item {
    const item = this.#items.get(key) ?? {
      base: null,
      held: null,
      stale: false,
      shares: new Map(),
      view: null,
    };
    this.#items.set(key, item);
    return item;
  }

  /** The item changed. What is held aside is shown if nothing stands against it any more. */
  #touch(key: string, dirty = false): void {
    const item = this.#item(key);
    item.view = null;
    this.#revision++;
    this.#changed.add(key);
    this.#tellSoon();
    if (dirty) this.#dirty.add(key);
    if (!isUncertain(item)) this.#adopt(key);
  }
}

/** Something was sent and not answered. */
function isUncertain(item: Item): boolean {
  return [...item.shares.values()].some((share) => isPending(share) && share.uncertain);
}

/** A row after a change. */
export function after(row: Row, effect: Effect): Row {
  const reserved = row.quantityReserved + effect.reserved;
  const available = effect.onHand === undefined ? row.quantityAvailable + effect.available : effect.onHand - reserved;
  return {
    ...row,
    quantityAvailable: available,
    quantityReserved: reserved,
    quantityOnHand: available + reserved,
    alertState: alertStateOf(available, row.minimumStock),
  };
}
