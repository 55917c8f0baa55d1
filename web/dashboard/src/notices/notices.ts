/*
 * notices.ts
 *   What is said once, for a while, at the edge of the screen.
 *
 * A notice has a tone and may have one thing to do.  Many at once would cover
 * the page: more than three fold into one that leads to the list of alerts.
 */
import { createStore } from '../base/store';

export type Tone = 'good' | 'warning' | 'error' | 'plain';

export interface Notice {
  readonly id: string;
  readonly tone: Tone;
  readonly title: string;
  readonly text?: string;
  readonly action?: { readonly word: string; readonly run: () => void };
  readonly forMs: number;
  /** Alerts of the stock fold together; answers to what one did do not. */
  readonly isAlert: boolean;
}

export const notices = createStore<readonly Notice[]>([]);

export interface NewNotice {
  tone: Tone;
  title: string;
  text?: string;
  action?: { word: string; run: () => void };
  forMs?: number;
  isAlert?: boolean;
  /** Replaces the one with the same id. */
  id?: string;
}

const DEFAULT_MS = 6_000;
const MOST = 20;
let made = 0;

export function notify({ id = `n${++made}`, forMs = DEFAULT_MS, isAlert = false, ...rest }: NewNotice): string {
  const notice: Notice = { id, forMs, isAlert, ...rest };
  notices.set((now) => {
    const next = [...now.filter((other) => other.id !== id), notice];
    // Alerts come by themselves, and are in a list; an Undo is nowhere else.
    return next.length > MOST ? without(next, next.find((one) => one.isAlert) ?? next[0]) : next;
  });
  return id;
}

function without(list: readonly Notice[], one: Notice | undefined): Notice[] {
  return list.filter((other) => other !== one);
}

/** It came true, while it is still on screen: what was to come is no more. */
export function fulfil(id: string): void {
  notices.set((now) =>
    now.map((notice) => {
      if (notice.id !== id) return notice;
      const { text: _text, ...rest } = notice;
      return { ...rest, tone: 'good' };
    }),
  );
}

export function dismiss(id: string): void {
  notices.set((now) => (now.some((notice) => notice.id === id) ? now.filter((notice) => notice.id !== id) : now));
}

export function dismissAll(): void {
  notices.set([]);
}

export function dismissAlerts(): void {
  notices.set((now) => now.filter((notice) => !notice.isAlert));
}
