/*
 * stock-index.ts
 *   All items at a glance: how many are low, out, unsent, and where.
 *
 * Two hundred events a second change single rows, which follow their items by
 * themselves.  What looks at all of them is made anew a few times a second.
 */
import type { InventoryClient, ItemView, Row } from 'inventory-client';
import { useClient } from 'inventory-client/react';
import { createContext, useContext, useSyncExternalStore } from 'react';
import { onAttributes } from './attributes';
import { isCodeOf, itemText } from './item-text';
import { NameOrder } from './order';

export interface Warehouse {
  readonly id: string;
  readonly name: string;
}

export interface Stock {
  /** In the order of their names. */
  readonly views: readonly ItemView[];
  readonly byKey: ReadonlyMap<string, ItemView>;
  readonly warehouses: readonly Warehouse[];
  readonly out: number;
  readonly low: number;
  readonly unsent: number;
  /** Some rows are from before and not confirmed since. */
  readonly stale: number;
  /** The relay has said all there is: what is not here is not for one. */
  readonly isComplete: boolean;
}

const EVERY_MS = 200;
/** With many items on a slow device: this many times as long as it took, so that there is time for the hand. */
const REST = 5;
const LATEST_MS = 2_000;

export class StockIndex {
  readonly #client: InventoryClient;
  readonly #listeners = new Set<() => void>();
  readonly #order = new NameOrder();
  #stock: Stock;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #tookMs = 0;
  #stop: (() => void) | null = null;
  #isComplete = false;

  /** Lives as long as the client. */
  constructor(client: InventoryClient) {
    this.#client = client;
    this.#stock = this.#summarise();
    client.on('snapshot', ({ channel, more }) => {
      if (channel === 'global' && !more) this.#complete();
    });
    // A relay of the plain dialect sends what changes, and nothing else.
    client.on('state', (state) => {
      if (state.name === 'connected' && state.dialect === 'plain') this.#complete();
    });
  }

  #complete(): void {
    this.#isComplete = true;
    if (this.#listeners.size > 0) this.#later();
    else this.#stock = this.#summarise();
  }

  #summarise(): Stock {
    return { ...summarise(this.#client.list(), this.#order), isComplete: this.#isComplete };
  }

  get = (): Stock => this.#stock;

  subscribe = (changed: () => void): (() => void) => {
    this.#listeners.add(changed);
    if (!this.#stop) {
      const offs = [this.#client.inventory.subscribeAll(() => this.#later()), onAttributes(() => this.#later())];
      this.#stop = () => {
        for (const off of offs) off();
      };
      this.#later();
    }
    return () => {
      this.#listeners.delete(changed);
      if (this.#listeners.size > 0) return;
      this.#stop?.();
      this.#stop = null;
      if (this.#timer !== null) clearTimeout(this.#timer);
      this.#timer = null;
    };
  };

  #later(): void {
    this.#timer ??= setTimeout(() => this.#look(), clamp(REST * this.#tookMs));
  }

  #look(): void {
    const began = performance.now();
    this.#timer = null;
    this.#stock = this.#summarise();
    for (const changed of [...this.#listeners]) changed();
    // The components render before this.
    queueMicrotask(() => {
      this.#tookMs = performance.now() - began;
    });
  }
}

/** A device that slept meanwhile seems to have been slow indeed. */
function clamp(ms: number): number {
  return Math.min(LATEST_MS, Math.max(EVERY_MS, ms));
}

function summarise(views: readonly ItemView[], order: NameOrder): Omit<Stock, 'isComplete'> {
  const warehouses = new Map<string, string>();
  const byKey = new Map<string, ItemView>();
  let out = 0;
  let low = 0;
  let unsent = 0;
  let stale = 0;
  for (const view of views) {
    const row = view.value;
    if (!row) continue;
    byKey.set(view.key, view);
    if (row.alertState === 'out') out++;
    else if (row.alertState === 'low') low++;
    if (view.pending > 0 || view.conflict) unsent++;
    if (view.stale) stale++;
    const name = itemText(row).warehouse;
    if (!warehouses.has(row.warehouseId) || name !== row.warehouseId) warehouses.set(row.warehouseId, name);
  }
  return {
    views: order.sort(byKey),
    byKey,
    warehouses: [...warehouses].map(([id, name]) => ({ id, name })).sort((a, b) => (a.name < b.name ? -1 : 1)),
    out,
    low,
    unsent,
    stale,
  };
}

/** The row of this code, as a scanner types it; of several that in the first of these places. */
export function rowOfCode(stock: Stock, code: string, places: readonly (string | null)[]): Row | null {
  const rows = stock.views.flatMap(({ value }) => (value && isCodeOf(itemText(value), value, code) ? [value] : []));
  for (const place of places) {
    const there = rows.find(({ warehouseId }) => warehouseId === place);
    if (there) return there;
  }
  return rows[0] ?? null;
}

export const StockContext = createContext<StockIndex | null>(null);

export function useStock(): Stock {
  const index = useContext(StockContext);
  if (!index) throw new Error('no stock above this component');
  return useSyncExternalStore(index.subscribe, index.get);
}

const indexes = new WeakMap<InventoryClient, StockIndex>();

/** One for each client, however often a component mounts. */
export function useStockIndex(): StockIndex {
  const client = useClient();
  let index = indexes.get(client);
  if (!index) {
    index = new StockIndex(client);
    indexes.set(client, index);
  }
  return index;
}
