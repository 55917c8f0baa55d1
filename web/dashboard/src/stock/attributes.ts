/*
 * attributes.ts
 *   The names of items first heard of in an event, which does not carry them,
 *   and whether they are kept by batch.
 *
 * They are asked for over HTTP, a few at a time however many items somebody
 * defines at once, and kept beside the client's rows.  What is known of a newer
 * version stays: answers and snapshots overtake each other.
 */
import type { InventoryClient, ItemKey, JsonObject, Row } from 'inventory-client';
import { itemKey } from 'inventory-client';
import { app } from '../session/app';
import { fetchJson } from '../session/session';

interface Known {
  readonly version: number;
  readonly attributes: JsonObject;
  readonly isByBatch: boolean;
}

interface Wanted {
  readonly client: InventoryClient;
  readonly item: ItemKey;
  /** The event was of this version: an answer of an older one is none. */
  readonly version: number;
}

const known = new Map<string, Known>();
const wanted = new Map<string, Wanted>();
const asked = new Set<string>();
const AT_ONCE = 4;
let askers = 0;
/** A relay that has much to do is asked again. */
const ATTEMPTS = 5;
const PAUSE_MS = 2_000;
const TELL_EVERY_MS = 100;
const listeners = new Set<() => void>();
let revision = 0;
let telling = false;

/** Of a row, as far as they are known. */
export function attributesOf(row: Row): JsonObject | undefined {
  return known.get(itemKey(row))?.attributes ?? row.attributes;
}

/** Kept by batch, as far as that is known. */
export function isByBatch(row: Row): boolean {
  return known.get(itemKey(row))?.isByBatch ?? row.trackBatches === true;
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
      const { productId, warehouseId, movementType, version } = data;
      if (type !== 'inventory.updated' || typeof productId !== 'string' || typeof warehouseId !== 'string') return;
      const item = { productId, warehouseId };
      const row = client.inventory.get(item).value;
      // On a slow link one event stands for several, and says what the last of them was.
      const isUnknown = row !== null && attributesOf(row) === undefined;
      if (movementType === 'created' || movementType === 'settings' || isUnknown)
        fetchAttributes(client, item, typeof version === 'number' ? version : 0);
    }),
    // The client keeps no row of a version it has, so this one may be nowhere else.
    client.on('snapshot', ({ rows }) => {
      for (const row of rows) if (known.has(itemKey(row))) learn(row);
    }),
  ];
  return () => {
    for (const off of offs) off();
    known.clear();
    wanted.clear();
  };
}

function fetchAttributes(client: InventoryClient, item: ItemKey, version: number): void {
  wanted.set(itemKey(item), { client, item, version });
  if (askers < AT_ONCE) void askAll();
}

async function askAll(): Promise<void> {
  askers++;
  for (let next = nextWanted(); next; next = nextWanted()) {
    const [key, one] = next;
    wanted.delete(key);
    asked.add(key);
    for (let i = 0; i < ATTEMPTS && !(await hasFetched(one)); i++)
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    asked.delete(key);
  }
  askers--;
}

/** One that nobody asks for: what came while it was asked for is asked for again afterwards. */
function nextWanted(): [string, Wanted] | undefined {
  for (const entry of wanted) if (!asked.has(entry[0])) return entry;
  return undefined;
}

/** False where it may be had later. */
async function hasFetched({ client, item, version }: Wanted): Promise<boolean> {
  const now = app.get();
  if (now.name !== 'signed-in' || now.client !== client) return true;
  try {
    const query = new URLSearchParams({ productId: item.productId, warehouseId: item.warehouseId, limit: '1' });
    const [row] = await fetchJson<Row[]>(`api/inventory?${query}`, await now.session.source.get(false));
    if (!row || row.version < version) return false;
    if (app.get() === now) learn(row);
    return true;
  } catch {
    // Its id is shown until then.
    return false;
  }
}

function learn(row: Row): void {
  const key = itemKey(row);
  if (row.version < (known.get(key)?.version ?? 0)) return;
  known.set(key, { version: row.version, attributes: row.attributes ?? {}, isByBatch: row.trackBatches === true });
  if (telling) return;
  telling = true;
  setTimeout(() => {
    telling = false;
    revision++;
    for (const changed of [...listeners]) changed();
  }, TELL_EVERY_MS);
}
