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
import { close, openAdjust } from '../shell/open';
import { itemText } from '../stock/item-text';

export function RetireDialog({ item }: { item: ItemKey }): ReactElement | null {
  const client = useClient();
  const { value: row } = useInventoryItem(item, { follow: false });
  useGone(row);
  if (!row) return null;
  const text = itemText(row);
  const isInStock = row.quantityOnHand !== 0 || row.quantityReserved !== 0;

  function retire(): void {
    perform(client, { type: 'retire', ...item, reason: 'Retired' }, { done: `Retired ${text.name}`, name: text.name });
    close();
    location.hash = '#/';
  }

  return (
    <Dialog title={`Retire ${text.name}?`} subtitle={text.warehouse} onClose={close}>
      <div className="dialog-body">
        <p>It goes from every screen and can be neither sold nor counted. Its history stays.</p>
        {isInStock && (
          <p className="error">
            {row.quantityOnHand === 0
              ? `${counted(row.quantityReserved, 'piece')} of it are reserved`
              : `There ${row.quantityOnHand === 1 ? 'is' : 'are'} still ${counted(row.quantityOnHand, 'piece')} on the books`}
            : an item with stock cannot be retired.
          </p>
        )}
      </div>
      <footer className="dialog-actions">
        <button type="button" className="button" onClick={close}>
          Keep it
        </button>
        {isInStock && (
          <button type="button" className="button" onClick={() => openAdjust(item, 'count')}>
            Count the shelf
          </button>
        )}
        <button type="button" className="button danger" disabled={isInStock} onClick={retire}>
          Retire
        </button>
      </footer>
    </Dialog>
  );
}
