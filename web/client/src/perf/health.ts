/*
 * health.ts
 *   One number for the whole, and why it is what it is.
 */
import type { Quality } from './quality.js';

export interface HealthFactor {
  readonly id: 'connection' | 'latency' | 'jitter' | 'queue' | 'errors' | 'freshness' | 'page';
  readonly weight: number;
  /** 0 to 1. */
  readonly score: number;
  readonly value: number;
  readonly recommendation?: string;
}

export interface Health {
  /** 0 to 100. */
  readonly score: number;
  readonly factors: readonly HealthFactor[];
}

export interface HealthInput {
  readonly connected: boolean;
  readonly quality: Quality;
  readonly queueSize: number;
  readonly oldestQueuedMs: number;
  readonly problems: number;
  /** The code seen last. */
  readonly lastProblem: string;
  readonly gaps: number;
  readonly stale: boolean;
  /** How long tasks kept the page busy, of the last five minutes. */
  readonly busyMs: number;
}

/** Below this a factor says what to do. */
const ADVISE_BELOW = 0.7;
/** A dead link is never more than this, however good the rest. */
const DEAD_LINK_CAP = 40;

export function healthOf(input: HealthInput): Health {
  const { connected, quality, queueSize, oldestQueuedMs, problems, lastProblem, gaps, stale, busyMs } = input;
  const { rttMs, jitterMs, stability } = quality;
  const rows: [HealthFactor['id'], weight: number, value: number, score: number, advice: string][] = [
    connected
      ? ['connection', 30, stability, stability, 'The link breaks often: try another network.']
      : ['connection', 30, stability, 0, 'No link: changes are kept and sent later.'],
    [
      'latency',
      20,
      rttMs ?? 0,
      falling(rttMs ?? 0, 100, 1000),
      `Answers take ${Math.round(rttMs ?? 0)} ms: try another network.`,
    ],
    [
      'jitter',
      10,
      jitterMs ?? 0,
      falling(jitterMs ?? 0, 20, 300),
      `Answers vary by ${Math.round(jitterMs ?? 0)} ms: try another network.`,
    ],
    [
      'queue',
      15,
      queueSize,
      Math.min(falling(queueSize, 20, 1000), falling(oldestQueuedMs, 60_000, 3_600_000)),
      `${queueSize} changes wait: keep this page open.`,
    ],
    [
      'errors',
      10,
      problems,
      falling(problems, 0, 10),
      `${problems} problems in 5 minutes, the last ${lastProblem}: ${
        lastProblem === 'rate_limited' ? 'raise the batch window.' : 'look at the list of changes.'
      }`,
    ],
    stale
      ? ['freshness', 10, gaps, 0, 'The relay lost its database: numbers may be old.']
      : ['freshness', 10, gaps, falling(gaps, 0, 5), `${gaps} gaps in 5 minutes: rows came again.`],
    [
      'page',
      5,
      busyMs,
      falling(busyMs, 3_000, 30_000),
      `The page was busy for ${Math.round(busyMs / 1000)} s of 5 minutes: show fewer rows.`,
    ],
  ];
  const factors = rows.map(([id, weight, value, score, advice]) => ({
    id,
    weight,
    score,
    value,
    ...(score < ADVISE_BELOW && { recommendation: advice }),
  }));
  const score = factors.reduce((sum, f) => sum + f.weight * f.score, 0);
  return { score: Math.round(connected ? score : Math.min(score, DEAD_LINK_CAP)), factors };
}

/** 1 up to good, 0 from bad on. */
function falling(value: number, good: number, bad: number): number {
  return Math.max(0, Math.min(1, (bad - value) / (bad - good)));
}
