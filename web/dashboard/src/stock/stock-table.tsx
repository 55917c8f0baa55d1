/*
 * stock-table.tsx
 *   The rows the window shows, of as many as there are.
 */
import type { ItemView } from 'inventory-client';
import { type ReactElement, useRef } from 'react';
import { useMedia } from '../base/hooks';
import { NothingHere, NothingMatches } from './nothing-here';
import { moveInRows } from './row-focus';
import { StockRow } from './stock-row';
import { useVirtualRows } from './virtual-rows';
import './stock-table.css';

interface Props {
  readonly keys: readonly string[];
  readonly byKey: ReadonlyMap<string, ItemView>;
  readonly mayWrite: boolean;
  readonly isFiltered: boolean;
}

export const ROW_HEIGHT = 56;
export const NARROW_ROW_HEIGHT = 76;

export function StockTable({ keys, byKey, mayWrite, isFiltered }: Props): ReactElement {
  const body = useRef<HTMLDivElement>(null);
  const isNarrow = useMedia('(max-width: 860px)');
  const height = isNarrow ? NARROW_ROW_HEIGHT : ROW_HEIGHT;
  const range = useVirtualRows(body, keys.length, height);
  const shown = keys.slice(range.first, range.end);

  return (
    // biome-ignore lint/a11y/useSemanticElements: rows of a virtual table stand where arithmetic puts them
    <div className="stock-table" role="table" aria-label="Stock" aria-rowcount={keys.length + 1}>
      {/* biome-ignore lint/a11y/useSemanticElements: as above */}
      <div className="stock-head" role="row" tabIndex={-1} aria-rowindex={1}>
        {COLUMNS.map(({ name, className }) => (
          // biome-ignore lint/a11y/useSemanticElements: as above
          <span key={name} role="columnheader" tabIndex={-1} className={className}>
            {name}
          </span>
        ))}
      </div>
      {/* biome-ignore lint/a11y/useSemanticElements: as above */}
      <div
        ref={body}
        role="rowgroup"
        className="stock-body"
        style={{ height: keys.length * height }}
        onKeyDown={moveInRows}
      >
        {shown.map((key, i) => {
          const view = byKey.get(key);
          return view?.value ? (
            <StockRow
              key={key}
              row={view.value}
              index={range.first + i}
              top={(range.first + i) * height}
              mayWrite={mayWrite}
            />
          ) : null;
        })}
      </div>
      {keys.length === 0 && (isFiltered ? <NothingMatches /> : <NothingHere />)}
    </div>
  );
}

const COLUMNS = [
  { name: 'Item', className: 'cell-item' },
  { name: 'Warehouse', className: 'cell-warehouse' },
  { name: 'Available', className: 'cell-available' },
  { name: 'Reserved', className: 'cell-reserved' },
  { name: 'Minimum', className: 'cell-minimum' },
  { name: 'Status', className: 'cell-status' },
  { name: 'Here now', className: 'cell-people' },
  { name: 'Change', className: 'cell-action' },
];
