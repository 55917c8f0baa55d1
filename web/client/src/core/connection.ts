/*
 * connection.ts
 *   One WebSocket to the relay, for as long as it is wanted.
 *
 * The state is a discriminated union, never a boolean.  Every attempt has a
 * generation number; timers and socket callbacks of an older generation do
 * nothing, so a late close of a dead socket cannot end a living one.
 *
 * A position is held for the connection as a whole.  It is stored before an
 * event is emitted: whatever a listener does, no event comes twice and none
 * is skipped.  It is only handed back (`since`) when no snapshot was still
 * under way; otherwise the next connection starts anew and says so.
 *
 * readyState and navigator.onLine prove nothing.  Any frame is a sign of
 * life; without one for a while we ask, and without an answer the link is
 * dead.  Asking happens while the page is visible: timers of hidden pages run
 * late, and the relay's own WebSocket pings, which browsers answer without
 * timers, keep a hidden page's link alive.
 */
import { type BackoffOptions, backoffMs } from './backoff.js';
import { type Clock, systemClock, type TimerHandle } from './clock.js';
import { Emitter, type ListenOptions } from './emitter.js';
import { type ErrorCode, InventoryError, reasonOf, type ServerErrorCode } from './errors.js';
import { browserPage, type Page, type PageSignal } from './page.js';
import {
  byteSize,
  compact,
  DEFAULT_LIMITS,
  type Frame,
  type InventoryEvent,
  idOf,
  integerOf,
  isObject,
  type JsonObject,
  type Limits,
  type Position,
  PROTOCOL,
  type Row,
  readEvent,
  readFrame,
  readRow,
  textOf,
} from './protocol.js';
import { Versions } from './versions.js';

export type DisconnectReason = 'initial' | 'client' | 'hidden' | 'closed';

/** In every state: when the link was last up, and how often it was lost or not had since. */
interface History {
  /** Milliseconds since 1970, null if never. */
  readonly lastConnected: number | null;
  readonly reconnectAttempts: number;
}

export type ConnectionState = History &
  (
    | { readonly name: 'disconnected'; readonly reason: DisconnectReason }
    /** retryAt: when the next attempt starts; null while one is under way. */
    | {
        readonly name: 'connecting';
        readonly attempt: number;
        readonly retryAt: number | null;
        readonly reason?: string;
      }
    | {
        readonly name: 'connected';
        readonly since: number;
        /** Nothing was missed since the connection before. */
        readonly recovered: boolean;
        readonly connectionId: string;
        readonly dialect: 'plain' | 'protocol-1';
      }
    /** recoverable with a retryAt: attempts go on; recoverable without: connect() or setToken() leaves it. */
    | {
        readonly name: 'error';
        readonly code: ErrorCode;
        readonly message: string;
        readonly recoverable: boolean;
        readonly retryAt: number | null;
      }
  );

/** One word for a badge. */
export type ConnectionStatus =
  | 'initial'
  | 'connecting'
  | 'connected'
  | 'reconnecting'
  | 'offline'
  | 'needs-auth'
  | 'failed'
  | 'disconnected';

/** What of a WebSocket this uses: the browser's, `ws`'s, or the testing kit's. */
export interface SocketLike {
  readonly readyState: number;
  readonly bufferedAmount: number;
  readonly protocol: string;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  send(data: string): void;
  close(code?: number, reason?: string): void;
}
export type SocketConstructor = new (url: string, protocols?: string[]) => SocketLike;

export type TokenProvider = (ask: { refresh: boolean }) => string | null | Promise<string | null>;

export interface ConnectionOptions {
  /** ws:// or wss://, path included. A function is asked at each attempt. */
  url: string | (() => string);
  /** Asked at each attempt and when the token expires. null: without a token. */
  getToken?: TokenProvider;
  /** Followed from the start. Default ['global']. */
  channels?: readonly string[];
  /** Ask for the present rows of each stock channel. Default false. */
  snapshot?: boolean;
  /** Resume from a position kept by the application. */
  since?: Position;
  /** Most frames per second this client wants; the relay conflates. Default: no limit. */
  maxRate?: number;
  backoff?: BackoffOptions;
  /** Default every 15000 ms, dead after 5000 ms without any frame. */
  heartbeat?: { intervalMs?: number; timeoutMs?: number };
  /** From the attempt to `welcome`. Default 10000. */
  connectTimeoutMs?: number;
  /** A link up this long starts the backoff anew. Default 10000. */
  stableAfterMs?: number;
  /** A page hidden this long lets go of the link. Default 300000; 0 is never. */
  hiddenTimeoutMs?: number;
  client?: { name: string; version: string };
  /** Runs what a frame of many events does; lets a screen be told once of all of them. */
  together?: (fn: () => void) => void;
  WebSocket?: SocketConstructor;
  clock?: Clock;
  page?: Page;
}

export interface SnapshotPage {
  readonly channel: string;
  readonly rows: readonly Row[];
  /** More pages of this channel follow. */
  readonly more: boolean;
  /** First page of this channel since it was asked for. */
  readonly first: boolean;
}

export interface Gap {
  /** The item (its pair channel), or null: unknown what was missed. */
  readonly key: string | null;
  readonly from: number | null;
  readonly to: number | null;
  readonly reason: 'versions' | 'plain-dialect' | 'resync';
}

export interface RoundTrip {
  readonly ms: number;
  /** False: measured while hidden, after sleep or on a busy page. */
  readonly trusted: boolean;
}

export interface ConnectionEvents {
  state: ConnectionState;
  event: InventoryEvent;
  snapshot: SnapshotPage;
  /** All versions held are void; rows come again. */
  resync: { readonly reason: string };
  gap: Gap;
  /** Frames of protocol 1 that are nobody's reply and no stock event. */
  frame: Frame;
  error: InventoryError;
  roundTrip: RoundTrip;
  /** A ping without its pong. */
  missedPong: undefined;
  traffic: { readonly direction: 'in' | 'out'; readonly bytes: number };
  /** An event already known was dropped. */
  duplicate: InventoryEvent;
  /** The relay lost (true) or regained its database. */
  stale: boolean;
}

export interface Welcome {
  readonly user: JsonObject | null;
  readonly scope: JsonObject | null;
  readonly features: readonly string[];
  readonly limits: Limits;
}

/** One refresh of the token per this time; a second need within it is `needs-auth`. */
const TOKEN_REFRESH_MS = 10_000;
/** A relay that has not said `welcome` by then, but speaks, speaks the plain dialect. */
const PLAIN_AFTER_MS = 2_000;
/** A wake-up's question must be answered by then. */
const PROBE_TIMEOUT_MS = 2_000;
/** Attempts that fail before the state says so. Attempts go on. */
const ATTEMPTS_BEFORE_ERROR = 5;
/** After a gap, rows are asked for at most this often. */
const GAP_ASK_MS = 10_000;
/** A question about a timer that ran this late proves nothing. */
const LATE_TIMER_MS = 1_000;
const OPEN = 1;

interface Pending {
  readonly resolve: (frame: Frame) => void;
  readonly reject: (error: InventoryError) => void;
  readonly timer: TimerHandle;
}

interface Ping {
  readonly id: string;
  readonly sentAt: number;
  readonly trusted: boolean;
}

type WithoutHistory<T> = T extends unknown ? Omit<T, keyof History> : never;

export class Connection {
  readonly #options: ConnectionOptions;
  readonly #clock: Clock;
  readonly #page: Page;
  readonly #emitter: Emitter<ConnectionEvents>;
  readonly #versions = new Versions();
  readonly #channels = new Map<string, number>();
  readonly #pending = new Map<string, Pending>();
  readonly #timers = new Set<TimerHandle>();
  readonly #outstanding = new Set<string>();
  readonly #begun = new Set<string>();
  readonly #stopListening: () => void;

  #state: ConnectionState = { name: 'disconnected', reason: 'initial', lastConnected: null, reconnectAttempts: 0 };
  #wanted = false;
  #generation = 0;
  #socket: SocketLike | null = null;
  #welcome: Welcome = { user: null, scope: null, features: [], limits: DEFAULT_LIMITS };
  #position: Position | null;
  #asked: Position | null = null;
  #everConnected = false;
  #failures = 0;
  #attempts = 0;
  #lastConnected: number | null = null;
  #windowMs = 0;
  #retryAfterMs = 0;
  #spoke = false;
  #lastInbound = 0;
  #lastGapAsk = Number.NEGATIVE_INFINITY;
  #pings: Ping[] = [];
  #requests = 0;
  #token: string | null = null;
  #tokenGiven = false;
  #badToken: string | null = null;
  #refreshedAt = Number.NEGATIVE_INFINITY;
  #refresh = false;
  #hiddenTimer: TimerHandle | null = null;
  #maxRate: number | undefined;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#page = options.page ?? browserPage();
    this.#position = options.since ?? null;
    this.#maxRate = options.maxRate;
    this.#emitter = new Emitter<ConnectionEvents>((error) => this.reportThrown(error));
    for (const name of options.channels ?? ['global']) this.#channels.set(name, 1);
    this.#stopListening = this.#page.listen((signal) => this.#onPage(signal));
  }

  get state(): ConnectionState {
    return this.#state;
  }

  get status(): ConnectionStatus {
    const state = this.#state;
    switch (state.name) {
      case 'connected':
        return 'connected';
      case 'disconnected':
        return state.reason === 'initial' ? 'initial' : state.reason === 'hidden' ? 'reconnecting' : 'disconnected';
      case 'error':
        if (state.code === 'unauthorized' || state.code === 'token_expired') return 'needs-auth';
        if (!state.recoverable) return 'failed';
        return this.#page.online() ? 'reconnecting' : 'offline';
      default:
        if (!this.#page.online()) return 'offline';
        return this.#everConnected ? 'reconnecting' : 'connecting';
    }
  }

  /** Where the next connection resumes; null: at the head, with snapshots. */
  get position(): Position | null {
    return this.#outstanding.size === 0 ? this.#position : null;
  }

  get welcome(): Welcome {
    return this.#welcome;
  }

  get channels(): readonly string[] {
    return [...this.#channels.keys()];
  }

  get bufferedAmount(): number {
    return this.#socket?.bufferedAmount ?? 0;
  }

  /** Connected, and to a relay that takes changes. */
  get canWrite(): boolean {
    return this.#state.name === 'connected' && this.#state.dialect === 'protocol-1';
  }

  /** A listener for `state` is called at once with the present one. */
  on<K extends keyof ConnectionEvents>(
    name: K,
    fn: (value: ConnectionEvents[K]) => void,
    options?: ListenOptions,
  ): () => void {
    const off = this.#emitter.on(name, fn, options);
    if (name === 'state' && !options?.signal?.aborted)
      this.#emitter.call(fn as (s: ConnectionState) => void, this.#state);
    return off;
  }

  report(error: InventoryError): void {
    this.#emitter.emit('error', error);
  }

  /** Something of the application threw: a listener, or what else it gave to be called. */
  reportThrown(error: unknown): void {
    // A listener for errors that throws itself has nobody left to tell.
    if (error instanceof InventoryError && error.code === 'LISTENER_ERROR') return;
    this.report(new InventoryError('LISTENER_ERROR', `a listener threw: ${reasonOf(error)}`, { cause: error }));
  }

  /** Wants the link from now on. While waiting for an attempt, it starts at once. */
  connect(): void {
    if (this.#state.name === 'disconnected' && this.#state.reason === 'closed') return;
    const idle =
      !this.#wanted || this.#state.name === 'disconnected' || this.#state.name === 'error' || this.#waiting();
    this.#wanted = true;
    if (idle && !this.#underway()) this.#open();
  }

  /** Lets go until connect(): no signal of the page brings the link back. */
  disconnect(): void {
    this.#leave('client');
  }

  /** Lets go for good. */
  close(): void {
    this.#leave('closed');
    this.#stopListening();
    this.#emitter.clear();
  }

  /** A token that came by itself: used at once on an open link, and for the next. */
  setToken(token: string | null): void {
    this.#token = token;
    this.#tokenGiven = true;
    this.#badToken = null;
    if (this.#state.name === 'connected' && token !== null) void this.#sendAuth(token);
    else if (this.#wanted && this.status === 'needs-auth') this.#open();
  }

  /** Frames per second wanted from now on; takes effect with the next connection. */
  setMaxRate(maxRate: number | undefined): void {
    this.#maxRate = maxRate;
  }

  /** Follows a channel once more; it is left when every follow was undone. */
  follow(name: string): void {
    const count = this.#channels.get(name) ?? 0;
    this.#channels.set(name, count + 1);
    if (count === 0) this.#subscribe([name]);
  }

  unfollow(name: string): void {
    const count = this.#channels.get(name) ?? 0;
    if (count > 1) {
      this.#channels.set(name, count - 1);
    } else if (count === 1) {
      this.#channels.delete(name);
      this.#outstanding.delete(name);
      this.#versions.keepOnly(this.channels);
      if (this.#state.name === 'connected') this.#sendFrame({ type: 'unsubscribe', channel: name });
    }
  }

  /** Sends one message; false if there is no link. Nothing is kept for later. */
  send(message: JsonObject): boolean {
    return this.#state.name === 'connected' && this.#sendFrame(message);
  }

  /** Sends one message and waits for its reply: any frame with its id. Rejects with an InventoryError. */
  request(message: JsonObject, timeoutMs = 15_000): Promise<Frame> {
    return new Promise((resolve, reject) => {
      const id = this.expect(resolve, reject, timeoutMs);
      this.sendExpected({ ...message, id });
    });
  }

  /** An id whose reply, whoever sends the message, goes to resolve or reject. */
  expect(resolve: (frame: Frame) => void, reject: (error: InventoryError) => void, timeoutMs = 15_000): string {
    const id = `c${++this.#requests}`;
    const timer = this.#clock.setTimeout(
      () => this.#answer(id, new InventoryError('timeout', 'no reply', { retryable: true })),
      timeoutMs,
    );
    this.#pending.set(id, { resolve, reject, timer });
    return id;
  }

  /** Sends a message whose id came from expect(); without a link its reply is an error. */
  sendExpected(message: JsonObject): void {
    if (this.send(message)) return;
    const id = idOf(message.id);
    if (id !== undefined) this.refuse(id, linkError('not connected'));
  }

  /** Answers an expected reply with an error found on this side. */
  refuse(id: string, error: InventoryError): void {
    this.#answer(id, error);
  }

  /** Asks for a sign of life now; the link ends if none comes. */
  probe(): void {
    if (this.#state.name === 'connected') this.#ping(PROBE_TIMEOUT_MS, false);
  }

  // Attempts

  #open(): void {
    this.#turn();
    this.#spoke = false;
    const generation = this.#generation;
    this.#attempts++;
    this.#setState(this.#trying(null));
    this.#later(this.#options.connectTimeoutMs ?? 10_000, () => this.#lost('no welcome in time'));
    if (this.#tokenGiven || !this.#options.getToken) {
      this.#dial(this.#token);
      return;
    }
    this.#askToken(this.#refresh).then(
      (token) => {
        if (generation === this.#generation) this.#dial(token);
      },
      (error: unknown) => {
        if (generation !== this.#generation) return;
        this.report(noToken(error));
        this.#lost('no token');
      },
    );
  }

  async #askToken(refresh: boolean): Promise<string | null> {
    this.#refresh = false;
    const token = await this.#options.getToken?.({ refresh });
    if (token !== null && typeof token !== 'string') throw new TypeError('getToken gave no text');
    return token;
  }

  #dial(token: string | null): void {
    if (token !== null && token === this.#badToken) {
      this.#needsAuth('token refused');
      return;
    }
    this.#token = token;
    const generation = this.#generation;
    const mine = () => generation === this.#generation;
    let socket: SocketLike;
    try {
      const Socket = this.#options.WebSocket ?? (globalThis.WebSocket as unknown as SocketConstructor);
      const url = typeof this.#options.url === 'function' ? this.#options.url() : this.#options.url;
      // Offered only with a token: a relay of the plain dialect selects no
      // subprotocol, and a browser then fails the connection.
      socket = token === null ? new Socket(url) : new Socket(url, ['inventory.v1']);
    } catch (error) {
      this.report(linkError(reasonOf(error), error));
      this.#lost(reasonOf(error));
      return;
    }
    this.#socket = socket;
    socket.onopen = () => mine() && this.#sendHello();
    socket.onmessage = (event: { data?: unknown }) => mine() && this.#onMessage(event.data);
    socket.onclose = (event: { code?: number; reason?: string }) =>
      mine() && this.#onClose(event.code ?? 1006, event.reason ?? '');
    // The close that follows says everything there is to know.
    socket.onerror = () => {};
  }

  #sendHello(): void {
    this.#asked = this.position;
    this.#sendFrame(
      compact({
        type: 'hello',
        id: `h${this.#generation}`,
        protocol: PROTOCOL,
        client: this.#options.client ?? { name: 'inventory-client', version: '1.0.0' },
        accept: ['batch'],
        channels: this.channels,
        snapshot: this.#options.snapshot || undefined,
        token: this.#token ?? undefined,
        since: this.#asked ?? undefined,
        maxRate: this.#maxRate,
      }) as JsonObject,
    );
    if (this.#socket?.protocol === 'inventory.v1') return;
    this.#later(PLAIN_AFTER_MS, () => {
      if (this.#state.name === 'connected') return;
      if (this.#spoke) this.#beginPlain();
      else this.#sendFrame({ type: 'ping' });
    });
  }

  #beginPlain(): void {
    if (this.#state.name === 'connected') return;
    const again = this.#everConnected;
    this.#versions.forget();
    this.#connected({ recovered: false, connectionId: '', dialect: 'plain' });
    if (!this.#channels.has('global')) this.#sendFrame({ type: 'unsubscribe', channel: 'global' });
    this.#subscribe(this.channels.filter((name) => name !== 'global'));
    if (again) this.#emitter.emit('gap', { key: null, from: null, to: null, reason: 'plain-dialect' });
  }

  #onWelcome(frame: Frame): void {
    const limits = isObject(frame.limits) ? frame.limits : {};
    this.#welcome = {
      user: isObject(frame.user) ? frame.user : null,
      scope: isObject(frame.scope) ? frame.scope : null,
      features: Array.isArray(frame.features) ? frame.features.filter((f): f is string => typeof f === 'string') : [],
      limits: Object.fromEntries(
        Object.entries(DEFAULT_LIMITS).map(([name, value]) => [name, integerOf(limits[name]) ?? value]),
      ) as unknown as Limits,
    };
    this.#windowMs = integerOf(frame.reconnectWindowMs) ?? 0;
    this.#badToken = null;
    const recovered = this.#asked !== null && frame.recovered === true;
    const lost = !recovered && (this.#asked !== null || this.#everConnected);
    if (!recovered) {
      this.#position = textOf(frame.position) ?? null;
      this.#expectAll();
    }
    if (lost) this.#forget('not resumed');
    this.#connected({ recovered, connectionId: textOf(frame.connectionId) ?? '', dialect: 'protocol-1' });
  }

  #connected(how: { recovered: boolean; connectionId: string; dialect: 'plain' | 'protocol-1' }): void {
    this.#clearTimers();
    this.#everConnected = true;
    this.#attempts = 0;
    this.#retryAfterMs = 0;
    this.#lastConnected = this.#clock.now();
    this.#later(this.#options.stableAfterMs ?? 10_000, () => {
      this.#failures = 0;
    });
    this.#scheduleBeat();
    this.#setState({ name: 'connected', since: this.#clock.now(), ...how });
  }

  /** The link is gone or never came. Waits and tries again. */
  #lost(reason: string, soon = false): void {
    const wait = this.#wait(soon);
    this.#turn();
    this.#failures++;
    this.#wakeAt(wait, reason);
  }

  #wait(soon: boolean): number {
    const retryAfter = this.#retryAfterMs;
    this.#retryAfterMs = 0;
    if (soon) {
      // Spread over the window the relay asked for; a relay that sends one
      // away again and again is treated as one that fails.
      const spread = this.#clock.random() * Math.max(this.#windowMs, 1000);
      return Math.max(
        spread,
        retryAfter,
        this.#failures > 0 ? backoffMs(this.#clock, this.#failures, this.#options.backoff) : 0,
      );
    }
    return Math.max(backoffMs(this.#clock, this.#failures, this.#options.backoff), retryAfter);
  }

  #wakeAt(wait: number, reason: string): void {
    if (!this.#wanted) return;
    this.#setState(this.#trying(this.#clock.now() + wait, reason));
    this.#later(wait, () => this.#open());
  }

  #trying(retryAt: number | null, reason?: string): WithoutHistory<ConnectionState> {
    if (this.#failures >= ATTEMPTS_BEFORE_ERROR) {
      return { name: 'error', code: 'CONNECTION_ERROR', message: reason ?? 'trying again', recoverable: true, retryAt };
    }
    return { name: 'connecting', attempt: Math.max(this.#attempts, 1), retryAt, ...(reason && { reason }) };
  }

  #waiting(): boolean {
    const state = this.#state;
    return (state.name === 'connecting' || state.name === 'error') && state.retryAt !== null;
  }

  #underway(): boolean {
    if (this.#state.name === 'connected') return true;
    if (this.#state.name === 'connecting') return this.#state.retryAt === null;
    return this.#state.name === 'error' && this.#state.retryAt === null && this.#timers.size > 0;
  }

  #leave(reason: DisconnectReason): void {
    if (this.#state.name === 'disconnected' && this.#state.reason === 'closed') return;
    if (reason !== 'hidden') this.#wanted = false;
    this.#turn();
    this.#attempts = 0;
    if (reason !== 'hidden') this.#failures = 0;
    this.#clock.clearTimeout(this.#hiddenTimer);
    this.#hiddenTimer = null;
    this.#setState({ name: 'disconnected', reason });
  }

  #fail(code: ErrorCode, message: string, recoverable: boolean): void {
    this.#turn();
    this.#setState({ name: 'error', code, message, recoverable, retryAt: null });
    this.report(new InventoryError(code, message, { retryable: recoverable }));
  }

  #needsAuth(message: string): void {
    this.#fail('unauthorized', message, true);
  }

  /** The token was refused: one refresh, or a person has to sign in. */
  #onTokenRefused(): void {
    this.#badToken = this.#token;
    this.#tokenGiven = false;
    const now = this.#clock.monotonic();
    if (!this.#options.getToken || now - this.#refreshedAt < TOKEN_REFRESH_MS) {
      this.#needsAuth('token refused');
      return;
    }
    this.#refreshedAt = now;
    this.#refresh = true;
    this.#turn();
    this.#wakeAt(this.#clock.random() * 250, 'token refused');
  }

  async #refreshToken(): Promise<void> {
    const now = this.#clock.monotonic();
    if (!this.#options.getToken || now - this.#refreshedAt < TOKEN_REFRESH_MS) return;
    this.#refreshedAt = now;
    const generation = this.#generation;
    try {
      const token = await this.#askToken(true);
      if (generation === this.#generation && token !== null) await this.#sendAuth(token);
    } catch (error) {
      this.report(noToken(error));
    }
  }

  async #sendAuth(token: string): Promise<void> {
    this.#token = token;
    try {
      this.#emitter.emit('frame', await this.request({ type: 'auth', token }));
    } catch (error) {
      if (error instanceof InventoryError) this.report(error);
    }
  }

  // Frames

  #onMessage(data: unknown): void {
    this.#lastInbound = this.#clock.monotonic();
    if (typeof data === 'string') this.#emitter.emit('traffic', { direction: 'in', bytes: data.length });
    const frame = readFrame(data);
    if (!frame) {
      this.#malformed(data);
      return;
    }
    if (frame.type === 'welcome') {
      this.#onWelcome(frame);
    } else if (this.#state.name !== 'connected') {
      this.#onEarlyFrame(frame);
    } else {
      this.#onFrame(frame);
    }
  }

  /** Before `welcome`: a refusal, or a relay of the plain dialect. */
  #onEarlyFrame(frame: Frame): void {
    const code = textOf(frame.code);
    if (frame.type === 'error') {
      if (code === undefined || code === 'unknown_type') return this.#beginPlain();
      if (code === 'unauthorized' || code === 'token_expired') return this.#onTokenRefused();
      this.#retryAfterMs = integerOf(frame.retryAfterMs) ?? 0;
      this.report(errorOf(frame));
      if (code === 'forbidden') this.#fail('forbidden', textOf(frame.message) ?? code, false);
      return;
    }
    // What a pong says before `welcome`, only the plain dialect says.
    if (frame.type === 'pong' && this.#socket?.protocol !== 'inventory.v1') return this.#beginPlain();
    this.#spoke = true;
  }

  #onFrame(frame: Frame): void {
    switch (frame.type) {
      case 'pong':
        return this.#onPong(frame);
      case 'batch':
        return (this.#options.together ?? ((fn) => fn()))(() => this.#onBatch(frame));
      case 'snapshot':
        return this.#onSnapshot(frame);
      case 'resync':
        this.#position = textOf(frame.position) ?? null;
        this.#expectAll();
        return this.#forget(textOf(frame.reason) ?? 'asked for');
      case 'stale':
      case 'fresh':
        return this.#emitter.emit('stale', frame.type === 'stale');
      case 'token_expiring':
        return void this.#refreshToken();
      case 'drain':
        this.#windowMs = integerOf(frame.reconnectWindowMs) ?? this.#windowMs;
        return;
      case 'error':
        return this.#onError(frame);
    }
    const id = idOf(frame.id);
    const event = readEvent(frame);
    if (event) this.#onEvent(event);
    else if (id !== undefined && this.#pending.has(id)) this.#answer(id, frame);
    else this.#emitter.emit('frame', frame);
  }

  #onError(frame: Frame): void {
    const id = idOf(frame.id);
    const error = errorOf(frame);
    if (error.code === 'token_expired') void this.#refreshToken();
    if (isObject(frame.details) && typeof frame.details.channel === 'string')
      this.#outstanding.delete(frame.details.channel);
    if (id !== undefined && this.#pending.has(id)) this.#answer(id, error);
    else this.report(error);
  }

  #onBatch(frame: Frame): void {
    const events = Array.isArray(frame.events) ? frame.events : [];
    const position = textOf(frame.position);
    events.forEach((item, i) => {
      const event = isObject(item) ? readEvent(item) : null;
      if (!event) {
        this.#malformed(item);
        return;
      }
      // The batch's position stands after its last event.
      if (position !== undefined && i === events.length - 1) this.#position = position;
      this.#onEvent(event);
    });
    if (position !== undefined) this.#position = position;
  }

  #onEvent(event: InventoryEvent): void {
    if (event.position !== undefined) this.#position = event.position;
    const verdict = this.#versions.take(event);
    if (verdict === 'duplicate') {
      this.#emitter.emit('duplicate', event);
      return;
    }
    if (verdict !== 'new') {
      this.#emitter.emit('gap', { ...verdict.gap, reason: 'versions' });
      this.#askAgain();
    }
    this.#emitter.emit('event', event);
  }

  /** After a gap: the rows once more. What the event itself says is true anyway. */
  #askAgain(): void {
    const now = this.#clock.monotonic();
    if (!this.canWrite || !this.#options.snapshot || now - this.#lastGapAsk < GAP_ASK_MS) return;
    this.#lastGapAsk = now;
    this.#subscribe(this.channels);
  }

  #onSnapshot(frame: Frame): void {
    const name = textOf(frame.channel);
    if (name === undefined || !Array.isArray(frame.items)) {
      this.#malformed(frame);
      return;
    }
    const rows: Row[] = [];
    for (const item of frame.items) {
      const row = isObject(item) ? readRow(item) : null;
      if (!row) {
        this.#malformed(item);
        continue;
      }
      this.#versions.know(row);
      rows.push(row);
    }
    const more = frame.more === true;
    const first = !this.#begun.has(name);
    if (more) this.#begun.add(name);
    else this.#begun.delete(name);
    if (!more) this.#outstanding.delete(name);
    this.#emitter.emit('snapshot', { channel: name, rows, more, first });
  }

  #malformed(details: unknown): void {
    this.report(new InventoryError('MALFORMED_FRAME', 'not what the protocol says', { details }));
  }

  #expectAll(): void {
    this.#outstanding.clear();
    this.#begun.clear();
    this.#expectSnapshots(this.channels);
  }

  #expectSnapshots(channels: readonly string[]): void {
    if (!this.#options.snapshot) return;
    for (const name of channels) if (!name.startsWith('presence:')) this.#outstanding.add(name);
  }

  #forget(reason: string): void {
    this.#versions.forget();
    this.#emitter.emit('resync', { reason });
    this.#emitter.emit('gap', { key: null, from: null, to: null, reason: 'resync' });
  }

  #subscribe(channels: readonly string[]): void {
    if (this.#state.name !== 'connected' || channels.length === 0) return;
    if (this.#state.dialect === 'plain') {
      for (const name of channels) this.#sendFrame({ type: 'subscribe', channel: name });
      return;
    }
    this.#expectSnapshots(channels);
    this.#sendFrame({ type: 'subscribe', channels, ...(this.#options.snapshot && { snapshot: true }) });
  }

  #sendFrame(message: JsonObject): boolean {
    const socket = this.#socket;
    if (socket?.readyState !== OPEN) return false;
    const text = JSON.stringify(message);
    if (
      text.length > this.#welcome.limits.maxMessageBytes / 3 &&
      byteSize(text) > this.#welcome.limits.maxMessageBytes
    ) {
      // Sent, it would end the connection (1009).
      const id = idOf(message.id);
      const error = new InventoryError('too_large', 'the message is larger than the relay takes');
      if (id !== undefined && this.#pending.has(id)) this.#answer(id, error);
      else this.report(error);
      return true;
    }
    try {
      socket.send(text);
    } catch {
      return false;
    }
    this.#emitter.emit('traffic', { direction: 'out', bytes: text.length });
    return true;
  }

  #answer(id: string, reply: Frame | InventoryError): void {
    const pending = this.#pending.get(id);
    if (!pending) return;
    this.#pending.delete(id);
    this.#clock.clearTimeout(pending.timer);
    if (reply instanceof InventoryError) pending.reject(reply);
    else pending.resolve(reply);
  }

  #onClose(code: number, reason: string): void {
    const text = `closed with ${code}${reason && `: ${reason}`}`;
    if (code === 4001 || code === 4201) return this.#onTokenRefused();
    if (code === 4202 || code === 4203) {
      this.#position = null;
      this.#forget(text);
    }
    if (code === 4003) return this.#fail('forbidden', text, false);
    if ((code >= 4000 && code <= 4099) || code === 1003 || code === 1007 || code === 1009) {
      return this.#fail('bad_request', text, false);
    }
    this.#lost(text, (code >= 4200 && code <= 4299) || code === 1001 || code === 1012);
  }

  // Signs of life

  #scheduleBeat(): void {
    const interval = this.#options.heartbeat?.intervalMs ?? 15_000;
    const due = { mono: this.#clock.monotonic() + interval, wall: this.#clock.now() + interval };
    this.#later(interval, () => {
      // A machine that slept stops one clock or the other, or both.
      const late = Math.max(this.#clock.monotonic() - due.mono, this.#clock.now() - due.wall);
      this.#scheduleBeat();
      if (late > interval) this.#ping(PROBE_TIMEOUT_MS, false);
      else if (this.#page.visible()) this.#ping(this.#options.heartbeat?.timeoutMs ?? 5_000, late < 100);
    });
  }

  #ping(timeoutMs: number, trusted: boolean): void {
    const sentAt = this.#clock.monotonic();
    const id = `p${++this.#requests}`;
    const ping: Ping = { id, sentAt, trusted };
    this.#pings.push(ping);
    this.#sendFrame({ type: 'ping', id });
    this.#later(timeoutMs, () => {
      if (!this.#pings.includes(ping)) return;
      this.#pings = this.#pings.filter((p) => p !== ping);
      const now = this.#clock.monotonic();
      if (this.#lastInbound > sentAt) this.#emitter.emit('missedPong', undefined);
      else if (now - sentAt > timeoutMs + LATE_TIMER_MS) this.#ping(PROBE_TIMEOUT_MS, false);
      else this.#lost('no sign of life');
    });
  }

  #onPong(frame: Frame): void {
    const id = idOf(frame.id);
    // A plain pong may come without an id: pongs keep the order of pings.
    const ping = id === undefined ? this.#pings[0] : this.#pings.find((p) => p.id === id);
    if (!ping) return;
    this.#pings = this.#pings.filter((p) => p !== ping);
    const trusted = ping.trusted && this.#page.visible();
    this.#emitter.emit('roundTrip', { ms: this.#clock.monotonic() - ping.sentAt, trusted });
  }

  #onPage(signal: PageSignal): void {
    if (!this.#wanted) return;
    if (signal === 'hidden') return this.#onHidden();
    if (signal === 'leave') return;
    if (signal === 'offline') {
      this.#setState(this.#state);
      return this.probe();
    }
    const state = this.#state;
    if (signal === 'restored' && this.#underway()) {
      // A page from the back-forward cache holds a socket that died with it.
      this.#turn();
      this.#wakeAt(this.#clock.random() * 250, 'page restored');
    } else if (state.name === 'connected') {
      this.probe();
    } else if (this.#waiting() || (state.name === 'disconnected' && state.reason === 'hidden')) {
      this.#turn();
      this.#wakeAt(this.#clock.random() * 250, signal);
    }
  }

  #onHidden(): void {
    const ms = this.#options.hiddenTimeoutMs ?? 300_000;
    if (ms <= 0 || this.#hiddenTimer !== null) return;
    this.#hiddenTimer = this.#clock.setTimeout(() => {
      this.#hiddenTimer = null;
      if (!this.#wanted || this.#page.visible()) return;
      if (this.#pending.size > 0) this.#onHidden();
      else if (this.#state.name === 'connected' || this.#state.name === 'connecting') this.#leave('hidden');
    }, ms);
  }

  // Generations

  /** Ends the present generation: its timers, its socket, its open questions. */
  #turn(): void {
    this.#generation++;
    this.#clearTimers();
    this.#pings = [];
    const socket = this.#socket;
    this.#socket = null;
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = socket.onerror = null;
      try {
        socket.close();
      } catch {
        // It was closed already.
      }
    }
    for (const id of [...this.#pending.keys()]) {
      this.#answer(id, linkError('the connection ended'));
    }
  }

  #later(ms: number, fn: () => void): void {
    const generation = this.#generation;
    const handle = this.#clock.setTimeout(() => {
      this.#timers.delete(handle);
      if (generation === this.#generation) fn();
    }, ms);
    this.#timers.add(handle);
  }

  #clearTimers(): void {
    for (const handle of this.#timers) this.#clock.clearTimeout(handle);
    this.#timers.clear();
  }

  #setState(state: WithoutHistory<ConnectionState>): void {
    this.#state = {
      ...state,
      lastConnected: this.#lastConnected,
      reconnectAttempts: this.#everConnected ? this.#attempts : 0,
    } as ConnectionState;
    this.#emitter.emit('state', this.#state);
  }
}

function linkError(message: string, cause?: unknown): InventoryError {
  return new InventoryError('CONNECTION_ERROR', message, { retryable: true, cause });
}

function noToken(cause: unknown): InventoryError {
  return new InventoryError('TOKEN_UNAVAILABLE', reasonOf(cause), { retryable: true, cause });
}

const SERVER_CODES: ReadonlySet<string> = new Set(
  'bad_request unknown_type too_large unauthorized token_expired forbidden not_found version_conflict insufficient_stock key_reused gone batch_unavailable conflict rate_limited overloaded unavailable timeout'.split(
    ' ',
  ),
);

/** The error in a frame. A code of a newer relay counts as `bad_request`, or `unavailable` if it may be retried. */
export function errorOf(frame: JsonObject): InventoryError {
  const code = textOf(frame.code) ?? '';
  const retryable = frame.retryable === true;
  return new InventoryError(
    SERVER_CODES.has(code) ? (code as ServerErrorCode) : retryable ? 'unavailable' : 'bad_request',
    textOf(frame.message) ?? code,
    { retryable, details: frame.details, retryAfterMs: integerOf(frame.retryAfterMs) },
  );
}
