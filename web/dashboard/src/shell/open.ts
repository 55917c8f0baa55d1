/*
 * open.ts
 *   The one dialog or panel that lies over the page.
 */
import type { ItemKey } from 'inventory-client';
import { createStore } from '../base/store';
import type { Kind } from '../change/kinds';

export type Open =
  | { readonly name: 'adjust'; readonly item: ItemKey; readonly kind?: Kind }
  | { readonly name: 'changes' }
  | { readonly name: 'performance' }
  | { readonly name: 'sign-out' };

export const open = createStore<Open | null>(null);

export function openAdjust(item: ItemKey, kind?: Kind): void {
  const { productId, warehouseId } = item;
  open.set({ name: 'adjust', item: { productId, warehouseId }, ...(kind && { kind }) });
}

export function close(): void {
  open.set(null);
}
