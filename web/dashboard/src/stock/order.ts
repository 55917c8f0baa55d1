/*
 * order.ts
 *   Which rows are shown, and in which order.
 *
 * What needs a person stands first: conflicts, then what is out, then what is
 * low.  The order is made when one asks for it (another search, another
 * filter, "refresh order") and then held: rows do not jump while one reads.
 */
import type { ItemView } from 'inventory-client';
import { itemText, matches } from './item-text';

export type Segment = 'all' | 'out' | 'low' | 'unsent';

export interface Filter {
  readonly search: string;
  readonly warehouse: string | null;
  readonly segment: Segment;
}

/** 0 conflict, 1 out, 2 low, 3 neither. */
export function rankOf(view: ItemView): number {
  if (view.conflict) return 0;
  return view.value?.alertState === 'out' ? 1 : view.value?.alertState === 'low' ? 2 : 3;
}

export function isIn(view: ItemView, filter: Filter): boolean {
  const row = view.value;
  if (!row) return false;
  if (filter.warehouse !== null && row.warehouseId !== filter.warehouse) return false;
  if (filter.segment === 'unsent' && view.pending === 0 && !view.conflict) return false;
  if ((filter.segment === 'out' || filter.segment === 'low') && row.alertState !== filter.segment) return false;
  return filter.search.trim() === '' || matches(itemText(row), filter.search.trim());
}

const collator = new Intl.Collator('en', { numeric: true });

export function ordered(views: readonly ItemView[], filter: Filter): ItemView[] {
  return views
    .filter((view) => isIn(view, filter))
    .map((view) => ({ view, rank: rankOf(view), text: view.value && itemText(view.value) }))
    .sort(
      (a, b) =>
        a.rank - b.rank ||
        collator.compare(a.text?.name ?? '', b.text?.name ?? '') ||
        collator.compare(a.text?.warehouse ?? '', b.text?.warehouse ?? ''),
    )
    .map(({ view }) => view);
}

export interface HeldOrder {
  readonly keys: readonly string[];
  /** Where each stood when the order was made. */
  readonly ranks: ReadonlyMap<string, number>;
}

export function holdOrder(views: readonly ItemView[]): HeldOrder {
  return { keys: views.map((view) => view.key), ranks: new Map(views.map((view) => [view.key, rankOf(view)])) };
}

/** The held order, without what is gone; and how many rows would stand elsewhere now. */
export function keepOrder(held: HeldOrder, wanted: readonly ItemView[], exists: (key: string) => boolean) {
  const keys = held.keys.filter(exists);
  const here = new Set(keys);
  const added = wanted.filter((view) => !here.has(view.key));
  const moved = wanted.filter((view) => here.has(view.key) && held.ranks.get(view.key) !== rankOf(view));
  const left = keys.length + added.length - wanted.length;
  return { keys, waiting: added.length + moved.length + Math.max(0, left) };
}
