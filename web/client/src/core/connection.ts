/*
 * connection.ts
 *   A link to the relay, for as long as it is wanted.
 *
 * Each attempt is a Link of its own; what belongs to one that has ended does
 * nothing to the next.  This file decides when there is an attempt, says hello
 * and hands frames to those whose business they are: Feed (the stock), Requests
 * (replies), Heartbeat (signs of life), Token (who one is).
 */
import { type BackoffOptions, backoffMs } from './backoff.js';
import { Channels } from './channels.js';
import { type Clock, systemClock } from './clock.js';
import { Emitter, type ListenOptions } from './emitter.js';
import { type ErrorCode, errorOf, InventoryError, isAboutToken, reasonOf } from './errors.js';
import { Feed, type FeedEvents, malformed } from './feed.js';
import { Heartbeat, type HeartbeatEvents, type HeartbeatOptions } from './heartbeat.js';
import { Link, type SocketConstructor, type SocketLike } from './link.js';
import { browserPage, type Page, type PageSignal } from './page.js';
import {
  byteSize,
  type Frame,
  idOf,
  integerOf,
  type JsonObject,
  type Position,
  PROTOCOL,
  readFrame,
  textOf,
} from './protocol.js';
import { Requests } from './requests.js';
import {
  type ConnectionState,
  type ConnectionStatus,
  type DisconnectReason,
  type PresentState,
  statusOf,
} from './state.js';
import { Timer } from './timer.js';
import { Token, type TokenProvider } from './token.js';
import { NO_WELCOME, readWelcome, type Welcome } from './welcome.js';

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
  heartbeat?: HeartbeatOptions;
  /** From the attempt to `welcome`. Default 10000. */
  connectTimeoutMs?: number;
  /** A link up this long starts the backoff anew. Default 10000. */
  stableAfterMs?: number;
  /** A page hidden this long lets go of the link. Default 300000; 0 is never. */
  hiddenTimeoutMs?: number;
  client?: { name: string; version: string };
  WebSocket?: SocketConstructor;
  clock?: Clock;
  page?: Page;
}

export interface Traffic {
  readonly direction: 'in' | 'out';
  readonly bytes: number;
}

export interface ConnectionEvents extends FeedEvents, HeartbeatEvents {
  state: ConnectionState;
  /** Frames of protocol 1 that are nobody's reply and no stock event. */
  frame: Frame;
  traffic: Traffic;
  /** The relay lost (true) or regained its database. */
  stale: boolean;
  /** Who is here has changed. */
  [presence: `presence:${string}`]: undefined;
}

/** A relay that has not said `welcome` by then, but speaks, speaks the plain dialect. */
const PLAIN_AFTER_MS = 2_000;
/** Attempts that fail before the state says so. Attempts go on. */
const ATTEMPTS_BEFORE_ERROR = 5;
/** After a gap, rows are asked for at most this often. */
const GAP_ASK_MS = 10_000;
/** What wakes a page wakes many at once. */
const WAKE_SPREAD_MS = 250;
/** How long a reply may take. */
const REPLY_MS = 15_000;

export class Connection {
  /** The relay has lost its database. */
  stale = false;
  /** Frames per second wanted; takes effect with the next connection. */
  maxRate: number | undefined;
  readonly #options: ConnectionOptions;
  readonly #clock: Clock;
  readonly #page: Page;
  /** What is built on the connection speaks here, too. */
  readonly events = new Emitter<ConnectionEvents>((error) => this.reportThrown(error));
  readonly #feed: Feed;
  readonly #requests: Requests;
  readonly #heartbeat: Heartbeat;
  readonly #token: Token;
  readonly #channels: Channels;
  readonly #stopListening: () => void;

  #state: ConnectionState = { name: 'disconnected', reason: 'initial', lastConnected: null, reconnectAttempts: 0 };
  #wanted = false;
  #link: Link;
  #welcome: Welcome = NO_WELCOME;
  #asked: Position | null = null;
  #failures = 0;
  #attempts = 0;
  #lastConnected: number | null = null;
  #windowMs = 0;
  #retryAfterMs = 0;
  #spoke = false;
  #reporting = false;
  #lastGapAsk = Number.NEGATIVE_INFINITY;
  readonly #hiddenTimer: Timer;

  constructor(options: ConnectionOptions) {
    const { clock = systemClock, page = browserPage() } = options;
    this.events.present.state = () => this.#state;
    this.#options = options;
    this.#clock = clock;
    this.#page = page;
    this.maxRate = options.maxRate;
    this.#link = new Link(clock);
    this.#hiddenTimer = new Timer(clock);
    this.#token = new Token(clock, options.getToken);
    this.#requests = new Requests(clock);
    this.#feed = new Feed(options, this.events, () => this.#askAgain());
    this.#heartbeat = new Heartbeat(
      options.heartbeat,
      clock,
      page,
      this.events,
      (timeoutMs) => this.request({ type: 'ping' }, timeoutMs),
      () => this.#lost('no sign of life'),
    );
    this.#channels = new Channels(
      options.channels ?? ['global'],
      () => this.#tellChannels(),
      (error) => this.report(error),
    );
    this.#stopListening = page.listen((signal) => this.#onPage(signal));
  }

  get state(): ConnectionState {
    return this.#state;
  }

  get status(): ConnectionStatus {
    return statusOf(this.#state, this.#page.online());
  }

  /** Where the next connection resumes; null: at the head, with snapshots. */
  get position(): Position | null {
    return this.#feed.position;
  }

  get welcome(): Welcome {
    return this.#welcome;
  }

  get channels(): readonly string[] {
    return this.#channels.names;
  }

  /** Connected, and to a relay that takes changes. */
  get canWrite(): boolean {
    return this.offers('operations');
  }

  /** Connected, and to a relay with this feature. */
  offers(feature: string): boolean {
    return this.#state.name === 'connected' && this.#welcome.features.includes(feature);
  }

  /** A listener for `state` is called at once with the present one. */
  on<K extends keyof ConnectionEvents>(
    name: K,
    fn: (value: ConnectionEvents[K]) => void,
    options?: ListenOptions,
  ): () => void {
    return this.events.on(name, fn, options);
  }

  report(error: InventoryError): void {
    this.events.emit('error', error);
  }

  /** Something of the application threw: a listener, or what else it gave to be called. */
  reportThrown(error: unknown): void {
    // A listener for errors that throws itself has nobody left to tell.
    if (this.#reporting) return;
    this.#reporting = true;
    this.report(new InventoryError('LISTENER_ERROR', `a listener threw: ${reasonOf(error)}`, { cause: error }));
    this.#reporting = false;
  }

  /** Wants the link from now on. While waiting for an attempt, it starts at once. */
  connect(): void {
    if (this.#isClosed) return;
    this.#wanted = true;
    if (!this.#underway) this.#open();
  }

  /** Lets go until connect(): no signal of the page brings the link back. */
  disconnect(): void {
    this.#leave('client');
  }

  /** Lets go for good. */
  close(): void {
    this.#leave('closed');
    this.#stopListening();
    this.events.clear();
  }

  /** A token that came by itself: used at once on an open link, and for the next. */
  setToken(token: string | null): void {
    this.#token.give(token);
    this.#useToken();
  }

  /** Follows a channel once more; it is left when every follow was undone. */
  follow(name: string): void {
    this.#channels.follow(name);
  }

  unfollow(name: string): void {
    this.#channels.unfollow(name);
  }

  /** Sends one message; without a link the reply to it is an error. Nothing is kept for later. */
  send(message: JsonObject): void {
    if (this.#state.name !== 'connected' || !this.#sendFrame(message)) this.refuse(message, linkError('not connected'));
  }

  /** Sends one message, now or in some other way, and waits for its reply: any frame with its id. */
  request(message: JsonObject, timeoutMs = REPLY_MS, send = (asked: JsonObject) => this.send(asked)): Promise<Frame> {
    return this.#requests.ask(timeoutMs, (id) => send({ ...message, id }));
  }

  /** Answers a message with an error found on this side. */
  refuse({ id }: JsonObject, error: InventoryError): boolean {
    return this.#requests.answer(idOf(id), error);
  }

  /** Asks for a sign of life now; the link ends if none comes. */
  probe(): void {
    if (this.#state.name === 'connected') this.#heartbeat.probe();
  }

  // Attempts

  #open(): void {
    const link = this.#turn();
    this.#attempts++;
    this.#setState(this.#trying(null));
    link.later(this.#options.connectTimeoutMs ?? 10_000, () => this.#lost('no welcome in time'));
    this.#token.ask().then(
      () => link.alive && this.#dial(),
      (error: unknown) => {
        if (!link.alive) return;
        this.report(noToken(error));
        this.#lost('no token');
      },
    );
  }

  #dial(): void {
    const link = this.#link;
    if (this.#token.isRefused) return this.#fail('unauthorized', 'token refused', true);
    let socket: SocketLike;
    try {
      const { url, WebSocket: Socket = globalThis.WebSocket as unknown as SocketConstructor } = this.#options;
      const address = typeof url === 'function' ? url() : url;
      // Offered only with a token: a relay of the plain dialect selects no
      // subprotocol, and a browser then fails the connection.
      socket = this.#token.value === null ? new Socket(address) : new Socket(address, ['inventory.v1']);
    } catch (error) {
      this.report(linkError(reasonOf(error), error));
      return this.#lost(reasonOf(error));
    }
    link.attach(
      socket,
      () => this.#sendHello(),
      (data) => this.#onMessage(data),
      (code, reason) => this.#onClose(code, reason),
    );
  }

  #sendHello(): void {
    const { names } = this.#channels;
    this.#asked = this.position;
    this.#channels.begin(names);
    this.#sendFrame(
      // Undefined fields are not sent.
      {
        type: 'hello',
        protocol: PROTOCOL,
        client: this.#options.client ?? { name: 'inventory-client', version: '1.0.0' },
        accept: ['batch'],
        channels: names,
        snapshot: this.#options.snapshot || undefined,
        token: this.#token.hold() ?? undefined,
        since: this.#asked ?? undefined,
        maxRate: this.maxRate,
      } as JsonObject,
    );
    if (this.#speaksOne) return;
    // Ended with the other timers of the attempt when `welcome` comes.
    this.#link.later(PLAIN_AFTER_MS, () => {
      if (this.#spoke) this.#beginPlain();
      else this.#sendFrame({ type: 'ping' });
    });
  }

  /** The relay took the subprotocol: it is not one of the plain dialect. */
  get #speaksOne(): boolean {
    return this.#link.socket?.protocol === 'inventory.v1';
  }

  #beginPlain(): void {
    const again = this.#lastConnected !== null;
    this.#welcome = NO_WELCOME;
    this.#channels.begin(['global']);
    this.#connected({ recovered: false, connectionId: '', dialect: 'plain' });
    this.#feed.beginPlain(again);
  }

  #onWelcome(frame: Frame): void {
    const again = this.#lastConnected !== null;
    const scope = JSON.stringify(this.#welcome.scope);
    this.#welcome = readWelcome(frame);
    this.#windowMs = integerOf(frame.reconnectWindowMs) ?? 0;
    if (again && scope !== JSON.stringify(this.#welcome.scope)) {
      // What one has may be none of one's business now, and something else be: all is told and said anew.
      this.#asked = null;
      this.#channels.retell();
    }
    // A position that cannot be served is answered with a resync.
    const recovered = this.#asked !== null && frame.recovered === true;
    if (this.#asked === null) {
      this.#feed.startAt(frame.position, this.channels);
      if (again) this.#feed.forget('not resumed');
    }
    this.#connected({ recovered, connectionId: textOf(frame.connectionId) ?? '', dialect: 'protocol-1' });
  }

  #connected(how: { recovered: boolean; connectionId: string; dialect: 'plain' | 'protocol-1' }): void {
    const link = this.#link;
    link.clearTimers();
    this.#setStale(false);
    this.#attempts = 0;
    this.#lastConnected = this.#clock.now();
    link.later(this.#options.stableAfterMs ?? 10_000, () => {
      this.#failures = 0;
    });
    this.#heartbeat.begin(link);
    this.#setState({ name: 'connected', since: this.#lastConnected, ...how });
    this.#tellChannels();
  }

  /** The link is gone or never came. Waits and tries again. */
  #lost(reason: string, soon = false): void {
    // Soon: spread over the window the relay asked for; a relay that sends one
    // away again and again is treated as one that fails.
    const spread = soon ? this.#clock.random() * Math.max(this.#windowMs, 1000) : 0;
    const backoff = soon && this.#failures === 0 ? 0 : backoffMs(this.#clock, this.#failures, this.#options.backoff);
    this.#failures++;
    this.#openAfter(Math.max(spread, backoff, this.#retryAfterMs), reason);
  }

  #openAfter(wait: number, reason: string): void {
    const link = this.#turn();
    if (!this.#wanted) return;
    this.#setState(this.#trying(this.#clock.now() + wait, reason));
    link.later(wait, () => this.#open());
  }

  #openSoon(reason: string): void {
    this.#openAfter(this.#clock.random() * WAKE_SPREAD_MS, reason);
  }

  #trying(retryAt: number | null, reason?: string): PresentState {
    if (this.#failures >= ATTEMPTS_BEFORE_ERROR) {
      return { name: 'error', code: 'CONNECTION_ERROR', message: reason ?? 'trying again', recoverable: true, retryAt };
    }
    return { name: 'connecting', attempt: Math.max(this.#attempts, 1), retryAt, ...(reason && { reason }) };
  }

  /** Connected, or an attempt is under way. */
  get #underway(): boolean {
    const state = this.#state;
    return state.name === 'connected' || (state.name !== 'disconnected' && state.retryAt === null && this.#link.waits);
  }

  get #isClosed(): boolean {
    return this.#state.name === 'disconnected' && this.#state.reason === 'closed';
  }

  #leave(reason: DisconnectReason): void {
    if (this.#isClosed) return;
    if (reason !== 'hidden') {
      this.#wanted = false;
      this.#failures = 0;
    }
    this.#turn();
    this.#attempts = 0;
    this.#hiddenTimer.stop();
    this.#setState({ name: 'disconnected', reason });
  }

  #fail(code: ErrorCode, message: string, recoverable = false): void {
    this.#turn();
    this.#setState({ name: 'error', code, message, recoverable, retryAt: null });
    this.report(new InventoryError(code, message, { retryable: recoverable }));
  }

  // Who one is

  /** The token was refused: one refresh, or a person has to sign in. */
  #onTokenRefused(): void {
    if (this.#token.onRefused() || this.#token.wantNew()) this.#openSoon('token refused');
    else this.#fail('unauthorized', 'token refused', true);
  }

  async #refreshToken(): Promise<void> {
    if (!this.#token.wantNew()) return;
    try {
      await this.#token.ask();
      this.#useToken();
    } catch (error) {
      this.report(noToken(error));
    }
  }

  /** Who one is now is told on an open link; where a token was what was missing, one is sought. */
  #useToken(): void {
    const token = this.#token.value;
    if (this.status === 'needs-auth' && this.#wanted) this.#open();
    if (this.#state.name !== 'connected' || token === null) return;
    this.request({ type: 'auth', token }).then(
      (frame) => {
        this.#token.hold();
        this.events.emit('frame', frame);
      },
      (error: InventoryError) => this.report(error),
    );
  }

  // Frames

  #onMessage(data: unknown): void {
    this.#heartbeat.onInbound();
    if (typeof data === 'string') this.events.emit('traffic', { direction: 'in', bytes: data.length });
    const frame = readFrame(data);
    if (!frame) this.report(malformed(data));
    else if (frame.type === 'welcome') this.#onWelcome(frame);
    else if (this.#state.name === 'connected') this.#onFrame(frame);
    else this.#onEarlyFrame(frame);
  }

  /** Before `welcome`: a refusal, or a relay of the plain dialect. */
  #onEarlyFrame(frame: Frame): void {
    if (frame.type === 'error') {
      const error = errorOf(frame);
      const { code } = error;
      if (code === 'unknown_type' || !frame.code) return this.#beginPlain();
      if (isAboutToken(code)) return this.#onTokenRefused();
      this.#retryAfterMs = error.retryAfterMs ?? 0;
      if (code === 'forbidden') this.#fail(code, error.message);
      else this.report(error);
      return;
    }
    // What a pong says before `welcome`, only the plain dialect says.
    if (frame.type === 'pong' && !this.#speaksOne) return this.#beginPlain();
    this.#spoke = true;
  }

  #setStale(stale: boolean): void {
    if (stale === this.stale) return;
    this.stale = stale;
    this.events.emit('stale', stale);
  }

  #onFrame(frame: Frame): void {
    if (this.#feed.take(frame, this.channels)) return;
    switch (frame.type) {
      case 'pong':
        // A plain pong may come without an id; there pings are all that is asked.
        this.#requests.answer(idOf(frame.id) ?? this.#requests.oldest, frame);
        return;
      case 'stale':
      case 'fresh':
        return this.#setStale(frame.type === 'stale');
      case 'token_expiring':
        return void this.#refreshToken();
      case 'drain':
        this.#windowMs = integerOf(frame.reconnectWindowMs) ?? this.#windowMs;
        return;
      case 'error':
        return this.#onError(frame);
      case 'subscribed':
        this.#channels.onAnswered(textOf(frame.channel) ?? '');
    }
    if (!this.#requests.answer(idOf(frame.id), frame)) this.events.emit('frame', frame);
  }

  #onError(frame: Frame): void {
    const error = errorOf(frame);
    const { code, retryAfterMs = 1000 } = error;
    if (code === 'token_expired') void this.#refreshToken();
    if (this.refuse(frame, error)) return;
    if (code === 'forbidden' || code === 'overloaded') {
      const refused = textOf(frame.channel) ?? '';
      this.#channels.onAnswered(refused);
      this.#feed.leave(refused, this.channels);
    } else if (code === 'rate_limited' && this.#channels.retell()) {
      this.#link.later(retryAfterMs, () => this.#tellChannels());
    }
    this.report(error);
  }

  /** After a gap: the rows once more. What the event itself says is true anyway. */
  #askAgain(): void {
    const now = this.#clock.monotonic();
    if (!this.#isWelcome || !this.#options.snapshot || now - this.#lastGapAsk < GAP_ASK_MS) return;
    this.#lastGapAsk = now;
    this.#subscribe(this.channels);
  }

  #tellChannels(): void {
    if (this.#state.name !== 'connected') return;
    const { more, less } = this.#channels.take();
    for (const channel of less) {
      this.#sendFrame({ type: 'unsubscribe', channel });
      this.#feed.leave(channel, this.channels);
    }
    if (more.length > 0) this.#subscribe(more);
  }

  #subscribe(channels: readonly string[]): void {
    if (!this.#isWelcome) {
      for (const channel of channels) this.#sendFrame({ type: 'subscribe', channel });
      return;
    }
    this.#feed.expect(channels);
    this.#sendFrame({ type: 'subscribe', channels, snapshot: this.#options.snapshot || undefined } as JsonObject);
  }

  /** Connected in protocol 1. */
  get #isWelcome(): boolean {
    return this.#state.name === 'connected' && this.#state.dialect === 'protocol-1';
  }

  #sendFrame(message: JsonObject): boolean {
    const text = JSON.stringify(message);
    const { maxMessageBytes } = this.#welcome.limits;
    if (byteSize(text) > maxMessageBytes) {
      // Sent, it would end the connection (1009).
      const error = new InventoryError('too_large', 'larger than the relay takes');
      if (!this.refuse(message, error)) this.report(error);
      return true;
    }
    if (!this.#link.send(text)) return false;
    this.events.emit('traffic', { direction: 'out', bytes: text.length });
    return true;
  }

  #onClose(code: number, reason: string): void {
    const text = `closed with ${code}${reason && `: ${reason}`}`;
    if (code === 4001 || code === 4201) return this.#onTokenRefused();
    if (code === 4003) return this.#fail('forbidden', text);
    const range = Math.floor(code / 100);
    if (range === 40 || [1003, 1007, 1009].includes(code)) return this.#fail('bad_request', text);
    if (code === 4202) this.#feed.forget(text);
    this.#lost(text, range === 42 || code === 1001 || code === 1012);
  }

  // The page

  #onPage(signal: PageSignal): void {
    if (!this.#wanted || signal === 'leave') return;
    if (signal === 'hidden') return this.#onHidden();
    const state = this.#state;
    if (signal === 'offline') {
      this.#setState(state);
      this.probe();
    } else if (signal === 'restored' && this.#underway) {
      // A page from the back-forward cache holds a socket that died with it.
      this.#openSoon('page restored');
    } else if (state.name === 'connected') {
      this.probe();
    } else if (state.name === 'disconnected' ? state.reason === 'hidden' : state.retryAt !== null) {
      this.#openSoon(signal);
    }
  }

  #onHidden(): void {
    const ms = this.#options.hiddenTimeoutMs ?? 300_000;
    if (ms <= 0) return;
    this.#hiddenTimer.start(ms, () => {
      if (!this.#wanted || this.#page.visible()) return;
      // What waits for a reply is waited for.
      if (this.#requests.oldest) this.#onHidden();
      else if (this.#state.name === 'connected' || this.#state.name === 'connecting') this.#leave('hidden');
    });
  }

  /** Ends the present link and its open questions, for one that can begin. */
  #turn(): Link {
    this.#link.end();
    const link = new Link(this.#clock);
    this.#link = link;
    this.#spoke = false;
    this.#retryAfterMs = 0;
    this.#requests.end(linkError('the connection ended'));
    return link;
  }

  #setState(state: PresentState): void {
    this.#state = {
      ...state,
      lastConnected: this.#lastConnected,
      reconnectAttempts: this.#lastConnected === null ? 0 : this.#attempts,
    };
    this.events.emit('state', this.#state);
  }
}

function linkError(message: string, cause?: unknown): InventoryError {
  return new InventoryError('CONNECTION_ERROR', message, { retryable: true, cause });
}

function noToken(cause: unknown): InventoryError {
  return new InventoryError('TOKEN_UNAVAILABLE', reasonOf(cause), { retryable: true, cause });
}
