/*
 * page.ts
 *   What the page tells about itself: seen or hidden, awake again, online.
 *
 * None of it is kept: a flag remembered from before a freeze is wrong after
 * it, so visibility is read at the moment of each decision.
 */

export type PageSignal = 'visible' | 'hidden' | 'focus' | 'online' | 'offline' | 'restored' | 'resume' | 'leave';

export interface Page {
  visible(): boolean;
  online(): boolean;
  /** Calls fn at each signal; returns how to stop. */
  listen(fn: (signal: PageSignal) => void): () => void;
}

/** The page this script runs in; outside of one (Node, a worker) it is always visible and online. */
export function browserPage(): Page {
  const doc = typeof document === 'undefined' ? undefined : document;
  const win = typeof window === 'undefined' ? undefined : window;
  return {
    visible: () => doc?.visibilityState !== 'hidden',
    online: () => (typeof navigator === 'undefined' ? true : navigator.onLine !== false),
    listen(fn) {
      if (!doc || !win) return () => {};
      const stop = new AbortController();
      const on = (target: EventTarget, name: string, tell: (event: Event) => PageSignal | null) =>
        target.addEventListener(
          name,
          (event) => {
            const signal = tell(event);
            if (signal) fn(signal);
          },
          { signal: stop.signal },
        );
      on(doc, 'visibilitychange', () => (doc.visibilityState === 'hidden' ? 'hidden' : 'visible'));
      on(doc, 'resume', () => 'resume');
      on(doc, 'freeze', () => 'leave');
      on(win, 'focus', () => 'focus');
      on(win, 'online', () => 'online');
      on(win, 'offline', () => 'offline');
      on(win, 'pagehide', () => 'leave');
      on(win, 'pageshow', (event) => ((event as PageTransitionEvent).persisted ? 'restored' : null));
      return () => stop.abort();
    },
  };
}
