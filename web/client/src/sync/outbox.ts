/*
 * outbox.ts
 *   The changes kept on this device, and this tab's copy of them.
 *
 * What is written here is written to the storage, shown, and told to the other
 * tabs; their word makes this tab read again.  Without a storage that takes
 * them changes live in memory, and the status says so.
 *
 * A change may be merged into the next one of its kind while nobody has begun
 * to send it.  It keeps its own promise and can still be taken back: the two
 * are parts of one.
 */
import type { Connection } from '../core/connection.js';
import { InventoryError, reasonOf } from '../core/errors.js';
import type { JsonObject } from '../core/protocol.js';
import { isPending, isUnsent, type NewOperation, type StoredOperation } from './operation.js';
import type { StorageAdapter } from './storage.js';
import type { Store } from './store.js';
import type { Tabs } from './tabs.js';

export interface Ack {
  readonly id: string;
  /** As the SQL function returned it; null if another tab sent it and it is no longer kept. */
  readonly result: JsonObject | null;
}

/** An operation, or a part of one. */
export type Parted = Pick<StoredOperation, 'key' | 'parts'>;

export interface Handle {
  resolve: (ack: Ack) => void;
  reject: (error: InventoryError) => void;
}

interface Wiring {
  readonly storage: StorageAdapter;
  readonly store: Store;
  readonly tabs: Tabs | null;
  readonly connection: Pick<Connection, 'report'>;
  readonly onChange: () => void;
  /** Another tab changed something. */
  readonly onTold: () => void;
}

/** Numbers of operations that no storage knows start here; a database does not count so far. */
const MEMORY_SEQ = 2 ** 50;

export class Outbox {
  readonly #w: Wiring;
  readonly #mirror = new Map<string, StoredOperation>();
  readonly #handles = new Map<string, Handle>();
  /** What this tab is sending it knows better than the storage. */
  readonly inFlight = new Set<string>();
  durable: boolean;
  #memorySeq = MEMORY_SEQ;
  #reading: Promise<void> | null = null;
  #asked = false;
  closed = false;

  constructor(wiring: Wiring) {
    this.#w = wiring;
    this.durable = wiring.storage.durable;
    wiring.tabs?.listen(() => void this.read().then(wiring.onTold));
  }

  /** In order; what is acked is not in it. */
  list(): StoredOperation[] {
    return this.open().sort((a, b) => a.seq - b.seq);
  }

  all(): StoredOperation[] {
    return [...this.#mirror.values()];
  }

  open(): StoredOperation[] {
    return this.all().filter((op) => op.status !== 'acked');
  }

  /** Some operation waits for the server. */
  get hasWork(): boolean {
    return this.open().some(isPending);
  }

  /** By the id of the operation or of a part of it. */
  get(id: string): StoredOperation | undefined {
    return this.#mirror.get(id) ?? this.all().find((op) => op.parts?.some(({ key }) => key === id));
  }

  /** Kept by the storage, not by memory alone. */
  isStored(op: StoredOperation): boolean {
    return op.seq < MEMORY_SEQ;
  }

  /** Whether this tab made it and its promise is open. */
  isOwn(op: StoredOperation): boolean {
    return this.#handles.has(op.key);
  }

  hold(key: string, handle: Handle): void {
    this.#handles.set(key, handle);
  }

  /** The browser is asked, once, not to throw the storage away: there is something in it now that is nowhere else. */
  persist(): void {
    if (!this.#asked) this.#w.storage.persist?.();
    this.#asked = true;
  }

  async add(operation: NewOperation): Promise<void> {
    let seq = 0;
    await this.#store(async (storage) => {
      seq = await storage.add(operation);
      this.durable = storage.durable;
    });
    // What the storage refuses, memory keeps.
    this.#adopt({ seq: seq || ++this.#memorySeq, ...operation });
  }

  /** One leaves and another, if any, takes its place. False if the one is on its way, or somebody changed it. */
  async swap(old: StoredOperation, operation: NewOperation | null): Promise<boolean> {
    const may = (now: StoredOperation | undefined) =>
      now?.key === old.key &&
      now.status === old.status &&
      (isUnsent(now) || !isUnsent(old)) &&
      !this.inFlight.has(old.key);
    let done = may(this.#mirror.get(old.key));
    if (done && this.isStored(old))
      await this.#store(async (storage) => {
        done = await storage.swap(old.seq, may, operation);
      });
    if (!done) return false;
    this.#drop(old.key);
    if (operation) this.#adopt({ seq: old.seq, ...operation });
    else this.#changed();
    return true;
  }

  /** Writes what became of them; those that somebody took back meanwhile are left out of what it resolves with. */
  async update(...operations: StoredOperation[]): Promise<StoredOperation[]> {
    // What a closed client had on its way is the next one's, which may be at it already.
    if (this.closed) return [];
    for (const op of operations) {
      this.#mirror.set(op.key, op);
      if (op.status === 'acked') this.#settle(op);
      else this.#w.store.show(op);
    }
    this.#w.onChange();
    let gone: number[] = [];
    await this.#store(async (storage) => {
      gone = await storage.put(operations.filter((op) => this.isStored(op)));
    });
    this.#changed();
    return operations.filter((op) => !gone.includes(op.seq));
  }

  /** Forgets acked ones. */
  async prune(old: readonly StoredOperation[]): Promise<void> {
    for (const op of old) this.#mirror.delete(op.key);
    if (old.length > 0) await this.#store((storage) => storage.remove(old.map((op) => op.seq)));
  }

  reject(op: Parted, error: InventoryError): void {
    this.#end(op, (handle) => handle.reject(error));
  }

  /** Reads the storage again; calls that come meanwhile share one more reading. */
  read(): Promise<void> {
    this.#reading ??= this.#store(() => this.#readAll()).finally(() => {
      this.#reading = null;
    });
    return this.#reading;
  }

  close(): void {
    this.closed = true;
    for (const key of this.#handles.keys()) this.reject({ key }, new InventoryError('CLOSED', 'the client was closed'));
    this.#w.storage.close();
    this.#w.tabs?.close();
  }

  async #readAll(): Promise<void> {
    await Promise.resolve();
    const found = new Set<string>();
    const known = this.all();
    const stored = await this.#w.storage.operations();
    if (this.closed) return;
    for (const op of stored) {
      found.add(op.key);
      this.#meet(op);
    }
    for (const { key } of known) {
      const op = this.#mirror.get(key);
      if (!op || found.has(key) || !this.isStored(op) || this.inFlight.has(key)) continue;
      this.#drop(key);
      if (op.status === 'acked') this.#settle(op);
      else this.reject(op, takenBack());
    }
    this.#w.onChange();
  }

  /** An operation as the storage has it. */
  #meet(op: StoredOperation): void {
    if (this.inFlight.has(op.key) || this.#mirror.get(op.key)?.status === 'acked') return;
    this.#mirror.set(op.key, op);
    if (op.status === 'acked') {
      this.#w.store.onAck(op.key, op.result ?? {}, false);
      this.#settle(op);
      return;
    }
    this.#w.store.show(op);
    if (op.status === 'conflict' || op.status === 'failed') this.reject(op, errorOfStored(op));
  }

  #adopt(op: StoredOperation): void {
    // The storage may have been read in between, on another tab's word.
    if (!this.#mirror.has(op.key)) {
      this.#mirror.set(op.key, op);
      this.#w.store.show(op);
    }
    this.#changed();
  }

  #drop(key: string): void {
    this.#mirror.delete(key);
    this.#w.store.drop(key);
  }

  #settle(op: StoredOperation): void {
    this.#end(op, (handle, id) => handle.resolve({ id, result: op.result ?? null }));
  }

  #end(op: Parted, how: (handle: Handle, id: string) => void): void {
    for (const id of keysOf(op)) {
      const handle = this.#handles.get(id);
      if (handle) how(handle, id);
      this.#handles.delete(id);
    }
  }

  #changed(): void {
    this.#w.onChange();
    if (!this.closed) this.#w.tabs?.post();
  }

  /** A storage that refuses is said once, until it takes something again. */
  async #store(work: (storage: StorageAdapter) => Promise<void>): Promise<void> {
    try {
      await work(this.#w.storage);
    } catch (cause) {
      if (this.closed) return;
      const first = this.durable;
      this.durable = false;
      if (first) {
        const text = `not saved on this device: ${reasonOf(cause)}`;
        this.#w.connection.report(new InventoryError('STORAGE_UNAVAILABLE', text, { cause, retryable: true }));
      }
      this.#w.onChange();
    }
  }
}

export function takenBack(): InventoryError {
  return new InventoryError('DISCARDED', 'the change was taken back');
}

/** What the promise of a change that waits for a person was told. */
export function errorOfStored({ status, error }: StoredOperation): InventoryError {
  const { code = 'CONFLICT', message = status, details } = error ?? {};
  return new InventoryError(status === 'conflict' ? 'CONFLICT' : code, message, { details });
}

function keysOf(op: Parted): string[] {
  return op.parts?.map((part) => part.key) ?? [op.key];
}
