/*
 * heard.ts
 *   The movements of items that this page has heard of, for relays that serve no history.
 */
import type { InventoryClient, JsonObject } from 'inventory-client';
import { itemKey } from 'inventory-client';

/** Of one item, and of all. */
const KEPT = 50;
const ITEMS = 200;

const heard = new WeakMap<InventoryClient, Map<string, JsonObject[]>>();

export function followMovements(client: InventoryClient): () => void {
  const items = heard.get(client) ?? new Map<string, JsonObject[]>();
  heard.set(client, items);
  return client.on('message', ({ type, data }) => {
    const { productId, warehouseId } = data;
    if (type !== 'inventory.updated' || typeof productId !== 'string' || typeof warehouseId !== 'string') return;
    const key = itemKey({ productId, warehouseId });
    const rows = items.get(key) ?? [];
    // The item heard of longest ago goes first.
    items.delete(key);
    items.set(key, [movementOf(data), ...rows].slice(0, KEPT));
    if (items.size > ITEMS) items.delete(items.keys().next().value ?? '');
  });
}

/** Newest first. */
export function heardMovements(client: InventoryClient, key: string): readonly JsonObject[] {
  return heard.get(client)?.get(key) ?? [];
}

/** Named as in the ledger. */
function movementOf(data: JsonObject): JsonObject {
  return {
    version: data.version ?? null,
    movementType: data.movementType ?? null,
    deltaAvailable: data.changeAmount ?? null,
    availableAfter: data.quantityAvailable ?? null,
    reason: data.reason ?? null,
    performedBy: data.performedBy ?? null,
    createdAt: data.timestamp ?? null,
  };
}
