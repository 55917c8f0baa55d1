/*
 * relay.ts
 *   The relay, in memory: the plain dialect and protocol 1 of docs/protocol.md.
 *
 * Frames travel through the clock's timers, so a test decides when they
 * arrive.  What can go wrong on a network is the fault plan's; what can go
 * wrong in a relay are the methods here: stop, drain, refuse, kick.
 */
import type { Clock } from '../core/clock.js';
import type { SocketConstructor } from '../core/link.js';
import { channelCovers, type Json, type JsonObject, type Row } from '../core/protocol.js';
import type { LogEntry, MemoryDatabase } from './database.js';
import { FaultPlan } from './faults.js';

export interface RelayOptions {
  clock: Clock;
  database: MemoryDatabase;
  /** Speaks the plain dialect only. */
  plain?: boolean;
  /** Tokens and who they stand for. Given, a connection needs one. */
  tokens?: Map<string, { sub: string; name?: string }>;
  /** One way, in ms. Default 5. */
  latencyMs?: number;
  reconnectWindowMs?: number;
  /** Rows in a page of a snapshot. Default 500. */
  pageSize?: number;
  /** Channels a client may follow. Default: all. */
  allows?: (channel: string) => boolean;
}

const PRESENCE_GRACE_MS = 5_000;

interface Member {
  connectionId: string;
  userId: string;
  name: string;
  status: string;
  metadata: Json;
  since: number;
}

/** One end of a connection as the relay sees it. */
class Session {
  readonly channels = new Set<string>(['global']);
  hello = false;
  batch = false;
  user: { sub: string; name?: string } = { sub: 'anonymous' };
  constructor(
    readonly id: string,
    readonly socket: MemorySocket,
  ) {}
}

export class MemoryRelay {
  readonly faults = new FaultPlan();
  readonly sessions = new Set<Session>();
  /** Everything clients said, in order. */
  readonly received: JsonObject[] = [];
  /** Sockets ever asked for, refused ones included. */
  dialled = 0;
  /** To be given to a client as `WebSocket`. */
  readonly WebSocket: SocketConstructor;
  readonly #options: RelayOptions;
  /** What everybody may see; who is connected is told by a close, or when next connected. null: all. */
  warehouses: readonly string[] | null = null;
  readonly #presence = new Map<string, Map<string, Member>>();
  #up = true;
  #ids = 0;

  constructor(options: RelayOptions) {
    this.#options = options;
    options.database.onEvent((entry) => this.#deliver(entry));
    const relay = this;
    this.WebSocket = class extends MemorySocket {
      constructor(url: string, protocols?: string[]) {
        super(url, protocols ?? [], relay.#options.clock);
        relay.#dial(this);
      }
    };
  }

  get latencyMs(): number {
    return this.#options.latencyMs ?? 5;
  }

  set plain(value: boolean) {
    this.#options.plain = value;
  }

  /** The process ends: every link breaks without a word. */
  stop(): void {
    this.#up = false;
    for (const session of [...this.sessions]) this.kick(session, 1006, '');
  }

  start(): void {
    this.#up = true;
  }

  /** A planned restart: says so, then closes with 4200. */
  drain(reconnectWindowMs: number): void {
    for (const session of this.sessions) if (session.hello) this.#send(session, { type: 'drain', reconnectWindowMs });
    this.#options.clock.setTimeout(() => this.closeAll(4200), this.latencyMs);
  }

  closeAll(code: number): void {
    for (const session of [...this.sessions]) this.kick(session, code, '');
  }

  kick(session: Session, code: number, reason: string): void {
    this.sessions.delete(session);
    this.#leaveAll(session);
    this.#options.clock.setTimeout(() => session.socket.ended(code, reason), code === 1006 ? 0 : this.latencyMs);
  }

  /** Sends a frame, or any text, to everybody. */
  broadcast(frame: JsonObject | string): void {
    for (const session of this.sessions) this.#send(session, frame);
  }

  #dial(socket: MemorySocket): void {
    this.dialled++;
    this.#options.clock.setTimeout(() => {
      if (socket.readyState !== 0) return;
      if (!this.#up || this.faults.takeRefusal()) return socket.ended(1006, '');
      const session = new Session(`conn-${++this.#ids}`, socket);
      const offered = socket.protocols.includes('inventory.v1');
      if (this.#options.plain && offered) return socket.ended(1006, '');
      if (this.#options.tokens && !offered) return socket.ended(1006, '');
      this.sessions.add(session);
      socket.peer = {
        message: (text) => this.#travel(() => this.#onText(session, text), 'up', text),
        close: () => {
          this.sessions.delete(session);
          this.#leaveAll(session);
        },
      };
      socket.opened(offered ? 'inventory.v1' : '');
    }, this.latencyMs);
  }

  /** Carries something one way, through the fault plan. */
  #travel(arrive: () => void, way: 'up' | 'down', text: string): void {
    const fate = this.faults.fate(way, text);
    if (fate.lost) return;
    for (let i = 0; i < fate.copies; i++) this.#options.clock.setTimeout(arrive, this.latencyMs + fate.delayMs);
  }

  #send(session: Session, frame: JsonObject | string): void {
    const text = typeof frame === 'string' ? frame : JSON.stringify(frame);
    this.#travel(() => session.socket.deliver(text), 'down', text);
  }

  #onText(session: Session, text: string): void {
    if (!this.sessions.has(session)) return;
    let message: JsonObject;
    try {
      message = JSON.parse(text) as JsonObject;
    } catch {
      return this.#send(session, { type: 'error', code: 'bad_request', message: 'not JSON', retryable: false });
    }
    this.#onMessage(session, message);
  }

  #onMessage(session: Session, message: JsonObject): void {
    this.received.push(message);
    const id = message.id === undefined ? {} : { id: message.id };
    switch (message.type) {
      case 'ping':
        return this.#send(session, { type: 'pong', timestamp: this.#options.clock.now(), ...id });
      case 'subscribe':
        return this.#onSubscribe(session, message);
      case 'unsubscribe':
        session.channels.delete(String(message.channel));
        return this.#send(session, { type: 'unsubscribed', channel: message.channel ?? null, ...id });
    }
    if (this.#options.plain) return this.#refuse(session, message, 'unknown_type', 'unknown type');
    if (message.type === 'hello') return this.#onHello(session, message);
    if (!session.hello) return this.#refuse(session, message, 'unauthorized', 'say hello first');
    if (message.type === 'auth') return this.#onAuth(session, message);
    if (message.type === 'batch') {
      for (const entry of (message.messages ?? []) as readonly JsonObject[]) this.#onMessage(session, entry);
      return;
    }
    if (String(message.type).startsWith('presence.')) return this.#onPresence(session, message);
    this.#onOperation(session, message);
  }

  #onHello(session: Session, message: JsonObject): void {
    const { tokens, database } = this.#options;
    if (tokens) {
      const user = tokens.get(String(message.token));
      if (!user) return this.kick(session, 4001, 'unauthorized');
      session.user = user;
    }
    session.hello = true;
    session.batch = Array.isArray(message.accept) && message.accept.includes('batch');
    const asked = Array.isArray(message.channels) ? message.channels.map(String) : ['global'];
    session.channels.clear();
    for (const name of asked) if (this.#allows(name)) session.channels.add(name);
    const since = typeof message.since === 'string' ? message.since : null;
    const missed = since === null ? null : database.after(since);
    this.#send(session, {
      type: 'welcome',
      protocol: 1,
      connectionId: session.id,
      serverTime: this.#options.clock.now(),
      pingIntervalMs: 20_000,
      limits: { maxMessageBytes: 16_384, maxChannels: 64, maxBatch: 100, messagesPerSecond: 10 },
      features: ['resume', 'operations', 'presence', 'batch'],
      reconnectWindowMs: this.#options.reconnectWindowMs ?? 1000,
      user: { id: session.user.sub, ...(session.user.name !== undefined && { name: session.user.name }) },
      scope: { role: 'operator', warehouses: this.warehouses },
      position: since !== null && missed ? since : database.head,
      ...(missed && { recovered: true }),
    });
    for (const channel of asked) {
      if (this.#allows(channel)) this.#send(session, { type: 'subscribed', channel, position: database.head });
      else this.#refuse(session, { channel }, 'forbidden', 'the channel is outside of your scope');
    }
    for (const channel of session.channels) this.#sendPresence(session, channel);
    if (since !== null && !missed) this.#send(session, { type: 'resync', position: database.head });
    if (missed) this.#replay(session, missed);
    else if (message.snapshot === true) for (const channel of session.channels) this.#snapshot(session, channel);
  }

  #replay(session: Session, missed: readonly LogEntry[]): void {
    const wanted = missed.filter((entry) => this.#follows(session, entry));
    if (session.batch && wanted.length > 1) {
      const position = missed.at(-1)?.position ?? '';
      this.#send(session, { type: 'batch', position, events: wanted.map(eventFrame) });
    } else {
      for (const entry of wanted) this.#send(session, eventFrame(entry));
    }
  }

  #snapshot(session: Session, channel: string): void {
    if (channel.startsWith('presence:')) return;
    const rows = [...this.#options.database.rows.values()].filter(
      (row) => channelCovers(channel, row) && this.#shows(row),
    );
    const size = this.#options.pageSize ?? 500;
    for (let at = 0; at === 0 || at < rows.length; at += size) {
      const more = at + size < rows.length;
      const items = rows.slice(at, at + size).map((row: Row) => ({ ...row }) as unknown as JsonObject);
      this.#send(session, {
        type: 'snapshot',
        channel,
        position: this.#options.database.head,
        items,
        ...(more && { more }),
      });
    }
  }

  #onSubscribe(session: Session, message: JsonObject): void {
    const id = message.id === undefined ? {} : { id: message.id };
    const names = Array.isArray(message.channels) ? message.channels : [message.channel ?? null];
    for (const channel of names) {
      if (typeof channel !== 'string') {
        this.#refuse(session, message, 'bad_request', 'a channel is missing');
        continue;
      }
      if (!this.#allows(channel)) {
        this.#refuse(session, { ...id, channel }, 'forbidden', 'the channel is outside of your scope');
        continue;
      }
      session.channels.add(channel);
      this.#send(session, {
        type: 'subscribed',
        channel,
        ...(session.hello && { position: this.#options.database.head }),
        ...id,
      });
      if (session.hello && message.snapshot === true) this.#snapshot(session, channel);
      this.#sendPresence(session, channel);
    }
  }

  #shows({ warehouseId }: { readonly warehouseId: string }): boolean {
    return this.warehouses?.includes(warehouseId) ?? true;
  }

  #allows(channel: string): boolean {
    return this.#options.allows?.(channel) ?? true;
  }

  #sendPresence(session: Session, channel: string): void {
    if (!channel.startsWith('presence:') || !session.hello) return;
    const members = [...(this.#presence.get(channel)?.values() ?? [])] as unknown as Json[];
    this.#send(session, { type: 'presence.state', channel, members });
  }

  #onAuth(session: Session, message: JsonObject): void {
    const user = this.#options.tokens?.get(String(message.token));
    if (!user || user.sub !== session.user.sub) return this.#refuse(session, message, 'unauthorized', 'token refused');
    this.#send(session, {
      type: 'ack',
      id: message.id ?? null,
      expiresAt: this.#options.clock.now() + 3_600_000,
    });
  }

  #onOperation(session: Session, message: JsonObject): void {
    const planned = this.faults.takeAnswer();
    if (planned) {
      this.#send(session, { type: 'error', message: planned.code, ...planned, id: message.id ?? null });
      return;
    }
    const verdict = this.#options.database.apply(message);
    if (this.faults.takeKill()) return this.stop();
    if (verdict.ok) {
      this.#send(session, { type: 'ack', id: message.id ?? null, result: verdict.result, replayed: verdict.replayed });
    } else {
      const { ok: _ok, ...error } = verdict;
      this.#send(session, { type: 'error', id: message.id ?? null, ...error });
    }
  }

  #onPresence(session: Session, message: JsonObject): void {
    const channel = String(message.channel);
    const members = this.#presence.get(channel) ?? new Map<string, Member>();
    this.#presence.set(channel, members);
    const known = members.get(session.id);
    if (message.type === 'presence.leave') {
      if (!known) return;
      members.delete(session.id);
      return this.#tell(channel, { leaves: [known] });
    }
    const member: Member = {
      connectionId: session.id,
      userId: session.user.sub,
      name: session.user.name ?? session.user.sub,
      status: String(message.status ?? known?.status ?? 'viewing'),
      metadata: message.metadata ?? known?.metadata ?? {},
      since: known?.since ?? this.#options.clock.now(),
    };
    // Who comes back through another connection takes the place of the one that ended.
    const alive = new Set([...this.sessions].map(({ id }) => id));
    const leaves = [...members.values()].filter((m) => m.userId === member.userId && !alive.has(m.connectionId));
    for (const { connectionId } of leaves) members.delete(connectionId);
    members.set(session.id, member);
    this.#tell(channel, { ...(known ? { updates: [member] } : { joins: [member] }), leaves });
  }

  #tell(channel: string, diff: { joins?: Member[]; updates?: Member[]; leaves?: Member[] }): void {
    const frame = {
      type: 'presence.diff',
      channel,
      joins: [],
      updates: [],
      leaves: [],
      ...diff,
    } as unknown as JsonObject;
    for (const session of this.sessions) if (session.channels.has(channel)) this.#send(session, frame);
  }

  /** Most come back: who does not within the grace is gone. */
  #leaveAll(session: Session): void {
    if (![...this.#presence.values()].some((members) => members.has(session.id))) return;
    this.#options.clock.setTimeout(() => {
      for (const [channel, members] of this.#presence) {
        const member = members.get(session.id);
        if (member && members.delete(session.id)) this.#tell(channel, { leaves: [member] });
      }
    }, PRESENCE_GRACE_MS);
  }

  #refuse(session: Session, message: JsonObject, code: string, text: string): void {
    this.#send(session, {
      type: 'error',
      code,
      message: text,
      retryable: false,
      ...(message.id !== undefined && { id: message.id }),
      ...(message.channel !== undefined && { channel: message.channel }),
    });
  }

  #deliver(entry: LogEntry): void {
    if (!this.#up) return;
    for (const session of this.sessions) {
      if (this.#follows(session, entry)) {
        this.#send(session, session.hello ? eventFrame(entry) : { type: entry.type, data: entry.data });
      }
    }
  }

  #follows(session: Session, entry: LogEntry): boolean {
    return this.#shows(entry.key) && [...session.channels].some((name) => channelCovers(name, entry.key));
  }
}

function eventFrame(entry: LogEntry): JsonObject {
  return {
    type: entry.type,
    id: entry.id,
    position: entry.position,
    data: entry.data,
    ...(entry.op !== null && { op: entry.op }),
  };
}

/** A WebSocket whose other end is a MemoryRelay. */
export class MemorySocket {
  readyState = 0;
  bufferedAmount = 0;
  protocol = '';
  onopen: ((event: never) => void) | null = null;
  onmessage: ((event: never) => void) | null = null;
  onclose: ((event: never) => void) | null = null;
  onerror: ((event: never) => void) | null = null;
  peer: { message: (text: string) => void; close: () => void } | null = null;
  readonly #clock: Clock;

  constructor(
    readonly url: string,
    readonly protocols: readonly string[],
    clock: Clock,
  ) {
    this.#clock = clock;
  }

  send(data: string): void {
    if (this.readyState === 0) throw new Error('InvalidStateError: still connecting');
    if (this.readyState === 1) this.peer?.message(data);
  }

  close(): void {
    if (this.readyState >= 2) return;
    this.readyState = 2;
    this.peer?.close();
    this.#clock.setTimeout(() => this.ended(1000, ''), 0);
  }

  opened(protocol: string): void {
    if (this.readyState !== 0) return;
    this.readyState = 1;
    this.protocol = protocol;
    this.onopen?.({ type: 'open' } as never);
  }

  deliver(text: string): void {
    if (this.readyState === 1) this.onmessage?.({ type: 'message', data: text } as never);
  }

  ended(code: number, reason: string): void {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.onclose?.({ type: 'close', code, reason } as never);
  }
}
