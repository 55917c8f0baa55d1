/*
 * stale.ts
 *   Has the relay lost its database?  There is a link then, and nothing comes over it.
 */
import { useClient, useConnection } from 'inventory-client/react';
import { useEffect, useState } from 'react';

export function useStale(): boolean {
  const client = useClient();
  const { isConnected } = useConnection();
  const [isStale, setStale] = useState(client.stale);
  useEffect(() => client.connection.on('stale', setStale), [client]);
  // Another connection says so again.
  useEffect(() => {
    if (isConnected) setStale(client.stale);
  }, [client, isConnected]);
  return isStale && isConnected;
}
