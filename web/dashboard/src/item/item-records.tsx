/*
 * item-records.tsx
 *   What happened to an item, what lies in which batch, and who has it reserved.
 */
import type { ItemKey, JsonObject } from 'inventory-client';
import { type KeyboardEvent, type ReactElement, useId, useState } from 'react';
import { count, dateTime, expiryTime, signed } from '../base/words';
import { readBatch } from '../change/batches';
import { useSession } from '../session/context';
import { canWrite } from '../session/session';
import { openAdjust } from '../shell/open';
import { type Column, numberOf, RecordTable, textOf, timeOf } from './record-table';
import { type RecordKind, useRecords } from './records';

const TABS: readonly { kind: RecordKind; word: string; empty: string }[] = [
  { kind: 'movements', word: 'Movements', empty: 'Nothing has moved yet.' },
  { kind: 'batches', word: 'Batches', empty: 'This item has no batches.' },
  { kind: 'reservations', word: 'Reservations', empty: 'Nothing is reserved.' },
];

export function ItemRecords({ item, version }: { item: ItemKey; version: number }): ReactElement {
  const [kind, setKind] = useState<RecordKind>('movements');
  const id = useId();

  function onKeyDown(event: KeyboardEvent<HTMLElement>): void {
    const by = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
    if (by === 0) return;
    const next = TABS[(TABS.findIndex((one) => one.kind === kind) + by + TABS.length) % TABS.length];
    if (!next) return;
    setKind(next.kind);
    event.currentTarget.querySelectorAll<HTMLElement>('[role=tab]')[TABS.indexOf(next)]?.focus();
  }

  return (
    <section className="item-records">
      <div role="tablist" aria-label="Records" className="tabs" onKeyDown={onKeyDown}>
        {TABS.map((one) => (
          <button
            key={one.kind}
            type="button"
            role="tab"
            id={`${id}-${one.kind}`}
            aria-selected={kind === one.kind}
            aria-controls={`${id}-panel`}
            tabIndex={kind === one.kind ? 0 : -1}
            className="tab"
            onClick={() => setKind(one.kind)}
          >
            {one.word}
          </button>
        ))}
      </div>
      <div role="tabpanel" id={`${id}-panel`} aria-labelledby={`${id}-${kind}`} className="tab-panel">
        <RecordPanel key={kind} kind={kind} item={item} version={version} />
      </div>
    </section>
  );
}

function RecordPanel({ kind, item, version }: { kind: RecordKind; item: ItemKey; version: number }): ReactElement {
  const records = useRecords(kind, item, version);
  const mayCount = canWrite(useSession()) && kind === 'batches';
  const tab = TABS.find((one) => one.kind === kind);
  const columns = mayCount ? [...COLUMNS[kind], countColumn(item)] : COLUMNS[kind];
  return <RecordTable label={tab?.word ?? ''} empty={tab?.empty ?? ''} columns={columns} records={records} />;
}

/** Of an item kept by batch a shelf is counted batch by batch. */
function countColumn(item: ItemKey): Column {
  return {
    name: 'Shelf',
    className: 'end',
    cell: (row) => {
      const { number, quantity } = readBatch(row);
      return (
        <button
          type="button"
          className="button"
          aria-label={`Count batch ${number}`}
          onClick={() => openAdjust(item, 'count', { batchNumber: number, seen: quantity })}
        >
          Count
        </button>
      );
    },
  };
}

const TYPES: Readonly<Record<string, string>> = {
  created: 'Created',
  settings: 'Settings',
  in: 'In',
  out: 'Out',
  adjustment: 'Adjusted',
  count: 'Counted',
  reserve: 'Reserved',
  release: 'Released',
  commit: 'Sold from reservation',
  transfer_in: 'Moved in',
  transfer_out: 'Moved out',
  expire: 'Expired',
  retired: 'Retired',
};

const COLUMNS: Readonly<Record<RecordKind, readonly Column[]>> = {
  movements: [
    { name: 'When', cell: (row) => when(row, 'createdAt') },
    { name: 'What', cell: (row) => TYPES[textOf(row, 'movementType')] ?? textOf(row, 'movementType') },
    { name: 'Change', className: 'number end', cell: (row) => change(row) },
    { name: 'Available', className: 'number end', isSaid: true, cell: (row) => amount(row, 'availableAfter') },
    { name: 'Reason', cell: (row) => textOf(row, 'reason') || textOf(row, 'reference') },
    { name: 'By', isSaid: true, cell: (row) => textOf(row, 'performedBy') },
  ],
  batches: [
    { name: 'Batch', cell: (row) => textOf(row, 'batchNumber') },
    { name: 'Quantity', className: 'number end', isSaid: true, cell: (row) => amount(row, 'quantity') },
    { name: 'Expires', isSaid: true, cell: (row) => when(row, 'expiresAt', expiryTime) || 'never' },
    { name: 'State', cell: (row) => capital(textOf(row, 'status')) },
    { name: 'Received', isSaid: true, cell: (row) => when(row, 'receivedAt') },
  ],
  reservations: [
    { name: 'Reservation', cell: (row) => textOf(row, 'reference') || textOf(row, 'reservationId') },
    { name: 'Quantity', className: 'number end', isSaid: true, cell: (row) => amount(row, 'quantity') },
    { name: 'State', cell: (row) => capital(textOf(row, 'status')) },
    { name: 'Until', isSaid: true, cell: (row) => when(row, 'expiresAt') },
    { name: 'By', isSaid: true, cell: (row) => textOf(row, 'performedBy') },
  ],
};

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

function when(row: JsonObject, name: string, words = dateTime): ReactElement | '' {
  const at = timeOf(row, name);
  return at === null ? '' : <time dateTime={new Date(at).toISOString()}>{words(at)}</time>;
}

function amount(row: JsonObject, name: string): string {
  const n = numberOf(row, name);
  return n === null ? '' : count(n);
}

function change(row: JsonObject): string {
  const available = numberOf(row, 'deltaAvailable') ?? 0;
  const reserved = numberOf(row, 'deltaReserved') ?? 0;
  if (available === 0 && reserved === 0) return '0';
  return reserved === 0 ? signed(available) : `${signed(available)} (reserved ${signed(reserved)})`;
}
