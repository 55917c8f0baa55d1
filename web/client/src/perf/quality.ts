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
import type { Traffic } from '../core/connection.js';
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
}

export class QualityMeter {
  readonly #clock: Clock;
  #srtt: number | null = null;
  #rttvar = 0;
  #sampleAt: number | null = null;
  #grade: Grade = 'good';
  #better = 0;
  #missed = false;
  /** When the link was up: [from, to]. */
  #spans: [from: number, to: number][] = [];
  #traffic: (Traffic & { readonly at: number })[] = [];
  readonly #hints: () => NetworkHints;

  constructor(clock: Clock, hints: () => NetworkHints = browserHints) {
    this.#clock = clock;
    this.#hints = hints;
  }

  onState(state: ConnectionState): void {
    const up = state.name === 'connected';
    if (up === this.#connected) return;
    const now = this.#clock.monotonic();
    const last = this.#spans.at(-1);
    if (up) this.#spans.push([now, Number.POSITIVE_INFINITY]);
    else if (last) last[1] = now;
    this.#regrade();
  }

  get #connected(): boolean {
    return this.#spans.at(-1)?.[1] === Number.POSITIVE_INFINITY;
  }

  onRoundTrip(trip: RoundTrip): void {
    if (!trip.trusted) return;
    this.#missed = false;
    this.#sampleAt = this.#clock.monotonic();
    if (this.#srtt === null) {
      this.#srtt = trip.ms;
      this.#rttvar = trip.ms / 2;
    } else {
      const error = trip.ms - this.#srtt;
      this.#rttvar += (Math.abs(error) - this.#rttvar) / 4;
      this.#srtt += error / 8;
    }
    this.#regrade();
  }

  onMissedPong(): void {
    this.#missed = true;
    this.#regrade();
  }

  onTraffic({ direction, bytes }: Traffic): void {
    this.#traffic.push({ at: this.#clock.monotonic(), direction, bytes });
  }

  get value(): Quality {
    const now = this.#clock.monotonic();
    this.#traffic = this.#traffic.filter(({ at }) => at > now - THROUGHPUT_WINDOW_MS);
    const perSecond = { in: 0, out: 0 };
    for (const { direction, bytes } of this.#traffic) perSecond[direction] += bytes / (THROUGHPUT_WINDOW_MS / 1000);
    const rtt = this.#srtt;
    return {
      grade: this.#grade,
      colour: !this.#connected || (rtt ?? 0) > 500 ? 'red' : (rtt ?? 0) >= 100 ? 'yellow' : 'green',
      rttMs: rtt,
      jitterMs: rtt === null ? null : this.#rttvar,
      stability: this.#stability(),
      inBytesPerSecond: perSecond.in,
      outBytesPerSecond: perSecond.out,
      sampleAgeMs: this.#sampleAt === null ? null : now - this.#sampleAt,
    };
  }

  #stability(): number {
    const now = this.#clock.monotonic();
    const first = this.#spans[0];
    if (!first) return 1;
    const from = Math.max(now - STABILITY_WINDOW_MS, first[0]);
    // The one before the window began tells that the next is a reconnect.
    while ((this.#spans[1]?.[1] ?? now) < from) this.#spans.shift();
    const up = this.#spans.reduce(
      (sum, [since, to]) => sum + Math.max(0, Math.min(to, now) - Math.max(since, from)),
      0,
    );
    const reconnects = this.#spans.filter(([since], i) => i > 0 && since > from).length;
    const share = now > from ? up / (now - from) : Number(this.#connected);
    return Math.max(0, share - 0.05 * reconnects);
  }

  #measured(): Grade {
    const stability = this.#stability();
    if (!this.#connected || this.#missed || stability < 0.8 || this.#hints().saveData) return 'poor';
    const rtt = this.#srtt;
    if (rtt === null) return 'good';
    if (rtt < 50 && this.#rttvar < 20 && stability >= 0.99) return 'excellent';
    return rtt < 100 ? 'good' : rtt <= 500 ? 'fair' : 'poor';
  }

  #regrade(): void {
    const measured = this.#measured();
    const isBetter = GRADES.indexOf(measured) > GRADES.indexOf(this.#grade);
    if (isBetter && ++this.#better < GOOD_SAMPLES_TO_RISE) return;
    this.#better = 0;
    this.#grade = measured;
  }
}

function browserHints(): NetworkHints {
  const nav: (Navigator & { connection?: NetworkHints }) | undefined = globalThis.navigator;
  return nav?.connection ?? {};
}
