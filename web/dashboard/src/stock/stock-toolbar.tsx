/*
 * stock-toolbar.tsx
 *   Search, warehouse, and the order that waits to be taken.
 */
import type { ReactElement } from 'react';
import { Icon } from '../base/icons';
import { Select } from '../base/select';
import { counted } from '../base/words';
import { focusFirstRow } from './row-focus';
import { SearchField } from './search-field';
import type { Warehouse } from './stock-index';
import './stock-toolbar.css';

interface Props {
  readonly search: string;
  readonly onSearch: (search: string) => void;
  readonly onEnter: () => void;
  readonly warehouse: string | null;
  readonly onWarehouse: (warehouse: string | null) => void;
  readonly warehouses: readonly Warehouse[];
  /** Rows that would stand elsewhere in a new order. */
  readonly waiting: number;
  readonly onRefresh: () => void;
}

export function StockToolbar(props: Props): ReactElement {
  return (
    <search className="stock-toolbar">
      <SearchField
        text={props.search}
        onText={props.onSearch}
        onEnter={props.onEnter}
        onDown={focusFirstRow}
        hint="Enter opens the first"
        hasFocus
      />
      {props.warehouses.length > 1 && (
        <div className="stock-warehouse">
          <label className="unseen" htmlFor="stock-warehouse">
            Warehouse
          </label>
          <Select
            id="stock-warehouse"
            value={props.warehouse ?? ''}
            onChange={(event) => props.onWarehouse(event.target.value || null)}
          >
            <option value="">All warehouses</option>
            {props.warehouses.map(({ id, name }) => (
              <option key={id} value={id}>
                {name}
              </option>
            ))}
          </Select>
        </div>
      )}
      {props.waiting > 0 && (
        <button type="button" className="button stock-refresh" onClick={props.onRefresh}>
          <Icon name="retry" />
          {counted(props.waiting, 'update')}, refresh order
        </button>
      )}
    </search>
  );
}
