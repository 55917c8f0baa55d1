/*
 * storage.ts
 *   Where changes wait on this device: IndexedDB.
 *
 * Adding a change is one transaction of strict durability: when it resolves,
 * a crash of the browser or the machine does not lose the change.  Order is
 * the store's own counter, never a clock.
 *
 * A browser may close a database behind one's back (iOS does).  Then it is
 * opened again and the work is done once more.  Failing that too, the call
 * rejects, and the queue keeps the change in memory and says so.
 */
import type { Row } from '../core/protocol.js';
import { itemKey } from '../core/protocol.js';
import type { StoredOperation } from './operation.js';

export type NewOperation = Omit<StoredOperation, 'seq'>;

export interface StorageAdapter {
  /** Survives the tab. */
  readonly durable: boolean;
  /** Resolves with the number that orders it, once it is safe. */
  add(operation: NewOperation): Promise<number>;
  /** Overwrites; an operation removed meanwhile stays removed. */
  put(operations: readonly StoredOperation[]): Promise<void>;
  /** In one step: one leaves, another comes. */
  replace(seq: number, operation: NewOperation): Promise<number>;
  remove(seqs: readonly number[]): Promise<void>;
  /** In order, after a number, at most so many. */
  page(after: number, limit: number): Promise<StoredOperation[]>;
  rows(): Promise<Row[]>;
  saveRows(rows: readonly Row[], gone: readonly string[]): Promise<void>;
  close(): void;
}

const OPERATIONS = 'operations';
const ROWS = 'rows';

type Mode = 'readonly' | 'readwrite';

export class IndexedDbStorage implements StorageAdapter {
  readonly durable: boolean;
  readonly #factory: IDBFactory | null | undefined;
  readonly #name: string;
  #db: Promise<IDBDatabase> | null = null;
  #closed = false;

  /** Without a factory (null) every call rejects, and the queue keeps to memory. */
  constructor(name: string, factory: IDBFactory | null | undefined = globalThis.indexedDB) {
    this.durable = factory !== null;
    this.#name = name;
    this.#factory = factory;
  }

  add(operation: NewOperation): Promise<number> {
    return this.#run(
      [OPERATIONS],
      'readwrite',
      (tx) => request<IDBValidKey>(tx.objectStore(OPERATIONS).add({ ...operation })).then(Number),
      'strict',
    );
  }

  put(operations: readonly StoredOperation[]): Promise<void> {
    return this.#run([OPERATIONS], 'readwrite', async (tx) => {
      const store = tx.objectStore(OPERATIONS);
      await Promise.all(
        operations.map(async (operation) => {
          if ((await request(store.getKey(operation.seq))) !== undefined) await request(store.put({ ...operation }));
        }),
      );
    });
  }

  replace(seq: number, operation: NewOperation): Promise<number> {
    return this.#run(
      [OPERATIONS],
      'readwrite',
      async (tx) => {
        const store = tx.objectStore(OPERATIONS);
        const added = request<IDBValidKey>(store.add({ ...operation }));
        await request(store.delete(seq));
        return Number(await added);
      },
      'strict',
    );
  }

  remove(seqs: readonly number[]): Promise<void> {
    return this.#run([OPERATIONS], 'readwrite', async (tx) => {
      await Promise.all(seqs.map((seq) => request(tx.objectStore(OPERATIONS).delete(seq))));
    });
  }

  page(after: number, limit: number): Promise<StoredOperation[]> {
    return this.#run([OPERATIONS], 'readonly', (tx) =>
      request<StoredOperation[]>(tx.objectStore(OPERATIONS).getAll(IDBKeyRange.lowerBound(after, true), limit)),
    );
  }

  rows(): Promise<Row[]> {
    return this.#run([ROWS], 'readonly', (tx) => request<Row[]>(tx.objectStore(ROWS).getAll()));
  }

  saveRows(rows: readonly Row[], gone: readonly string[]): Promise<void> {
    return this.#run([ROWS], 'readwrite', async (tx) => {
      const store = tx.objectStore(ROWS);
      await Promise.all([
        ...rows.map((row) => request(store.put(row, itemKey(row)))),
        ...gone.map((key) => request(store.delete(key))),
      ]);
    });
  }

  close(): void {
    this.#closed = true;
    this.#db?.then((db) => db.close()).catch(() => {});
    this.#db = null;
  }

  async #run<T>(
    stores: string[],
    mode: Mode,
    work: (tx: IDBTransaction) => Promise<T>,
    durability: 'strict' | 'relaxed' = 'relaxed',
  ): Promise<T> {
    let cause: unknown;
    for (let attempt = 0; attempt < 2 && !this.#closed; attempt++) {
      try {
        const db = await this.#open();
        const tx = db.transaction(stores, mode, { durability });
        const [value] = await Promise.all([work(tx), finished(tx)]);
        return value;
      } catch (error) {
        cause = error;
        this.#db = null;
        // Asking again does not make room.
        if (error instanceof DOMException && error.name === 'QuotaExceededError') break;
      }
    }
    throw cause ?? new Error('the storage is closed');
  }

  #open(): Promise<IDBDatabase> {
    this.#db ??= new Promise<IDBDatabase>((resolve, reject) => {
      if (!this.#factory) throw new Error('this browser has no IndexedDB');
      const opening = this.#factory.open(this.#name, 1);
      opening.onupgradeneeded = () => {
        opening.result.createObjectStore(OPERATIONS, { keyPath: 'seq', autoIncrement: true });
        opening.result.createObjectStore(ROWS);
      };
      opening.onerror = () => reject(opening.error);
      opening.onblocked = () => reject(new Error('another tab keeps an older version open'));
      opening.onsuccess = () => {
        const db = opening.result;
        db.onclose = () => {
          this.#db = null;
        };
        db.onversionchange = () => {
          db.close();
          this.#db = null;
        };
        resolve(db);
      };
    });
    return this.#db;
  }
}

function request<T>(asked: IDBRequest): Promise<T> {
  return new Promise((resolve, reject) => {
    asked.onsuccess = () => resolve(asked.result as T);
    asked.onerror = () => reject(asked.error);
  });
}

function finished(tx: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    tx.oncomplete = () => resolve();
    tx.onabort = () => reject(tx.error ?? new Error('the transaction was aborted'));
  });
}
