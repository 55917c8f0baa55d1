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

export interface Tabs {
  post(message: TabMessage): void;
  listen(fn: (message: TabMessage) => void): () => void;
  close(): void;
}

/** Something changed in the storage. */
export interface TabMessage {
  readonly type: 'changed';
}

export function browserLocks(): Locks | null {
  return (globalThis.navigator?.locks as unknown as Locks | undefined) ?? null;
}

export function browserTabs(name: string): Tabs | null {
  if (!globalThis.BroadcastChannel) return null;
  const link = new BroadcastChannel(name);
  return {
    post: (message) => link.postMessage(message),
    listen(fn) {
      const stop = new AbortController();
      link.addEventListener('message', ({ data }) => fn(data as TabMessage), stop);
      return () => stop.abort();
    },
    close: () => link.close(),
  };
}
