/*
 * slow-link.ts
 *   Says so, once, when answers take long: why things come late, and what is done about it.
 */
import type { InventoryClient } from 'inventory-client';
import { notify } from '../notices/notices';

const SLOW_MS = 500;
/** Well below, or a link at the edge would be told of again and again. */
const FINE_MS = 300;

export function followSlowLink(client: InventoryClient): () => void {
  let isTold = false;
  return client.on('quality', ({ rttMs }) => {
    if (client.state.name !== 'connected' || rttMs === null) return;
    if (rttMs < FINE_MS) isTold = false;
    if (isTold || rttMs <= SLOW_MS) return;
    isTold = true;
    notify({
      tone: 'warning',
      title: 'The link is slow',
      text: `answers take ${Math.round(rttMs)} ms; numbers come less often, and no change is lost`,
      forMs: 12_000,
    });
  });
}
