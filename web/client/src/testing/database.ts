/*
 * database.ts
 *   The stock behind the in-memory relay: rows, an event log, idempotency.
 *
 * It outlives the relays in front of it, as PostgreSQL does, and follows the
 * rules a client can observe: every change of an item raises its version by
 * one and writes one state event; alerts come at the edge; a key is applied
 * once and answered alike ever after; nothing sells below the floor of zero
 * unless forced.
 */
import { alertStateOf, type ItemKey, itemKey, type Json, type JsonObject, type Row } from '../core/protocol.js';

export interface LogEntry {
  readonly position: string;
  readonly type: string;
  readonly id: number;
  readonly key: ItemKey;
  readonly op: string | null;
  readonly data: JsonObject;
}

export type Verdict =
  | { readonly ok: true; readonly result: JsonObject; readonly replayed: boolean }
  | {
      readonly ok: false;
      readonly code: string;
      readonly message: string;
      readonly retryable: boolean;
      readonly details?: JsonObject;
    };

interface Change {
  readonly key: ItemKey;
  readonly available: number;
  readonly reserved: number;
  readonly movementType: string;
}

export interface DatabaseClock {
  now(): number;
}

export class MemoryDatabase {
  readonly rows = new Map<string, Row>();
  readonly log: LogEntry[] = [];
  readonly #listeners = new Set<(entry: LogEntry) => void>();
  readonly #operations = new Map<string, { hash: string; result: JsonObject }>();
  readonly #reservations = new Map<string, { key: ItemKey; quantity: number }[]>();
  readonly #clock: DatabaseClock;
  #epoch = 1;
  #floor = 0;
  #movements = 0;
  #ids = 0;
  /** How often each key was applied; a client that is right keeps all at 1. */
  readonly applied = new Map<string, number>();

  constructor(clock: DatabaseClock) {
    this.#clock = clock;
  }

  get head(): string {
    return this.#position(this.log.length);
  }

  onEvent(fn: (entry: LogEntry) => void): () => void {
    this.#listeners.add(fn);
    return () => this.#listeners.delete(fn);
  }

  /** Creates an item, without an event. */
  seed(productId: string, warehouseId: string, available: number, minimumStock = 0): void {
    this.rows.set(itemKey({ productId, warehouseId }), {
      productId,
      warehouseId,
      quantityAvailable: available,
      quantityReserved: 0,
      quantityOnHand: available,
      minimumStock,
      version: 1,
      alertState: alertStateOf(available, minimumStock),
    });
  }

  row(productId: string, warehouseId: string): Row | undefined {
    return this.rows.get(itemKey({ productId, warehouseId }));
  }

  /** A change made by somebody else. */
  change(productId: string, warehouseId: string, delta: number, op: string | null = null): Row {
    const verdict = this.#write(
      [{ key: { productId, warehouseId }, available: delta, reserved: 0, movementType: 'adjustment' }],
      op,
    );
    if (!verdict.ok) throw new Error(verdict.message);
    return this.row(productId, warehouseId) as Row;
  }

  /** The entries after a position, or null if it cannot be served. */
  after(position: string): LogEntry[] | null {
    const match = /^(\d+)-([0-9a-z]+)$/.exec(position);
    if (!match || Number(match[1]) !== this.#epoch) return null;
    const index = Number.parseInt(match[2] ?? '', 36);
    return index < this.#floor || index > this.log.length ? null : this.log.slice(index);
  }

  /** Old events are dropped: positions before now cannot be served. */
  forgetEvents(): void {
    this.#floor = this.log.length;
  }

  /** An older image is restored: versions go back, every position is void. */
  restore(rows: Iterable<Row>): void {
    this.#epoch++;
    this.rows.clear();
    for (const row of rows) this.rows.set(itemKey(row), row);
    this.log.length = 0;
    this.#floor = 0;
  }

  /** One operation of the protocol, in a transaction of its own. */
  apply(message: JsonObject): Verdict {
    const { id: _id, key, timeoutMs: _timeout, ...content } = message;
    const hash = JSON.stringify(Object.entries(content).sort(([a], [b]) => (a < b ? -1 : 1)));
    if (typeof key === 'string') {
      const before = this.#operations.get(key);
      if (before && before.hash !== hash) return refuse('key_reused', 'idempotency key reused with other arguments');
      if (before) return { ok: true, result: before.result, replayed: true };
    }
    const op = typeof key === 'string' ? key : null;
    const verdict = this.#run(content, op);
    if (verdict.ok && op !== null) {
      this.#operations.set(op, { hash, result: verdict.result });
      this.applied.set(op, (this.applied.get(op) ?? 0) + 1);
    }
    return verdict;
  }

  #run(message: JsonObject, op: string | null): Verdict {
    const line = (value: JsonObject, available: number, reserved = 0): Change => ({
      key: { productId: String(value.productId), warehouseId: String(value.warehouseId) },
      available,
      reserved,
      movementType: String(value.movementType ?? message.type),
    });
    const lines = (Array.isArray(message.lines) ? message.lines : []) as readonly JsonObject[];
    const quantity = Number(message.quantity ?? 0);
    switch (message.type) {
      case 'adjust':
        return this.#write([line(message, signed(message))], op, message);
      case 'apply':
        return this.#write(
          lines.map((l) => line(l, signed(l))),
          op,
        );
      case 'set': {
        const row = this.rows.get(itemKey(line(message, 0).key));
        if (!row) return refuse('not_found', 'no such item');
        return this.#write([line(message, quantity - row.quantityReserved - row.quantityAvailable)], op, message, true);
      }
      case 'transfer': {
        const from = { productId: message.productId ?? '', warehouseId: message.fromWarehouseId ?? '' };
        const to = { productId: message.productId ?? '', warehouseId: message.toWarehouseId ?? '' };
        return this.#write([line(from, -quantity), line(to, quantity)], op);
      }
      case 'reserve': {
        const held = lines.map((l) => line(l, -Number(l.quantity), Number(l.quantity)));
        const verdict = this.#write(held, op);
        if (verdict.ok)
          this.#reservations.set(
            String(message.reservationId),
            held.map((c) => ({ key: c.key, quantity: c.reserved })),
          );
        return verdict;
      }
      case 'release':
      case 'commit': {
        const held = this.#reservations.get(String(message.reservationId));
        if (!held) return refuse('gone', 'the reservation is closed');
        this.#reservations.delete(String(message.reservationId));
        const back = message.type === 'release' ? 1 : 0;
        return this.#write(
          held.map((h) => ({
            key: h.key,
            available: back * h.quantity,
            reserved: -h.quantity,
            movementType: String(message.type),
          })),
          op,
        );
      }
      case 'define': {
        const key = line(message, 0).key;
        if (!this.rows.has(itemKey(key)))
          this.seed(key.productId, key.warehouseId, 0, Number(message.minimumStock ?? 0));
        return this.#write([line(message, Number(message.initialQuantity ?? 0))], op);
      }
      case 'retire': {
        const change = line(message, 0);
        const verdict = this.#write([change], op);
        if (verdict.ok) this.rows.delete(itemKey(change.key));
        return verdict;
      }
    }
    return refuse('unknown_type', 'unknown type');
  }

  #write(changes: readonly Change[], op: string | null, guard: JsonObject = {}, absolute = false): Verdict {
    for (const change of changes) {
      const row = this.rows.get(itemKey(change.key));
      if (!row)
        return refuse(
          'not_found',
          `item "${change.key.productId}" in warehouse "${change.key.warehouseId}" does not exist`,
        );
      if (typeof guard.expectedVersion === 'number' && guard.expectedVersion !== row.version) {
        return refuse('version_conflict', 'expected version is stale', { current: asJson(row) });
      }
      if (
        !absolute &&
        change.available < 0 &&
        row.quantityAvailable + change.available < 0 &&
        guard.onShortage !== 'force'
      ) {
        return refuse('insufficient_stock', 'insufficient stock', {
          current: asJson(row),
          requested: -change.available,
        });
      }
    }
    const results = changes.map((change) => this.#commit(change, op));
    const first = results[0] ?? {};
    return { ok: true, replayed: false, result: results.length === 1 ? first : { changes: results } };
  }

  #commit(change: Change, op: string | null): JsonObject {
    const before = this.rows.get(itemKey(change.key)) as Row;
    const available = before.quantityAvailable + change.available;
    const reserved = before.quantityReserved + change.reserved;
    const row: Row = {
      ...before,
      quantityAvailable: available,
      quantityReserved: reserved,
      quantityOnHand: available + reserved,
      version: before.version + 1,
      alertState: alertStateOf(available, before.minimumStock),
      timestamp: new Date(this.#clock.now()).toISOString(),
    };
    this.rows.set(itemKey(row), row);
    const data = {
      ...asJson(row),
      previousQuantity: before.quantityAvailable,
      changeAmount: change.available,
      movementType: change.movementType,
      movementId: ++this.#movements,
      operationId: op,
    };
    this.#append(change.movementType === 'retire' ? 'inventory.retired' : 'inventory.updated', row, op, data);
    if (row.alertState !== before.alertState) {
      const alert = { low: 'inventory.low_stock', out: 'inventory.out_of_stock', ok: 'inventory.back_in_stock' }[
        row.alertState
      ];
      this.#append(alert, row, op, data);
    }
    return {
      productId: row.productId,
      warehouseId: row.warehouseId,
      previousQuantity: before.quantityAvailable,
      newQuantity: available,
      quantityReserved: reserved,
      version: row.version,
      movementId: this.#movements,
      movementType: change.movementType,
    };
  }

  #append(type: string, row: Row, op: string | null, data: JsonObject): void {
    const entry: LogEntry = {
      position: this.#position(this.log.length + 1),
      type,
      id: ++this.#ids,
      key: { productId: row.productId, warehouseId: row.warehouseId },
      op,
      data,
    };
    this.log.push(entry);
    for (const fn of [...this.#listeners]) fn(entry);
  }

  #position(index: number): string {
    return `${this.#epoch}-${index.toString(36).padStart(6, '0')}`;
  }
}

function signed(line: JsonObject): number {
  const quantity = Number(line.quantity);
  if (line.movementType === 'in') return Math.abs(quantity);
  if (line.movementType === 'out') return -Math.abs(quantity);
  return quantity;
}

function refuse(code: string, message: string, details?: JsonObject): Verdict {
  return { ok: false, code, message, retryable: false, ...(details && { details }) };
}

function asJson(row: Row): { [key: string]: Json } {
  return { ...row } as { [key: string]: Json };
}
