/*
 * drain.ts
 *   The changes on their way to the server.
 *
 * Operations of one item go one after the other, others side by side.  A lane
 * stops at an operation that waits for a person, until it is resolved, taken
 * back or put off (`deferred`).  What cannot be sent now waits: for the link,
 * for a new token, for the time the server named.  What was sent and not
 * answered is sent again with the same key, and the server answers as it did
 * the first time.
 *
 * One tab drains, under a lock it lets go of when there is nothing to do.
 */
import { backoffMs } from '../core/backoff.js';
import { Batcher, type BatchOptions } from '../core/batcher.js';
import type { Clock } from '../core/clock.js';
import type { Connection } from '../core/connection.js';
import { type InventoryError, isAboutToken } from '../core/errors.js';
import { fieldsOf, type JsonObject } from '../core/protocol.js';
import { Timer } from '../core/timer.js';
import { isPending, type StoredOperation } from './operation.js';
import { errorOfStored, type Outbox } from './outbox.js';
import type { Store } from './store.js';
import type { Locks } from './tabs.js';

export interface DrainWiring {
  readonly clock: Clock;
  readonly connection: Connection;
  readonly store: Store;
  readonly locks: Locks | null;
  readonly lockName: string;
  readonly batch: BatchOptions;
}

interface Options {
  readonly reviewAfterMs?: number;
  readonly maxInFlight?: number;
}

/** Another tab may have died while draining. */
const LOOK_AGAIN_MS = 5_000;
/** How long an acked operation is kept for the other tabs to learn of it. */
const KEEP_ACKED_MS = 300_000;

export class Drain {
  readonly batcher: Batcher;
  /** Changed by the adaptive policy. */
  maxInFlight: number;
  paused: false | 'auth' | 'user' = false;
  /** Ended one way or another since nothing waited. */
  done = 0;
  readonly counts = { sent: 0, acked: 0, conflicts: 0, failed: 0 };
  readonly #options: Options;
  readonly #w: DrainWiring;
  readonly #outbox: Outbox;
  readonly #onEnd: () => void;
  readonly #retryAt = new Map<string, number>();
  readonly #stops: (() => void)[];
  #running: Promise<void> | null = null;
  #end: (() => void) | null = null;
  readonly #timer: Timer;

  constructor(options: Options, wiring: DrainWiring, outbox: Outbox, onEnd: () => void) {
    const { clock, connection } = wiring;
    this.#options = options;
    this.#w = wiring;
    this.#outbox = outbox;
    this.#onEnd = onEnd;
    this.maxInFlight = options.maxInFlight ?? 8;
    this.#timer = new Timer(clock);
    this.batcher = new Batcher(clock, wiring.batch, (messages) => this.#sendBatch(messages));
    this.#stops = [
      connection.on('state', (state) => {
        if (state.name === 'connected') {
          this.#retryAt.clear();
          this.#onToken();
        } else {
          this.batcher.clear();
          this.stop();
        }
        onEnd();
      }),
      // The only ack nobody asked for is that of a new token.
      connection.on('frame', (frame) => frame.type === 'ack' && this.#onToken()),
    ];
  }

  /** Resolves when nothing can be sent any more. */
  async idle(): Promise<void> {
    while (this.#running) await this.#running;
  }

  /** Looks for what may be sent. */
  kick(): void {
    if (this.#outbox.closed || this.paused || !this.#w.connection.canWrite) return;
    if (this.#running) return this.#fill();
    if (!this.#outbox.hasWork) return;
    this.#timer.stop();
    this.#running = this.#lockAndRun().finally(() => {
      this.#running = null;
      this.#onEnd();
      if (this.#outbox.closed || !this.#outbox.hasWork) return;
      // Again when the next wait is over, or another tab may have died.
      const now = this.#w.clock.monotonic();
      const dues = [...this.#retryAt.values()].filter((at) => at > now);
      this.#timer.start(Math.min(now + LOOK_AGAIN_MS, ...dues) - now, () => this.kick());
    });
  }

  /** Lets go of the lock; what is on its way is answered all the same. */
  stop(): void {
    this.#end?.();
  }

  close(): void {
    this.stop();
    this.batcher.clear();
    for (const stop of this.#stops) stop();
    this.#timer.stop();
  }

  #onToken(): void {
    if (this.paused === 'auth') this.paused = false;
    this.kick();
  }

  /** A browser that refuses locks is as one without: keys keep two tabs from doing a thing twice. */
  async #lockAndRun(): Promise<void> {
    let isAlone = true;
    try {
      await this.#w.locks?.request(this.#w.lockName, { ifAvailable: true }, async (lock) => {
        isAlone = false;
        if (lock) await this.#run();
      });
    } catch (error) {
      if (!isAlone) throw error;
    }
    if (isAlone) await this.#run();
  }

  async #run(): Promise<void> {
    const outbox = this.#outbox;
    const now = this.#w.clock.now();
    await outbox.read();
    await outbox.prune(outbox.all().filter((op) => op.status === 'acked' && now - (op.settledAt ?? 0) > KEEP_ACKED_MS));
    // What a dead tab was sending the server may have.
    const orphans = outbox.list().filter((op) => op.status === 'sending' && !outbox.inFlight.has(op.key));
    if (orphans.length > 0)
      await outbox.update(...orphans.map((op) => ({ ...op, status: 'queued' as const, uncertain: true })));
    await new Promise<void>((resolve) => {
      this.#end = resolve;
      this.#fill();
    });
    this.#end = null;
  }

  /** Starts whatever may start now; without anything on its way then, the lock is let go. */
  #fill(): void {
    const { inFlight } = this.#outbox;
    if (!this.#end || this.paused || !this.#w.connection.canWrite) return this.#endIfIdle();
    const now = this.#w.clock.monotonic();
    const busy = new Set<string>();
    const start: StoredOperation[] = [];
    const review: StoredOperation[] = [];
    for (const op of this.#outbox.list()) {
      const free = !op.lanes.some((lane) => busy.has(lane));
      // Only what waits for a person is put off.
      if (!op.deferred) for (const lane of op.lanes) busy.add(lane);
      if (!free || op.status !== 'queued' || inFlight.has(op.key) || (this.#retryAt.get(op.key) ?? 0) > now) continue;
      if (this.#isOld(op)) {
        review.push({ ...op, error: { code: 'STALE_OPERATION', message: 'the change is old' } });
        continue;
      }
      if (inFlight.size >= this.maxInFlight) break;
      inFlight.add(op.key);
      start.push({ ...op, status: 'sending', attempts: op.attempts + 1 });
    }
    if (review.length > 0) void this.#giveUp('conflict', ...review);
    if (start.length > 0) void this.#start(start);
    this.#endIfIdle();
  }

  async #start(operations: readonly StoredOperation[]): Promise<void> {
    // Stored first: should this tab die now, the next one knows the server may have them.
    const kept = await this.#outbox.update(...operations);
    for (const op of operations) {
      if (kept.includes(op)) this.#send(op);
      else this.#outbox.inFlight.delete(op.key);
    }
    if (kept.length < operations.length) await this.#outbox.read();
    this.#fill();
  }

  #send(op: StoredOperation): void {
    this.counts.sent++;
    // One that went wrong before goes alone: should it be what the relay cannot read, it harms nobody.
    const send = op.attempts > 1 ? undefined : (message: JsonObject) => this.batcher.push(message);
    this.#w.connection
      .request({ ...op.message, key: op.key }, undefined, send)
      .then(
        ({ result, replayed }) => this.#settle(this.#landed(op), fieldsOf(result), replayed === true),
        (error: InventoryError) => this.#onRefused(this.#landed(op), error),
      )
      .then(() => this.#fill());
  }

  #sendBatch(messages: readonly JsonObject[]): void {
    const { connection } = this.#w;
    const [only] = messages;
    if (messages.length === 1 && only) return connection.send(only);
    // Answered entry by entry; only a refusal of the whole comes under its id.
    connection.request({ type: 'batch', messages }).catch((error: InventoryError) => {
      for (const entry of messages) connection.refuse(entry, error);
    });
  }

  /** It was answered: what is known of it by now. */
  #landed(sent: StoredOperation): StoredOperation {
    this.#outbox.inFlight.delete(sent.key);
    this.#retryAt.delete(sent.key);
    return this.#outbox.get(sent.key) ?? sent;
  }

  /** The server did it, as its ack or the event of the change says; the second of the two changes nothing. */
  async #settle(op: StoredOperation, result: JsonObject, replayed: boolean): Promise<void> {
    this.#w.store.onAck(op.key, result, replayed);
    if (op.status === 'acked') return;
    this.counts.acked++;
    this.done++;
    await this.#outbox.update({ ...op, status: 'acked', result, settledAt: this.#w.clock.now() });
  }

  /** An event says which operation caused it. Of one that changed several items the ack must tell. */
  onEcho(key: string, data: JsonObject): void {
    const op = this.#outbox.get(key);
    if (op?.effects.length === 1 && isPending(op)) {
      void this.#settle(op, { ...data, newQuantity: data.quantityAvailable ?? null }, false);
    }
  }

  async #onRefused(
    op: StoredOperation,
    { code, message, details, retryable, retryAfterMs }: InventoryError,
  ): Promise<void> {
    // Its event was faster.
    if (op.status === 'acked') return;
    const failed = { ...op, error: { code, message, details } };
    if (code === 'version_conflict' || code === 'insufficient_stock') {
      await this.#giveUp('conflict', failed);
    } else if (isAboutToken(code)) {
      this.paused = 'auth';
      this.#w.store.release();
      await this.#outbox.update({ ...failed, status: 'queued' });
    } else if (retryable) {
      if (code !== 'CONNECTION_ERROR') {
        const wait = retryAfterMs ?? backoffMs(this.#w.clock, op.attempts - 1);
        this.#retryAt.set(op.key, this.#w.clock.monotonic() + wait);
      }
      await this.#outbox.update({ ...failed, status: 'queued', uncertain: op.uncertain || UNKNOWN.includes(code) });
    } else {
      await this.#giveUp('failed', failed);
    }
  }

  /** From now on they wait for a person. */
  async #giveUp(status: 'conflict' | 'failed', ...operations: StoredOperation[]): Promise<void> {
    const left = operations.map((op) => ({ ...op, status, uncertain: false }));
    this.counts[status === 'conflict' ? 'conflicts' : status] += left.length;
    this.done += left.length;
    await this.#outbox.update(...left);
    for (const op of left) this.#outbox.reject(op, errorOfStored(op));
  }

  #isOld(op: StoredOperation): boolean {
    const age = this.#w.clock.now() - op.createdAt;
    return !op.reviewed && !op.uncertain && age > (this.#options.reviewAfterMs ?? 86_400_000);
  }

  #endIfIdle(): void {
    if (this.#outbox.inFlight.size === 0) this.stop();
  }
}

/** Did it happen? Nobody can say. */
const UNKNOWN: readonly string[] = ['CONNECTION_ERROR', 'timeout', 'unavailable'];
