/*
 * place.ts
 *   The warehouse one works in, in this tab.
 *
 * Of a code that several warehouses have, a scanner finds the item in this
 * one: it must not become another while one looks at the page of an item.
 */
import { tab } from '../base/kept';
import { createStore } from '../base/store';

const KEY = 'inventory.warehouse';

/** null: all of them. */
export const place = createStore<string | null>(tab.get(KEY));

place.subscribe(() => {
  const now = place.get();
  if (now === null) tab.remove(KEY);
  else tab.set(KEY, now);
});
