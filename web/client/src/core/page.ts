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
  /** Calls fn with the length of each task that kept the page busy, where that can be known. */
  watchTasks?(fn: (ms: number) => void): () => void;
}

/** The page this script runs in; outside of one (Node, a worker) it is always visible and online. */
export function browserPage(): Page {
  const doc: Document | undefined = globalThis.document;
  return {
    visible: () => doc?.visibilityState !== 'hidden',
    online: () => globalThis.navigator?.onLine !== false,
    listen(fn) {
      if (!doc) return () => {};
      const stop = new AbortController();
      const on = (target: EventTarget, name: string, read: (event: Event) => PageSignal | false) =>
        target.addEventListener(
          name,
          (event) => {
            const signal = read(event);
            if (signal) fn(signal);
          },
          stop,
        );
      on(doc, 'visibilitychange', () => doc.visibilityState);
      on(doc, 'resume', () => 'resume');
      on(doc, 'freeze', () => 'leave');
      for (const name of ['focus', 'online', 'offline'] as const) on(window, name, () => name);
      on(window, 'pagehide', () => 'leave');
      on(window, 'pageshow', (event) => (event as PageTransitionEvent).persisted && 'restored');
      return () => stop.abort();
    },
    watchTasks(fn) {
      const observer = new PerformanceObserver((list) => {
        for (const { duration } of list.getEntries()) fn(duration);
      });
      // A browser that knows no long tasks ignores this.
      observer.observe({ type: 'longtask' });
      return () => observer.disconnect();
    },
  };
}
