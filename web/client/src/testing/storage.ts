/*
 * storage.ts
 *   What a device keeps, without a device.
 */
import { itemKey, type Row } from '../core/protocol.js';
import type { StoredOperation } from '../sync/operation.js';
import type { NewOperation, StorageAdapter } from '../sync/storage.js';

/** Keeps everything in memory. Several clients given the same one are like tabs of one browser. */
export class MemoryStorage implements StorageAdapter {
  readonly durable: boolean;
  readonly #operations = new Map<number, StoredOperation>();
  readonly #rows = new Map<string, Row>();
  #seq = 0;

  constructor(options: { durable?: boolean } = {}) {
    this.durable = options.durable ?? false;
  }

  async add(operation: NewOperation): Promise<number> {
    const seq = ++this.#seq;
    this.#operations.set(seq, { ...operation, seq });
    return seq;
  }

  async put(operations: readonly StoredOperation[]): Promise<void> {
    for (const operation of operations) {
      if (this.#operations.has(operation.seq)) this.#operations.set(operation.seq, operation);
    }
  }

  async replace(seq: number, operation: NewOperation): Promise<number> {
    this.#operations.delete(seq);
    return this.add(operation);
  }

  async remove(seqs: readonly number[]): Promise<void> {
    for (const seq of seqs) this.#operations.delete(seq);
  }

  async page(after: number, limit: number): Promise<StoredOperation[]> {
    return [...this.#operations.values()].filter((operation) => operation.seq > after).slice(0, limit);
  }

  async rows(): Promise<Row[]> {
    return [...this.#rows.values()];
  }

  async saveRows(rows: readonly Row[], gone: readonly string[]): Promise<void> {
    for (const row of rows) this.#rows.set(itemKey(row), row);
    for (const key of gone) this.#rows.delete(key);
  }

  close(): void {}
}
