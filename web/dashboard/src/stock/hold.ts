/*
 * hold.ts
 *   The numbers of the table stand still while one reads them out, if one wants that.
 *
 * What one changes oneself goes on.
 */
import type { InventoryClient, ItemView } from 'inventory-client';
import { createStore, useStore } from '../base/store';

/** The items as they were when the numbers were held; null: they are not. */
export const held = createStore<Map<string, ItemView> | null>(null);

export function hold(client: InventoryClient): void {
  held.set(new Map(client.list().map((view) => [view.key, view])));
}

export function letGo(): void {
  held.set(null);
}

/** The view to be shown. */
export function useHeld(view: ItemView): ItemView {
  const views = useStore(held);
  if (view.pending > 0 || view.conflict) views?.delete(view.key);
  return views?.get(view.key) ?? view;
}
