/*
 * records.ts
 *   The movements, batches and reservations of an item, from the relay.
 *
 * They are asked for again when the item's version moves, at most once a
 * second; a page is added below when one asks for more.
 */
import type { ItemKey, JsonObject } from 'inventory-client';
import { useEffect, useRef, useState } from 'react';
import { useSession } from '../session/context';
import { fetchJson } from '../session/session';

export type RecordKind = 'movements' | 'batches' | 'reservations';

export interface Records {
  readonly rows: readonly JsonObject[] | null;
  readonly problem: string | null;
  readonly hasMore: boolean;
  readonly more: () => void;
}

const PAGE = 50;
const AGAIN_MS = 1_000;

export function useRecords(kind: RecordKind, item: ItemKey, version: number): Records {
  const { source } = useSession();
  const { productId, warehouseId } = item;
  const [pages, setPages] = useState(1);
  const [state, setState] = useState<Omit<Records, 'more'>>({
    rows: null,
    problem: null,
    hasMore: false,
  });
  const last = useRef(0);

  useEffect(() => {
    let isGone = false;
    const timer = setTimeout(
      async () => {
        last.current = Date.now();
        try {
          const read = await readPages(kind, { productId, warehouseId }, pages, await source.get(false));
          if (!isGone) setState({ ...read, problem: null });
        } catch (error) {
          if (isGone) return;
          const problem = error instanceof Error ? error.message : String(error);
          setState((now) => ({ ...now, problem }));
        }
      },
      Math.max(0, last.current + AGAIN_MS - Date.now()),
    );
    return () => {
      isGone = true;
      clearTimeout(timer);
    };
  }, [kind, productId, warehouseId, version, pages, source]);

  return { ...state, more: () => setPages((n) => n + 1) };
}

async function readPages(kind: RecordKind, item: ItemKey, pages: number, token: string | null) {
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
