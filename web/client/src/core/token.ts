/*
 * token.ts
 *   Who one is, as the relay is told.
 *
 * The provider is asked at each attempt, so nobody comes back with the first
 * token.  A token that was refused is not offered again: one refresh is tried,
 * at most every ten seconds, and then a person has to sign in.
 */
import type { Clock } from './clock.js';

export type TokenProvider = (ask: { refresh: boolean }) => string | null | Promise<string | null>;

/** A second need of a new token within this time is `needs-auth`. */
const REFRESH_MS = 10_000;

export class Token {
  readonly #clock: Clock;
  readonly #provider: TokenProvider | undefined;
  /** To be offered, or offered already. */
  value: string | null = null;
  #given = false;
  #held: string | null = null;
  #refused: string | null = null;
  #refreshedAt = Number.NEGATIVE_INFINITY;
  #refresh = false;

  constructor(clock: Clock, provider: TokenProvider | undefined) {
    this.#clock = clock;
    this.#provider = provider;
  }

  /** One that came by itself; used until it is refused. */
  give(token: string | null): void {
    this.value = token;
    this.#given = true;
    this.#refused = null;
  }

  /** Asks for it, unless one is given. Rejects with what the provider threw, or when it gave no text. */
  async ask(): Promise<void> {
    const refresh = this.#refresh;
    this.#refresh = false;
    if (this.#given || !this.#provider) return;
    const token = await this.#provider({ refresh });
    if (token !== null && typeof token !== 'string') throw new TypeError('getToken gave no text');
    this.value = token;
  }

  /** It was refused before; offering it again is no use. */
  get isRefused(): boolean {
    return this.value !== null && this.value === this.#refused;
  }

  /** From now on the relay knows one by it. */
  hold(): string | null {
    this.#held = this.value;
    return this.value;
  }

  /** True if there is a newer one by now. */
  onRefused(): boolean {
    this.#refused = this.#held;
    this.#given = false;
    return this.value !== this.#held;
  }

  /** True if the next ask() may be for a new one. */
  wantNew(): boolean {
    const now = this.#clock.monotonic();
    if (!this.#provider || now - this.#refreshedAt < REFRESH_MS) return false;
    this.#refreshedAt = now;
    this.#refresh = true;
    this.#given = false;
    return true;
  }
}
