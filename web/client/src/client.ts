/*
 * client.ts
 *   Everything together: the link, the stock on screen, the changes on their way.
 *
 * This file only joins parts: each of them can be read, and used, alone.
 */
import type { BatchOptions } from './core/batcher.js';
import { type Clock, systemClock } from './core/clock.js';
import { Connection, type ConnectionEvents, type ConnectionOptions } from './core/connection.js';
import type { Emitter, ListenOptions } from './core/emitter.js';
import { InventoryError } from './core/errors.js';
import type { SnapshotPage } from './core/feed.js';
import { browserPage } from './core/page.js';
import {
  canonicalChannel,
  channelCovers,
  type InventoryEvent,
  type ItemKey,
  type JsonObject,
  readItem,
} from './core/protocol.js';
import type { ConnectionState, ConnectionStatus } from './core/state.js';
import { oncePerTurn, Timer } from './core/timer.js';
import { defaultPolicies, type Policies } from './perf/adaptive.js';
import { type Health, HealthMeter } from './perf/health.js';
import { type Grade, type Quality, QualityMeter } from './perf/quality.js';
import { Presence } from './presence/presence.js';
import {
  type Conflict,
  type ConflictChoice,
  type ConflictPreview,
  changeFor,
  conflictOf,
  preview,
} from './sync/conflict.js';
import type { Adjustment, Change, StockTake } from './sync/operation.js';
import { type Operation, Queue, type QueueOptions, type SyncStatus } from './sync/queue.js';
import { IndexedDbStorage, type StorageAdapter } from './sync/storage.js';
import { type ItemFilter, type ItemView, Store } from './sync/store.js';
import { browserLocks, browserTabs, type Locks, type Tabs } from './sync/tabs.js';

export interface ClientOptions extends ConnectionOptions {
  /** Connects when made. Default false. */
  autoConnect?: boolean;
  /** Whose changes these are; they are kept apart by it. Default 'anonymous'. */
  userId?: string;
  /** Default 'indexeddb'. */
  storage?: 'indexeddb' | 'memory' | StorageAdapter;
  batch?: BatchOptions;
  queue?: QueueOptions;
  /** By the grade of the link; false: never adapts. Default true. */
  adaptive?: boolean | Policies;
  /** Decides conflicts at once; null leaves them to a person. */
  conflictHandler?: (conflict: Conflict) => { choice: ConflictChoice; value?: number } | null;
  /** Default: the browser's. null: none. */
  locks?: Locks | null;
  tabs?: Tabs | null;
}

export interface ClientEvents extends ConnectionEvents {
  quality: Quality;
  health: Health;
  sync: SyncStatus;
  conflict: Conflict;
  /** Five seconds without a link; and what came of it. */
  lostConnection: 'lost' | 'restored' | 'failed';
}

export interface Subscription {
  readonly channel: string;
  unsubscribe(): void;
}

export interface Counters {
  events: number;
  duplicates: number;
  conflated: number;
  gaps: number;
  resyncs: number;
  reconnects: number;
  errors: number;
}

const LOST_AFTER_MS = 5_000;
/** A channel left is kept this long: a component that mounts again causes no traffic. */
const LINGER_MS = 1_000;
const SAVE_ROWS_AFTER_MS = 1_000;
const REPORT_EVERY_MS = 5_000;

export class InventoryClient {
  readonly connection: Connection;
  readonly inventory: Store;
  readonly queue: Queue;
  readonly counters: Counters = {
    events: 0,
    duplicates: 0,
    conflated: 0,
    gaps: 0,
    resyncs: 0,
    reconnects: 0,
    errors: 0,
  };
  readonly #options: ClientOptions;
  readonly #clock: Clock;
  readonly #events: Emitter<ClientEvents>;
  readonly #storage: StorageAdapter;
  readonly #meter: QualityMeter;
  readonly #health: HealthMeter;
  readonly #presences = new Map<string, Presence>();
  #knownConflicts: ReadonlySet<string> = new Set();
  readonly #stops: ((() => void) | undefined)[] = [];
  #grade: Grade = 'good';
  readonly #saveTimer: Timer;
  readonly #lostTimer: Timer;
  readonly #reportTimer: Timer;
  #lost = false;

  constructor(options: ClientOptions) {
    this.#options = options;
    const {
      clock = systemClock,
      page = browserPage(),
      userId = 'anonymous',
      storage = 'indexeddb',
      batch = {},
      queue = {},
      locks = browserLocks(),
    } = options;
    const name = `inventory:${userId}`;
    const { tabs = storage === 'indexeddb' ? browserTabs(name) : null } = options;
    this.#clock = clock;
    this.#saveTimer = new Timer(clock);
    this.#lostTimer = new Timer(clock);
    this.#reportTimer = new Timer(clock);
    this.inventory = new Store((error) => this.connection.reportThrown(error));
    this.connection = new Connection({ snapshot: true, ...options, clock, page });
    this.#events = this.connection.events as Emitter<ClientEvents>;
    this.#events.present.sync = () => this.queue.status;
    this.#meter = new QualityMeter(clock);
    this.#health = new HealthMeter(clock);
    this.#storage =
      typeof storage === 'string' ? new IndexedDbStorage(name, storage === 'memory' ? null : undefined) : storage;
    this.#wire();
    this.queue = new Queue(queue, {
      clock,
      storage: this.#storage,
      connection: this.connection,
      store: this.inventory,
      locks,
      tabs,
      lockName: name,
      batch,
      onChange: this.#syncSoon,
    });
    this.#stops.push(
      () => this.#saveTimer.stop(),
      () => this.#lostTimer.stop(),
      () => this.#reportTimer.stop(),
      page.watchTasks?.((ms) => this.#health.note('busy', ms)),
      this.inventory.subscribeAll(() => this.#scheduleSave()),
      page.listen((signal) => {
        if (signal !== 'hidden' && signal !== 'leave') return;
        // What waits for a window is sent; a page put away lets go of the lock.
        this.queue.drain.batcher.flush();
        if (signal === 'leave') this.queue.drain.stop();
        void this.#saveRows();
      }),
    );
    // Rows kept on the device are a convenience; the queue tells of a storage that is not there.
    void this.#storage
      .rows()
      .then((rows) => this.inventory.hydrate(rows))
      .catch(() => {});
    this.#report();
    if (options.autoConnect) this.connect();
  }

  get state(): ConnectionState {
    return this.connection.state;
  }

  get status(): ConnectionStatus {
    return this.connection.status;
  }

  get quality(): Quality {
    return this.#meter.value;
  }

  /** The relay has lost its database: numbers may be old. */
  get stale(): boolean {
    return this.connection.stale;
  }

  /** A listener for `state` or `sync` is called at once with the present one. */
  on<K extends keyof ClientEvents>(name: K, fn: (value: ClientEvents[K]) => void, options?: ListenOptions): () => void {
    return this.#events.on(name, fn, options);
  }

  connect(): void {
    this.connection.connect();
  }

  /** Until connect() is called again, nothing brings the link back. Changes go on being taken and kept. */
  disconnect(): void {
    this.connection.disconnect();
  }

  setToken(token: string | null): void {
    this.connection.setToken(token);
  }

  /** Resolves with the link; rejects if it is not there in time or cannot be. */
  ready(timeoutMs = 30_000): Promise<void> {
    const stop = new AbortController();
    const timer = new Timer(this.#clock);
    return new Promise<void>((resolve, reject) => {
      timer.start(timeoutMs, () => reject(new InventoryError('timeout', 'not connected in time', { retryable: true })));
      this.on(
        'state',
        (state) => {
          if (state.name === 'connected') resolve();
          else if (state.name === 'error' && !state.recoverable) reject(new InventoryError(state.code, state.message));
        },
        stop,
      );
    }).finally(() => {
      stop.abort();
      timer.stop();
    });
  }

  /** Ends everything; changes not sent stay on the device. */
  async close(): Promise<void> {
    await this.queue.settled();
    await this.#saveRows();
    for (const stop of this.#stops) stop?.();
    for (const presence of this.#presences.values()) presence.close();
    this.queue.close();
    this.connection.close();
  }

  /** Follows a channel. Counted: the last one to leave ends it. */
  subscribe(
    channel: string,
    {
      onEvent,
      onSnapshot,
    }: { onEvent?: (event: InventoryEvent) => void; onSnapshot?: (page: SnapshotPage) => void } = {},
  ): Subscription {
    const name = canonicalChannel(channel) ?? channel;
    const stop = new AbortController();
    if (onEvent) this.on('message', (event) => covers(name, event) && onEvent(event), stop);
    if (onSnapshot) this.on('snapshot', (page) => page.channel === name && onSnapshot(page), stop);
    this.connection.follow(channel);
    return {
      channel,
      unsubscribe: () => {
        if (stop.signal.aborted) return;
        stop.abort();
        this.#clock.setTimeout(() => this.connection.unfollow(channel), LINGER_MS);
      },
    };
  }

  /** More or less of an item. */
  adjust(adjustment: Adjustment): Operation {
    return this.change({ type: 'adjust', ...adjustment });
  }

  /** What was counted on the shelf. */
  setQuantity(count: StockTake): Operation {
    const { value, base, pending } = this.inventory.get(count);
    // Own changes ahead of it in the lane will each add a version.
    const seen = value && base ? base.version + pending : null;
    const { expectedVersion = seen } = count;
    // Undefined is not sent.
    return this.change({ type: 'set', ...count, expectedVersion: expectedVersion ?? undefined } as Change);
  }

  change(change: Change): Operation {
    return this.queue.enqueue(change as unknown as JsonObject);
  }

  readonly conflicts = {
    list: (): Conflict[] => this.queue.list().flatMap((op) => conflictOf(op, this.inventory) ?? []),
    get: (id: string): Conflict | null => conflictOf(this.queue.get(id), this.inventory),
    preview: (id: string, choice: ConflictChoice, value?: number): ConflictPreview | null => {
      const conflict = this.conflicts.get(id);
      return conflict && preview(conflict, choice, value);
    },
    /** The operation sent instead; null if none is. */
    resolve: async (id: string, how: { choice: ConflictChoice; value?: number }): Promise<Operation | null> => {
      const conflict = this.conflicts.get(id);
      if (!conflict) return null;
      const change = changeFor(conflict, how.choice, how.value);
      if (change) {
        const operation = this.queue.enqueue(change, { replaces: conflict.operation, reviewed: true });
        await operation.saved;
        return operation;
      }
      if (how.choice === 'server') await this.queue.discard(id);
      else
        this.connection.report(
          new InventoryError('INVALID_ARGUMENT', `the choice "${how.choice}" cannot be made here`),
        );
      return null;
    },
    /** Decides later; the other changes of the item go on. */
    defer: (id: string): Promise<boolean> => this.queue.defer(id),
  };

  /** Who else is there. Counted: release() as often as it was asked for. */
  presence(channel: string): Presence {
    const presence = this.#presences.get(channel) ?? new Presence(channel, this.#clock, this.connection);
    this.#presences.set(channel, presence);
    presence.holders++;
    return presence;
  }

  releasePresence(channel: string): void {
    const presence = this.#presences.get(channel);
    if (!presence || --presence.holders > 0) return;
    this.#clock.setTimeout(() => {
      if (presence.holders > 0 || this.#presences.get(channel) !== presence) return;
      this.#presences.delete(channel);
      presence.close();
    }, LINGER_MS);
  }

  health(): Health {
    return this.#health.value(this.state.name === 'connected', this.quality, this.queue.status, this.connection.stale);
  }

  /** Known items, in order of their keys. */
  list(filter?: ItemFilter): ItemView[] {
    return this.inventory.list(filter);
  }

  get(key: ItemKey): ItemView {
    return this.inventory.get(key);
  }

  #wire(): void {
    const { counters, inventory } = this;
    const on = this.on.bind(this);
    const onEvent = (event: InventoryEvent) => {
      inventory.onEvent(event);
      if (event.op !== undefined) this.queue.drain.onEcho(event.op, event.data);
    };
    on('message', (event) => {
      counters.events++;
      counters.conflated += (event.conflated ?? 1) - 1;
      onEvent(event);
    });
    on('duplicate', (event) => {
      counters.duplicates++;
      onEvent(event);
    });
    on('snapshot', (page) => inventory.onSnapshot(page));
    on('resync', () => {
      counters.resyncs++;
      inventory.onResync();
    });
    on('gap', () => {
      counters.gaps++;
      this.#health.note('gap');
    });
    on('error', ({ code }) => {
      counters.errors++;
      this.#health.note(code);
    });
    on('traffic', (traffic) => this.#meter.onTraffic(traffic));
    on('roundTrip', (trip) => {
      this.#meter.onRoundTrip(trip);
      this.#onQuality();
    });
    on('missedPong', () => {
      this.#meter.onMissedPong();
      this.#onQuality();
    });
    on('state', (state) => this.#onState(state));
  }

  #onState(state: ConnectionState): void {
    this.#meter.onState(state);
    if (state.name === 'connected') {
      if (this.#lost || this.#lostTimer.runs) this.counters.reconnects++;
      this.#endLost('restored');
    } else if (state.name === 'disconnected' || (state.name === 'error' && !state.recoverable)) {
      this.#endLost('failed');
    } else if (state.lastConnected !== null && !this.#lost) {
      this.#lostTimer.start(LOST_AFTER_MS, () => {
        this.#lost = true;
        this.#events.emit('lostConnection', 'lost');
      });
    }
    this.#onQuality();
  }

  #endLost(how: 'restored' | 'failed'): void {
    this.#lostTimer.stop();
    if (!this.#lost) return;
    this.#lost = false;
    this.#events.emit('lostConnection', how);
  }

  #onQuality(): void {
    const quality = this.quality;
    if (quality.grade !== this.#grade && this.state.name === 'connected') {
      this.#grade = quality.grade;
      this.#adapt(quality);
    }
    this.#events.emit('quality', quality);
  }

  #adapt(quality: Quality): void {
    const { adaptive = true, queue = {}, maxRate } = this.#options;
    const policies = adaptive === true ? defaultPolicies : adaptive;
    if (!policies) return;
    const policy = policies[this.#grade];
    this.queue.drain.batcher.windowMs = Math.max(policy.batchWindowMs, this.#options.batch?.windowMs ?? 0);
    this.queue.drain.maxInFlight = Math.min(policy.maxInFlight, queue.maxInFlight ?? policy.maxInFlight);
    // A link that broke is not a slow one: only slow answers ask the relay for less.
    this.connection.maxRate = (quality.colour === 'green' ? null : policy.maxRate) ?? maxRate;
    for (const presence of this.#presences.values()) presence.throttleMs = policy.presenceThrottleMs;
  }

  /** The first rows at once: a page that is left has no time for it. */
  #scheduleSave(): void {
    if (this.#saveTimer.runs) return;
    void this.#saveRows();
    this.#saveTimer.start(SAVE_ROWS_AFTER_MS, () => void this.#saveRows());
  }

  async #saveRows(): Promise<void> {
    const rows = this.inventory.takeDirty();
    if (rows.length > 0) await this.#storage.saveRows(rows).catch(() => {});
  }

  readonly #syncSoon = oncePerTurn(() => {
    this.#events.emit('sync', this.queue.status);
    this.#tellConflicts();
  });

  #tellConflicts(): void {
    const conflicts = this.queue.status.conflicts > 0 ? this.conflicts.list() : [];
    const known = this.#knownConflicts;
    this.#knownConflicts = new Set(conflicts.map(({ id }) => id));
    for (const conflict of conflicts) {
      if (known.has(conflict.id)) continue;
      this.#health.note('CONFLICT');
      this.#events.emit('conflict', conflict);
      this.#events.call(() => {
        const decided = this.#options.conflictHandler?.(conflict);
        if (decided) void this.conflicts.resolve(conflict.id, decided).catch(() => {});
      });
    }
  }

  #report(): void {
    this.#reportTimer.start(REPORT_EVERY_MS, () => {
      this.#events.emit('health', this.health());
      this.#report();
    });
  }
}

export function createClient(options: ClientOptions): InventoryClient {
  return new InventoryClient(options);
}

function covers(channel: string, event: InventoryEvent): boolean {
  const item = readItem(event.data);
  return item ? channelCovers(channel, item) : channel === 'global';
}
