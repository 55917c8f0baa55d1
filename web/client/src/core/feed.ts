/*
 * feed.ts
 *   What is heard of the stock: each thing once, and from where to go on.
 *
 * A position is held for the connection as a whole.  It is stored before an
 * event is emitted: whatever a listener does, no event comes twice and none
 * is skipped.  It is only handed back (`since`) when no snapshot was still
 * under way; otherwise the next connection starts anew and says so.
 */
import type { Listener } from './emitter.js';
import { InventoryError } from './errors.js';
import {
  type Frame,
  type InventoryEvent,
  listOf,
  type Position,
  type Row,
  readEvent,
  readRow,
  textOf,
} from './protocol.js';
import { Versions } from './versions.js';

export interface SnapshotPage {
  readonly channel: string;
  readonly rows: readonly Row[];
  /** More pages of this channel follow. */
  readonly more: boolean;
}

export interface Gap {
  /** The item (its pair channel), or null: unknown what was missed. */
  readonly key: string | null;
  readonly from: number | null;
  readonly to: number | null;
  readonly reason: 'versions' | 'plain-dialect' | 'resync';
}

export interface FeedEvents {
  /** An event of the stock, new to this client. */
  message: InventoryEvent;
  snapshot: SnapshotPage;
  /** All versions held are void; rows come again. */
  resync: { readonly reason: string };
  gap: Gap;
  /** An event already known was dropped. */
  duplicate: InventoryEvent;
  error: InventoryError;
}

interface Options {
  readonly snapshot?: boolean | undefined;
  readonly since?: Position | undefined;
}

export class Feed {
  readonly #options: Options;
  readonly #out: Listener<FeedEvents>;
  readonly #askAgain: () => void;
  readonly #versions = new Versions();
  /** Channels whose snapshot is not complete. */
  readonly #outstanding = new Set<string>();
  #position: Position | null;

  /** askAgain: versions of an item were missed. */
  constructor(options: Options, out: Listener<FeedEvents>, askAgain: () => void) {
    this.#options = options;
    this.#out = out;
    this.#askAgain = askAgain;
    this.#position = options.since ?? null;
  }

  /** Where the next connection resumes; null: at the head, with snapshots. */
  get position(): Position | null {
    return this.#outstanding.size === 0 ? this.#position : null;
  }

  /** Whether the frame was about the stock, and is dealt with. */
  take(frame: Frame, channels: readonly string[]): boolean {
    switch (frame.type) {
      case 'batch':
        this.#onBatch(frame);
        return true;
      case 'snapshot':
        this.#onSnapshot(frame);
        return true;
      case 'resync':
        this.startAt(frame.position, channels);
        this.forget(textOf(frame.reason) ?? 'asked for');
        return true;
    }
    const event = readEvent(frame);
    if (event) this.#onEvent(event);
    // Whatever says where it stands: everything up to there has been sent.
    else this.#position = textOf(frame.position) ?? this.#position;
    return event !== null;
  }

  /** From here on, after snapshots of all channels. */
  startAt(position: unknown, channels: readonly string[]): void {
    this.#position = textOf(position) ?? null;
    this.#outstanding.clear();
    this.expect(channels);
  }

  /** Snapshots of these were asked for. */
  expect(channels: readonly string[]): void {
    if (!this.#options.snapshot) return;
    for (const name of channels) if (!name.startsWith('presence:')) this.#outstanding.add(name);
  }

  /** A channel is not followed any more, or was refused. */
  leave(name: string, left: readonly string[]): void {
    this.#outstanding.delete(name);
    this.#versions.keepOnly(left);
  }

  /** Where one was and which versions one had mean nothing any more. */
  forget(reason: string): void {
    this.#versions.forget();
    this.#out.emit('resync', { reason });
    this.#missed('resync');
  }

  /** The plain dialect knows no positions, and does not say what was missed. */
  beginPlain(again: boolean): void {
    this.#versions.forget();
    if (again) this.#missed('plain-dialect');
  }

  #missed(reason: Gap['reason']): void {
    this.#out.emit('gap', { key: null, from: null, to: null, reason });
  }

  #onBatch(frame: Frame): void {
    const events = listOf(frame.events);
    const position = textOf(frame.position) ?? null;
    for (const [i, item] of events.entries()) {
      const event = readEvent(item);
      // The batch's position stands after its last event.
      if (event) this.#onEvent(event, i === events.length - 1 ? position : null);
      else this.#malformed(item);
    }
    this.#position = position ?? this.#position;
  }

  #onEvent(event: InventoryEvent, position: Position | null = null): void {
    this.#position = position ?? event.position ?? this.#position;
    const verdict = this.#versions.take(event);
    if (verdict === 'duplicate') return this.#out.emit('duplicate', event);
    if (verdict !== 'new') {
      this.#out.emit('gap', { ...verdict, reason: 'versions' });
      this.#askAgain();
    }
    this.#out.emit('message', event);
  }

  #onSnapshot(frame: Frame): void {
    const channel = textOf(frame.channel);
    if (channel === undefined || !Array.isArray(frame.items)) return this.#malformed(frame);
    const rows: Row[] = [];
    for (const item of frame.items) {
      const row = readRow(item);
      if (row) {
        this.#versions.know(row);
        rows.push(row);
      } else this.#malformed(item);
    }
    const more = frame.more === true;
    if (!more) this.#outstanding.delete(channel);
    this.#out.emit('snapshot', { channel, rows, more });
  }

  #malformed(details: unknown): void {
    this.#out.emit('error', malformed(details));
  }
}

export function malformed(details: unknown): InventoryError {
  return new InventoryError('MALFORMED_FRAME', 'not what the protocol says', { details });
}
