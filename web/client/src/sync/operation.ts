/*
 * operation.ts
 *   A change somebody wants, and what it will do to the numbers on screen.
 *
 * Stock is a ledger: a change says how much more or less, not what the number
 * shall be, wherever it can.  Two people selling one each then never disagree.
 */
import type { ErrorCode } from '../core/errors.js';
import { fieldsOf, integerOf, type Json, type JsonObject, type Row, readItem, textOf } from '../core/protocol.js';

interface Common {
  readonly reason?: string;
  readonly reference?: string;
  readonly performedBy?: string;
}
interface Item {
  readonly productId: string;
  readonly warehouseId: string;
}
export type MovementType = 'in' | 'out' | 'adjustment';

export interface Adjustment extends Item, Common {
  /** `in` and `out` take the magnitude; `adjustment` (the default) is signed. */
  readonly quantity: number;
  readonly movementType?: MovementType;
  readonly expectedVersion?: number;
  readonly batchNumber?: string;
  readonly expiresAt?: string;
  readonly onShortage?: 'reject' | 'partial' | 'force';
}
export interface StockTake extends Item, Common {
  /** On hand: what was counted on the shelf, reserved pieces included. */
  readonly quantity: number;
  /** Default: the version seen here, own changes on their way included. null: set it whatever it is. */
  readonly expectedVersion?: number | null;
  /** What one believes is there; with a batch, in the batch: the view then moves by the difference. */
  readonly expectedQuantity?: number;
  readonly countedAt?: string;
  /** Needed for an item kept by batch: `quantity` is then that of the batch. */
  readonly batchNumber?: string;
  readonly expiresAt?: string;
}
/** Pieces of one item, to be held or let go. */
export interface Hold extends Item {
  readonly quantity: number;
}
/** One of several adjustments that are done together or not at all. */
export type Line = Omit<Adjustment, keyof Common>;

/** What can be asked of the relay; the fields are those of the SQL functions in camelCase. */
export type Change =
  | ({ readonly type: 'adjust' } & Adjustment)
  | ({ readonly type: 'set' } & StockTake)
  | ({ readonly type: 'apply'; readonly lines: readonly Line[] } & Common)
  | ({
      readonly type: 'define';
      readonly minimumStock?: number;
      readonly stockFloor?: number;
      readonly trackBatches?: boolean;
      readonly attributes?: JsonObject;
      readonly initialQuantity?: number;
    } & Item &
      Common)
  | ({ readonly type: 'retire' } & Item & Common)
  | ({
      readonly type: 'reserve';
      readonly lines: readonly Hold[];
      readonly reservationId: string;
      readonly ttl?: string;
    } & Common)
  | ({ readonly type: 'commit'; readonly reservationId: string; readonly lines?: readonly Hold[] } & Common)
  | ({ readonly type: 'release'; readonly reservationId: string } & Common)
  | ({
      readonly type: 'transfer';
      readonly productId: string;
      readonly fromWarehouseId: string;
      readonly toWarehouseId: string;
      readonly quantity: number;
      readonly batchNumber?: string;
    } & Common);

/** What a change does to one item until the server has said. */
export interface Effect {
  readonly key: string;
  readonly available: number;
  readonly reserved: number;
  /** On hand becomes this, whatever is available. */
  readonly onHand?: number;
}

export type OperationStatus = 'saving' | 'queued' | 'sending' | 'acked' | 'conflict' | 'failed' | 'discarded';

export interface StoredError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details?: unknown;
}

/** As kept on the device. */
export interface StoredOperation {
  readonly seq: number;
  /** The idempotency key, and the id of the operation. */
  readonly key: string;
  readonly message: JsonObject;
  readonly effects: readonly Effect[];
  readonly lanes: readonly string[];
  readonly status: OperationStatus;
  readonly createdAt: number;
  readonly attempts: number;
  /** Was sent without an answer: the server may have it. */
  readonly uncertain: boolean;
  /** Lets the rest of its lanes pass while it waits for a person. */
  readonly deferred: boolean;
  /** Somebody looked at it although it is old. */
  readonly reviewed: boolean;
  /** The first item as it was shown when the change was made. */
  readonly base: Row | null;
  readonly error?: StoredError;
  readonly result?: JsonObject;
  readonly settledAt?: number;
  readonly bytes: number;
  /** The changes that were merged into it. */
  readonly parts?: readonly { readonly key: string; readonly quantity: number }[];
}

export type NewOperation = Omit<StoredOperation, 'seq'>;

/** It waits for the server. */
export function isPending({ status }: { status: OperationStatus }): boolean {
  return status === 'queued' || status === 'sending';
}

/** The server has not seen it, and nobody is telling it. */
export function isUnsent({ status, uncertain }: StoredOperation): boolean {
  return status === 'queued' && !uncertain;
}

/** The lines of a change; of most there is one, the change itself, and of what names a reservation perhaps none. */
function linesOf(change: JsonObject): readonly unknown[] {
  const { type, fromWarehouseId, toWarehouseId } = change;
  if (type === 'transfer') {
    return [
      { ...change, warehouseId: fromWarehouseId, movementType: 'out' },
      { ...change, warehouseId: toWarehouseId, movementType: 'in' },
    ];
  }
  return Array.isArray(change.lines) ? change.lines : 'reservationId' in change ? [] : [change];
}

/** A count of one of the batches that make up an item. */
export function isBatchCount({ type, batchNumber }: JsonObject): boolean {
  return type === 'set' && !!batchNumber;
}

export function effectsOf(change: JsonObject): Effect[] {
  const { type } = change;
  const effects = new Map<string, Effect>();
  for (const line of linesOf(change)) {
    const key = readItem(line)?.key;
    // What a commit or release does is known to the server only.
    if (key === undefined || type === 'commit') continue;
    const { quantity: magnitude, movementType, expectedQuantity } = fieldsOf(line);
    const quantity = integerOf(magnitude) ?? 0;
    const direction = type === 'reserve' ? 'out' : movementType;
    // A count of a batch moves the item by what the batch was off, as far as one knew it.
    const moved = isBatchCount(change)
      ? quantity - (integerOf(expectedQuantity) ?? quantity)
      : direction === 'in'
        ? Math.abs(quantity)
        : direction === 'out'
          ? -Math.abs(quantity)
          : quantity;
    const { available, reserved } = effects.get(key) ?? { available: 0, reserved: 0 };
    effects.set(key, {
      key,
      available: available + moved,
      reserved: type === 'reserve' ? reserved - moved : reserved,
      ...(type === 'set' && !change.batchNumber && { onHand: quantity }),
    });
  }
  return [...effects.values()];
}

/** An operation waits for earlier ones of the same lanes. */
export function lanesOf(change: JsonObject, effects: readonly Effect[]): string[] {
  const reservation = textOf(change.reservationId);
  return [...effects.map((effect) => effect.key), ...(reservation === undefined ? [] : [`reservation:${reservation}`])];
}

/** The relay takes objects in objects down to 8; a batch around the change has two. */
const DEPTH = 6;

/** What of a value the relay could not read: it would answer nobody, and lose what is in the same frame. */
function isUnreadable(value: Json | undefined, depth = 0): boolean {
  if (typeof value === 'string') return /[\0\p{Cs}]/u.test(value);
  // Undefined is not sent.
  if (typeof value !== 'object' || value === null)
    return !(value == null || typeof value === 'boolean' || Number.isFinite(value));
  return depth >= DEPTH || Object.entries(value).some((entry) => entry.some((part) => isUnreadable(part, depth + 1)));
}

/** What is wrong with a change, or null. */
export function flawOf(change: JsonObject): string | null {
  if (isUnreadable(change)) return 'a value that JSON cannot carry';
  const { reservationId, lines } = change;
  if (reservationId !== undefined && !textOf(reservationId)) return 'reservationId must be text';
  if (Array.isArray(lines) && lines.length === 0) return 'no lines';
  for (const line of linesOf(change)) {
    const { quantity } = fieldsOf(line);
    if (!readItem(line)) return 'productId and warehouseId must be text';
    if (quantity !== undefined && integerOf(quantity) === undefined) return 'quantity must be a whole number';
  }
  return null;
}
