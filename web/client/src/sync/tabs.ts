/*
 * tabs.ts
 *   The other tabs of this browser: one of them drains, all of them hear.
 *
 * The lock is held only while draining and let go when the page is frozen or
 * put away, so a sleeping tab never starves the others.  Without locks every
 * tab drains: the server applies a key once, so that is wasteful, not wrong.
 */

export interface Locks {
  request(name: string, options: { ifAvailable: true }, fn: (lock: unknown) => Promise<void>): Promise<void>;
}

/** What there is to say is only that something changed in the storage. */
export interface Tabs {
  post(): void;
  /** Until close() fn is called at each word of another tab. */
  listen(fn: () => void): void;
  close(): void;
}

export function browserLocks(): Locks | null {
  return (globalThis.navigator?.locks as unknown as Locks | undefined) ?? null;
}

export function browserTabs(name: string): Tabs | null {
  if (!globalThis.BroadcastChannel) return null;
  const link = new BroadcastChannel(name);
  return {
    post: () => link.postMessage(null),
    listen(fn) {
      link.onmessage = fn;
    },
    close: () => link.close(),
  };
}
