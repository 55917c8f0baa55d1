/*
 * open.ts
 *   The one dialog or panel that lies over the page.
 */
import type { ItemKey } from 'inventory-client';
import { createStore } from '../base/store';
import type { Batch, Kind } from '../change/kinds';

export type Open =
  | { readonly name: 'adjust'; readonly item: ItemKey; readonly kind?: Kind; readonly batch?: Batch }
  | { readonly name: 'changes' }
  /** Of one operation; without an id, the first that waits. */
  | { readonly name: 'conflict'; readonly id?: string }
  | { readonly name: 'alerts' }
  | { readonly name: 'performance' }
  | { readonly name: 'add-item' }
  | { readonly name: 'edit-item'; readonly item: ItemKey }
  | { readonly name: 'retire'; readonly item: ItemKey }
  | { readonly name: 'sign-in-again' }
  | { readonly name: 'sign-out' };

export const open = createStore<Open | null>(null);

export function openAdjust(item: ItemKey, kind?: Kind, batch?: Batch): void {
  const { productId, warehouseId } = item;
  open.set({ name: 'adjust', item: { productId, warehouseId }, ...(kind && { kind }), ...(batch && { batch }) });
}

export function close(): void {
  open.set(null);
}
