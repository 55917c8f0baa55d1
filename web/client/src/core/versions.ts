/*
 * versions.ts
 *   Which events are news.
 *
 * A state event (one that carries a version) is news if its version is above
 * the one known of the item; an alert, if its id was not seen.  Overlapping
 * channels, replays and late bursts therefore deliver each thing once.
 */
import { channelCovers, type InventoryEvent, integerOf, itemKey, textOf } from './protocol.js';

/** Alerts remembered. A replay reaches back minutes; this many alerts is hours. */
const ALERTS_KEPT = 2000;

export type Verdict = 'new' | 'duplicate' | { gap: { key: string; from: number; to: number } };

const STATE_EVENTS = new Set(['inventory.updated', 'inventory.retired']);

export class Versions {
  readonly #versions = new Map<string, { version: number; productId: string; warehouseId: string }>();
  readonly #alerts = new Set<string>();

  /** Takes note of the event and says whether it is news. */
  take(event: InventoryEvent): Verdict {
    if (!STATE_EVENTS.has(event.type)) return this.#takeAlert(event.id);
    const productId = textOf(event.data.productId);
    const warehouseId = textOf(event.data.warehouseId);
    const version = integerOf(event.data.version);
    if (!productId || !warehouseId || version === undefined) return 'new';
    const key = itemKey({ productId, warehouseId });
    const known = this.#versions.get(key)?.version;
    if (known !== undefined && version <= known) return 'duplicate';
    this.#versions.set(key, { version, productId, warehouseId });
    if (known !== undefined && version > known + (event.conflated ?? 1))
      return { gap: { key, from: known, to: version } };
    return 'new';
  }

  /** A version learnt otherwise: from a snapshot. */
  know(item: { productId: string; warehouseId: string; version: number }): void {
    const key = itemKey(item);
    if ((this.#versions.get(key)?.version ?? -1) < item.version) {
      this.#versions.set(key, { version: item.version, productId: item.productId, warehouseId: item.warehouseId });
    }
  }

  /** Forgets items that none of the channels covers: their next version may be any. */
  keepOnly(channels: readonly string[]): void {
    for (const [key, item] of this.#versions) {
      if (!channels.some((name) => channelCovers(name, item))) this.#versions.delete(key);
    }
  }

  /** Forgets all versions. Alerts stay known: their ids do not begin anew. */
  forget(): void {
    this.#versions.clear();
  }

  #takeAlert(id: string | undefined): Verdict {
    if (id === undefined) return 'new';
    if (this.#alerts.has(id)) return 'duplicate';
    this.#alerts.add(id);
    const [oldest] = this.#alerts;
    if (this.#alerts.size > ALERTS_KEPT && oldest !== undefined) this.#alerts.delete(oldest);
    return 'new';
  }
}
