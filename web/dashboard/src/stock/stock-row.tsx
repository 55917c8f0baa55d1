/*
 * stock-row.tsx
 *   One item: what there is, what is on its way, who looks at it.
 *
 * A row follows its item by itself; the table around it is not drawn again
 * when a number changes.
 */
import type { Row } from 'inventory-client';
import { useInventoryItem } from 'inventory-client/react';
import { type MouseEvent, memo, type ReactElement, useSyncExternalStore } from 'react';
import { Icon } from '../base/icons';
import { count } from '../base/words';
import { ChangeMark, useOutcome } from '../change/change-mark';
import { RowPeople } from '../people/row-people';
import { openAdjust } from '../shell/open';
import { attributesRevision, onAttributes } from './attributes';
import { useHeld } from './hold';
import { itemText } from './item-text';
import { Quantity } from './quantity';
import { StatusBadge } from './status-badge';

interface Props {
  /** As the table knows it; the present one is asked for here. */
  readonly row: Row;
  readonly index: number;
  readonly top: number;
  readonly mayWrite: boolean;
}

export function itemHash({ productId, warehouseId }: { productId: string; warehouseId: string }): string {
  return `#/item/${encodeURIComponent(productId)}/${encodeURIComponent(warehouseId)}`;
}

export const StockRow = memo(function StockRow({ row: known, index, top, mayWrite }: Props): ReactElement {
  const view = useHeld(useInventoryItem(known, { follow: false }));
  const row = view.value ?? known;
  const outcome = useOutcome(view.key);
  useSyncExternalStore(onAttributes, attributesRevision);
  const text = itemText(row);

  function onClick(event: MouseEvent): void {
    if ((event.target as HTMLElement).closest('a, button')) return;
    if (mayWrite) openAdjust(row);
    else location.hash = itemHash(row);
  }

  return (
    // biome-ignore lint/a11y/useSemanticElements: rows of a virtual table stand where arithmetic puts them
    // biome-ignore lint/a11y/useKeyWithClickEvents: the button in the row does the same
    <div
      role="row"
      tabIndex={-1}
      className="stock-row"
      data-state={row.alertState}
      data-stale={view.stale || undefined}
      aria-rowindex={index + 2}
      style={{ top }}
      onClick={onClick}
    >
      {/* biome-ignore lint/a11y/useSemanticElements: as above */}
      <div role="rowheader" tabIndex={-1} className="cell-item">
        <a className="item-name clip" href={itemHash(row)} title={text.name}>
          {text.name}
        </a>
        <span className="clip small quiet">
          <span className="item-where">{text.warehouse} · </span>
          {text.sku ?? row.productId}
        </span>
      </div>
      {/* biome-ignore lint/a11y/useSemanticElements: as above */}
      <div role="cell" className="cell-warehouse clip">
        {text.warehouse}
      </div>
      {/* biome-ignore lint/a11y/useSemanticElements: as above */}
      <div role="cell" className={outcome === 'failed' ? 'cell-available shakes' : 'cell-available'}>
        <ChangeMark view={view} outcome={outcome} />
        <Quantity value={row.quantityAvailable} changeKey={row.version} />
      </div>
      {/* biome-ignore lint/a11y/useSemanticElements: as above */}
      <div role="cell" className="cell-reserved number quiet">
        {count(row.quantityReserved)}
      </div>
      {/* biome-ignore lint/a11y/useSemanticElements: as above */}
      <div role="cell" className="cell-minimum number quiet">
        {count(row.minimumStock)}
      </div>
      {/* biome-ignore lint/a11y/useSemanticElements: as above */}
      <div role="cell" className="cell-status">
        <StatusBadge state={row.alertState} />
      </div>
      {/* biome-ignore lint/a11y/useSemanticElements: as above */}
      <div role="cell" className="cell-people">
        <RowPeople item={row} />
      </div>
      {/* biome-ignore lint/a11y/useSemanticElements: as above */}
      <div role="cell" className="cell-action">
        {mayWrite ? (
          <button
            type="button"
            className="button row-adjust"
            data-row-target
            aria-label={`Adjust ${text.name}, ${text.warehouse}`}
            onClick={() => openAdjust(row)}
          >
            <Icon name="pencil" />
            <span>Adjust</span>
          </button>
        ) : (
          <a className="button row-adjust" data-row-target href={itemHash(row)} aria-label={`History of ${text.name}`}>
            <Icon name="clock" />
            <span>History</span>
          </a>
        )}
      </div>
    </div>
  );
});
