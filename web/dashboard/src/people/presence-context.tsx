/*
 * presence-context.tsx
 *   Does this relay know of presence?  One that does not would refuse the channels.
 */
import { useClient, useConnection } from 'inventory-client/react';
import { createContext, type ReactElement, type ReactNode, useContext, useEffect, useState } from 'react';

const PresenceContext = createContext(false);

export function PresenceProvider({ children }: { children: ReactNode }): ReactElement {
  const client = useClient();
  const { isConnected } = useConnection();
  const [isKnown, setKnown] = useState(false);
  useEffect(() => {
    // Without a link the others stay, as last known.
    if (isConnected) setKnown(client.connection.welcome.features.includes('presence'));
  }, [client, isConnected]);
  return <PresenceContext value={isKnown}>{children}</PresenceContext>;
}

export function useHasPresence(): boolean {
  return useContext(PresenceContext);
}
