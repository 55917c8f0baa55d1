/*
 * workspace.tsx
 *   The page of somebody who is signed in: header, one of the pages, what lies over it.
 */
import { useClient } from 'inventory-client/react';
import { type ReactElement, useEffect } from 'react';
import { followAlerts } from '../alerts/alerts';
import { useHash } from '../base/hooks';
import { ItemPage } from '../item/item-page';
import { Announcer } from '../notices/announcer';
import { Toasts } from '../notices/toasts';
import { PresenceProvider } from '../people/presence-context';
import { followSamples } from '../performance/samples';
import { followAttributes } from '../stock/attributes';
import { followLastChanges } from '../stock/last-change';
import { StockContext, useStockIndex } from '../stock/stock-index';
import { StockPage } from '../stock/stock-page';
import { Banner } from './banner';
import { Header } from './header';
import { followLastHeard } from './last-heard';
import { OverPage } from './over-page';

const FOLLOWERS = [followAlerts, followAttributes, followLastChanges, followLastHeard, followSamples];

export function Workspace(): ReactElement {
  const client = useClient();
  const item = itemOf(useHash());

  useEffect(() => {
    const offs = FOLLOWERS.map((follow) => follow(client));
    return () => {
      for (const off of offs) off();
    };
  }, [client]);

  // A change that is not on the device yet would go with the page.
  useEffect(() => {
    const onLeave = (event: BeforeUnloadEvent) => {
      const { state, durable, size } = client.queue.status;
      if (state === 'saving' || (!durable && size > 0)) event.preventDefault();
    };
    addEventListener('beforeunload', onLeave);
    return () => removeEventListener('beforeunload', onLeave);
  }, [client]);

  return (
    <StockContext value={useStockIndex()}>
      <PresenceProvider>
        <Header />
        <Banner />
        {item ? <ItemPage key={item.join('/')} productId={item[0]} warehouseId={item[1]} /> : <StockPage />}
        <OverPage />
      </PresenceProvider>
      <Toasts />
      <Announcer />
    </StockContext>
  );
}

/** The item in an address like #/item/prod_1/wh_1. */
function itemOf(hash: string): readonly [string, string] | null {
  const [, page, productId, warehouseId] = hash.split('/');
  if (page !== 'item' || !productId || !warehouseId) return null;
  try {
    return [decodeURIComponent(productId), decodeURIComponent(warehouseId)];
  } catch {
    return null;
  }
}
