/*
 * batches.ts
 *   The batches an item is kept in, for who has to say which.
 */
import type { ItemKey, JsonObject, Row } from 'inventory-client';
import { useConnection } from 'inventory-client/react';
import { useMemo } from 'react';
import { count, expiryTime } from '../base/words';
import { numberOf, textOf, timeOf } from '../item/record-table';
import { useRecords } from '../item/records';
import { isByBatch } from '../stock/attributes';

export interface KnownBatch {
  readonly number: string;
  readonly quantity: number;
  readonly expiresAt: number | null;
  /** Other than "active": it is not sold. */
  readonly status: string;
}

export function readBatch(row: JsonObject): KnownBatch {
  return {
    number: textOf(row, 'batchNumber'),
    quantity: numberOf(row, 'quantity') ?? 0,
    expiresAt: timeOf(row, 'expiresAt'),
    status: textOf(row, 'status'),
  };
}

/**
 * In the order in which they expire.  'coming': they are asked for; null: not
 * known now, without a link for instance; undefined: the item has none.
 */
export type Batches = readonly KnownBatch[] | 'coming' | null | undefined;

export function useBatches(item: ItemKey, row: Row | null): Batches {
  const isByBatches = row !== null && isByBatch(row);
  const { rows, problem } = useRecords(isByBatches ? 'batches' : null, item, row?.version ?? 0);
  const { isConnected } = useConnection();
  const known = useMemo(() => rows?.map(readBatch).sort(byExpiry), [rows]);
  if (!isByBatches) return undefined;
  return known ?? (isConnected && problem === null ? 'coming' : null);
}

function byExpiry(a: KnownBatch, b: KnownBatch): number {
  return (a.expiresAt ?? Number.MAX_VALUE) - (b.expiresAt ?? Number.MAX_VALUE);
}

/** "L2 · 8 · expires 20 Jan 2098". */
export function batchWords({ number, quantity, expiresAt, status }: KnownBatch): string {
  const parts = [number, count(quantity)];
  if (expiresAt !== null) parts.push(`${status === 'expired' ? 'expired' : 'expires'} ${expiryTime(expiresAt)}`);
  if (status === 'quarantined') parts.push(status);
  return parts.join(' · ');
}
