/*
 * stock-page.tsx
 *   The page one works on: what needs attention, the search, the table.
 *
 * The search has the focus from the start, because a scanner is a keyboard:
 * it types a code and presses Enter, and the dialog of that item opens.
 */
import { type ReactElement, useDeferredValue, useEffect, useMemo, useRef, useState } from 'react';
import { useStore } from '../base/store';
import { useSession } from '../session/context';
import { canWrite } from '../session/session';
import { DataAge } from '../shell/data-age';
import { openAdjust } from '../shell/open';
import { AttentionTiles } from './attention-tiles';
import { isCodeOf, itemText } from './item-text';
import { search as searchedFor, segment as shownSegment } from './looking';
import { type Filter, type HeldOrder, holdOrder, keepOrder, ordered } from './order';
import { place } from './place';
import { useStock } from './stock-index';
import { itemHash } from './stock-row';
import { StockTable } from './stock-table';
import { StockToolbar } from './stock-toolbar';
import './stock-page.css';

export function StockPage(): ReactElement {
  const stock = useStock();
  const mayWrite = canWrite(useSession());
  const search = useStore(searchedFor);
  const chosen = useStore(place);
  // With its last item a warehouse goes, and cannot be chosen any more: nor could another.
  const warehouse = stock.warehouses.some(({ id }) => id === chosen) ? chosen : null;
  const segment = useStore(shownSegment);
  const searched = useDeferredValue(search);
  const filter = useMemo<Filter>(() => ({ search: searched, warehouse, segment }), [searched, warehouse, segment]);
  const wanted = useMemo(() => ordered(stock.views, filter), [stock, filter]);

  const [held, setHeld] = useState<{ filter: Filter; order: HeldOrder }>({ filter, order: holdOrder(wanted) });
  // Of an order of nothing there is nothing to hold; made again while nothing comes, it would be so without an end.
  const isNew = held.filter !== filter || (held.order.keys.length === 0 && wanted.length > 0);
  const order = isNew ? holdOrder(wanted) : held.order;
  useEffect(() => {
    if (isNew) setHeld({ filter, order });
  }, [isNew, filter, order]);
  const { keys, waiting } = keepOrder(order, wanted, (key) => stock.byKey.has(key));
  const refresh = () => setHeld({ filter, order: holdOrder(wanted) });

  // Until somebody is reading there is nothing to disturb: the first pages of rows are sorted in at once.
  const isRead = useRef(false);
  useEffect(() => {
    const reads = () => {
      isRead.current = true;
    };
    const timer = setTimeout(reads, 3_000);
    addEventListener('scroll', reads, { passive: true, once: true });
    return () => {
      clearTimeout(timer);
      removeEventListener('scroll', reads);
    };
  }, []);
  useEffect(() => {
    if (waiting > 0 && !isRead.current) setHeld({ filter, order: holdOrder(wanted) });
  }, [waiting, filter, wanted]);

  /** What Enter opens: the item of this code, else the first row. */
  function enter(): void {
    const now = ordered(stock.views, { search, warehouse, segment });
    const view =
      now.find(({ value }) => value && isCodeOf(itemText(value), value, search)) ??
      (search.trim() ? now[0] : undefined);
    if (!view?.value) return;
    if (mayWrite) openAdjust(view.value);
    else location.hash = itemHash(view.value);
  }

  return (
    <main className="stock-page">
      <h1 className="unseen">Stock</h1>
      <AttentionTiles stock={stock} segment={segment} onSegment={shownSegment.set} />
      <StockToolbar
        search={search}
        onSearch={searchedFor.set}
        onEnter={enter}
        warehouse={warehouse}
        onWarehouse={place.set}
        warehouses={stock.warehouses}
        waiting={waiting}
        onRefresh={refresh}
      />
      <StockTable
        keys={keys}
        byKey={stock.byKey}
        mayWrite={mayWrite}
        isFiltered={(search !== '' || segment !== 'all' || warehouse !== null) && stock.byKey.size > 0}
      />
      <DataAge />
    </main>
  );
}
