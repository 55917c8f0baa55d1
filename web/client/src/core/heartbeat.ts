/*
 * heartbeat.ts
 *   Whether the other side lives, and how far away it is.
 *
 * readyState and navigator.onLine prove nothing.  Any frame is a sign of
 * life; without one for a while we ask, and without an answer the link is
 * dead.  Asking happens while the page is visible: timers of hidden pages run
 * late, and the relay's own WebSocket pings, which browsers answer without
 * timers, keep a hidden page's link alive.
 */
import type { Clock } from './clock.js';
import type { Listener } from './emitter.js';
import type { InventoryError } from './errors.js';
import type { Link } from './link.js';
import type { Page } from './page.js';

export interface RoundTrip {
  readonly ms: number;
  /** False: measured while hidden, after sleep or on a busy page. */
  readonly trusted: boolean;
}

export interface HeartbeatOptions {
  intervalMs?: number;
  timeoutMs?: number;
}

export interface HeartbeatEvents {
  roundTrip: RoundTrip;
  /** Frames come, the pong does not. */
  missedPong: undefined;
}

/** A wake-up's question must be answered by then. */
const PROBE_TIMEOUT_MS = 2_000;
/** A question about a timer that ran this late proves nothing. */
const LATE_TIMER_MS = 1_000;
/** A timer later than this ran on a busy page: what is measured then is the page. */
const BUSY_MS = 100;

export class Heartbeat {
  readonly #options: HeartbeatOptions;
  readonly #clock: Clock;
  readonly #page: Page;
  readonly #out: Listener<HeartbeatEvents>;
  readonly #ask: (timeoutMs: number) => Promise<unknown>;
  readonly #onDead: () => void;
  #link: Link | null = null;
  #lastInbound = 0;

  /** ask: rejects if there is no answer in time. */
  constructor(
    options: HeartbeatOptions = {},
    clock: Clock,
    page: Page,
    out: Listener<HeartbeatEvents>,
    ask: (timeoutMs: number) => Promise<unknown>,
    onDead: () => void,
  ) {
    this.#options = options;
    this.#clock = clock;
    this.#page = page;
    this.#out = out;
    this.#ask = ask;
    this.#onDead = onDead;
  }

  /** Beats for as long as the link lives. */
  begin(link: Link): void {
    this.#link = link;
    this.#schedule();
  }

  /** Asks for a sign of life now. */
  probe(): void {
    this.#ping(PROBE_TIMEOUT_MS, false);
  }

  onInbound(): void {
    this.#lastInbound = this.#clock.monotonic();
  }

  #schedule(): void {
    const clock = this.#clock;
    const { intervalMs: interval = 15_000, timeoutMs = 5_000 } = this.#options;
    const due = clock.monotonic() + interval;
    const dueByTheWall = clock.now() + interval;
    this.#link?.later(interval, () => {
      // A machine that slept stops one clock or the other, or both.
      const late = Math.max(clock.monotonic() - due, clock.now() - dueByTheWall);
      this.#schedule();
      if (late > interval) this.probe();
      else if (this.#page.visible()) this.#ping(timeoutMs, late < BUSY_MS);
    });
  }

  #ping(timeoutMs: number, trusted: boolean): void {
    const sentAt = this.#clock.monotonic();
    const elapsed = () => this.#clock.monotonic() - sentAt;
    this.#ask(timeoutMs).then(
      () => this.#out.emit('roundTrip', { ms: elapsed(), trusted: trusted && this.#page.visible() }),
      ({ code }: InventoryError) => {
        if (code !== 'timeout') return;
        if (this.#lastInbound > sentAt) this.#out.emit('missedPong', undefined);
        else if (elapsed() > timeoutMs + LATE_TIMER_MS) this.probe();
        else this.#onDead();
      },
    );
  }
}
