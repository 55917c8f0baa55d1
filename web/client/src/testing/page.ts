/*
 * page.ts
 *   A page whose visibility and network a test decides.
 */
import type { Page, PageSignal } from '../core/page.js';

export class VirtualPage implements Page {
  #listeners = new Set<(signal: PageSignal) => void>();
  #taskListeners = new Set<(ms: number) => void>();
  #visible = true;
  #online = true;

  visible(): boolean {
    return this.#visible;
  }

  online(): boolean {
    return this.#online;
  }

  listen(fn: (signal: PageSignal) => void): () => void {
    this.#listeners.add(fn);
    return () => this.#listeners.delete(fn);
  }

  watchTasks(fn: (ms: number) => void): () => void {
    this.#taskListeners.add(fn);
    return () => this.#taskListeners.delete(fn);
  }

  /** Something kept the page busy this long. */
  beBusy(ms: number): void {
    for (const fn of [...this.#taskListeners]) fn(ms);
  }

  signal(signal: PageSignal): void {
    for (const fn of [...this.#listeners]) fn(signal);
  }

  hide(): void {
    this.#visible = false;
    this.signal('hidden');
  }

  show(): void {
    this.#visible = true;
    this.signal('visible');
  }

  /** Becomes visible without an event, as after some freezes. */
  showSilently(): void {
    this.#visible = true;
  }

  goOffline(): void {
    this.#online = false;
    this.signal('offline');
  }

  goOnline(): void {
    this.#online = true;
    this.signal('online');
  }
}
