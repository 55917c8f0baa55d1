/*
 * health.ts
 *   One number for the whole, and why it is what it is.
 */
import type { Clock } from '../core/clock.js';
import type { SyncStatus } from '../sync/queue.js';
import type { Quality } from './quality.js';

export interface HealthFactor {
  readonly id: 'connection' | 'latency' | 'jitter' | 'queue' | 'errors' | 'freshness' | 'page';
  readonly weight: number;
  /** 0 to 1. */
  readonly score: number;
  /** What it is judged by. */
  readonly value: number;
  readonly recommendation?: string;
}

export interface Health {
  /** 0 to 100. */
  readonly score: number;
  readonly factors: readonly HealthFactor[];
}

/** Below this a factor says what to do. */
const ADVISE_BELOW = 0.7;
/** A dead link is never more than this, however good the rest. */
const DEAD_LINK_CAP = 40;

/** What happened longer ago counts no more. */
const RECENT_MS = 300_000;

export class HealthMeter {
  readonly #clock: Clock;
  #recent: { at: number; what: string; ms: number }[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A gap, a task that kept the page busy, or the code of a problem. */
  note(what: string, ms = 0): void {
    this.#recent.push({ at: this.#clock.monotonic(), what, ms });
  }

  /** stale: the relay has lost its database. */
  value(connected: boolean, quality: Quality, queue: SyncStatus, stale: boolean): Health {
    const { size, oldestAt } = queue;
    const rtt = Math.round(quality.rttMs ?? 0);
    const jitter = Math.round(quality.jitterMs ?? 0);
    const now = this.#clock.now();
    const since = this.#clock.monotonic() - RECENT_MS;
    this.#recent = this.#recent.filter(({ at }) => at > since).slice(-1000);
    let gaps = 0;
    let busyMs = 0;
    let problems = 0;
    let last = '';
    for (const { what, ms } of this.#recent) {
      busyMs += ms;
      if (what === 'gap') gaps++;
      else if (what !== 'busy') {
        problems++;
        last = what;
      }
    }
    const age = now - (oldestAt ?? now);
    const rows: [HealthFactor['id'], weight: number, value: number, good: number, bad: number, advice: string][] = [
      connected
        ? ['connection', 30, quality.stability, 1, 0, 'The link breaks often: try another network.']
        : ['connection', 30, 0, 1, 0, 'No link: changes are kept and sent later.'],
      ['latency', 20, rtt, 100, 1_000, `Answers take ${rtt} ms: try another network.`],
      ['jitter', 10, jitter, 20, 300, `Answers vary by ${jitter} ms: try another network.`],
      // A change that waits an hour is as bad as a thousand that wait.
      ['queue', 15, Math.max(size, age / 3_600), 20, 1_000, `${size} changes wait: keep this page open.`],
      [
        'errors',
        10,
        problems,
        0,
        10,
        `${problems} problems in 5 minutes, last ${last}: ${
          last === 'rate_limited' ? 'raise the batch window.' : 'look at the changes.'
        }`,
      ],
      stale
        ? ['freshness', 10, 5, 0, 5, 'The relay lost its database: numbers may be old.']
        : ['freshness', 10, gaps, 0, 5, `${gaps} gaps in 5 minutes: rows came again.`],
      ['page', 5, busyMs, 3_000, 30_000, `The page was busy for ${Math.round(busyMs / 1000)} s: show fewer rows.`],
    ];
    const factors = rows.map(([id, weight, value, good, bad, advice]) => {
      // 1 up to good, 0 from bad on.
      const score = Math.max(0, Math.min(1, (bad - value) / (bad - good)));
      return { id, weight, score, value, ...(score < ADVISE_BELOW && { recommendation: advice }) };
    });
    const score = factors.reduce((sum, f) => sum + f.weight * f.score, 0);
    return { score: Math.round(connected ? score : Math.min(score, DEAD_LINK_CAP)), factors };
  }
}
