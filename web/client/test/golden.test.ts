/*
 * The conversations of docs/protocol, with this client in the place of theirs.
 *
 * A player is the relay: it says what the file expects from one, with values
 * where the file has patterns, and what the client makes of each frame is
 * compared.  The relay's own tests run the same files from the other side.
 */
import { describe, expect, test } from 'vitest';
import {
  Connection,
  type ConnectionEvents,
  type InventoryError,
  type Json,
  type JsonObject,
  type SocketLike,
} from '../src/index.js';
import { VirtualClock, VirtualPage } from '../src/testing/index.js';

interface Step {
  send?: JsonObject;
  text?: string;
  expect?: JsonObject & { type: string };
  sql?: string;
  reconnect?: boolean;
  close?: number;
}
interface Conversation {
  title: string;
  connection: { header?: JsonObject; subprotocol?: boolean; status?: number };
  steps: Step[];
}

const files = import.meta.glob<Conversation>('../../../docs/protocol/*.json', { eager: true, import: 'default' });

/** What a client does about a close, as docs/protocol.md says. */
const AFTER_CLOSE: Record<number, string> = {
  1003: 'failed',
  1007: 'failed',
  1009: 'failed',
  4001: 'needs-auth',
  4003: 'failed',
  4009: 'failed',
  4100: 'reconnecting',
  4101: 'reconnecting',
  4102: 'reconnecting',
  4103: 'reconnecting',
  4200: 'reconnecting',
  4201: 'needs-auth',
  4202: 'reconnecting',
  4203: 'reconnecting',
};

class Socket implements SocketLike {
  readyState = 0;
  bufferedAmount = 0;
  protocol = '';
  onopen: ((event: never) => void) | null = null;
  onmessage: ((event: never) => void) | null = null;
  onclose: ((event: never) => void) | null = null;
  onerror: ((event: never) => void) | null = null;
  readonly sent: JsonObject[] = [];

  send(data: string): void {
    this.sent.push(JSON.parse(data) as JsonObject);
  }
  close(): void {
    this.readyState = 3;
  }
}

class Player {
  readonly clock = new VirtualClock();
  readonly errors: InventoryError[] = [];
  readonly heard: { name: keyof ConnectionEvents; value: unknown }[] = [];
  readonly #file: Conversation;
  readonly #kept = new Map<string, Json>();
  readonly #replies = new Map<Json, { id: string; outcome: Promise<JsonObject> }>();
  #socket = new Socket();
  #connection: Connection | null = null;
  #count = 0;

  constructor(file: Conversation) {
    this.#file = file;
  }

  get connection(): Connection {
    if (!this.#connection) throw new Error('nobody connected yet');
    return this.#connection;
  }

  /** A client that says the hello of the file, or one that finds a relay of the plain dialect. */
  async connect(hello: JsonObject = {}): Promise<void> {
    const { subprotocol = false, status = 101 } = this.#file.connection;
    const player = this;
    this.#connection?.close();
    const wanted = this.fill(hello) as JsonObject;
    const connection = new Connection({
      url: 'ws://golden/ws',
      clock: this.clock,
      page: new VirtualPage(),
      ...(Array.isArray(wanted.channels) && { channels: wanted.channels as string[] }),
      ...(wanted.snapshot === true && { snapshot: true }),
      ...(typeof wanted.since === 'string' && { since: wanted.since }),
      ...(typeof wanted.maxRate === 'number' && { maxRate: wanted.maxRate }),
      WebSocket: class extends Socket {
        constructor(_url: string, protocols: string[] = []) {
          super();
          this.protocol = protocols[0] ?? '';
          player.#socket = this;
        }
      },
    });
    if (subprotocol) connection.setToken(String(wanted.token ?? 'a token'));
    connection.on('error', (error) => void this.errors.push(error));
    for (const name of ['message', 'snapshot', 'resync', 'gap', 'frame', 'roundTrip', 'duplicate'] as const)
      connection.on(name, (value) => void this.heard.push({ name, value }));
    this.#connection = connection;
    connection.connect();
    await this.clock.advance(0);
    if (status !== 101) {
      this.#socket.onclose?.({ code: 1006 } as never);
      return;
    }
    expect(this.#socket.protocol).toBe(subprotocol ? 'inventory.v1' : '');
    this.#socket.readyState = 1;
    this.#socket.onopen?.({} as never);
    const said = this.#socket.sent[0];
    expect(said).toMatchObject({ type: 'hello', protocol: 1 });
    for (const name of ['channels', 'since', 'snapshot', 'maxRate', 'token'])
      if (name in wanted) expect(said?.[name]).toEqual(wanted[name]);
    if (!('type' in hello) && !subprotocol) this.deliver({ type: 'error', code: 'unknown_type' });
    await this.clock.advance(0);
  }

  deliver(frame: JsonObject): void {
    this.#socket.onmessage?.({ data: JSON.stringify(frame) } as never);
  }

  /** Says what the file's client says, in the way this one would. */
  async send(message: JsonObject): Promise<void> {
    const { connection } = this;
    const before = this.#socket.sent.length;
    if (message.type === 'ping') connection.probe();
    else if (message.type === 'subscribe' && !this.#isOdd(message))
      for (const name of (message.channels ?? [message.channel]) as string[]) connection.follow(name);
    else if (message.type === 'unsubscribe') connection.unfollow(String(message.channel));
    else if (message.type === 'batch' && Array.isArray(message.messages)) {
      // Answered entry by entry.
      for (const entry of message.messages as JsonObject[]) if (entry.type !== 'ping') await this.#ask(entry);
    } else await this.#ask(message);
    await this.clock.advance(0);
    const said = this.#socket.sent.slice(before).find((sent) => sent.type === message.type);
    if (message.type === 'ping' && message.id !== undefined)
      this.#replies.set(message.id, { id: String(said?.id), outcome: Promise.resolve({}) });
  }

  async #ask(message: JsonObject): Promise<void> {
    const outcome = this.connection.request(this.fill(message) as JsonObject);
    outcome.catch(() => {});
    const id = String(this.#socket.sent.at(-1)?.id);
    if (message.id !== undefined) this.#replies.set(message.id, { id, outcome });
  }

  /** This client follows no such channel, so it never asks for it. */
  #isOdd(message: JsonObject): boolean {
    return message.channel === undefined ? message.channels === undefined : /^produkt/.test(String(message.channel));
  }

  /** Says what the file's relay says; then looks at what the client made of it. */
  async hear(pattern: JsonObject & { type: string }): Promise<void> {
    const frame = this.fill(pattern) as JsonObject & { type: string };
    const reply = pattern.id === undefined ? undefined : this.#replies.get(pattern.id);
    const { connection } = this;
    this.heard.length = 0;
    this.errors.length = 0;
    this.deliver(reply ? { ...frame, id: reply.id } : frame);
    await this.clock.advance(0);
    const said = (name: keyof ConnectionEvents) => this.heard.filter((h) => h.name === name).map((h) => h.value);
    switch (frame.type) {
      case 'welcome':
        expect(connection.state).toMatchObject({
          name: 'connected',
          dialect: 'protocol-1',
          recovered: frame.recovered === true,
        });
        if (isObject(frame.user)) expect(connection.welcome.user).toEqual(frame.user);
        if (isObject(frame.scope)) expect(connection.welcome.scope).toEqual(frame.scope);
        if (isObject(frame.limits)) expect(connection.welcome.limits).toMatchObject(frame.limits);
        break;
      case 'batch':
        expect(said('message').map((event) => (event as JsonObject).data)).toEqual(
          (frame.events as JsonObject[]).map((event) => event.data),
        );
        break;
      case 'snapshot':
        expect(said('snapshot')).toMatchObject([
          { channel: frame.channel, more: frame.more === true, rows: { length: (frame.items as Json[]).length } },
        ]);
        break;
      case 'resync':
        expect(said('resync')).toHaveLength(1);
        expect(said('gap')).toMatchObject([{ reason: 'resync' }]);
        break;
      case 'pong':
        // One that a batch of the file asked for is nobody's here.
        expect(said('roundTrip')).toHaveLength(pattern.id === undefined || reply ? 1 : 0);
        break;
      case 'ack':
        expect(await reply?.outcome).toMatchObject({ ...frame, id: reply?.id });
        break;
      case 'error':
        if (reply) await expect(reply.outcome).rejects.toMatchObject(errorFields(frame));
        else if (connection.state.name === 'connected') expect(this.errors).toMatchObject([errorFields(frame)]);
        break;
      case 'subscribed':
      case 'unsubscribed':
        break;
      default:
        if (isObject(frame.data)) expect(said('message')).toMatchObject([{ type: frame.type, data: frame.data }]);
        else expect(said('frame')).toMatchObject([frame]);
    }
    expect(this.errors.filter((error) => error.code === 'MALFORMED_FRAME')).toEqual([]);
    if (typeof frame.position === 'string' && frame.type !== 'welcome' && connection.position !== null)
      expect(connection.position).toBe(frame.position);
  }

  async close(code: number): Promise<void> {
    // What the client refused itself it does not hear of any more.
    if (this.connection.state.name === 'connected') this.#socket.onclose?.({ code } as never);
    await this.clock.advance(0);
    expect(AFTER_CLOSE).toHaveProperty(String(code));
    const { status } = this.connection;
    expect([AFTER_CLOSE[code], 'needs-auth']).toContain(status);
  }

  /** A value for each pattern, and what an item has where the file leaves it out. */
  fill(pattern: Json, name = ''): Json {
    if (Array.isArray(pattern)) return pattern.map((item: Json) => this.fill(item, name));
    if (isObject(pattern)) {
      const { '...': partial, ...rest } = pattern;
      const values = Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, this.fill(value, key)]));
      if (name !== 'data' && name !== 'items') return values;
      const item = { productId: 'bean', warehouseId: 'north', version: ++this.#count, quantityAvailable: 5 };
      return partial === undefined ? values : { ...item, ...values };
    }
    const word = typeof pattern === 'string' && /^<(\w+) ?(.*)>$/.exec(pattern);
    if (!word) return pattern;
    const number = ++this.#count;
    const fresh = name === 'since' ? number : `1-${String(number).padStart(6, '0')}`;
    switch (word[1]) {
      case 'int':
        return number;
      case 'keep':
        this.#kept.set(word[2] ?? '', fresh);
        return fresh;
      case 'kept':
        return this.#kept.get(word[2] ?? '') ?? null;
      case 'position':
        return fresh;
      case 'any':
        return null;
      default:
        return `${word[1]} ${number}`;
    }
  }
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Of an error what the file says of it. */
function errorFields(frame: JsonObject): Record<string, Json | undefined> {
  return Object.fromEntries(
    ['code', 'message', 'retryable'].filter((name) => name in frame).map((name) => [name, frame[name]]),
  );
}

describe('the conversations of docs/protocol', () => {
  test('are there', () => {
    expect(Object.keys(files).length).toBeGreaterThanOrEqual(10);
  });

  test.each(Object.values(files).map((file) => [file.title, file] as const))('%s', async (_title, file) => {
    const player = new Player(file);
    if (file.steps[0]?.send?.type !== 'hello') await player.connect();
    // A second hello on one connection is a mistake of the file's client; this one says it as a plain request.
    let fresh = true;
    for (const step of file.steps) {
      if (step.reconnect) fresh = true;
      else if (step.send?.type === 'hello' && fresh) {
        await player.connect(step.send);
        fresh = false;
      } else if (step.send) await player.send(step.send);
      else if (step.expect) await player.hear(step.expect);
      else if (step.close !== undefined) await player.close(step.close);
    }
    if (file.connection.status) expect(player.connection.state.name).toBe('connecting');
    player.connection.close();
  });
});
