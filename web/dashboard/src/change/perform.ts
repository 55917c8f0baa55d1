/*
 * perform.ts
 *   Makes a change and says, step by step, what became of it.
 *
 * "Saved" is said of what the server has committed, and of nothing else.
 * Until then the words are "on this device", and Undo takes the change back;
 * afterwards Undo is a change of its own, the other way round.
 */
import type { Ack, Change, Conflict, InventoryClient, JsonObject, Operation } from 'inventory-client';
import { InventoryError, itemKey } from 'inventory-client';
import { createStore } from '../base/store';
import { say, sayNow } from '../notices/announcer';
import { dismiss, fulfil, notify } from '../notices/notices';
import { open, openAdjust } from '../shell/open';
import { isByBatch } from '../stock/attributes';

export type Outcome = 'done' | 'failed';

/** What became of the last change of an item, for a moment. */
export const outcomes = createStore<ReadonlyMap<string, Outcome>>(new Map());

const UNDO_MS = 10_000;
const SHOW_MS = 2_500;

interface Words {
  /** "Sold 3 × House Blend". */
  readonly done: string;
  readonly name: string;
}

export function perform(client: InventoryClient, change: Change, words: Words): Operation {
  const operation = client.change(change);
  const id = `op ${operation.id}`;
  const key = 'productId' in change && 'warehouseId' in change ? itemKey(change) : null;
  const canUndo = change.type === 'adjust' || change.type === 'set';

  void operation.saved.then(
    () => {
      const text = whereItIs(client, operation);
      notify({
        id,
        tone: 'plain',
        title: words.done,
        ...(text !== null && { text }),
        forMs: UNDO_MS,
        ...(canUndo && { action: { word: 'Undo', run: () => void undo(client, operation, change, words) } }),
      });
      say(text === null ? words.done : `${words.done}. ${text}`);
    },
    () => {},
  );
  operation.result.then(
    () => {
      fulfil(id);
      if (key !== null) show(key, 'done');
    },
    (error: unknown) => {
      if (!(error instanceof InventoryError) || error.code === 'DISCARDED' || error.code === 'CLOSED') return;
      dismiss(id);
      if (key !== null) show(key, 'failed');
      tellFailure(client, operation, error, words);
    },
  );
  return operation;
}

/** Null where there is nothing to add: it is being sent. */
function whereItIs(client: InventoryClient, operation: Operation): string | null {
  if (!operation.durable) return 'not saved on this device, keep this tab open';
  if (client.state.name !== 'connected') return 'saved on this device, will sync when connected';
  return client.stale ? 'saved on this device, until the database is back' : null;
}

const WHY: Readonly<Record<Conflict['code'], string>> = {
  insufficient_stock: 'stock is short',
  version_conflict: 'it was changed meanwhile',
  STALE_OPERATION: 'it was made long ago',
};

function tellFailure(client: InventoryClient, operation: Operation, error: InventoryError, words: Words): void {
  if (operation.status === 'conflict') {
    const code = client.conflicts.get(operation.id)?.code;
    const text = code ? WHY[code] : 'it was changed meanwhile';
    notify({
      id: reviewNotice(operation.id),
      tone: 'warning',
      title: `${words.name} needs review`,
      text,
      forMs: 15_000,
      action: { word: 'Review', run: () => open.set({ name: 'conflict', id: operation.id }) },
    });
    sayNow(`${words.name} needs review: ${text}`);
    return;
  }
  notify({ tone: 'error', title: 'Not saved', text: `${words.done}: ${error.message}`, forMs: 12_000 });
  sayNow(`Not saved. ${words.done}: ${error.message}`);
}

/** The notice that a change waits for a decision. */
export function reviewNotice(id: string): string {
  return `review ${id}`;
}

async function undo(client: InventoryClient, operation: Operation, change: Change, words: Words): Promise<void> {
  if (await operation.cancel()) {
    notify({ tone: 'plain', title: `Taken back: ${words.done}` });
    say(`Taken back: ${words.done}`);
    return;
  }
  const ack = await operation.result.catch(() => null);
  const delta = ack && deltaOf(ack, change);
  if (!delta || !('productId' in change) || !('warehouseId' in change)) return;
  const { productId, warehouseId } = change;
  const batchNumber = 'batchNumber' in change ? change.batchNumber : undefined;
  const { value: row } = client.inventory.get(change);
  if (delta < 0 && batchNumber === undefined && row && isByBatch(row)) {
    const text = `${words.done} is saved. Say which batch it goes back into.`;
    const action = { word: 'Put back', run: () => openAdjust(change, 'in') };
    notify({ tone: 'warning', title: 'Not undone yet', text, action, forMs: 15_000 });
    sayNow(`Not undone yet. ${text}`);
    return;
  }
  perform(
    client,
    {
      type: 'adjust',
      productId,
      warehouseId,
      quantity: -delta,
      movementType: 'adjustment',
      reason: 'Undo',
      ...(batchNumber !== undefined && { batchNumber }),
    },
    { done: `Undone: ${words.done}`, name: words.name },
  );
}

/** How much the change moved.  Changes of one item may have gone as one, so only of a count the answer says it. */
function deltaOf(ack: Ack, change: Change): number | null {
  if (change.type === 'adjust') return change.movementType === 'out' ? -Math.abs(change.quantity) : change.quantity;
  const result: JsonObject = ack.result ?? {};
  const { previousQuantity, newQuantity } = result;
  return typeof previousQuantity === 'number' && typeof newQuantity === 'number'
    ? newQuantity - previousQuantity
    : null;
}

function show(key: string, outcome: Outcome): void {
  outcomes.set((now) => new Map(now).set(key, outcome));
  setTimeout(() => {
    outcomes.set((now) => {
      if (now.get(key) !== outcome) return now;
      const next = new Map(now);
      next.delete(key);
      return next;
    });
  }, SHOW_MS);
}
