/*
 * records.ts
 *   The movements, batches and reservations of an item, from the relay.
 *
 * They are asked for again when the item's version moves, at most once a
 * second, when the link is back, and while they cannot be had; a page is
 * added below when one asks for more.  Of answers that overtake each other
 * the one asked for last stays; one that comes while the item moves on is
 * shown all the same, or an item in demand would never show any.
 */
import type { ItemKey, JsonObject } from 'inventory-client';
import { useConnection } from 'inventory-client/react';
import { useEffect, useRef, useState } from 'react';
import { useSession } from '../session/context';
import { fetchJson, type TokenSource } from '../session/session';

export type RecordKind = 'movements' | 'batches' | 'reservations';

export interface Records {
  readonly rows: readonly JsonObject[] | null;
  readonly problem: string | null;
  readonly hasMore: boolean;
  readonly more: () => void;
}

const PAGE = 50;
const AGAIN_MS = 1_000;
const RETRY_MS = 5_000;

/** Of one kind and item in the life of the component; null: of none (yet). */
export function useRecords(kind: RecordKind | null, item: ItemKey, version: number): Records {
  const { source } = useSession();
  const { isConnected } = useConnection();
  const { productId, warehouseId } = item;
  const [pages, setPages] = useState(1);
  const [failures, setFailures] = useState(0);
  const [retries, setRetries] = useState(0);
  const [state, setState] = useState<Omit<Records, 'more'>>({
    rows: null,
    problem: null,
    hasMore: false,
  });
  const lastAt = useRef(Number.NEGATIVE_INFINITY);
  const asked = useRef(0);
  const answered = useRef(0);

  useEffect(() => {
    if (kind === null) return;
    const read = async () => {
      lastAt.current = performance.now();
      const turn = ++asked.current;
      const answer = await readPages(kind, { productId, warehouseId }, pages, source).catch(reasonOf);
      if (turn < answered.current) return;
      answered.current = turn;
      if (typeof answer === 'string') setFailures((n) => n + 1);
      setState((now) => (typeof answer === 'string' ? { ...now, problem: answer } : { ...answer, problem: null }));
    };
    const timer = setTimeout(read, Math.max(0, lastAt.current + AGAIN_MS - performance.now()));
    return () => clearTimeout(timer);
  }, [kind, productId, warehouseId, version, pages, source, isConnected, retries]);

  useEffect(() => {
    if (failures === 0) return;
    const timer = setTimeout(() => setRetries(failures), RETRY_MS);
    return () => clearTimeout(timer);
  }, [failures]);

  return { ...state, more: () => setPages((n) => n + 1) };
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function readPages(kind: RecordKind, item: ItemKey, pages: number, source: TokenSource) {
  const token = await source.get(false);
  const rows: JsonObject[] = [];
  let before: string | null = null;
  let hasMore = false;
  for (let i = 0; i < pages; i++) {
    // The item stands in the query, since an id in the path must have no slash.
    const query = new URLSearchParams({ ...item, limit: String(PAGE), ...(before !== null && { before }) });
    const page: JsonObject[] = await fetchJson<JsonObject[]>(`api/inventory/${kind}?${query}`, token);
    rows.push(...page);
    hasMore = page.length === PAGE;
    before = cursorOf(kind, page.at(-1));
    if (!hasMore || before === null) break;
  }
  return { rows, hasMore };
}

const CURSORS: Readonly<Record<RecordKind, string>> = {
  movements: 'version',
  batches: 'batchId',
  reservations: 'reservationId',
};

function cursorOf(kind: RecordKind, row: JsonObject | undefined): string | null {
  const value = row?.[CURSORS[kind]] ?? null;
  return value === null ? null : String(value);
}
