/*
 * versions.ts
 *   Which events are news.
 *
 * A state event (one that carries a version) is news if its version is above
 * the one known of the item; an alert, if its id was not seen.  Overlapping
 * channels, replays and late bursts therefore deliver each thing once.
 */
import {
  channelCovers,
  type InventoryEvent,
  type ItemKey,
  integerOf,
  itemKey,
  type Row,
  readItem,
} from './protocol.js';

/** Alerts remembered. A replay reaches back minutes; this many alerts is hours. */
const ALERTS_KEPT = 2000;

/** The last: news, but versions in between were missed. */
export type Verdict = 'new' | 'duplicate' | { key: string; from: number; to: number };

export class Versions {
  readonly #versions = new Map<string, ItemKey & { version: number }>();
  readonly #alerts = new Set<string>();

  /** Takes note of the event and says whether it is news. */
  take(event: InventoryEvent): Verdict {
    if (!/^inventory\.(updated|retired)$/.test(event.type)) return this.#takeAlert(event.id);
    const item = readItem(event.data);
    const version = integerOf(event.data.version);
    if (!item || version === undefined) return 'new';
    const { key } = item;
    const from = this.#versions.get(key)?.version;
    if (from !== undefined && version <= from) return 'duplicate';
    this.#versions.set(key, { ...item, version });
    const missed = from !== undefined && version > from + (event.conflated ?? 1);
    return missed ? { key, from, to: version } : 'new';
  }

  /** A version learnt otherwise: from a snapshot. */
  know(item: Row): void {
    const key = itemKey(item);
    if ((this.#versions.get(key)?.version ?? -1) < item.version) this.#versions.set(key, item);
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
    const [oldest = ''] = this.#alerts.add(id);
    if (this.#alerts.size > ALERTS_KEPT) this.#alerts.delete(oldest);
    return 'new';
  }
}
