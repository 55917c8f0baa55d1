/*
 * emitter.ts
 *   A typed set of listeners.
 *
 * A listener that throws is reported through onThrow and never disturbs the
 * one that emitted, nor the listeners after it.
 */

export interface ListenOptions {
  /** Removes the listener when aborted. */
  signal?: AbortSignal;
}

/** What of an emitter one needs who only says things. */
export interface Listener<Events extends object> {
  emit<K extends keyof Events>(name: K, value: Events[K]): void;
}

export class Emitter<Events extends object> {
  readonly #listeners = new Map<keyof Events, Set<(value: never) => void>>();
  readonly #onThrow: (error: unknown) => void;
  /** A listener for a name in it is called at once, with what is so now. */
  readonly present: { [K in keyof Events]?: () => Events[K] } = {};

  constructor(onThrow: (error: unknown) => void) {
    this.#onThrow = onThrow;
  }

  on<K extends keyof Events>(name: K, fn: (value: Events[K]) => void, options?: ListenOptions): () => void {
    const set = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, set);
    // A wrapper, so that one function registered twice is two listeners.
    const entry = (value: Events[K]) => fn(value);
    const off = () => void set.delete(entry);
    if (!options?.signal?.aborted) {
      set.add(entry);
      options?.signal?.addEventListener('abort', off);
      const present = this.present[name];
      if (present) this.call(() => fn(present()));
    }
    return off;
  }

  emit<K extends keyof Events>(name: K, value: Events[K]): void {
    for (const fn of [...(this.#listeners.get(name) ?? [])]) this.call(() => fn(value as never));
  }

  /** Calls fn; what it throws is reported. */
  call(fn: () => void): void {
    try {
      fn();
    } catch (error) {
      this.#onThrow(error);
    }
  }

  clear(): void {
    this.#listeners.clear();
  }
}
