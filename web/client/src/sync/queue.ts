/*
 * queue.ts
 *   Changes on their way to the server, kept until a person can see their end.
 *
 * A change is written to the device first, then shown, then sent.  Every one
 * ends acked, in conflict, failed or discarded; none is dropped.  What cannot
 * be sent now waits: for the link, for a new token, for the time the server
 * named.  What was sent and not answered is sent again with the same key, and
 * the server answers as it did the first time.
 *
 * Operations of one item go one after the other, others side by side.  A lane
 * stops at an operation that waits for a person, until it is resolved, taken
 * back or put off (`deferred`).
 *
 * Only the tab that drains changes what is stored of an operation on its way.
 * The mirror is this tab's copy of the storage; it is read again whenever
 * another tab says so.
 */
import { backoffMs } from '../core/backoff.js';
import type { BatchOptions } from '../core/batcher.js';
import { Batcher } from '../core/batcher.js';
import { type Clock, type TimerHandle, uuidv7 } from '../core/clock.js';
import type { Connection } from '../core/connection.js';
import { InventoryError, reasonOf } from '../core/errors.js';
import { compact, type Frame, isObject, type JsonObject } from '../core/protocol.js';
import { effectsOf, flawOf, lanesOf, type OperationStatus, type StoredOperation } from './operation.js';
import type { NewOperation, StorageAdapter } from './storage.js';
import type { Store } from './store.js';
import type { Locks, Tabs } from './tabs.js';

export interface QueueOptions {
  /** Default 5000. */
  maxOps?: number;
  /** Default 5000000. */
  maxBytes?: number;
  /** An operation older than this wants a look first. Default 86400000. */
  reviewAfterMs?: number;
  /** Default 8. */
  maxInFlight?: number;
}

export interface Ack {
  readonly id: string;
  /** As the SQL function returned it; null if another tab sent it and it is no longer kept. */
  readonly result: JsonObject | null;
}

export interface Operation {
  readonly id: string;
  readonly status: OperationStatus;
  /** False: lives in this tab's memory only. */
  readonly durable: boolean;
  /** Resolves when the change is kept on this device and shown. */
  readonly saved: Promise<void>;
  /** Resolves when the server did it; rejects with an InventoryError when it will not (yet). Never flips. */
  readonly result: Promise<Ack>;
  /** Takes the change back, if it was never sent. */
  cancel(): Promise<boolean>;
}

export interface FlushResult {
  readonly sent: number;
  readonly acked: number;
  readonly conflicts: number;
  readonly failed: number;
}

export interface SyncStatus {
  /** waiting: for the link. paused: for a token or for resume(). review: a person is needed. */
  readonly state: 'synced' | 'saving' | 'syncing' | 'waiting' | 'paused' | 'review';
  /** Neither acked nor discarded. */
  readonly size: number;
  readonly sending: number;
  readonly conflicts: number;
  readonly failed: number;
  readonly bytes: number;
  /** Share of the quota in use, 0 to 1. */
  readonly usage: number;
  readonly nearlyFull: boolean;
  /** False: changes live in memory only, and go with the tab. */
  readonly durable: boolean;
  readonly paused: false | 'auth' | 'user';
  readonly oldestAt: number | null;
  /** Of this round: "4 of 12". */
  readonly progress: { readonly done: number; readonly total: number };
}

interface Handle {
  resolve: (ack: Ack) => void;
  reject: (error: InventoryError) => void;
}

interface Wiring {
  clock: Clock;
  storage: StorageAdapter;
  connection: Connection;
  store: Store;
  locks: Locks | null;
  tabs: Tabs | null;
  lockName: string;
  batch: BatchOptions;
  /** Asked at each change: the status, and whether an operation now waits for a person. */
  onChange: () => void;
}

/** Numbers of operations that no storage knows start here; a database does not count so far. */
const MEMORY_SEQ = 2 ** 50;
const PAGE = 200;
/** Another tab may have died while draining. */
const LOOK_AGAIN_MS = 5_000;
/** How long an acked operation is kept for the other tabs to learn of it. */
const KEEP_ACKED_MS = 300_000;
/** With more than this waiting in the socket, a slow link gets no more. */
const BUFFER_LIMIT = 65_536;

export class Queue {
  readonly batcher: Batcher;
  /** Changed by the adaptive policy. */
  maxInFlight: number;
  readonly #options: QueueOptions;
  readonly #w: Wiring;
  readonly #mirror = new Map<string, StoredOperation>();
  readonly #handles = new Map<string, Handle>();
  readonly #inFlight = new Set<string>();
  readonly #retryAt = new Map<string, number>();
  readonly #stops: (() => void)[] = [];
  #saving = 0;
  #savingBytes = 0;
  #memorySeq = MEMORY_SEQ;
  #durable: boolean;
  #paused: false | 'auth' | 'user' = false;
  #loaded: Promise<void>;
  #draining: Promise<void> | null = null;
  #endDrain: (() => void) | null = null;
  #reading: Promise<void> | null = null;
  #timer: TimerHandle | null = null;
  #done = 0;
  #counts = { sent: 0, acked: 0, conflicts: 0, failed: 0 };
  #closed = false;
  #status: SyncStatus | null = null;

  constructor(options: QueueOptions, wiring: Wiring) {
    this.#options = options;
    this.#w = wiring;
    this.#durable = wiring.storage.durable;
    this.maxInFlight = options.maxInFlight ?? 8;
    this.batcher = new Batcher(wiring.clock, wiring.batch, (messages) => this.#sendBatch(messages));
    const { connection, tabs } = wiring;
    this.#stops.push(
      connection.on('state', (state) => {
        if (state.name === 'connected') {
          if (this.#paused === 'auth') this.#paused = false;
          this.#retryAt.clear();
          this.#kick();
        } else {
          this.batcher.clear();
          this.#endDrain?.();
        }
        this.#changed();
      }),
      connection.on('frame', (frame) => {
        // The only ack nobody asked for is that of a new token.
        if (frame.type !== 'ack' || this.#paused !== 'auth') return;
        this.#paused = false;
        this.#kick();
      }),
    );
    if (tabs) {
      this.#stops.push(
        tabs.listen(() => {
          void this.#read().then(() => this.#kick());
        }),
      );
    }
    this.#loaded = this.#read();
    void this.#loaded.then(() => this.#kick());
  }

  /** Resolves when what the device kept is shown. */
  get ready(): Promise<void> {
    return this.#loaded;
  }

  get status(): SyncStatus {
    this.#status ??= this.#computeStatus();
    return this.#status;
  }

  /** In order; what is acked is not in it. */
  list(): StoredOperation[] {
    return [...this.#mirror.values()].filter((op) => op.status !== 'acked').sort((a, b) => a.seq - b.seq);
  }

  get(id: string): StoredOperation | undefined {
    return this.#mirror.get(id);
  }

  /** Takes a change. Never throws: what is wrong is the rejection of `result` and the status. */
  enqueue(change: JsonObject, options: { replaces?: StoredOperation; reviewed?: boolean } = {}): Operation {
    const key = uuidv7(this.#w.clock);
    // What to say once the operation is not in the mirror, or not yet.
    let last: OperationStatus = 'saving';
    let handle: Handle | undefined;
    const result = new Promise<Ack>((resolve, reject) => {
      handle = { resolve, reject };
    });
    const mirror = this.#mirror;
    const operation = this.#describe(key, change, options);
    const saved =
      operation instanceof InventoryError
        ? Promise.reject(operation)
        : this.#save(operation, handle as Handle, options.replaces);
    if (operation instanceof InventoryError) {
      last = 'failed';
      handle?.reject(operation);
      this.#w.connection.report(operation);
    }
    // Somebody who only watches the status is not asked to catch.
    saved.then(
      () => {
        last = 'discarded';
      },
      () => {},
    );
    result.then(
      () => {
        last = 'acked';
      },
      () => {},
    );
    return {
      id: key,
      get status() {
        return mirror.get(key)?.status ?? last;
      },
      get durable() {
        return (mirror.get(key)?.seq ?? 0) < MEMORY_SEQ;
      },
      saved,
      result,
      cancel: async () => {
        await saved.catch(() => {});
        return this.discard(key, true);
      },
    };
  }

  /** Sends a failed operation again, with the key it had. */
  async retry(id: string): Promise<boolean> {
    const op = this.#mirror.get(id);
    if (op?.status !== 'failed' && op?.status !== 'conflict') return false;
    const { error: _error, ...rest } = op;
    await this.#update({ ...rest, status: 'queued', attempts: 0, deferred: false, reviewed: true });
    this.#kick();
    return true;
  }

  /** Takes an operation back; one on its way is not taken back, nor (unsentOnly) one that may have arrived. */
  async discard(id: string, unsentOnly = false): Promise<boolean> {
    const op = this.#mirror.get(id);
    if (
      !op ||
      op.status === 'sending' ||
      op.status === 'acked' ||
      (unsentOnly && (op.uncertain || op.status !== 'queued'))
    ) {
      return false;
    }
    await this.#remove(op);
    this.#reject(id, new InventoryError('DISCARDED', 'the change was taken back'));
    this.#kick();
    return true;
  }

  /** Lets the rest of the lane pass. */
  async defer(id: string): Promise<boolean> {
    const op = this.#mirror.get(id);
    if (op?.status !== 'conflict' && op?.status !== 'failed') return false;
    await this.#update({ ...op, deferred: true });
    this.#kick();
    return true;
  }

  pause(): void {
    this.#paused = 'user';
    this.#changed();
  }

  resume(): void {
    this.#paused = false;
    this.#kick();
    this.#changed();
  }

  /** Sends what can be sent, and says what became of it. */
  async flush(): Promise<FlushResult> {
    const before = { ...this.#counts };
    await this.#loaded;
    this.#kick();
    while (this.#draining) await this.#draining;
    const now = this.#counts;
    return {
      sent: now.sent - before.sent,
      acked: now.acked - before.acked,
      conflicts: now.conflicts - before.conflicts,
      failed: now.failed - before.failed,
    };
  }

  /** All operations as JSON text, to be kept elsewhere. */
  export(): string {
    return JSON.stringify(this.list(), null, 2);
  }

  /** The page goes away: what waits for a window is sent, and the lock is let go. */
  leave(): void {
    this.batcher.flush();
    this.#endDrain?.();
  }

  close(): void {
    this.#closed = true;
    this.#endDrain?.();
    this.batcher.clear();
    for (const stop of this.#stops) stop();
    this.#w.clock.clearTimeout(this.#timer);
    for (const [id] of this.#handles) this.#reject(id, new InventoryError('CLOSED', 'the client was closed'));
    this.#w.storage.close();
    this.#w.tabs?.close();
  }

  // Taking

  #describe(
    key: string,
    change: JsonObject,
    options: { replaces?: StoredOperation; reviewed?: boolean },
  ): NewOperation | InventoryError {
    if (this.#closed) return new InventoryError('CLOSED', 'the client was closed');
    const flaw = flawOf(change);
    if (flaw !== null) return new InventoryError('INVALID_ARGUMENT', flaw);
    const now = this.#w.clock.now();
    const message = compact({ occurredAt: new Date(now).toISOString(), ...change });
    const bytes = JSON.stringify(message).length + 200;
    const { maxOps = 5_000, maxBytes = 5e6 } = this.#options;
    const { size, bytes: held } = this.status;
    if (!options.replaces && (size + this.#saving >= maxOps || held + this.#savingBytes + bytes > maxBytes)) {
      return new InventoryError('QUEUE_FULL', `${size} changes wait already`, {
        retryable: true,
      });
    }
    const effects = effectsOf(message);
    const first = effects[0];
    return {
      key,
      message,
      effects,
      lanes: lanesOf(message, effects),
      status: 'queued',
      createdAt: now,
      attempts: 0,
      uncertain: false,
      deferred: false,
      reviewed: options.reviewed ?? false,
      base: first ? this.#w.store.get(first.key).value : null,
      bytes,
    };
  }

  async #save(operation: NewOperation, handle: Handle, replaces: StoredOperation | undefined): Promise<void> {
    const { storage, store } = this.#w;
    // A round is over when nothing waits; its progress stays to be read until the next begins.
    if (this.#saving === 0 && !this.#someWait()) this.#done = 0;
    this.#saving++;
    this.#savingBytes += operation.bytes;
    this.#handles.set(operation.key, handle);
    this.#changed();
    let seq: number;
    try {
      seq = await (replaces ? storage.replace(replaces.seq, operation) : storage.add(operation));
      this.#durable = storage.durable;
    } catch (error) {
      seq = ++this.#memorySeq;
      this.#onStorageError(error);
    }
    this.#saving--;
    this.#savingBytes -= operation.bytes;
    const op = { ...operation, seq };
    if (replaces) {
      this.#mirror.delete(replaces.key);
      store.drop(replaces.key);
    }
    // The storage may have been read in between, on another tab's word.
    if (!this.#mirror.has(op.key)) {
      this.#mirror.set(op.key, op);
      store.show(op);
    }
    this.#tell();
    this.#changed();
    this.#kick();
  }

  // Sending

  #kick(): void {
    if (this.#closed || this.#paused || !this.#w.connection.canWrite) return;
    if (this.#draining) {
      this.#fill();
      return;
    }
    if (!this.#someWait()) return;
    this.#draining = this.#lockAndDrain()
      .catch((error: unknown) => this.#onStorageError(error))
      .finally(() => {
        this.#draining = null;
        this.#changed();
        this.#schedule();
      });
  }

  #someWait(): boolean {
    for (const op of this.#mirror.values()) if (op.status === 'queued' || op.status === 'sending') return true;
    return false;
  }

  async #lockAndDrain(): Promise<void> {
    const { locks, lockName } = this.#w;
    if (!locks) return this.#drain();
    await locks.request(lockName, { ifAvailable: true }, async (lock) => {
      if (lock) await this.#drain();
    });
  }

  async #drain(): Promise<void> {
    await this.#read();
    await this.#prune();
    await this.#requeue();
    await new Promise<void>((resolve) => {
      this.#endDrain = resolve;
      this.#fill();
      this.#endIfIdle();
    });
    this.#endDrain = null;
  }

  /** Operations a dead tab was sending: the server may have them. */
  async #requeue(): Promise<void> {
    const orphans = this.list().filter((op) => op.status === 'sending' && !this.#inFlight.has(op.key));
    if (orphans.length > 0)
      await this.#update(...orphans.map((op) => ({ ...op, status: 'queued' as const, uncertain: true })));
  }

  async #prune(): Promise<void> {
    const now = this.#w.clock.now();
    const old = [...this.#mirror.values()].filter(
      (op) => op.status === 'acked' && now - (op.settledAt ?? 0) > KEEP_ACKED_MS,
    );
    for (const op of old) this.#mirror.delete(op.key);
    if (old.length > 0) await this.#w.storage.remove(old.map((op) => op.seq));
  }

  /** Starts whatever may start now. */
  #fill(): void {
    if (!this.#endDrain || this.#paused || !this.#w.connection.canWrite) return;
    const now = this.#w.clock.monotonic();
    const busy = new Set<string>();
    const start: StoredOperation[] = [];
    const review: StoredOperation[] = [];
    for (const op of this.list()) {
      const free = !op.lanes.some((lane) => busy.has(lane));
      const passes = (op.status === 'conflict' || op.status === 'failed') && op.deferred;
      if (!passes) for (const lane of op.lanes) busy.add(lane);
      if (!free || op.status !== 'queued' || this.#inFlight.has(op.key)) continue;
      if ((this.#retryAt.get(op.key) ?? 0) > now) continue;
      if (this.#isOld(op)) {
        review.push(op);
        continue;
      }
      if (this.#inFlight.size >= this.maxInFlight || this.#w.connection.bufferedAmount > BUFFER_LIMIT) break;
      this.#inFlight.add(op.key);
      start.push(op);
    }
    if (review.length > 0) void this.#askForReview(review);
    if (start.length > 0) void this.#start(start);
  }

  async #start(operations: readonly StoredOperation[]): Promise<void> {
    const sending = operations.map((op) => ({ ...op, status: 'sending' as const, attempts: op.attempts + 1 }));
    // Stored first: should this tab die now, the next one knows the server may have them.
    await this.#update(...sending);
    if (this.#closed) return;
    for (const op of sending) this.#send(op);
    this.#endIfIdle();
  }

  #send(op: StoredOperation): void {
    this.#counts.sent++;
    const id = this.#w.connection.expect(
      (frame) => void this.#onAck(op, frame),
      (error) => void this.#onError(op, error),
    );
    this.batcher.push({ ...op.message, id, key: op.key });
  }

  #sendBatch(messages: readonly JsonObject[]): void {
    const { connection } = this.#w;
    const [only] = messages;
    if (messages.length === 1 && only) {
      connection.sendExpected(only);
      return;
    }
    const ids = messages.map((message) => String(message.id));
    // Answered entry by entry; only a refusal of the whole comes under this id.
    const id = connection.expect(
      () => {},
      (error) => {
        for (const entry of ids) connection.refuse(entry, error);
      },
    );
    connection.sendExpected({ type: 'batch', id, messages });
  }

  async #onAck(sent: StoredOperation, frame: Frame): Promise<void> {
    const result = isObject(frame.result) ? frame.result : {};
    this.#inFlight.delete(sent.key);
    this.#retryAt.delete(sent.key);
    await this.#settle(sent, result, frame.replayed === true);
    this.#fill();
    this.#endIfIdle();
  }

  /** The server did it, as its ack or the event of the change says; the second of the two changes nothing. */
  async #settle(sent: StoredOperation, result: JsonObject, replayed: boolean): Promise<void> {
    const op = this.#mirror.get(sent.key) ?? sent;
    this.#w.store.onAck(op.key, result, replayed);
    if (op.status === 'acked') return;
    this.#counts.acked++;
    this.#done++;
    await this.#update({ ...op, status: 'acked', result, settledAt: this.#w.clock.now() });
  }

  /** An event says which operation caused it. Of one that changed several items the ack must tell. */
  onEcho(key: string, data: JsonObject): void {
    const op = this.#mirror.get(key);
    if (op?.effects.length === 1 && (op.status === 'queued' || op.status === 'sending')) {
      void this.#settle(op, { ...data, newQuantity: data.quantityAvailable ?? null }, false);
    }
  }

  async #onError(sent: StoredOperation, error: InventoryError): Promise<void> {
    this.#inFlight.delete(sent.key);
    const op = this.#mirror.get(sent.key) ?? sent;
    if (op.status === 'acked') {
      this.#fill();
      this.#endIfIdle();
      return;
    }
    const stored = compact({ code: error.code, message: error.message, details: error.details });
    switch (error.code) {
      case 'version_conflict':
      case 'insufficient_stock':
        this.#counts.conflicts++;
        this.#done++;
        await this.#update({ ...op, status: 'conflict', uncertain: false, error: stored });
        this.#reject(op.key, new InventoryError('CONFLICT', error.message, { details: error.details, cause: error }));
        break;
      case 'unauthorized':
      case 'token_expired':
        this.#paused = 'auth';
        this.#w.store.release();
        await this.#update({ ...op, status: 'queued', error: stored });
        break;
      default:
        if (!isTransient(error)) {
          this.#counts.failed++;
          this.#done++;
          await this.#update({ ...op, status: 'failed', uncertain: false, error: stored });
          this.#reject(op.key, error);
          break;
        }
        if (error.code !== 'CONNECTION_ERROR') {
          const wait = error.retryAfterMs ?? backoffMs(this.#w.clock, op.attempts - 1);
          this.#retryAt.set(op.key, this.#w.clock.monotonic() + wait);
        }
        await this.#update({ ...op, status: 'queued', uncertain: op.uncertain || isUnknown(error), error: stored });
    }
    this.#fill();
    this.#endIfIdle();
  }

  #isOld(op: StoredOperation): boolean {
    const age = this.#w.clock.now() - op.createdAt;
    return !op.reviewed && !op.uncertain && age > (this.#options.reviewAfterMs ?? 86_400_000);
  }

  async #askForReview(operations: readonly StoredOperation[]): Promise<void> {
    const error = { code: 'STALE_OPERATION' as const, message: 'the change is old' };
    this.#counts.conflicts += operations.length;
    await this.#update(...operations.map((op) => ({ ...op, status: 'conflict' as const, error })));
    for (const op of operations)
      this.#reject(op.key, new InventoryError('CONFLICT', error.message, { details: error }));
    this.#endIfIdle();
  }

  /** Nothing on its way and nothing that may start: the lock is let go. */
  #endIfIdle(): void {
    if (!this.#endDrain || this.#inFlight.size > 0) return;
    this.#endDrain();
  }

  /** Looks again when the next wait is over, or another tab may have died. */
  #schedule(): void {
    this.#w.clock.clearTimeout(this.#timer);
    this.#timer = null;
    const waiting = this.list().filter((op) => op.status === 'queued' || op.status === 'sending');
    if (this.#closed || waiting.length === 0) return;
    const now = this.#w.clock.monotonic();
    const due = Math.min(...waiting.map((op) => (this.#retryAt.get(op.key) ?? now + LOOK_AGAIN_MS) - now));
    this.#timer = this.#w.clock.setTimeout(
      () => {
        this.#timer = null;
        this.#kick();
        if (!this.#draining) this.#schedule();
      },
      Math.max(due, 10),
    );
  }

  // Storage

  /** Reads the storage again; calls that come meanwhile share one more reading. */
  #read(): Promise<void> {
    this.#reading ??= this.#readAll()
      .catch((error: unknown) => this.#onStorageError(error))
      .finally(() => {
        this.#reading = null;
      });
    return this.#reading;
  }

  async #readAll(): Promise<void> {
    await Promise.resolve();
    const found = new Set<string>();
    const known = new Set(this.#mirror.keys());
    for (let after = 0; ; ) {
      const page = await this.#w.storage.page(after, PAGE);
      if (this.#closed) return;
      for (const op of page) {
        found.add(op.key);
        this.#meet(op);
        after = op.seq;
      }
      if (page.length < PAGE) break;
    }
    for (const key of known) {
      const op = this.#mirror.get(key);
      if (!op || found.has(key) || op.seq >= MEMORY_SEQ || this.#inFlight.has(key)) continue;
      this.#mirror.delete(key);
      this.#w.store.drop(key);
      if (op.status === 'acked') this.#resolve(op);
      else this.#reject(key, new InventoryError('DISCARDED', 'the change was taken back'));
    }
    this.#changed();
  }

  /** An operation as the storage has it. What this tab is sending, it knows better. */
  #meet(op: StoredOperation): void {
    if (this.#inFlight.has(op.key) || this.#mirror.get(op.key)?.status === 'acked') return;
    this.#mirror.set(op.key, op);
    if (op.status === 'acked') {
      this.#w.store.onAck(op.key, op.result ?? {}, false);
      this.#resolve(op);
      return;
    }
    this.#w.store.show(op);
    if (op.status === 'conflict' || op.status === 'failed') {
      const error = op.error ?? { code: 'CONFLICT' as const, message: op.status };
      this.#reject(
        op.key,
        new InventoryError(op.status === 'conflict' ? 'CONFLICT' : error.code, error.message, {
          details: error.details,
        }),
      );
    }
  }

  async #update(...operations: StoredOperation[]): Promise<void> {
    // What a closed client had on its way is the next one's, which may be at it already.
    if (this.#closed) return;
    for (const op of operations) {
      this.#mirror.set(op.key, op);
      if (op.status === 'acked') this.#resolve(op);
      else this.#w.store.show(op);
    }
    this.#changed();
    try {
      await this.#w.storage.put(operations.filter((op) => op.seq < MEMORY_SEQ));
    } catch (error) {
      this.#onStorageError(error);
    }
    this.#tell();
  }

  async #remove(op: StoredOperation): Promise<void> {
    this.#mirror.delete(op.key);
    this.#w.store.drop(op.key);
    this.#changed();
    try {
      if (op.seq < MEMORY_SEQ) await this.#w.storage.remove([op.seq]);
    } catch (error) {
      this.#onStorageError(error);
    }
    this.#tell();
  }

  #onStorageError(error: unknown): void {
    if (this.#closed) return;
    const first = this.#durable;
    this.#durable = false;
    if (first) {
      const text = `not saved on this device: ${reasonOf(error)}`;
      this.#w.connection.report(new InventoryError('STORAGE_UNAVAILABLE', text, { cause: error, retryable: true }));
    }
    this.#changed();
  }

  #tell(): void {
    if (!this.#closed) this.#w.tabs?.post({ type: 'changed' });
  }

  #resolve(op: StoredOperation): void {
    const handle = this.#handles.get(op.key);
    this.#handles.delete(op.key);
    handle?.resolve({ id: op.key, result: op.result ?? null });
  }

  #reject(id: string, error: InventoryError): void {
    const handle = this.#handles.get(id);
    this.#handles.delete(id);
    handle?.reject(error);
  }

  #changed(): void {
    this.#status = null;
    this.#w.onChange();
  }

  #computeStatus(): SyncStatus {
    const counts = { saving: 0, queued: 0, sending: 0, acked: 0, conflict: 0, failed: 0, discarded: 0 };
    let bytes = 0;
    let oldestAt: number | null = null;
    for (const op of this.#mirror.values()) {
      counts[op.status]++;
      if (op.status === 'acked') continue;
      bytes += op.bytes;
      oldestAt = Math.min(oldestAt ?? op.createdAt, op.createdAt);
    }
    const { queued, sending, conflict: conflicts, failed } = counts;
    const size = queued + sending + conflicts + failed;
    const usage = Math.max(size / (this.#options.maxOps ?? 5_000), bytes / (this.#options.maxBytes ?? 5e6));
    const { canWrite } = this.#w.connection;
    return {
      state: this.#paused
        ? 'paused'
        : this.#saving > 0
          ? 'saving'
          : queued + sending > 0
            ? canWrite
              ? 'syncing'
              : 'waiting'
            : conflicts + failed > 0
              ? 'review'
              : 'synced',
      size,
      sending,
      conflicts,
      failed,
      bytes,
      usage,
      nearlyFull: usage >= 0.8,
      durable: this.#durable,
      paused: this.#paused,
      oldestAt,
      progress: { done: this.#done, total: this.#done + queued + sending },
    };
  }
}

function isTransient(error: InventoryError): boolean {
  return error.retryable || ['conflict', 'rate_limited', 'overloaded', 'unavailable', 'timeout'].includes(error.code);
}

/** Did it happen? Nobody can say. */
function isUnknown(error: InventoryError): boolean {
  return ['CONNECTION_ERROR', 'timeout', 'unavailable'].includes(error.code);
}
