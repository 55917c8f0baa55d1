/*
 * quality.ts
 *   How good the link is, measured and not guessed.
 *
 * Round trips are smoothed as TCP does (RFC 6298: 1/8 for the mean, 1/4 for
 * the deviation).  Samples taken hidden, after sleep or on a busy page are
 * thrown away: they measure the page.  A grade falls at once and rises after
 * three good samples, so a badge does not flutter.
 */
import type { Clock } from '../core/clock.js';
import type { RoundTrip } from '../core/heartbeat.js';
import type { ConnectionState } from '../core/state.js';

export type Grade = 'excellent' | 'good' | 'fair' | 'poor';

export interface Quality {
  readonly grade: Grade;
  /** green below 100 ms, yellow to 500, red above or without a link. */
  readonly colour: 'green' | 'yellow' | 'red';
  /** null until the first trusted sample. */
  readonly rttMs: number | null;
  readonly jitterMs: number | null;
  /** Share of the last five minutes with a link, less 5 % per reconnect; 0 to 1. */
  readonly stability: number;
  readonly inBytesPerSecond: number;
  readonly outBytesPerSecond: number;
  readonly sampleAgeMs: number | null;
}

const GRADES: readonly Grade[] = ['poor', 'fair', 'good', 'excellent'];
const STABILITY_WINDOW_MS = 300_000;
const THROUGHPUT_WINDOW_MS = 10_000;
const GOOD_SAMPLES_TO_RISE = 3;

/** What the browser believes of the network; one input among others. */
export interface NetworkHints {
  saveData?: boolean;
  effectiveType?: string;
}

export class QualityMeter {
  readonly #clock: Clock;
  readonly #startedAt: number;
  #srtt: number | null = null;
  #rttvar = 0;
  #sampleAt: number | null = null;
  #grade: Grade = 'good';
  #better = 0;
  #connected = false;
  #everConnected = false;
  #missed = false;
  /** When the link came and went: [at, up]. */
  #changes: [number, boolean][] = [];
  #reconnects: number[] = [];
  #traffic: [at: number, direction: 'in' | 'out', bytes: number][] = [];
  readonly #hints: () => NetworkHints;

  constructor(clock: Clock, hints: () => NetworkHints = browserHints) {
    this.#clock = clock;
    this.#startedAt = clock.monotonic();
    this.#hints = hints;
  }

  onState(state: ConnectionState): void {
    const up = state.name === 'connected';
    if (up === this.#connected) return;
    this.#connected = up;
    const now = this.#clock.monotonic();
    this.#changes.push([now, up]);
    if (up && this.#everConnected) this.#reconnects.push(now);
    if (up) this.#everConnected = true;
    this.#regrade();
  }

  onRoundTrip(trip: RoundTrip): void {
    if (!trip.trusted) return;
    this.#missed = false;
    this.#sampleAt = this.#clock.monotonic();
    if (this.#srtt === null) {
      this.#srtt = trip.ms;
      this.#rttvar = trip.ms / 2;
    } else {
      this.#rttvar += (Math.abs(this.#srtt - trip.ms) - this.#rttvar) / 4;
      this.#srtt += (trip.ms - this.#srtt) / 8;
    }
    this.#regrade();
  }

  onMissedPong(): void {
    this.#missed = true;
    this.#regrade();
  }

  onTraffic(direction: 'in' | 'out', bytes: number): void {
    this.#traffic.push([this.#clock.monotonic(), direction, bytes]);
    if (this.#traffic.length > 500) this.#trim();
  }

  #trim(): void {
    const since = this.#clock.monotonic() - THROUGHPUT_WINDOW_MS;
    this.#traffic = this.#traffic.filter(([at]) => at > since);
  }

  get reconnects(): number {
    const since = this.#clock.monotonic() - STABILITY_WINDOW_MS;
    this.#reconnects = this.#reconnects.filter((at) => at > since);
    return this.#reconnects.length;
  }

  get value(): Quality {
    const now = this.#clock.monotonic();
    this.#trim();
    const rate = (way: 'in' | 'out') =>
      this.#traffic.reduce((sum, [, direction, bytes]) => sum + (direction === way ? bytes : 0), 0) /
      (THROUGHPUT_WINDOW_MS / 1000);
    const rtt = this.#srtt;
    return {
      grade: this.#grade,
      colour: !this.#connected || (rtt ?? 0) > 500 ? 'red' : (rtt ?? 0) >= 100 ? 'yellow' : 'green',
      rttMs: rtt,
      jitterMs: rtt === null ? null : this.#rttvar,
      stability: this.#stability(now),
      inBytesPerSecond: rate('in'),
      outBytesPerSecond: rate('out'),
      sampleAgeMs: this.#sampleAt === null ? null : now - this.#sampleAt,
    };
  }

  #stability(now: number): number {
    const first = this.#changes[0]?.[0];
    if (first === undefined) return 1;
    const from = Math.max(now - STABILITY_WINDOW_MS, this.#startedAt, first);
    let up = 0;
    let since = from;
    let wasUp = false;
    for (const [at, state] of this.#changes) {
      if (wasUp && at > from) up += at - since;
      since = Math.max(at, from);
      wasUp = state;
    }
    if (wasUp) up += now - since;
    while (this.#changes.length > 1 && (this.#changes[1]?.[0] ?? now) < now - STABILITY_WINDOW_MS)
      this.#changes.shift();
    const share = now > from ? up / (now - from) : this.#connected ? 1 : 0;
    return Math.max(0, Math.min(1, share - 0.05 * this.reconnects));
  }

  #measured(): Grade {
    const now = this.#clock.monotonic();
    const stability = this.#stability(now);
    const { saveData, effectiveType } = this.#hints();
    if (!this.#connected || this.#missed || stability < 0.8 || saveData || effectiveType === 'slow-2g') return 'poor';
    const rtt = this.#srtt;
    if (rtt === null) return 'good';
    if (rtt < 50 && this.#rttvar < 20 && stability >= 0.99) return 'excellent';
    return rtt < 100 ? 'good' : rtt <= 500 ? 'fair' : 'poor';
  }

  #regrade(): void {
    const measured = GRADES.indexOf(this.#measured());
    const present = GRADES.indexOf(this.#grade);
    if (measured <= present) {
      this.#better = 0;
      this.#grade = GRADES[measured] ?? 'poor';
    } else if (++this.#better >= GOOD_SAMPLES_TO_RISE) {
      this.#better = 0;
      this.#grade = GRADES[measured] ?? 'poor';
    }
  }
}

function browserHints(): NetworkHints {
  const nav = typeof navigator === 'undefined' ? undefined : (navigator as Navigator & { connection?: NetworkHints });
  return nav?.connection ?? {};
}
