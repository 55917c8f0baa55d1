/*
 * requests.ts
 *   Questions that wait for their reply: any frame with their id.
 */
import type { Clock, TimerHandle } from './clock.js';
import { InventoryError } from './errors.js';
import type { Frame } from './protocol.js';

/** What a question came to. */
export type Reply = Frame | InventoryError;

interface Waiting {
  readonly onReply: (reply: Reply) => void;
  readonly timer: TimerHandle;
}

export class Requests {
  readonly #clock: Clock;
  readonly #waiting = new Map<string, Waiting>();
  #count = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** An id nobody had before. */
  id(): string {
    return `c${++this.#count}`;
  }

  /** A new id, whose reply goes to onReply. */
  expect(onReply: Waiting['onReply'], timeoutMs: number): string {
    const id = this.id();
    const timer = this.#clock.setTimeout(
      () => this.answer(id, new InventoryError('timeout', 'no reply', { retryable: true })),
      timeoutMs,
    );
    this.#waiting.set(id, { onReply, timer });
    return id;
  }

  /** False if nobody waits for it. */
  answer(id = '', reply: Reply): boolean {
    const waiting = this.#waiting.get(id);
    if (!waiting) return false;
    this.#waiting.delete(id);
    this.#clock.clearTimeout(waiting.timer);
    waiting.onReply(reply);
    return true;
  }

  /** Nobody will answer any more. */
  end(error: InventoryError): void {
    for (const id of [...this.#waiting.keys()]) this.answer(id, error);
  }
}
