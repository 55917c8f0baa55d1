/*
 * requests.ts
 *   Questions that wait for their reply: any frame with their id.
 */
import type { Clock } from './clock.js';
import { InventoryError } from './errors.js';
import type { Frame } from './protocol.js';

export class Requests {
  readonly #clock: Clock;
  /** By id, in the order they were asked. */
  readonly #waiting = new Map<string, (reply: Frame | InventoryError) => void>();
  #count = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Hands `send` an id nobody had before; what comes under it is the reply. Rejects with an InventoryError. */
  ask(timeoutMs: number, send: (id: string) => void): Promise<Frame> {
    const id = `c${++this.#count}`;
    return new Promise((resolve, reject) => {
      const timer = this.#clock.setTimeout(
        () => this.answer(id, new InventoryError('timeout', 'no reply', { retryable: true })),
        timeoutMs,
      );
      this.#waiting.set(id, (reply) => {
        this.#clock.clearTimeout(timer);
        if (reply instanceof InventoryError) reject(reply);
        else resolve(reply);
      });
      send(id);
    });
  }

  /** False if nobody waits for it. */
  answer(id: string | undefined, reply: Frame | InventoryError): boolean {
    const waiting = this.#waiting.get(id ?? '');
    this.#waiting.delete(id ?? '');
    waiting?.(reply);
    return waiting !== undefined;
  }

  /** The one that waits longest. */
  get oldest(): string | undefined {
    const [id] = this.#waiting.keys();
    return id;
  }

  /** Nobody will answer any more. */
  end(error: InventoryError): void {
    for (const id of this.#waiting.keys()) this.answer(id, error);
  }
}
