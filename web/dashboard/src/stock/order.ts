/*
 * order.ts
 *   Which rows are shown, and in which order.
 *
 * What needs a person stands first: conflicts, then what is out, then what is
 * low.  The order is made when one asks for it (another search, another
 * filter, "refresh order") and then held: rows do not jump while one reads.
 */
import type { ItemView } from 'inventory-client';
import { type ItemText, itemText, matches } from './item-text';

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

/**
 * Items by name and place.  To compare ten thousand names takes long, and they
 * hardly ever change: the order is kept until one does.
 */
export class NameOrder {
  #keys: readonly string[] = [];
  #texts: ReadonlyMap<string, ItemText> = new Map();

  sort(byKey: ReadonlyMap<string, ItemView>): ItemView[] {
    const texts = new Map<string, ItemText>();
    for (const [key, { value }] of byKey) if (value) texts.set(key, itemText(value));
    const before = this.#texts;
    if (texts.size !== before.size || [...texts].some(([key, text]) => before.get(key) !== text)) {
      // What was in order is so for the most part, and sorted quickly.
      const keys = [
        ...this.#keys.filter((key) => texts.has(key)),
        ...[...texts.keys()].filter((key) => !before.has(key)),
      ];
      this.#keys = keys.sort((a, b) => compareTexts(texts.get(a), texts.get(b)));
      this.#texts = texts;
    }
    return this.#keys.flatMap((key) => byKey.get(key) ?? []);
  }
}

function compareTexts(a: ItemText | undefined, b: ItemText | undefined): number {
  return collator.compare(a?.name ?? '', b?.name ?? '') || collator.compare(a?.warehouse ?? '', b?.warehouse ?? '');
}

/** Of items in the order of their names. */
export function ordered(views: readonly ItemView[], filter: Filter): ItemView[] {
  const byRank: ItemView[][] = [[], [], [], []];
  for (const view of views) if (isIn(view, filter)) byRank[rankOf(view)]?.push(view);
  return byRank.flat();
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
