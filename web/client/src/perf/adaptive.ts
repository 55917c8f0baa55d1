/*
 * adaptive.ts
 *   What is asked of a link, by how good it is.
 */
import type { Grade } from './quality.js';

export interface Policy {
  readonly batchWindowMs: number;
  /** Presence updates go out at most this often. */
  readonly presenceThrottleMs: number;
  /** Frames per second asked of the relay; null: no limit. Takes effect with the next connection. */
  readonly maxRate: number | null;
  readonly maxInFlight: number;
}

export type Policies = Readonly<Record<Grade, Policy>>;

const FULL: Policy = { batchWindowMs: 100, presenceThrottleMs: 250, maxRate: null, maxInFlight: 8 };

export const defaultPolicies: Policies = {
  excellent: FULL,
  good: FULL,
  fair: { batchWindowMs: 250, presenceThrottleMs: 1_000, maxRate: 2, maxInFlight: 8 },
  poor: { batchWindowMs: 500, presenceThrottleMs: 5_000, maxRate: 1, maxInFlight: 2 },
};
