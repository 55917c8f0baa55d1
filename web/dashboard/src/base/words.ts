/*
 * words.ts
 *   Numbers and times as people say them.
 */
const whole = new Intl.NumberFormat('en');
const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
const MOMENT = { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' } as const;
const moment = new Intl.DateTimeFormat('en-GB', MOMENT);
const momentOfYear = new Intl.DateTimeFormat('en-GB', { ...MOMENT, year: 'numeric' });
const DAY = { day: 'numeric', month: 'short', year: 'numeric' } as const;
const writtenDay = new Intl.DateTimeFormat('en-GB', { ...DAY, timeZone: 'UTC' });
const DAY_MS = 86_400_000;

export function count(n: number): string {
  return whole.format(n).replace('-', '−');
}

/** With its sign, also when it is more. */
export function signed(n: number): string {
  return n > 0 ? `+${count(n)}` : count(n);
}

/** "1 change", "3 changes". */
export function counted(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}

export function clockTime(at: number): string {
  return clock.format(at);
}

export function dateTime(at: number): string {
  const isThisYear = new Date(at).getFullYear() === new Date().getFullYear();
  return (isThisYear ? moment : momentOfYear).format(at);
}

/** Midnight in UTC is how a day is written that is the same everywhere, as that of a batch is. */
export function expiryTime(at: number): string {
  return at % DAY_MS === 0 ? writtenDay.format(at) : momentOfYear.format(at);
}

/** "now", "12 s ago", "5 min ago". */
export function ago(at: number, now: number): string {
  const seconds = Math.max(0, Math.round((now - at) / 1000));
  if (seconds < 2) return 'now';
  if (seconds < 60) return `${seconds} s ago`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min ago`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${hours} h ago` : `${Math.round(hours / 24)} days ago`;
}
