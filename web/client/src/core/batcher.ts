/*
 * batcher.ts
 *   Puts messages that come close together into one frame.
 *
 * The first one after a pause goes at once, with all that were said in the
 * same turn of the loop; those after it wait for the window.  No message
 * waits longer than maxWaitMs.
 */
import type { Clock } from './clock.js';
import { byteSize, type JsonObject } from './protocol.js';
import { oncePerTurn, Timer } from './timer.js';

export interface BatchOptions {
  /** Default 100. */
  windowMs?: number;
  /** Default 500. */
  maxWaitMs?: number;
  /** Default 50. */
  maxMessages?: number;
  /** Default 15360: below the relay's limit of a message, with room for the envelope. */
  maxBytes?: number;
}

export class Batcher {
  readonly #clock: Clock;
  readonly #options: BatchOptions;
  readonly #send: (messages: readonly JsonObject[]) => void;
  /** Changed by the adaptive policy. */
  windowMs: number;
  #waiting: JsonObject[] = [];
  readonly #timer: Timer;
  readonly #flushSoon = oncePerTurn(() => {
    // What came after a flush in the same turn waits for the window.
    if (!this.#timer.runs) this.flush();
  });
  #lastFlush = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, options: BatchOptions, send: (messages: readonly JsonObject[]) => void) {
    this.#clock = clock;
    this.#timer = new Timer(clock);
    this.#options = options;
    this.#send = send;
    this.windowMs = options.windowMs ?? 100;
  }

  push(message: JsonObject): void {
    const { maxMessages = 50, maxBytes = 15_360, maxWaitMs = 500 } = this.#options;
    const all = [...this.#waiting, message];
    if (all.length > maxMessages || byteSize(JSON.stringify(all)) > maxBytes) this.flush();
    this.#waiting.push(message);
    const window = Math.min(this.windowMs, maxWaitMs);
    const wait = this.#lastFlush + window - this.#clock.monotonic();
    if (wait > 0) this.#timer.start(wait, () => this.flush());
    else this.#flushSoon();
  }

  /** Sends what waits now: timers of a page that goes away may never run. */
  flush(): void {
    const messages = this.#waiting;
    this.clear();
    if (messages.length === 0) return;
    this.#lastFlush = this.#clock.monotonic();
    this.#send(messages);
  }

  /** Drops what waits: the connection it was meant for is gone. */
  clear(): void {
    this.#waiting = [];
    this.#timer.stop();
  }
}
