/*
 * retire-dialog.tsx
 *   Asks before an item goes.
 */
import type { ItemKey } from 'inventory-client';
import { useClient, useInventoryItem } from 'inventory-client/react';
import type { ReactElement } from 'react';
import { Dialog } from '../base/dialog';
import { counted } from '../base/words';
import { perform } from '../change/perform';
import { useGone } from '../shell/gone';
import { close } from '../shell/open';
import { itemText } from '../stock/item-text';

export function RetireDialog({ item }: { item: ItemKey }): ReactElement | null {
  const client = useClient();
  const { value: row } = useInventoryItem(item, { follow: false });
  useGone(row);
  if (!row) return null;
  const text = itemText(row);

  function retire(): void {
    perform(client, { type: 'retire', ...item, reason: 'Retired' }, { done: `Retired ${text.name}`, name: text.name });
    close();
    location.hash = '#/';
  }

  return (
    <Dialog title={`Retire ${text.name}?`} subtitle={text.warehouse} onClose={close}>
      <div className="dialog-body">
        <p>
          It goes from every screen and can be neither sold nor counted. Its history stays.
          {row.quantityOnHand !== 0 &&
            ` There ${row.quantityOnHand === 1 ? 'is' : 'are'} still ${counted(row.quantityOnHand, 'piece')} on the books: the server refuses to retire an item with stock.`}
        </p>
      </div>
      <footer className="dialog-actions">
        <button type="button" className="button" onClick={close}>
          Keep it
        </button>
        <button type="button" className="button danger" onClick={retire}>
          Retire
        </button>
      </footer>
    </Dialog>
  );
}
