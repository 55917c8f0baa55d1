/*
 * be-at.tsx
 *   Shows the others where one is: at an item, and what one does there.
 *
 * A page of an item and a dialog over it are about the same channel.  What was
 * opened last counts; when it closes, the one below does again.
 */
import type { ItemKey } from 'inventory-client';
import { channel } from 'inventory-client';
import { useInventoryPresence } from 'inventory-client/react';
import type { ReactElement } from 'react';
import { useHasPresence } from './presence-context';

interface Props {
  readonly item: ItemKey;
  readonly status: 'viewing' | 'editing';
  readonly field?: string;
}

export function BeAt(props: Props): ReactElement | null {
  return useHasPresence() ? <There {...props} /> : null;
}

function There({ item, status, field }: Props): null {
  const metadata = { warehouseId: item.warehouseId, ...(field !== undefined && { field }) };
  useInventoryPresence(channel.presenceItem(item.productId), { status, metadata });
  return null;
}
