/*
 * channels.ts
 *   What is followed, and what the relay was told of it.
 *
 * Follows are counted.  What changed in one turn of the loop is told in one
 * message, so a table that mounts is no flood; what changed while hello was on
 * its way is told after it.  The relay answers for each channel, by its name.
 */
import { InventoryError } from './errors.js';
import { canonicalChannel } from './protocol.js';
import { oncePerTurn } from './timer.js';

export class Channels {
  readonly #report: (error: InventoryError) => void;
  readonly #counts = new Map<string, number>();
  /** What the relay follows for this link, or was asked to. */
  #told = new Set<string>();
  #unanswered = new Set<string>();
  readonly #tellSoon: () => void;

  /** tell: called a turn later when there is something to take(). */
  constructor(names: readonly string[], tell: () => void, report: (error: InventoryError) => void) {
    this.#tellSoon = oncePerTurn(tell);
    this.#report = report;
    for (const name of names) this.follow(name);
  }

  get names(): string[] {
    return [...this.#counts.keys()];
  }

  follow(name: string): void {
    const channel = canonicalChannel(name);
    if (channel !== null) this.#count(channel, 1);
    else this.#report(new InventoryError('INVALID_ARGUMENT', `"${name}" is no channel`));
  }

  unfollow(name: string): void {
    const channel = canonicalChannel(name) ?? '';
    if (this.#counts.has(channel)) this.#count(channel, -1);
  }

  /** A link begins on which these are followed without a word more. */
  begin(told: readonly string[]): void {
    this.#told = new Set(told);
    this.#unanswered = new Set(told);
  }

  /** What is to be told, and is told from now on. */
  take(): { more: string[]; less: string[] } {
    const more = this.names.filter((name) => !this.#told.has(name));
    const less = [...this.#told].filter((name) => !this.#counts.has(name));
    this.#told = new Set(this.names);
    for (const name of more) this.#unanswered.add(name);
    return { more, less };
  }

  /** The relay follows it now, or has refused to. */
  onAnswered(name: string): void {
    this.#unanswered.delete(name);
  }

  /** Nobody looked at what was asked: to be told again. True if there is anything. */
  retell(): boolean {
    const { size } = this.#unanswered;
    for (const name of this.#unanswered) this.#told.delete(name);
    this.#unanswered.clear();
    return size > 0;
  }

  #count(name: string, by: 1 | -1): void {
    const count = (this.#counts.get(name) ?? 0) + by;
    if (count > 0) this.#counts.set(name, count);
    else this.#counts.delete(name);
    this.#tellSoon();
  }
}
