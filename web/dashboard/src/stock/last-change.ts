/*
 * last-change.ts
 *   Who changed an item last, as far as this page has heard.
 */
import type { InventoryClient, InventoryEvent } from 'inventory-client';
import { itemKey } from 'inventory-client';

export interface LastChange {
  readonly by: string | null;
  readonly at: number;
  readonly version: number;
}

const heard = new WeakMap<InventoryClient, Map<string, LastChange>>();

function mapOf(client: InventoryClient): Map<string, LastChange> {
  let map = heard.get(client);
  if (!map) {
    map = new Map();
    heard.set(client, map);
  }
  return map;
}

/** Listens until the function it returns is called. */
export function followLastChanges(client: InventoryClient): () => void {
  const map = mapOf(client);
  return client.on('message', (event: InventoryEvent) => {
    const { productId, warehouseId, performedBy, timestamp, version } = event.data;
    if (event.type !== 'inventory.updated' || typeof productId !== 'string' || typeof warehouseId !== 'string') return;
    const at = typeof timestamp === 'string' ? Date.parse(timestamp) : Number.NaN;
    map.set(itemKey({ productId, warehouseId }), {
      by: typeof performedBy === 'string' ? performedBy : null,
      at: Number.isNaN(at) ? Date.now() : at,
      version: typeof version === 'number' ? version : 0,
    });
  });
}

export function lastChangeOf(client: InventoryClient, key: string): LastChange | null {
  return mapOf(client).get(key) ?? null;
}
