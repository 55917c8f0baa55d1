/*
 * tabs.ts
 *   Locks and messages between clients that play tabs of one browser.
 */
import type { Clock } from '../core/clock.js';
import type { Locks, Tabs } from '../sync/tabs.js';

export class VirtualLocks implements Locks {
  readonly #held = new Set<string>();
  /** How often a lock was asked for and not had. */
  refusals = 0;

  async request(name: string, _options: { ifAvailable: true }, fn: (lock: unknown) => Promise<void>): Promise<void> {
    if (this.#held.has(name)) {
      this.refusals++;
      return fn(null);
    }
    this.#held.add(name);
    try {
      await fn({ name });
    } finally {
      this.#held.delete(name);
    }
  }

  /** A tab died holding it; the browser lets go for it. */
  release(): void {
    this.#held.clear();
  }
}

export class VirtualTabs {
  readonly #clock: Clock;
  readonly #listeners = new Map<object, () => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** One tab's end. */
  open(): Tabs {
    const id = {};
    return {
      post: () => {
        for (const [other, fn] of this.#listeners) if (other !== id) this.#clock.setTimeout(fn, 1);
      },
      listen: (fn) => {
        this.#listeners.set(id, fn);
      },
      close: () => this.#listeners.delete(id),
    };
  }
}
