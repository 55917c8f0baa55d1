/*
 * samples.ts
 *   The last ten minutes of the link, a second each.
 *
 * Two latencies: the round trip of a ping, and the time from the commit in
 * the database to the screen.  The second is by two clocks, the server's and
 * this device's, and is shown as such.
 */
import type { InventoryClient } from 'inventory-client';
import { createStore } from '../base/store';

export interface Sample {
  /** Seconds since 1970. */
  readonly at: number;
  readonly rttMs: number | null;
  /** The longest of this second. */
  readonly deliveryMs: number | null;
  readonly events: number;
}

const KEPT = 600;
const EVERY_MS = 1_000;

export const samples = createStore<readonly Sample[]>([]);

export function clearSamples(): void {
  samples.set([]);
}

export function followSamples(client: InventoryClient): () => void {
  let rtt: number | null = null;
  let delivery: number | null = null;
  let events = 0;
  const offs = [
    client.connection.on('roundTrip', ({ ms, trusted }) => {
      if (trusted) rtt = Math.max(rtt ?? 0, ms);
    }),
    client.on('message', ({ data }) => {
      events++;
      const at = typeof data.timestamp === 'string' ? Date.parse(data.timestamp) : Number.NaN;
      const age = Date.now() - at;
      // What is from before this link was replayed after a break: it is not late, it is old.
      const since = client.state.name === 'connected' ? client.state.since : Number.POSITIVE_INFINITY;
      if (age >= 0 && age < 60_000 && at >= since) delivery = Math.max(delivery ?? 0, age);
    }),
  ];
  const timer = setInterval(() => {
    if (rtt === null && delivery === null) return;
    const sample: Sample = { at: Math.floor(Date.now() / 1000), rttMs: rtt, deliveryMs: delivery, events };
    // A clock that was set back would draw a line back.
    samples.set((now) => [...now.filter(({ at }) => at < sample.at), sample].slice(-KEPT));
    rtt = delivery = null;
    events = 0;
  }, EVERY_MS);
  return () => {
    clearInterval(timer);
    for (const off of offs) off();
  };
}
