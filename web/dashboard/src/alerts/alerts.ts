/*
 * alerts.ts
 *   What happened that somebody should know: low, out, oversold, expiring.
 *
 * Alerts come once, when a level is crossed.  They are shown as toasts and
 * kept in a list while the page is open; the list says what is still so.
 */
import type { InventoryClient, InventoryEvent } from 'inventory-client';
import { itemKey } from 'inventory-client';
import { createStore } from '../base/store';
import { count, counted } from '../base/words';
import { notify, type Tone } from '../notices/notices';
import { itemText } from '../stock/item-text';

export interface Alert {
  readonly id: string;
  readonly type: string;
  readonly tone: Tone;
  readonly title: string;
  readonly text: string;
  readonly at: number;
  /** The item, if it is about one. */
  readonly key: string | null;
}

const KEPT = 200;
/** A page that comes back is told what it missed; that is for the list, not for toasts. */
const FRESH_MS = 60_000;
/** Later it is told no more what it missed.  By the device's own clock: that may be minutes from the server's. */
const MISSED_WITHIN_MS = 5_000;

export const alerts = createStore<readonly Alert[]>([]);
/** How many came since the list was looked at. */
export const unseenAlerts = createStore(0);

export function followAlerts(client: InventoryClient): () => void {
  let made = 0;
  return client.on('message', (event) => {
    const alert = readAlert(client, event, `a${++made}`);
    if (!alert) return;
    alerts.set((now) => [alert, ...now].slice(0, KEPT));
    unseenAlerts.set((n) => n + 1);
    if (alert.tone !== 'plain' && alert.tone !== 'good' && isFresh(client, alert))
      notify({ tone: alert.tone, title: alert.title, text: alert.text, forMs: 8_000, isAlert: true });
  });
}

function isFresh({ state }: InventoryClient, { at }: Alert): boolean {
  const now = Date.now();
  return now - at < FRESH_MS || (state.name === 'connected' && now - state.since > MISSED_WITHIN_MS);
}

export function clearAlerts(): void {
  alerts.set([]);
  unseenAlerts.set(0);
}

function readAlert(client: InventoryClient, event: InventoryEvent, id: string): Alert | null {
  const { data } = event;
  const productId = typeof data.productId === 'string' ? data.productId : '';
  const warehouseId = typeof data.warehouseId === 'string' ? data.warehouseId : '';
  const key = productId && warehouseId ? itemKey({ productId, warehouseId }) : null;
  const row = key === null ? null : client.inventory.get(key).value;
  const name = row ? itemText(row).name : productId;
  const said = wordsOf(event, name);
  if (!said) return null;
  const at = typeof data.timestamp === 'string' ? Date.parse(data.timestamp) : Number.NaN;
  return { id, type: event.type, key, at: Number.isNaN(at) ? Date.now() : at, ...said };
}

function wordsOf({ type, data }: InventoryEvent, name: string): Pick<Alert, 'tone' | 'title' | 'text'> | null {
  const available = typeof data.quantityAvailable === 'number' ? data.quantityAvailable : 0;
  switch (type) {
    case 'inventory.out_of_stock':
      return { tone: 'error', title: 'Product out of stock', text: `${name} is now out of stock` };
    case 'inventory.low_stock':
      return { tone: 'warning', title: 'Low stock alert', text: `${name} is running low` };
    case 'inventory.oversold':
      return { tone: 'error', title: 'Oversold', text: `${name} is at ${count(available)}` };
    case 'inventory.back_in_stock':
      return { tone: 'good', title: 'Back in stock', text: `${name}, ${count(available)} available` };
    case 'batch.expiring_soon':
      return {
        tone: 'warning',
        title: 'Expiring soon',
        text: `Batch ${String(data.batchNumber)} of ${name} ${inDays(data.daysLeft)}`,
      };
    case 'batch.expired':
      return { tone: 'error', title: 'Batch expired', text: `Batch ${String(data.batchNumber)} of ${name}` };
    case 'reservation.expired': {
      const lines = Array.isArray(data.lines) ? data.lines.length : 0;
      return { tone: 'plain', title: 'Reservation expired', text: `${counted(lines, 'item')} given back` };
    }
  }
  return null;
}

function inDays(days: unknown): string {
  if (typeof days !== 'number') return 'expires soon';
  return days < 1 ? 'expires today' : `expires in ${counted(days, 'day')}`;
}
