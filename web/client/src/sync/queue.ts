/*
 * queue.ts
 *   Changes from the moment somebody wants them until that person can see their end.
 *
 * A change is written to the device first, then shown, then sent.  Every one
 * ends acked, in conflict, failed or discarded; none is dropped.  Outbox keeps
 * them, Drain sends them; this file takes them in, and says how it stands.
 */
import { uuidv7 } from '../core/clock.js';
import { InventoryError } from '../core/errors.js';
import type { JsonObject } from '../core/protocol.js';
import { Drain, type DrainWiring } from './drain.js';
import { merged, without } from './merge.js';
import {
  effectsOf,
  flawOf,
  isUnsent,
  lanesOf,
  type NewOperation,
  type OperationStatus,
  type StoredOperation,
} from './operation.js';
import { type Ack, Outbox, type Parted, takenBack } from './outbox.js';
import type { StorageAdapter } from './storage.js';
import type { Tabs } from './tabs.js';

export interface QueueOptions {
  /** Default 5000. */
  maxOps?: number;
  /** Default 5000000. */
  maxBytes?: number;
  /** An operation older than this wants a look first. Default 86400000. */
  reviewAfterMs?: number;
  /** Default 8. */
  maxInFlight?: number;
  /** Without a link, puts a change into the one before it when it is more of the same. Default true. */
  merge?: boolean;
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

interface Wiring extends DrainWiring {
  readonly storage: StorageAdapter;
  readonly tabs: Tabs | null;
  /** Asked at each change: the status, and whether an operation now waits for a person. */
  readonly onChange: () => void;
}

interface EnqueueOptions {
  /** Comes in the place of an operation that waited for a person. */
  replaces?: StoredOperation;
  reviewed?: boolean;
}

export class Queue {
  readonly drain: Drain;
  readonly #options: QueueOptions;
  readonly #w: Wiring;
  readonly #outbox: Outbox;
  /** Changes are written one after the other: their order is the order they were made in. */
  #saves: Promise<unknown> = Promise.resolve();
  #saving = 0;
  #savingBytes = 0;
  #status: SyncStatus | null = null;

  /** Resolves when what the device kept is shown. */
  readonly ready: Promise<void>;

  constructor(options: QueueOptions, wiring: Wiring) {
    const onChange = () => this.#changed();
    this.#options = options;
    this.#w = wiring;
    this.#outbox = new Outbox({
      ...wiring,
      onChange,
      onTold: () => this.drain.kick(),
    });
    this.drain = new Drain(options, wiring, this.#outbox, onChange);
    this.ready = this.#outbox.read().then(() => this.drain.kick());
  }

  get status(): SyncStatus {
    this.#status ??= this.#computeStatus();
    return this.#status;
  }

  /** In order; what is acked is not in it. */
  list(): StoredOperation[] {
    return this.#outbox.list();
  }

  get(id: string): StoredOperation | undefined {
    return this.#outbox.get(id);
  }

  /** Takes a change. Never throws: what is wrong is the rejection of `result` and the status. */
  enqueue(change: JsonObject, options: EnqueueOptions = {}): Operation {
    const key = uuidv7(this.#w.clock);
    const outbox = this.#outbox;
    const result = new Promise<Ack>((resolve, reject) => outbox.hold(key, { resolve, reject }));
    const saved = this.#save(key, change, options);
    // What to say while the operation is not in the outbox.
    let last: OperationStatus = 'saving';
    const become = (status: OperationStatus) => () => {
      last = status;
    };
    saved.then(become('discarded'), (error: InventoryError) => {
      last = 'failed';
      outbox.reject({ key }, error);
      this.#w.connection.report(error);
    });
    // Somebody who only watches the status is not asked to catch.
    result.then(become('acked'), () => {});
    return {
      id: key,
      get status() {
        return outbox.get(key)?.status ?? last;
      },
      get durable() {
        const op = outbox.get(key);
        return op === undefined || outbox.isStored(op);
      },
      saved,
      result,
      cancel: async () => {
        await saved.catch(() => {});
        return this.#inTurn(() => {
          const op = this.get(key);
          return op && isUnsent(op) ? this.#takeBack(op, without(op, key), { key }) : false;
        });
      },
    };
  }

  /** Sends a failed operation again, with the key it had. */
  retry(id: string): Promise<boolean> {
    return this.#revise(id, ({ error: _error, ...op }) => ({
      ...op,
      status: 'queued',
      attempts: 0,
      deferred: false,
      reviewed: true,
    }));
  }

  /** Lets the rest of the lane pass. */
  defer(id: string): Promise<boolean> {
    return this.#revise(id, (op) => ({ ...op, deferred: true }));
  }

  /** Takes an operation back; one on its way is not taken back. */
  discard(id: string): Promise<boolean> {
    return this.#inTurn(() => {
      const op = this.get(id);
      return op ? this.#takeBack(op, null, op) : false;
    });
  }

  pause(): void {
    this.drain.paused = 'user';
    this.#changed();
  }

  resume(): void {
    this.drain.paused = false;
    this.drain.kick();
    this.#changed();
  }

  /** Sends what can be sent, and says what became of it. */
  async flush(): Promise<FlushResult> {
    const { drain } = this;
    const before = { ...drain.counts };
    await this.settled();
    drain.kick();
    await drain.idle();
    const since = { ...drain.counts };
    for (const name of Object.keys(before) as (keyof FlushResult)[]) since[name] -= before[name];
    return since;
  }

  /** All operations as JSON text, to be kept elsewhere. */
  export(): string {
    return JSON.stringify(this.list(), null, 2);
  }

  /** Resolves when what was taken until now is written. */
  async settled(): Promise<void> {
    await Promise.all([this.ready, this.#saves]);
  }

  close(): void {
    this.#outbox.close();
    this.drain.close();
  }

  /** The operation a change is; throws what is wrong with it. */
  #describe(key: string, change: JsonObject, { replaces, reviewed = false }: EnqueueOptions): NewOperation {
    if (this.#outbox.closed) throw new InventoryError('CLOSED', 'the client was closed');
    const flaw = flawOf(change);
    if (flaw !== null) throw new InventoryError('INVALID_ARGUMENT', flaw);
    const { size, bytes: held } = this.status;
    const createdAt = this.#w.clock.now();
    // As it will be sent: what the caller does to its object afterwards is nothing to us.
    const text = JSON.stringify({ occurredAt: new Date(createdAt).toISOString(), ...change });
    const message = JSON.parse(text) as JsonObject;
    const bytes = text.length + 200;
    if (!replaces && this.#usage(size + this.#saving + 1, held + this.#savingBytes + bytes) > 1)
      throw new InventoryError('QUEUE_FULL', `${size} changes wait already`, { retryable: true });
    const effects = effectsOf(message);
    const [first] = effects;
    return {
      key,
      message,
      effects,
      lanes: lanesOf(message, effects),
      status: 'queued',
      createdAt,
      attempts: 0,
      uncertain: false,
      deferred: false,
      reviewed,
      base: first ? this.#w.store.get(first.key).value : null,
      bytes,
    };
  }

  async #save(key: string, change: JsonObject, options: EnqueueOptions): Promise<void> {
    const operation = this.#describe(key, change, options);
    // A round is over when nothing waits; its progress stays to be read until the next begins.
    if (this.#saving === 0 && !this.#outbox.hasWork) this.drain.done = 0;
    if (!this.#w.connection.canWrite) this.#outbox.persist();
    this.#saving++;
    this.#savingBytes += operation.bytes;
    this.#changed();
    try {
      await this.#inTurn(() => this.#write(operation, options.replaces));
    } finally {
      this.#saving--;
      this.#savingBytes -= operation.bytes;
      this.#changed();
    }
    this.drain.kick();
  }

  async #write(operation: NewOperation, replaces: StoredOperation | undefined): Promise<void> {
    const outbox = this.#outbox;
    if (replaces) {
      if (await outbox.swap(replaces, operation)) return;
      throw new InventoryError('DISCARDED', 'somebody else decided meanwhile');
    }
    const last = this.#lastOf(operation);
    const both = last && merged(last, operation);
    if (!both || !(await outbox.swap(last, both))) await outbox.add(operation);
  }

  /** The one before it in its lane, if this tab made it and nobody will send it soon. */
  #lastOf({ lanes }: NewOperation): StoredOperation | undefined {
    if (this.#options.merge === false || this.#w.connection.canWrite) return undefined;
    const last = this.list().findLast((op) => op.lanes.includes(lanes[0] ?? ''));
    return last && isUnsent(last) && this.#outbox.isOwn(last) ? last : undefined;
  }

  /** One thing after the other: what is merged into, or taken back, is not what it was a moment before. */
  #inTurn<T>(work: () => T | Promise<T>): Promise<T> {
    const done = this.#saves.then(work);
    this.#saves = done.catch(() => {});
    return done;
  }

  /** The whole of an operation, or the part of it that leaves a rest. */
  async #takeBack(op: StoredOperation, rest: NewOperation | null, part: Parted): Promise<boolean> {
    if (op.status === 'sending' || op.status === 'acked' || !(await this.#outbox.swap(op, rest))) return false;
    this.#outbox.reject(part, takenBack());
    this.drain.kick();
    return true;
  }

  async #revise(id: string, change: (op: StoredOperation) => StoredOperation): Promise<boolean> {
    const op = this.get(id);
    if (op?.status !== 'failed' && op?.status !== 'conflict') return false;
    await this.#outbox.update(change(op));
    this.drain.kick();
    return true;
  }

  #changed(): void {
    this.#status = null;
    this.#w.onChange();
  }

  /** Of the quota, as a share. */
  #usage(ops: number, bytes: number): number {
    const { maxOps = 5_000, maxBytes = 5e6 } = this.#options;
    return Math.max(ops / maxOps, bytes / maxBytes);
  }

  #computeStatus(): SyncStatus {
    const { paused, done } = this.drain;
    const counts = { queued: 0, sending: 0, conflict: 0, failed: 0 };
    let bytes = 0;
    let oldestAt: number | null = null;
    for (const op of this.#outbox.open()) {
      counts[op.status as keyof typeof counts]++;
      bytes += op.bytes;
      oldestAt ??= op.createdAt;
    }
    const { sending, conflict: conflicts, failed } = counts;
    const unsent = counts.queued + sending;
    const size = unsent + conflicts + failed;
    const usage = this.#usage(size, bytes);
    return {
      state: paused
        ? 'paused'
        : this.#saving > 0
          ? 'saving'
          : unsent > 0
            ? this.#w.connection.canWrite
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
      durable: this.#outbox.durable,
      paused,
      oldestAt,
      progress: { done, total: done + unsent },
    };
  }
}
