/*
 * be-at.tsx
 *   Shows the others where one is: at an item, and what one does there.
 *
 * A page of an item and a dialog over it are about the same channel.  What was
 * opened last counts; when it closes, the one below does again, and with the
 * last of them one has left.
 */
import type { InventoryClient, ItemKey, JsonObject } from 'inventory-client';
import { channel } from 'inventory-client';
import { useClient } from 'inventory-client/react';
import { type ReactElement, useEffect } from 'react';
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
  const client = useClient();
  const name = channel.presenceItem(item.productId);
  const { warehouseId } = item;
  useEffect(
    () => enter(client, name, { status, metadata: { warehouseId, ...(field !== undefined && { field }) } }),
    [client, name, warehouseId, status, field],
  );
  return null;
}

interface Deed {
  readonly status: string;
  readonly metadata: JsonObject;
}

const deeds = new Map<string, Deed[]>();

/** Until the function it returns is called. */
function enter(client: InventoryClient, name: string, deed: Deed): () => void {
  const presence = client.presence(name);
  const here = deeds.get(name) ?? [];
  deeds.set(name, here);
  here.push(deed);
  presence.update(deed);
  return () => {
    here.splice(here.indexOf(deed), 1);
    const below = here.at(-1);
    if (below) presence.update(below);
    else presence.leave();
    client.releasePresence(name);
  };
}
