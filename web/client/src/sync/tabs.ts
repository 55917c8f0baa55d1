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
  const manager = typeof navigator === 'undefined' ? undefined : navigator.locks;
  return manager ? (manager as unknown as Locks) : null;
}

export function browserTabs(name: string): Tabs | null {
  if (typeof BroadcastChannel === 'undefined') return null;
  const link = new BroadcastChannel(name);
  return {
    post: (message) => link.postMessage(message),
    listen(fn) {
      const listener = (event: MessageEvent) => {
        if ((event.data as { type?: unknown } | null)?.type === 'changed') fn({ type: 'changed' });
      };
      link.addEventListener('message', listener);
      return () => link.removeEventListener('message', listener);
    },
    close: () => link.close(),
  };
}
