/*
 * timer.ts
 *   One thing to do later, at most once at a time.
 */
import type { Clock, TimerHandle } from './clock.js';

/** Runs fn at the end of this turn of the loop, once however often it is asked to. */
export function oncePerTurn(fn: () => void): () => void {
  let scheduled = false;
  return () => {
    if (scheduled) return;
    scheduled = true;
    queueMicrotask(() => {
      scheduled = false;
      fn();
    });
  };
}

export class Timer {
  readonly #clock: Clock;
  #handle: TimerHandle | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get runs(): boolean {
    return this.#handle !== null;
  }

  /** Nothing if it runs already. */
  start(ms: number, fn: () => void): void {
    this.#handle ??= this.#clock.setTimeout(() => {
      this.#handle = null;
      fn();
    }, ms);
  }

  stop(): void {
    this.#clock.clearTimeout(this.#handle);
    this.#handle = null;
  }
}
