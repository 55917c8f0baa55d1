/*
 * last-heard.ts
 *   When the relay was last heard: what the numbers on screen are of.
 */
import type { InventoryClient } from 'inventory-client';

const heard = new WeakMap<InventoryClient, number>();

export function followLastHeard(client: InventoryClient): () => void {
  return client.connection.on('traffic', ({ direction }) => {
    if (direction === 'in') heard.set(client, Date.now());
  });
}

/** null: not in the life of this page. */
export function lastHeard(client: InventoryClient): number | null {
  return heard.get(client) ?? null;
}
