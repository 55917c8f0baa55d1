/*
 * record-table.tsx
 *   One kind of records as a table.
 */
import type { JsonObject } from 'inventory-client';
import type { ReactElement } from 'react';
import type { Records } from './records';

export interface Column {
  readonly name: string;
  readonly cell: (row: JsonObject) => ReactElement | string;
  readonly className?: string;
  /** Where there is no head to the table, the name stands beside what would not be known without. */
  readonly isSaid?: boolean;
}

interface Props {
  readonly label: string;
  readonly empty: string;
  readonly columns: readonly Column[];
  readonly records: Records;
}

export function RecordTable({ label, empty, columns, records }: Props): ReactElement {
  const { rows, problem, hasMore, more } = records;
  if (rows === null) {
    return (
      <p className="empty" role="status">
        {problem === null ? 'Loading…' : `Not available now: ${problem}`}
      </p>
    );
  }
  if (rows.length === 0) return <p className="empty">{empty}</p>;
  return (
    <>
      {problem !== null && <p className="error">Not up to date: {problem}</p>}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <section className="record-scroll" tabIndex={0} aria-label={label}>
        <table className="records">
          <thead>
            <tr>
              {columns.map(({ name, className }) => (
                <th key={name} scope="col" className={className}>
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row, i) => (
              <tr key={i}>
                {columns.map(({ name, cell, className, isSaid = false }) => (
                  <td key={name} className={className} data-name={isSaid ? name : undefined}>
                    {cell(row)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      {hasMore && (
        <button type="button" className="button" onClick={more}>
          Show more
        </button>
      )}
    </>
  );
}

export function textOf(row: JsonObject, name: string): string {
  const value = row[name];
  return value === null || value === undefined ? '' : String(value);
}

export function numberOf(row: JsonObject, name: string): number | null {
  const value = row[name];
  return typeof value === 'number' ? value : null;
}

export function timeOf(row: JsonObject, name: string): number | null {
  const at = Date.parse(textOf(row, name));
  return Number.isNaN(at) ? null : at;
}
