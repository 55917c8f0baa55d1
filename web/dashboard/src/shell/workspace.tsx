/*
 * workspace.tsx
 *   The page of somebody who is signed in: header, one of the pages, what lies over it.
 */
import { type ItemKey, itemKey } from 'inventory-client';
import { useClient } from 'inventory-client/react';
import { type ReactElement, useEffect } from 'react';
import { clearAlerts, followAlerts } from '../alerts/alerts';
import { useHash } from '../base/hooks';
import { ItemPage } from '../item/item-page';
import { Announcer, say, sayNow } from '../notices/announcer';
import { dismissAll } from '../notices/notices';
import { Toasts } from '../notices/toasts';
import { PresenceProvider } from '../people/presence-context';
import { loadPerformanceSoon } from '../performance/performance-loader';
import { clearSamples, followSamples } from '../performance/samples';
import { followSlowLink } from '../performance/slow-link';
import { followAttributes } from '../stock/attributes';
import { letGo } from '../stock/hold';
import { followLastChanges } from '../stock/last-change';
import { lookAtAll } from '../stock/looking';
import { place } from '../stock/place';
import { StockContext, useStockIndex } from '../stock/stock-index';
import { StockPage } from '../stock/stock-page';
import { Banner } from './banner';
import { Header } from './header';
import { followLastHeard } from './last-heard';
import { NoAccess, useRefused } from './no-access';
import { OverPage } from './over-page';

const FOLLOWERS = [followAlerts, followAttributes, followLastChanges, followLastHeard, followSamples, followSlowLink];

export function Workspace(): ReactElement {
  const client = useClient();
  const isRefused = useRefused();
  const item = itemOf(useHash());

  useEffect(() => {
    const offs = FOLLOWERS.map((follow) => follow(client));
    return () => {
      for (const off of offs) off();
      forget();
    };
  }, [client]);

  useEffect(loadPerformanceSoon, []);

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
        {isRefused ? <NoAccess /> : item ? <ItemPage key={itemKey(item)} {...item} /> : <StockPage />}
        <OverPage />
      </PresenceProvider>
      <Toasts />
      <Announcer />
    </StockContext>
  );
}

/** What one person saw and did here is not for the next. */
function forget(): void {
  clearAlerts();
  clearSamples();
  dismissAll();
  letGo();
  lookAtAll();
  place.set(null);
  say('');
  sayNow('');
}

/** The item in an address like #/item/prod_1/wh_1. */
function itemOf(hash: string): ItemKey | null {
  const [, page, product, warehouse] = hash.split('/');
  if (page !== 'item' || !product || !warehouse) return null;
  try {
    return { productId: decodeURIComponent(product), warehouseId: decodeURIComponent(warehouse) };
  } catch {
    return null;
  }
}
