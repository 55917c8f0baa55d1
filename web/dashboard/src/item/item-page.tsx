/*
 * item-page.tsx
 *   One item: how much there is, everywhere, and how it came to be so.
 */
import type { ItemKey } from 'inventory-client';
import { useConnection, useInventoryItem } from 'inventory-client/react';
import { type ReactElement, useEffect, useMemo } from 'react';
import { Icon } from '../base/icons';
import { count } from '../base/words';
import { ChangeMark, useOutcome } from '../change/change-mark';
import { BeAt } from '../people/be-at';
import { ItemPeople } from '../people/row-people';
import { useSession } from '../session/context';
import { canWrite, isManager } from '../session/session';
import { open, openAdjust } from '../shell/open';
import { itemText } from '../stock/item-text';
import { Quantity } from '../stock/quantity';
import { StatusBadge } from '../stock/status-badge';
import { useStock } from '../stock/stock-index';
import { itemHash } from '../stock/stock-row';
import { ItemBar } from './item-bar';
import { ItemRecords } from './item-records';
import './item-page.css';

export function ItemPage({ productId, warehouseId }: ItemKey): ReactElement {
  const item = useMemo(() => ({ productId, warehouseId }), [productId, warehouseId]);
  const view = useInventoryItem(item, { follow: false });
  const outcome = useOutcome(view.key);
  const stock = useStock();
  const session = useSession();
  const row = view.value;
  const name = row ? itemText(row).name : productId;

  useEffect(() => {
    const before = document.title;
    document.title = `${name} · Inventory`;
    scrollTo(0, 0);
    return () => {
      document.title = before;
    };
  }, [name]);

  if (!row) {
    return (
      <main className="item-page">
        <ItemBar item={item} />
        <NoItem item={item} />
      </main>
    );
  }
  const text = itemText(row);
  const elsewhere = [...stock.byKey.values()].flatMap(({ value }) =>
    value?.productId === productId && value.warehouseId !== warehouseId ? [value] : [],
  );
  const facts = [text.sku, text.barcode, text.category, productId].filter((fact) => fact !== null);

  return (
    <main className="item-page">
      <ItemBar item={item} />
      <BeAt item={item} status="viewing" />
      <header className="item-head">
        <div className="item-titles">
          <h1>{text.name}</h1>
          <p className="quiet">
            {text.warehouse} · <span className="number">{[...new Set(facts)].join(' · ')}</span>
          </p>
        </div>
        <ItemPeople item={item} />
        <div className="item-actions">
          {isManager(session) && (
            <>
              <button type="button" className="button" onClick={() => open.set({ name: 'edit-item', item })}>
                Edit
              </button>
              <button type="button" className="button danger" onClick={() => open.set({ name: 'retire', item })}>
                Retire
              </button>
            </>
          )}
          {canWrite(session) && (
            <button type="button" className="button primary" onClick={() => openAdjust(item)}>
              <Icon name="pencil" /> Adjust
            </button>
          )}
        </div>
      </header>

      <section className={outcome === 'failed' ? 'item-figures shakes' : 'item-figures'} aria-label="Stock">
        <div className="item-figure" data-main data-state={row.alertState}>
          <span className="quiet small">Available</span>
          <span className="item-number">
            <Quantity value={row.quantityAvailable} changeKey={row.version} />
            <ChangeMark view={view} outcome={outcome} />
          </span>
          <StatusBadge state={row.alertState} />
        </div>
        <Figure word="On hand" n={row.quantityOnHand} />
        <Figure word="Reserved" n={row.quantityReserved} />
        <Figure word="Minimum" n={row.minimumStock} />
      </section>

      {elsewhere.length > 0 && (
        <section className="item-elsewhere" aria-label="Other warehouses">
          {elsewhere.map((other) => (
            <a key={other.warehouseId} className="button" href={itemHash(other)}>
              {itemText(other).warehouse} <strong className="number">{count(other.quantityAvailable)}</strong>
            </a>
          ))}
        </section>
      )}

      <ItemRecords item={item} version={row.version} />
    </main>
  );
}

function NoItem({ item: { productId, warehouseId } }: { item: ItemKey }): ReactElement {
  const { isComplete, warehouses } = useStock();
  const { isConnected } = useConnection();
  if (!isComplete)
    return (
      <p className="empty" role="status">
        {isConnected ? 'Loading…' : 'This item is not kept on this device, and there is no link to ask for it.'}
      </p>
    );
  const where = warehouses.find(({ id }) => id === warehouseId)?.name ?? warehouseId;
  return (
    <div className="item-none">
      <h1>Not here for you</h1>
      <p className="quiet">
        {productId} in {where} was retired, never was, or is in a warehouse that is not yours.
      </p>
    </div>
  );
}

function Figure({ word, n }: { word: string; n: number }): ReactElement {
  return (
    <div className="item-figure">
      <span className="quiet small">{word}</span>
      <span className="item-number number">{count(n)}</span>
    </div>
  );
}
