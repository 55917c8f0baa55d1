/*
 * link.ts
 *   One attempt at a connection: its socket, and the timers that end with it.
 *
 * A link that has ended is deaf and does nothing more.  A late close of its
 * socket or a timer of its time cannot touch the link that came after, and
 * whoever waited for something meanwhile can ask whether it is still alive.
 */
import type { Clock, TimerHandle } from './clock.js';

/** What of a WebSocket this uses: the browser's, `ws`'s, or the testing kit's. */
export interface SocketLike {
  readonly readyState: number;
  readonly protocol: string;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  send(data: string): void;
  close(code?: number, reason?: string): void;
}
export type SocketConstructor = new (url: string, protocols?: string[]) => SocketLike;

const OPEN = 1;

export class Link {
  alive = true;
  readonly #clock: Clock;
  readonly #timers = new Set<TimerHandle>();
  socket: SocketLike | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Something is still to come by itself. */
  get waits(): boolean {
    return this.#timers.size > 0;
  }

  attach(
    socket: SocketLike,
    onOpen: () => void,
    onMessage: (data: unknown) => void,
    onClose: (code: number, reason: string) => void,
  ): void {
    this.socket = socket;
    socket.onopen = onOpen;
    socket.onmessage = (event: { data?: unknown }) => onMessage(event.data);
    socket.onclose = (event: { code?: number; reason?: string }) => onClose(event.code ?? 1006, event.reason ?? '');
    // The close that follows says everything there is to know.
    socket.onerror = () => {};
  }

  /** False if there is nobody to send it to. */
  send(text: string): boolean {
    if (this.socket?.readyState !== OPEN) return false;
    this.socket.send(text);
    return true;
  }

  later(ms: number, fn: () => void): void {
    const handle = this.#clock.setTimeout(() => {
      this.#timers.delete(handle);
      fn();
    }, ms);
    this.#timers.add(handle);
  }

  clearTimers(): void {
    for (const handle of this.#timers) this.#clock.clearTimeout(handle);
    this.#timers.clear();
  }

  end(): void {
    this.alive = false;
    this.clearTimers();
    const { socket } = this;
    this.socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }
}
