/*
 * outage.ts
 *   Is there a link, and for how long has there been none?
 *
 * Most breaks heal within a second: what is said of one waits five.
 */
import { useClient, useConnection } from 'inventory-client/react';
import { useEffect, useRef, useState } from 'react';

export type Outage =
  | { readonly name: 'none' }
  | { readonly name: 'offline' }
  /** Just over, and as many changes have been synced since. */
  | { readonly name: 'over'; readonly synced: number };

const SAY_AFTER_MS = 5_000;
const OVER_MS = 5_000;

export function useOutage(): Outage {
  const client = useClient();
  const { isConnected, state } = useConnection();
  const [outage, setOutage] = useState<Outage>({ name: 'none' });
  const before = useRef(0);
  const isClosed = state.name === 'disconnected' && state.reason === 'closed';

  useEffect(() => {
    if (isConnected || isClosed) return;
    const timer = setTimeout(() => setOutage({ name: 'offline' }), SAY_AFTER_MS);
    return () => clearTimeout(timer);
  }, [isConnected, isClosed]);

  useEffect(() => {
    if (outage.name !== 'offline') return;
    if (!isConnected) {
      before.current = client.queue.status.size;
      return client.on('sync', (status) => {
        before.current = status.size;
      });
    }
    setOutage({ name: 'over', synced: 0 });
  }, [isConnected, outage.name, client]);

  useEffect(() => {
    if (outage.name !== 'over') return;
    const count = () => setOutage({ name: 'over', synced: Math.max(0, before.current - client.queue.status.size) });
    const off = client.on('sync', count);
    const timer = setTimeout(() => setOutage({ name: 'none' }), OVER_MS);
    return () => {
      off();
      clearTimeout(timer);
    };
  }, [outage.name, client]);

  return outage;
}
