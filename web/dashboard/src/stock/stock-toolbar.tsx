/*
 * stock-toolbar.tsx
 *   Search, warehouse, and the order that waits to be taken.
 */
import { type KeyboardEvent, type ReactElement, useEffect, useRef } from 'react';
import { Icon } from '../base/icons';
import { counted } from '../base/words';
import { open } from '../shell/open';
import { focusFirstRow } from './row-focus';
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
  const field = useRef<HTMLInputElement>(null);

  useEffect(() => {
    // A finger asks for the keyboard itself.
    if (matchMedia('(pointer: fine)').matches) field.current?.focus({ preventScroll: true });
    const onKey = (event: globalThis.KeyboardEvent) => {
      const at = event.target as HTMLElement | null;
      if (at?.closest('input, textarea, select, dialog') || open.get() !== null) return;
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      // A scanner types wherever the focus was left; a space presses buttons and scrolls.
      if (event.key.length > 1 || event.key === ' ') return;
      if (event.key === '/') event.preventDefault();
      field.current?.focus();
      field.current?.select();
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, []);

  function onKeyDown(event: KeyboardEvent): void {
    if (event.key === 'Enter') props.onEnter();
    else if (event.key === 'ArrowDown') focusFirstRow();
    else if (event.key === 'Escape') props.onSearch('');
    else return;
    event.preventDefault();
  }

  return (
    <search className="stock-toolbar">
      <label className="stock-search">
        <span className="unseen">Search items by name, SKU or barcode</span>
        <Icon name="search" />
        <input
          ref={field}
          className="input"
          type="search"
          enterKeyHint="go"
          autoComplete="off"
          spellCheck={false}
          placeholder="Search or scan"
          value={props.search}
          onChange={(event) => props.onSearch(event.target.value)}
          onFocus={(event) => event.target.select()}
          onKeyDown={onKeyDown}
        />
        {props.search === '' ? <kbd title="Press / to search">/</kbd> : <kbd title="Enter opens the first">Enter</kbd>}
      </label>
      {props.warehouses.length > 1 && (
        <label className="stock-warehouse">
          <span className="unseen">Warehouse</span>
          <select
            className="input"
            value={props.warehouse ?? ''}
            onChange={(event) => props.onWarehouse(event.target.value || null)}
          >
            <option value="">All warehouses</option>
            {props.warehouses.map(({ id, name }) => (
              <option key={id} value={id}>
                {name}
              </option>
            ))}
          </select>
          <Icon name="chevron" />
        </label>
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
