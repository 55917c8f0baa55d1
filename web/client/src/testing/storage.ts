/*
 * storage.ts
 *   What a device keeps, without a device.
 */
import type { Row } from '../core/protocol.js';
import type { NewOperation, StoredOperation } from '../sync/operation.js';
import type { StorageAdapter } from '../sync/storage.js';

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
    this.#operations.set(seq, { seq, ...operation });
    return seq;
  }

  async put(operations: readonly StoredOperation[]): Promise<number[]> {
    const gone: number[] = [];
    for (const operation of operations) {
      if (this.#operations.has(operation.seq)) this.#operations.set(operation.seq, operation);
      else gone.push(operation.seq);
    }
    return gone;
  }

  async swap(
    seq: number,
    may: (stored: StoredOperation | undefined) => boolean,
    operation: NewOperation | null,
  ): Promise<boolean> {
    if (!may(this.#operations.get(seq))) return false;
    if (operation) this.#operations.set(seq, { seq, ...operation });
    else this.#operations.delete(seq);
    return true;
  }

  async remove(seqs: readonly number[]): Promise<void> {
    for (const seq of seqs) this.#operations.delete(seq);
  }

  async operations(): Promise<StoredOperation[]> {
    return [...this.#operations.values()];
  }

  async rows(): Promise<Row[]> {
    return [...this.#rows.values()];
  }

  async saveRows(rows: readonly (readonly [key: string, row: Row | null])[]): Promise<void> {
    for (const [key, row] of rows) {
      if (row) this.#rows.set(key, row);
      else this.#rows.delete(key);
    }
  }

  close(): void {}
}
