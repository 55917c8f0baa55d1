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
import type { NewOperation, StoredOperation } from './operation.js';

export interface StorageAdapter {
  /** Survives the tab. */
  readonly durable: boolean;
  /** Resolves with the number that orders it, once it is safe. */
  add(operation: NewOperation): Promise<number>;
  /** Overwrites; an operation removed meanwhile stays removed. Resolves with the numbers of those. */
  put(operations: readonly StoredOperation[]): Promise<number[]>;
  /** In one step: if the one that is there may go, it goes, and another (or none) takes its place. */
  swap(
    seq: number,
    may: (stored: StoredOperation | undefined) => boolean,
    operation: NewOperation | null,
  ): Promise<boolean>;
  remove(seqs: readonly number[]): Promise<void>;
  /** All, in order. */
  operations(): Promise<StoredOperation[]>;
  rows(): Promise<Row[]>;
  /** By their keys; null: gone. */
  saveRows(rows: readonly (readonly [key: string, row: Row | null])[]): Promise<void>;
  /** What is kept shall not be thrown away when the device needs room. */
  persist?(): void;
  close(): void;
}

const OPERATIONS = 'operations';
const ROWS = 'rows';

type Mode = 'readonly' | 'readwrite';

export class IndexedDbStorage implements StorageAdapter {
  readonly durable: boolean;
  /** Without one, or when closed, every call rejects. */
  #factory: IDBFactory | null | undefined;
  readonly #name: string;
  #db: Promise<IDBDatabase> | null = null;

  /** Without a factory (null) the queue keeps to memory. */
  constructor(name: string, factory: IDBFactory | null | undefined = globalThis.indexedDB) {
    this.durable = factory !== null;
    this.#name = name;
    this.#factory = factory;
  }

  add(operation: NewOperation): Promise<number> {
    return this.#run(OPERATIONS, 'readwrite', (store) => request(store.add({ ...operation })), 'strict');
  }

  put(operations: readonly StoredOperation[]): Promise<number[]> {
    return this.#run(OPERATIONS, 'readwrite', async (store) => {
      const gone: number[] = [];
      const writing = operations.map(async (operation) => {
        if ((await request(store.getKey(operation.seq))) === undefined) gone.push(operation.seq);
        else store.put({ ...operation });
      });
      await Promise.all(writing);
      return gone;
    });
  }

  swap(
    seq: number,
    may: (stored: StoredOperation | undefined) => boolean,
    operation: NewOperation | null,
  ): Promise<boolean> {
    return this.#run(
      OPERATIONS,
      'readwrite',
      async (store) => {
        if (!may(await request(store.get(seq)))) return false;
        if (operation) store.put({ ...operation, seq });
        else store.delete(seq);
        return true;
      },
      'strict',
    );
  }

  remove(seqs: readonly number[]): Promise<void> {
    return this.#run(OPERATIONS, 'readwrite', async (store) => {
      for (const seq of seqs) store.delete(seq);
    });
  }

  operations(): Promise<StoredOperation[]> {
    return this.#run(OPERATIONS, 'readonly', (store) => request(store.getAll()));
  }

  rows(): Promise<Row[]> {
    return this.#run(ROWS, 'readonly', (store) => request(store.getAll()));
  }

  saveRows(rows: readonly (readonly [key: string, row: Row | null])[]): Promise<void> {
    return this.#run(ROWS, 'readwrite', async (store) => {
      for (const [key, row] of rows) {
        if (row) store.put(row, key);
        else store.delete(key);
      }
    });
  }

  persist(): void {
    if (this.#factory) void globalThis.navigator?.storage?.persist?.().catch(() => {});
  }

  close(): void {
    this.#factory = null;
    this.#db?.then((db) => db.close()).catch(() => {});
    this.#db = null;
  }

  async #run<T>(
    name: string,
    mode: Mode,
    work: (store: IDBObjectStore) => Promise<T>,
    durability: 'strict' | 'relaxed' = 'relaxed',
    last = false,
  ): Promise<T> {
    try {
      this.#db ??= this.#open();
      const tx = (await this.#db).transaction(name, mode, { durability });
      const [value] = await Promise.all([work(tx.objectStore(name)), finished(tx)]);
      return value;
    } catch (error) {
      this.#db = null;
      if (last) throw error;
      return this.#run(name, mode, work, durability, true);
    }
  }

  async #open(): Promise<IDBDatabase> {
    if (!this.#factory) throw new Error('there is no IndexedDB');
    const opening = this.#factory.open(this.#name, 1);
    opening.onupgradeneeded = () => {
      opening.result.createObjectStore(OPERATIONS, { keyPath: 'seq', autoIncrement: true });
      opening.result.createObjectStore(ROWS);
    };
    const db = await request<IDBDatabase>(opening);
    db.onclose = db.onversionchange = () => {
      db.close();
      this.#db = null;
    };
    return db;
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
    tx.onabort = () => reject(tx.error);
  });
}
