/*
 * presence.ts
 *   Who else is here: viewing, editing, idle.
 *
 * Members are connections and are shown as people: one avatar however many
 * tabs, gone when the last of them is.  Somebody who reloads is not seen to
 * leave (a grace of five seconds).  When the own link is lost, the others stay
 * as they were last known, and are marked so: an empty list would be a lie.
 */
import type { Clock, TimerHandle } from '../core/clock.js';
import type { Connection } from '../core/connection.js';
import { Emitter } from '../core/emitter.js';
import { type Frame, integerOf, isObject, type JsonObject, textOf } from '../core/protocol.js';
import { Timer } from '../core/timer.js';

export interface Member {
  readonly connectionId: string;
  readonly userId: string;
  readonly name: string;
  readonly avatar: string | null;
  readonly status: string;
  readonly metadata: JsonObject;
  readonly since: number | null;
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

const LEAVE_GRACE_MS = 5_000;
const RANK: Readonly<Record<string, number>> = { editing: 3, viewing: 2, active: 2, idle: 1 };

export class Presence {
  readonly channel: string;
  readonly #clock: Clock;
  readonly #connection: Connection;
  readonly #members = new Map<string, Member>();
  readonly #leaving = new Map<string, TimerHandle>();
  readonly #emitter: Emitter<{ change: undefined }>;
  readonly #stops: (() => void)[];
  /** Diffs that came before the state they are about. */
  #early: Frame[] | null = [];
  #mine: { status: string; metadata: JsonObject } | null = null;
  readonly #timer: Timer;
  #lastSent = Number.NEGATIVE_INFINITY;
  #snapshot: PresenceSnapshot | null = null;
  throttleMs = 250;

  constructor(channel: string, clock: Clock, connection: Connection) {
    this.channel = channel;
    this.#clock = clock;
    this.#connection = connection;
    this.#timer = new Timer(clock);
    this.#emitter = new Emitter((error) => connection.reportThrown(error));
    this.#stops = [
      connection.on('frame', (frame) => this.#onFrame(frame)),
      connection.on('state', (state) => {
        if (state.name === 'connected') {
          this.#early = [];
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
    return this.#emitter.on('change', fn);
  }

  track(status = 'viewing', metadata: JsonObject = {}): void {
    this.#mine = { status, metadata };
    this.#send('presence.track');
  }

  /** Changes what is shown of oneself, at most every throttleMs. */
  update(patch: { status?: string; metadata?: JsonObject }): void {
    if (!this.#mine) return this.track(patch.status, patch.metadata);
    this.#mine = { status: patch.status ?? this.#mine.status, metadata: patch.metadata ?? this.#mine.metadata };
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
    for (const timer of this.#leaving.values()) this.#clock.clearTimeout(timer);
    this.#timer.stop();
    this.#emitter.clear();
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
      const members = readMembers(frame.members);
      for (const timer of this.#leaving.values()) this.#clock.clearTimeout(timer);
      this.#leaving.clear();
      this.#members.clear();
      for (const member of members) this.#members.set(member.connectionId, member);
      const early = this.#early ?? [];
      this.#early = null;
      for (const diff of early) this.#onDiff(diff);
      this.#changed();
    } else if (frame.type === 'presence.diff') {
      if (this.#early) this.#early.push(frame);
      else this.#onDiff(frame);
    }
  }

  #onDiff(frame: Frame): void {
    for (const member of [...readMembers(frame.joins), ...readMembers(frame.updates)]) {
      const leaving = this.#leaving.get(member.connectionId);
      this.#clock.clearTimeout(leaving);
      this.#leaving.delete(member.connectionId);
      this.#members.set(member.connectionId, member);
      // The person is back under another connection: the old one need not be waited for.
      for (const [id, timer] of this.#leaving) {
        if (this.#members.get(id)?.userId !== member.userId) continue;
        this.#clock.clearTimeout(timer);
        this.#leaving.delete(id);
        this.#members.delete(id);
      }
    }
    for (const member of readMembers(frame.leaves)) {
      if (!this.#members.has(member.connectionId) || this.#leaving.has(member.connectionId)) continue;
      const others = [...this.#members.values()].some(
        (m) => m.userId === member.userId && m.connectionId !== member.connectionId,
      );
      if (others) this.#members.delete(member.connectionId);
      else
        this.#leaving.set(
          member.connectionId,
          this.#clock.setTimeout(() => this.#forget(member.connectionId), LEAVE_GRACE_MS),
        );
    }
    this.#changed();
  }

  #forget(connectionId: string): void {
    this.#leaving.delete(connectionId);
    this.#members.delete(connectionId);
    this.#changed();
  }

  #changed(): void {
    this.#snapshot = null;
    this.#emitter.emit('change', undefined);
  }
}

function readMembers(value: unknown): Member[] {
  if (!Array.isArray(value)) return [];
  const out: Member[] = [];
  for (const item of value) {
    if (!isObject(item)) continue;
    const connectionId = textOf(item.connectionId);
    if (!connectionId) continue;
    const userId = textOf(item.userId) ?? connectionId;
    const avatar = textOf(item.avatar) ?? textOf(item.avatarUrl) ?? null;
    out.push({
      connectionId,
      userId,
      name: textOf(item.name) ?? textOf(item.userName) ?? userId,
      // Anything but https could be a script or a tracker on the local network.
      avatar: avatar?.startsWith('https://') ? avatar : null,
      status: textOf(item.status) ?? 'viewing',
      metadata: isObject(item.metadata) ? item.metadata : {},
      since: integerOf(item.since) ?? null,
    });
  }
  return out;
}

function peopleOf(members: Iterable<Member>): Person[] {
  const people = new Map<string, Person>();
  for (const member of members) {
    const before = people.get(member.userId);
    const ahead = !before || (RANK[member.status] ?? 0) > (RANK[before.status] ?? 0);
    const shown = ahead ? member : before;
    people.set(member.userId, {
      userId: member.userId,
      name: member.name,
      avatar: member.avatar ?? before?.avatar ?? null,
      status: shown.status,
      metadata: shown.metadata,
      connections: (before?.connections ?? 0) + 1,
    });
  }
  return [...people.values()].sort((a, b) => (a.userId < b.userId ? -1 : 1));
}
