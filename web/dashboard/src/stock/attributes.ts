/*
 * attributes.ts
 *   The names of items first heard of in an event, which does not carry them.
 *
 * They are asked for over HTTP, together for all that came within a moment,
 * and kept beside the client's rows until a snapshot brings them.
 */
import type { InventoryClient, ItemKey, JsonObject, Row } from 'inventory-client';
import { itemKey } from 'inventory-client';
import { app } from '../session/app';
import { fetchJson } from '../session/session';

const known = new Map<string, JsonObject>();
const asked = new Set<string>();
/** A relay that has much to do is asked again. */
const ATTEMPTS = 5;
const PAUSE_MS = 2_000;
const listeners = new Set<() => void>();
let revision = 0;

/** Of a row, as far as they are known. */
export function attributesOf(row: Row): JsonObject | undefined {
  return known.get(itemKey(row)) ?? row.attributes;
}

/** Grows when some became known. */
export function attributesRevision(): number {
  return revision;
}

export function onAttributes(changed: () => void): () => void {
  listeners.add(changed);
  return () => listeners.delete(changed);
}

/** A new item, or one whose settings changed: asks what it is called. */
export function followAttributes(client: InventoryClient): () => void {
  const offs = [
    client.on('message', ({ type, data }) => {
      const { productId, warehouseId, movementType } = data;
      if (type !== 'inventory.updated' || (movementType !== 'created' && movementType !== 'settings')) return;
      if (typeof productId === 'string' && typeof warehouseId === 'string')
        void fetchAttributes(client, { productId, warehouseId });
    }),
    // A snapshot has newer ones.
    client.on('snapshot', ({ rows }) => {
      for (const row of rows) known.delete(itemKey(row));
    }),
  ];
  return () => {
    for (const off of offs) off();
  };
}

export async function fetchAttributes(client: InventoryClient, item: ItemKey): Promise<void> {
  const key = itemKey(item);
  if (asked.has(key)) return;
  asked.add(key);
  for (let i = 0; i < ATTEMPTS && !(await hasFetched(client, item)); i++)
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  asked.delete(key);
}

/** False where it may be had later. */
async function hasFetched(client: InventoryClient, item: ItemKey): Promise<boolean> {
  const now = app.get();
  if (now.name !== 'signed-in' || now.client !== client) return true;
  try {
    const query = new URLSearchParams({ productId: item.productId, warehouseId: item.warehouseId, limit: '1' });
    const rows = await fetchJson<Row[]>(`api/inventory?${query}`, await now.session.source.get(false));
    if (!rows[0]?.attributes) return false;
    known.set(itemKey(item), rows[0].attributes);
    revision++;
    for (const changed of [...listeners]) changed();
    return true;
  } catch {
    // Its id is shown until then.
    return false;
  }
}
