/*
 * item-bar.tsx
 *   Above an item: the way back, and the search, for the next one may be scanned here.
 *
 * A code leads to its item, as it does from the list; of several warehouses
 * that have it, to the one worked in, else to the one looked at.  What is no
 * code is searched for in the list.
 */
import type { ItemKey } from 'inventory-client';
import { type ReactElement, useState } from 'react';
import { Icon } from '../base/icons';
import { useSession } from '../session/context';
import { canWrite } from '../session/session';
import { openAdjust } from '../shell/open';
import { LIST, lookAtAll, search } from '../stock/looking';
import { place } from '../stock/place';
import { SearchField } from '../stock/search-field';
import { rowOfCode, useStock } from '../stock/stock-index';
import { itemHash } from '../stock/stock-row';

export function ItemBar({ item }: { item: ItemKey }): ReactElement {
  const stock = useStock();
  const mayWrite = canWrite(useSession());
  const [text, setText] = useState('');

  function enter(): void {
    if (text.trim() === '') return;
    const row = rowOfCode(stock, text, [place.get(), item.warehouseId]);
    setText('');
    if (row) {
      location.hash = itemHash(row);
      if (mayWrite) openAdjust(row);
      return;
    }
    lookAtAll();
    search.set(text);
    location.hash = LIST;
  }

  return (
    <search className="item-bar">
      <a className="button plain item-back" href={LIST} onClick={lookAtAll}>
        <Icon name="arrowLeft" /> All items
      </a>
      <SearchField text={text} onText={setText} onEnter={enter} hint="Enter opens the item of a code" />
    </search>
  );
}
