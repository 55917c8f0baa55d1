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
  const base = options.baseMs ?? 1000;
  const ceiling = Math.min(base * 2 ** Math.min(Math.max(attempt, 0), 30), options.maxMs ?? 30_000);
  return ceiling / 2 + (clock.random() * ceiling) / 2;
}
