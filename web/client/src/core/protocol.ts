/*
 * protocol.ts
 *   The frames of docs/protocol.md, and how text becomes one.
 *
 * What arrives is not trusted: readFrame answers null for anything that is
 * not an object with a type, and the readers below take from a frame only
 * fields of the right kind.
 */

export const PROTOCOL = 1;

/** Opaque. Never compared, only kept and handed back. */
export type Position = string;

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

/** One thing said by the relay. */
export interface Frame extends JsonObject {
  readonly type: string;
}

/** As the relay says them; until then only the one that holds for every message. */
export interface Limits {
  maxMessageBytes: number;
  maxChannels?: number;
  maxBatch?: number;
  messagesPerSecond?: number;
}

/** The default of the relay. */
export const DEFAULT_LIMITS: Limits = { maxMessageBytes: 16_384 };

/** An event as the application sees it. */
export interface InventoryEvent {
  readonly type: string;
  /** Absent in the plain dialect. */
  readonly id?: string;
  readonly data: JsonObject;
  readonly position?: Position;
  /** How many versions a conflated event stands for. */
  readonly conflated?: number;
  /** The idempotency key of the change that caused it. */
  readonly op?: string;
}

/** What is known of one item. */
export interface Row {
  readonly productId: string;
  readonly warehouseId: string;
  readonly quantityAvailable: number;
  readonly quantityReserved: number;
  readonly quantityOnHand: number;
  readonly minimumStock: number;
  readonly version: number;
  readonly alertState: 'ok' | 'low' | 'out';
  readonly timestamp?: string;
  readonly attributes?: JsonObject;
  /** Kept by batch: what comes in and what is counted needs the number of one. Absent: not known. */
  readonly trackBatches?: boolean;
}

export interface ItemKey {
  readonly productId: string;
  readonly warehouseId: string;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What an object says; nothing, if it is none. */
export function fieldsOf(value: unknown): JsonObject {
  return isObject(value) ? value : {};
}

/** The members of a list; none, if it is none. */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

export function integerOf(value: unknown): number | undefined {
  return Number.isSafeInteger(value) ? (value as number) : undefined;
}

/** An id of an event: the relay sends integers, other sources may send text. */
export function idOf(value: unknown): string | undefined {
  return textOf(value) ?? integerOf(value)?.toString();
}

/** The frame in a message, or null. */
export function readFrame(message: unknown): Frame | null {
  try {
    // What is no text is no JSON either.
    const value: unknown = JSON.parse(String(message));
    return isObject(value) && typeof value.type === 'string' ? (value as Frame) : null;
  } catch {
    return null;
  }
}

/** The event in a frame, or null if it is none. */
export function readEvent(frame: unknown): InventoryEvent | null {
  const { type, data, ...rest } = fieldsOf(frame);
  if (!/^(?!presence\.).*\./.test(textOf(type) ?? '') || !isObject(data)) return null;
  return {
    type,
    data,
    id: idOf(rest.id),
    position: textOf(rest.position),
    op: textOf(rest.op),
    conflated: integerOf(rest.conflated),
  } as InventoryEvent;
}

/** The item that something is about, or null. */
export function readItem(data: unknown): (ItemKey & { key: string }) | null {
  const fields = fieldsOf(data);
  const productId = textOf(fields.productId);
  const warehouseId = textOf(fields.warehouseId);
  return productId && warehouseId ? { productId, warehouseId, key: itemKey({ productId, warehouseId }) } : null;
}

/** What the data of a state event, a row of a snapshot or a result say of an item. */
export function readRow(value: unknown, before?: Row | null): Row | null {
  const data = fieldsOf(value);
  const item = readItem(data);
  const version = integerOf(data.version);
  const available = integerOf(data.quantityAvailable) ?? integerOf(data.newQuantity);
  if (!item || version === undefined || available === undefined) return null;
  const reserved = integerOf(data.quantityReserved) ?? before?.quantityReserved ?? 0;
  const minimum = integerOf(data.minimumStock) ?? before?.minimumStock ?? 0;
  return {
    productId: item.productId,
    warehouseId: item.warehouseId,
    version,
    quantityAvailable: available,
    quantityReserved: reserved,
    quantityOnHand: integerOf(data.quantityOnHand) ?? available + reserved,
    minimumStock: minimum,
    alertState: textOf(data.alertState) ?? alertStateOf(available, minimum),
    timestamp: textOf(data.timestamp) ?? textOf(data.lastModifiedAt) ?? textOf(data.createdAt),
    attributes: isObject(data.attributes) ? data.attributes : before?.attributes,
    trackBatches: data.trackBatches ?? before?.trackBatches,
  } as Row;
}

export function alertStateOf(available: number, minimum: number): Row['alertState'] {
  return available <= 0 ? 'out' : available < minimum ? 'low' : 'ok';
}

/** The text under which an item is kept: its pair channel, so no two ids can meet. */
export function itemKey(key: ItemKey): string {
  return `product:${channelId(key.productId)}:warehouse:${channelId(key.warehouseId)}`;
}

/** An id as it stands in a channel's name. */
export function channelId(id: string): string {
  return id.replace(/(?![\u0080-\u009f])[%:\p{Cc}]/gu, encodeURIComponent);
}

/**
 * The name of a channel as the relay spells it, or null: the relay would not
 * take it for one, and an odd name costs the whole message it is in.
 */
export function canonicalChannel(name: string): string | null {
  try {
    const words = name.split(':').map(decodeURIComponent);
    return CHANNEL.test(name) && !/[\0\p{Cs}]/u.test(words.join('')) ? words.map(channelId).join(':') : null;
  } catch {
    return null;
  }
}

const CHANNEL = /^(global|(product|warehouse|product:[^:]+:warehouse):[^:\p{Cc}]+|presence:.+)$/u;

/** The names of channels. */
export const channel = {
  product: (productId: string) => `product:${channelId(productId)}`,
  warehouse: (warehouseId: string) => `warehouse:${channelId(warehouseId)}`,
  item: itemKey,
  presenceList: 'presence:inventory_list',
  presenceItem: (productId: string) => `presence:inventory_item:${channelId(productId)}`,
} as const;

/** Does an event or a row about this item belong to the channel? */
export function channelCovers(name: string, key: ItemKey): boolean {
  return (
    name === 'global' ||
    name === channel.product(key.productId) ||
    name === channel.warehouse(key.warehouseId) ||
    name === itemKey(key)
  );
}

/** Bytes of a text in UTF-8. */
export function byteSize(text: string): number {
  return new TextEncoder().encode(text).length;
}
