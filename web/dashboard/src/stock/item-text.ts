/*
 * item-text.ts
 *   What people call an item.
 *
 * Names, codes and units are attributes of a row.  Events do not carry them,
 * so for an item first heard of in an event they are fetched once (see
 * attributes.ts).
 */
import type { JsonObject, Row } from 'inventory-client';
import { attributesOf } from './attributes';

export interface ItemText {
  readonly name: string;
  readonly sku: string | null;
  readonly barcode: string | null;
  readonly unit: string | null;
  readonly category: string | null;
  readonly warehouse: string;
  /** Names and codes in small letters; a search finds any part of them. */
  readonly haystack: string;
  /** The warehouse likewise; of it a search finds the beginnings of words, or "house" would find every warehouse. */
  readonly places: readonly string[];
}

const EMPTY: JsonObject = {};
const known = new WeakMap<JsonObject, Map<string, ItemText>>();

export function itemText(row: Row): ItemText {
  const attributes = attributesOf(row) ?? EMPTY;
  let texts = known.get(attributes);
  if (!texts) {
    texts = new Map();
    known.set(attributes, texts);
  }
  const key = `${row.productId}\n${row.warehouseId}`;
  let text = texts.get(key);
  if (!text) {
    text = readText(row, attributes);
    texts.set(key, text);
  }
  return text;
}

function readText(row: Row, attributes: JsonObject): ItemText {
  const name = textOf(attributes.name) ?? row.productId;
  const sku = textOf(attributes.sku);
  const barcode = textOf(attributes.barcode);
  const category = textOf(attributes.category);
  const warehouse = textOf(attributes.warehouseName) ?? row.warehouseId;
  return {
    name,
    sku,
    barcode,
    unit: textOf(attributes.unit),
    category,
    warehouse,
    haystack: [name, sku, barcode, category, row.productId].join('\n').toLowerCase(),
    places: `${warehouse} ${row.warehouseId}`.toLowerCase().split(/\s+/),
  };
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : typeof value === 'number' ? String(value) : null;
}

/** Do all words of the search occur? */
export function matches(text: ItemText, search: string): boolean {
  return search
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.haystack.includes(word) || text.places.some((place) => place.startsWith(word)));
}

/** Is the search this item's code, as a scanner types it? */
export function isCodeOf(text: ItemText, row: Row, search: string): boolean {
  const code = search.trim().toLowerCase();
  return code !== '' && [text.sku, text.barcode, row.productId].some((own) => own?.toLowerCase() === code);
}
