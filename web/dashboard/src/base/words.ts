/*
 * words.ts
 *   Numbers and times as people say them.
 */
const whole = new Intl.NumberFormat('en');
const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' });

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
  return day.format(at);
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
