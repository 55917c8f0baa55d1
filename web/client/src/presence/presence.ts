/*
 * presence.ts
 *   Who else is here: viewing, editing, idle.
 *
 * Members are connections and are shown as people: one avatar however many
 * tabs, gone when the last of them is.  The relay knows who comes back and who
 * has left.  When the own link is lost, the others stay as they were last known,
 * and are marked so: an empty list would be a lie.
 */
import type { Clock } from '../core/clock.js';
import type { Connection } from '../core/connection.js';
import { canonicalChannel, type Frame, fieldsOf, type JsonObject, listOf, textOf } from '../core/protocol.js';
import { Timer } from '../core/timer.js';

export interface Member {
  readonly connectionId: string;
  readonly userId: string;
  readonly name: string;
  readonly avatar: string | null;
  readonly status: string;
  readonly metadata: JsonObject;
}

export interface Person {
  readonly userId: string;
  readonly name: string;
  readonly avatar: string | null;
  /** The most active of their tabs: editing before viewing before idle. */
  readonly status: string;
  readonly metadata: JsonObject;
  readonly connections: number;
}

export interface PresenceSnapshot {
  readonly members: readonly Member[];
  readonly people: readonly Person[];
  /** The own link is down: as it was. */
  readonly lastKnown: boolean;
}

/** The most active comes last. */
const STATUSES = ['idle', 'viewing', 'editing'];

export class Presence {
  readonly channel: `presence:${string}`;
  readonly #clock: Clock;
  readonly #connection: Connection;
  readonly #members = new Map<string, Member>();
  readonly #stops: (() => void)[];
  /** A state has begun and has more pages. */
  #more = false;
  #mine: { status: string; metadata: JsonObject } | null = null;
  readonly #timer: Timer;
  #lastSent = Number.NEGATIVE_INFINITY;
  #snapshot: PresenceSnapshot | null = null;
  throttleMs = 250;
  /** How many asked for it and have not released it. */
  holders = 0;

  constructor(channel: string, clock: Clock, connection: Connection) {
    // As the relay spells it in what it says.
    this.channel = (canonicalChannel(channel) ?? channel) as typeof this.channel;
    this.#clock = clock;
    this.#connection = connection;
    this.#timer = new Timer(clock);
    this.#stops = [
      connection.on('frame', (frame) => this.#onFrame(frame)),
      connection.on('state', (state) => {
        if (state.name === 'connected') {
          this.#more = false;
          if (this.#mine) this.#send('presence.track');
        }
        this.#changed();
      }),
    ];
    connection.follow(channel);
  }

  /** The same object until something changes. */
  get value(): PresenceSnapshot {
    this.#snapshot ??= {
      members: [...this.#members.values()],
      people: peopleOf(this.#members.values()),
      lastKnown: this.#connection.state.name !== 'connected',
    };
    return this.#snapshot;
  }

  subscribe(fn: () => void): () => void {
    return this.#connection.events.on(this.channel, fn);
  }

  track(status = 'viewing', metadata: JsonObject = {}): void {
    this.#mine = { status, metadata };
    this.#send('presence.track');
  }

  /** Changes what is shown of oneself, at most every throttleMs. */
  update(patch: { status?: string; metadata?: JsonObject }): void {
    if (!this.#mine) return this.track(patch.status, patch.metadata);
    this.#mine = { ...this.#mine, ...patch };
    const wait = this.#lastSent + this.throttleMs - this.#clock.monotonic();
    this.#timer.start(Math.max(0, wait), () => this.#send('presence.update'));
  }

  leave(): void {
    if (!this.#mine) return;
    this.#mine = null;
    this.#connection.send({ type: 'presence.leave', channel: this.channel });
  }

  close(): void {
    this.leave();
    for (const stop of this.#stops) stop();
    this.#timer.stop();
    this.#connection.unfollow(this.channel);
  }

  #send(type: 'presence.track' | 'presence.update'): void {
    this.#lastSent = this.#clock.monotonic();
    if (this.#mine && this.#connection.offers('presence'))
      this.#connection.send({ type, channel: this.channel, ...this.#mine });
  }

  #onFrame(frame: Frame): void {
    if (frame.channel !== this.channel) return;
    if (frame.type === 'presence.state') {
      if (!this.#more) this.#members.clear();
      this.#more = frame.more === true;
      this.#meet(frame.members);
    } else if (frame.type === 'presence.diff') {
      this.#meet(frame.joins);
      this.#meet(frame.updates);
      for (const { connectionId } of readMembers(frame.leaves)) this.#members.delete(connectionId);
    } else return;
    if (!this.#more) this.#changed();
  }

  #meet(members: unknown): void {
    for (const member of readMembers(members)) this.#members.set(member.connectionId, member);
  }

  #changed(): void {
    this.#snapshot = null;
    this.#connection.events.emit(this.channel, undefined);
  }
}

function readMembers(value: unknown): Member[] {
  return listOf(value)
    .map(fieldsOf)
    .filter(({ connectionId }) => textOf(connectionId))
    .map((member) => {
      const connectionId = String(member.connectionId);
      const userId = textOf(member.userId) ?? connectionId;
      const avatar = textOf(member.avatar);
      return {
        connectionId,
        userId,
        name: textOf(member.name) ?? userId,
        // Anything but https could be a script or a tracker on the local network.
        avatar: avatar?.startsWith('https://') ? avatar : null,
        status: textOf(member.status) ?? 'viewing',
        metadata: fieldsOf(member.metadata),
      };
    });
}

function peopleOf(members: Iterable<Member>): Person[] {
  const people = new Map<string, Person>();
  for (const member of members) {
    const before = people.get(member.userId);
    const ahead = !before || STATUSES.indexOf(member.status) > STATUSES.indexOf(before.status);
    const { userId, name, status, metadata } = ahead ? member : before;
    const avatar = member.avatar ?? before?.avatar ?? null;
    people.set(userId, { userId, name, avatar, status, metadata, connections: (before?.connections ?? 0) + 1 });
  }
  return [...people.values()].sort((a, b) => (a.userId < b.userId ? -1 : 1));
}
