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
  const { quality } = input;
  const factor = (
    id: HealthFactor['id'],
    weight: number,
    value: number,
    score: number,
    advice: string,
  ): HealthFactor => {
    const clamped = Math.max(0, Math.min(1, score));
    return { id, weight, score: clamped, value, ...(clamped < ADVISE_BELOW && { recommendation: advice }) };
  };
  const rtt = quality.rttMs ?? 0;
  const jitter = quality.jitterMs ?? 0;
  const age = input.oldestQueuedMs / 60_000;
  const { problems, lastProblem, gaps, queueSize } = input;
  const factors = [
    factor(
      'connection',
      30,
      quality.stability,
      input.connected ? quality.stability : 0,
      input.connected ? 'The link breaks often: try another network.' : 'No link: changes are kept and sent later.',
    ),
    factor('latency', 20, rtt, falling(rtt, 100, 1000), `Answers take ${Math.round(rtt)} ms: try another network.`),
    factor(
      'jitter',
      10,
      jitter,
      falling(jitter, 20, 300),
      `Answers vary by ${Math.round(jitter)} ms: try another network.`,
    ),
    factor(
      'queue',
      15,
      queueSize,
      Math.min(falling(queueSize, 20, 1000), falling(age, 1, 60)),
      `${queueSize} changes wait: keep this page open.`,
    ),
    factor(
      'errors',
      10,
      problems,
      falling(problems, 0, 10),
      `${problems} problems in 5 minutes, the last ${lastProblem}: ${
        lastProblem === 'rate_limited' ? 'raise the batch window.' : 'look at the list of changes.'
      }`,
    ),
    factor(
      'freshness',
      10,
      gaps,
      input.stale ? 0 : falling(gaps, 0, 5),
      input.stale ? 'The relay lost its database: numbers may be old.' : `${gaps} gaps in 5 minutes: rows came again.`,
    ),
    factor(
      'page',
      5,
      input.busyMs,
      falling(input.busyMs, 3_000, 30_000),
      `The page was busy for ${Math.round(input.busyMs / 1000)} s of 5 minutes: show fewer rows.`,
    ),
  ];
  const score = factors.reduce((sum, f) => sum + f.weight * f.score, 0);
  return { score: Math.round(input.connected ? score : Math.min(score, DEAD_LINK_CAP)), factors };
}

/** 1 up to good, 0 from bad on. */
function falling(value: number, good: number, bad: number): number {
  return 1 - (value - good) / (bad - good);
}
