/*
 * clock.ts
 *   Time and chance, behind one interface.
 *
 * Nothing in this package calls Date.now, setTimeout or Math.random itself;
 * the testing kit replaces all three, and no test ever sleeps.
 */

export type TimerHandle = unknown;

export interface Clock {
  /** Milliseconds since 1970. May jump in either direction. */
  now(): number;
  /** Milliseconds that only grow; for measuring durations. */
  monotonic(): number;
  /** A number in [0, 1). */
  random(): number;
  setTimeout(fn: () => void, ms: number): TimerHandle;
  /** Of null, undefined or a timer that ran: does nothing. */
  clearTimeout(handle: TimerHandle): void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  random: () => Math.random(),
  setTimeout: (fn, ms) => setTimeout(fn, ms),
  clearTimeout: (handle) => clearTimeout(handle as ReturnType<typeof setTimeout>),
};

/**
 * A UUID of version 7 (RFC 9562): 48 bits of time, then 74 random bits.  Keys
 * made in order sort in order, which keeps the server's index of them dense.
 */
export function uuidv7(clock: Clock): string {
  const hex = (value: number, digits: number) => Math.floor(value).toString(16).padStart(digits, '0');
  const chance = (digits: number) => hex(clock.random() * 16 ** digits, digits);
  const time = hex(clock.now(), 12);
  return `${time.slice(0, 8)}-${time.slice(8)}-7${chance(3)}-${hex(8 + clock.random() * 4, 1)}${chance(3)}-${chance(12)}`;
}
