/*
 * kinds.ts
 *   The four ways to change stock, and the reasons people give.
 *
 * Out and in take a magnitude, an adjustment is signed, a count says what is
 * on the shelf.  The first three are deltas: two people who sell one each
 * never disagree.  Of an item kept by batch a count is of one batch.
 */
import type { Change, ItemKey, Row } from 'inventory-client';
import { count, signed } from '../base/words';

export type Kind = 'out' | 'in' | 'adjustment' | 'count';

export interface KindWords {
  readonly kind: Kind;
  readonly word: string;
  /** The letter that chooses it while one types the number. */
  readonly letter: string;
  readonly hint: string;
  readonly reasons: readonly string[];
}

export const KINDS: readonly KindWords[] = [
  {
    kind: 'out',
    word: 'Out',
    letter: 'o',
    hint: 'How many leave the shelf',
    reasons: ['Sale', 'Damaged', 'Expired', 'Lost'],
  },
  {
    kind: 'in',
    word: 'In',
    letter: 'i',
    hint: 'How many come in',
    reasons: ['Delivery', 'Return', 'Found'],
  },
  {
    kind: 'adjustment',
    word: 'Adjust',
    letter: 'a',
    hint: 'More or, with a minus, less',
    reasons: ['Correction', 'Sample', 'Own use'],
  },
  {
    kind: 'count',
    word: 'Count',
    letter: 'c',
    hint: 'How many are on the shelf, reserved ones included',
    reasons: ['Count', 'Stock-take'],
  },
];

export function kindWords(kind: Kind): KindWords {
  return KINDS.find((words) => words.kind === kind) ?? (KINDS[0] as KindWords);
}

/** The number in the field; null if it is none, or none that this kind takes. */
export function readQuantity(kind: Kind, text: string): number | null {
  const trimmed = text.trim().replace('−', '-');
  if (!/^[+-]?\d{1,12}$/.test(trimmed)) return null;
  // Of -0 there is none.
  const n = Number(trimmed) || 0;
  if (kind === 'count') return n >= 0 ? n : null;
  if (kind === 'adjustment') return n === 0 ? null : n;
  return n > 0 ? n : null;
}

/** What to say of a text that is none. */
export function quantityRule(kind: Kind): string {
  if (kind === 'adjustment') return 'A whole number other than 0';
  return `A whole number, ${kind === 'count' ? 0 : 1} or more`;
}

export interface Batch {
  readonly batchNumber?: string;
  readonly expiresAt?: string;
  /** How many one has seen in it; absent: that is not known. */
  readonly seen?: number;
}

/** Does the change have to say which batch?  What goes out without is what expires first. */
export function needsBatch(kind: Kind, n: number | null): boolean {
  return kind === 'in' || kind === 'count' || (kind === 'adjustment' && (n ?? 0) > 0);
}

/** How much available stock the change would leave; null: not known here. */
export function availableAfter(row: Row, kind: Kind, n: number, batch: Batch | null): number | null {
  switch (kind) {
    case 'out':
      return row.quantityAvailable - n;
    case 'in':
      return row.quantityAvailable + n;
    case 'adjustment':
      return row.quantityAvailable + n;
    case 'count':
      if (batch === null) return n - row.quantityReserved;
      return batch.seen === undefined ? null : row.quantityAvailable + n - batch.seen;
  }
}

export function changeOf(item: ItemKey, kind: Kind, n: number, reason: string, batch: Batch | null): Change {
  const { productId, warehouseId } = item;
  const { seen, ...named } = batch ?? {};
  const common = { productId, warehouseId, ...(reason !== '' && { reason }), ...named };
  if (kind === 'count')
    return { type: 'set', ...common, quantity: n, ...(seen !== undefined && { expectedQuantity: seen }) };
  return { type: 'adjust', ...common, quantity: n, movementType: kind };
}

/** What the button says that does it. */
export function actionWords(kind: Kind, n: number | null, reason: string): string {
  const amount = n === null ? '' : ` ${count(Math.abs(n))}`;
  switch (kind) {
    case 'out':
      return `${reason === 'Sale' ? 'Sell' : 'Take out'}${amount}`;
    case 'in':
      return `${reason === 'Delivery' ? 'Receive' : 'Put in'}${amount}`;
    case 'adjustment':
      return n === null ? 'Adjust' : `Adjust by ${signed(n)}`;
    case 'count':
      return n === null ? 'Set the count' : `Set to ${count(n)}`;
  }
}

/** The same, afterwards. */
export function doneWords(kind: Kind, n: number, reason: string, item: string, batch: Batch | null): string {
  const name = batch?.batchNumber === undefined ? item : `${item}, batch ${batch.batchNumber}`;
  switch (kind) {
    case 'out':
      return `${reason === 'Sale' ? 'Sold' : 'Took out'} ${count(n)} × ${name}`;
    case 'in':
      return `${reason === 'Delivery' ? 'Received' : 'Put in'} ${count(n)} × ${name}`;
    case 'adjustment':
      return `Adjusted ${name} by ${signed(n)}`;
    case 'count':
      return `Counted ${count(n)} × ${name}`;
  }
}
