/*
 * backoff.ts
 *   How long to wait before the next attempt.
 *
 * Half of the wait is fixed, half is chance, so a relay that restarts is not
 * met by all of its clients at once, and none of them comes back at once.
 */
import type { Clock } from './clock.js';

export interface BackoffOptions {
  /** Ceiling of the first wait. Default 1000. */
  baseMs?: number;
  /** Ceiling of every wait. Default 30000. */
  maxMs?: number;
}

/** In [b/2, b) with b = min(baseMs * 2^attempt, maxMs). */
export function backoffMs(clock: Clock, attempt: number, options: BackoffOptions = {}): number {
  const { baseMs = 1000, maxMs = 30_000 } = options;
  const ceiling = Math.min(baseMs * 2 ** attempt, maxMs);
  return ceiling / 2 + (clock.random() * ceiling) / 2;
}
