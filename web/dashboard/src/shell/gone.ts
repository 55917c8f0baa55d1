/*
 * gone.ts
 *   What a dialog is about may go while it is open.
 *
 * It closes then, and says why: a dialog that is only not drawn would still
 * keep the others away, and be there again with the item.
 */
import type { Row } from 'inventory-client';
import { useEffect, useRef } from 'react';
import { notify } from '../notices/notices';
import { itemText } from '../stock/item-text';
import { close } from './open';

/** undefined: it is about none. */
export function useGone(row: Row | null | undefined): void {
  const last = useRef(row);
  if (row) last.current = row;
  const isGone = row === null;
  useEffect(() => {
    if (!isGone) return;
    close();
    const name = last.current ? itemText(last.current).name : 'The item';
    notify({ tone: 'warning', title: 'Not here any more', text: `${name} was retired, or is none of yours` });
  }, [isGone]);
}
