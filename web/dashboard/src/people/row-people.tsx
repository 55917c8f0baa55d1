/*
 * row-people.tsx
 *   Who looks at or edits one item; asked for visible rows only, and only once
 *   scrolling has come to rest.
 */
import type { ItemKey } from 'inventory-client';
import { channel } from 'inventory-client';
import { useInventoryPresence } from 'inventory-client/react';
import { type ReactElement, useEffect, useState } from 'react';
import { useSession } from '../session/context';
import { Faces } from './faces';
import { useHasPresence } from './presence-context';

const REST_MS = 400;

export function RowPeople({ item }: { item: ItemKey }): ReactElement | null {
  const [isResting, setResting] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setResting(true), REST_MS);
    return () => clearTimeout(timer);
  }, []);
  return isResting ? <ItemPeople item={item} size={24} /> : null;
}

export function ItemPeople(props: { item: ItemKey; size?: number }): ReactElement | null {
  return useHasPresence() ? <Others {...props} /> : null;
}

function Others({ item, size = 28 }: { item: ItemKey; size?: number }): ReactElement | null {
  const { user } = useSession();
  const { people, lastKnown } = useInventoryPresence(channel.presenceItem(item.productId));
  const others = people.filter(
    ({ userId, metadata }) =>
      userId !== user.id && (metadata.warehouseId === undefined || metadata.warehouseId === item.warehouseId),
  );
  return <Faces people={others} lastKnown={lastKnown} most={2} size={size} />;
}
