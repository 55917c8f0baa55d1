/*
 * clock.ts
 *   A clock that stands still until a test moves it.
 *
 * advance() runs timers in the order they are due and lets promises settle
 * between two of them, so code under test sees time as it would in life.
 * Chance is a seeded generator: the same seed, the same run.
 */
import type { Clock, TimerHandle } from '../core/clock.js';

interface Timer {
  readonly id: number;
  readonly at: number;
  readonly fn: () => void;
}

// Taken at load, so that fake timers of a test framework do not stop settle().
const schedule: (fn: () => void) => void =
  'setImmediate' in globalThis
    ? (globalThis as unknown as { setImmediate: (fn: () => void) => void }).setImmediate
    : (fn) => globalThis.setTimeout(fn, 0);

/** Lets every promise that can settle do so. */
export function settle(): Promise<void> {
  return new Promise((resolve) => schedule(resolve));
}

export class VirtualClock implements Clock {
  #timers: Timer[] = [];
  #ids = 0;
  #elapsed = 0;
  #wallOffset: number;
  #seed: number;

  constructor(options: { start?: number; seed?: number } = {}) {
    this.#wallOffset = options.start ?? 1_800_000_000_000;
    this.#seed = options.seed ?? 1;
  }

  now(): number {
    return this.#wallOffset + this.#elapsed;
  }

  monotonic(): number {
    return this.#elapsed;
  }

  /** mulberry32: small, and good enough to spread waits. */
  random(): number {
    this.#seed = (this.#seed + 0x6d2b79f5) | 0;
    let t = this.#seed;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  }

  setTimeout(fn: () => void, ms: number): TimerHandle {
    const timer = { id: ++this.#ids, at: this.#elapsed + Math.max(0, ms), fn };
    this.#timers.push(timer);
    return timer;
  }

  clearTimeout(handle: TimerHandle): void {
    this.#timers = this.#timers.filter((timer) => timer !== handle);
  }

  get pendingTimers(): number {
    return this.#timers.length;
  }

  /** The machine's clock is set; no time passes. */
  jump(ms: number): void {
    this.#wallOffset += ms;
  }

  /** The machine sleeps: time passes, no timer runs until it wakes, then all that are due do. */
  async sleep(ms: number): Promise<void> {
    this.#elapsed += ms;
    await this.advance(0);
  }

  /** Lets ms pass. */
  async advance(ms: number): Promise<void> {
    const end = this.#elapsed + ms;
    await settle();
    for (;;) {
      const next = this.#due(end);
      if (!next) break;
      this.#timers = this.#timers.filter((timer) => timer !== next);
      this.#elapsed = Math.max(this.#elapsed, next.at);
      next.fn();
      await settle();
    }
    this.#elapsed = end;
  }

  /** Lets time pass until the condition holds; throws after limitMs. */
  async until(condition: () => boolean, limitMs = 600_000): Promise<void> {
    const end = this.#elapsed + limitMs;
    await settle();
    while (!condition()) {
      const next = this.#due(end);
      if (!next) throw new Error(`the condition did not come true within ${limitMs} ms`);
      this.#timers = this.#timers.filter((timer) => timer !== next);
      this.#elapsed = Math.max(this.#elapsed, next.at);
      next.fn();
      await settle();
    }
  }

  #due(end: number): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.at <= end && (!first || timer.at < first.at || (timer.at === first.at && timer.id < first.id)))
        first = timer;
    }
    return first;
  }
}
