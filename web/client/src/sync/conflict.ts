/*
 * conflict.ts
 *   Two truths about one item, and what each choice between them leads to.
 *
 * base is what the person saw, mine what the change would have made of it,
 * theirs what the server has now.  Nothing is decided by itself unless the
 * application gives a handler; a decision is a new operation, made on the
 * version that was shown.
 */
import { alertStateOf, fieldsOf, type JsonObject, type Row, readRow } from '../core/protocol.js';
import { effectsOf, isBatchCount, type StoredOperation } from './operation.js';
import { after, type Store } from './store.js';

/**
 * local: my number, whatever the server has (a sale that is short is recorded
 * by force, which needs the right to).  server: theirs; my change is dropped.
 * merge: a number given by hand.  rebase: my change once more, on top of theirs.
 */
export type ConflictChoice = 'local' | 'server' | 'merge' | 'rebase';

export interface Conflict {
  /** The id of the operation. */
  readonly id: string;
  readonly key: string;
  readonly code: 'version_conflict' | 'insufficient_stock' | 'STALE_OPERATION';
  readonly base: Row | null;
  readonly mine: Row | null;
  readonly theirs: Row | null;
  readonly operation: StoredOperation;
  readonly deferred: boolean;
  /** The choice that fits most: rebase for more-or-less, server for counts. */
  readonly suggested: ConflictChoice;
}

export interface ConflictPreview {
  readonly choice: ConflictChoice;
  readonly quantityAvailable: number | null;
  readonly alertState: Row['alertState'] | null;
  readonly belowMinimum: boolean;
  readonly belowZero: boolean;
  /** What will be sent; null: nothing. */
  readonly change: JsonObject | null;
}

export function conflictOf(operation: StoredOperation | undefined, store: Store): Conflict | null {
  if (operation?.status !== 'conflict') return null;
  const effect = operation.effects[0];
  const known = effect ? store.get(effect.key).base : null;
  const told = readRow(fieldsOf(operation.error?.details).current, known ?? operation.base);
  const theirs = told && (!known || told.version >= known.version) ? told : known;
  return {
    id: operation.key,
    key: effect?.key ?? '',
    // Nothing else makes an operation wait as a conflict.
    code: operation.error?.code as Conflict['code'],
    base: operation.base,
    mine: operation.base && effect ? after(operation.base, effect) : null,
    theirs,
    operation,
    deferred: operation.deferred,
    suggested: operation.message.type === 'set' ? 'server' : 'rebase',
  };
}

/** What would be sent for a choice, and what the server's row becomes. */
export function preview(conflict: Conflict, choice: ConflictChoice, value?: number): ConflictPreview {
  const change = changeFor(conflict, choice, value);
  const effects = change ? effectsOf(change).filter(({ key }) => key === conflict.key) : [];
  // What lies in one batch now is not known here, so neither is what the item becomes.
  const row = change && isBatchCount(change) ? null : conflict.theirs && effects.reduce(after, conflict.theirs);
  return {
    choice,
    quantityAvailable: row?.quantityAvailable ?? null,
    alertState: row ? alertStateOf(row.quantityAvailable, row.minimumStock) : null,
    belowMinimum: row !== null && row.quantityAvailable < row.minimumStock,
    belowZero: row !== null && row.quantityAvailable < 0,
    change,
  };
}

/** What is sent for a choice; null: nothing. */
export function changeFor(conflict: Conflict, choice: ConflictChoice, value?: number): JsonObject | null {
  const { message } = conflict.operation;
  const { expectedVersion: _version, expectedQuantity: _quantity, occurredAt: _occurred, ...again } = message;
  const { theirs, base } = conflict;
  if (choice === 'server') return null;
  if (choice === 'merge') return value === undefined ? null : setTo(conflict, value);
  if (message.type === 'adjust' && choice === 'local') {
    if (conflict.code === 'insufficient_stock') return { ...again, onShortage: 'force' };
    if (conflict.mine && !message.batchNumber) return setTo(conflict, conflict.mine.quantityOnHand);
  }
  if (message.type === 'set') {
    const counted = Number(message.quantity);
    if (choice === 'local') return setTo(conflict, counted);
    // What the count said was off by, applied to what is there now.
    return theirs && base && !message.batchNumber
      ? setTo(conflict, theirs.quantityOnHand + counted - base.quantityOnHand)
      : null;
  }
  return again;
}

/** On the version that was shown: if it moved again, it is a conflict again. */
function setTo({ operation, theirs }: Conflict, quantity: number): JsonObject | null {
  const { batchNumber, reason } = operation.message;
  if (!theirs || !Number.isSafeInteger(quantity)) return null;
  const { productId, warehouseId, version: expectedVersion } = theirs;
  // Undefined is not sent.
  return { type: 'set', productId, warehouseId, quantity, expectedVersion, batchNumber, reason } as JsonObject;
}
