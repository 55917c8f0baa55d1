/*
 * faults.ts
 *   What the network and the relay do wrong, when a test says so.
 */

export interface PlannedAnswer {
  code: string;
  retryable: boolean;
  retryAfterMs?: number;
}

export class FaultPlan {
  /** Added to the way of every frame. */
  delayMs = 0;
  /** The link is half open: it looks alive and carries nothing, neither way. */
  halfOpen = false;
  #lose = { up: 0, down: 0 };
  #duplicate = { up: 0, down: 0 };
  #refusals = 0;
  #kills = 0;
  #answers: PlannedAnswer[] = [];
  #unwanted: ((text: string, way: 'up' | 'down') => boolean) | null = null;

  /** Loses the next frames of one way. */
  lose(way: 'up' | 'down', count = 1): void {
    this.#lose[way] += count;
  }

  /** Loses every frame the function says yes to; null ends it. */
  loseIf(unwanted: ((text: string, way: 'up' | 'down') => boolean) | null): void {
    this.#unwanted = unwanted;
  }

  /** Delivers the next frames of one way twice. */
  duplicate(way: 'up' | 'down', count = 1): void {
    this.#duplicate[way] += count;
  }

  /** Refuses the next connections. */
  refuse(count: number): void {
    this.#refusals = count;
  }

  /** The relay dies between the next COMMIT and its ack. */
  killAfterCommit(): void {
    this.#kills = 1;
  }

  /** Answers the next operation with this error, without doing it. */
  answer(...answers: PlannedAnswer[]): void {
    this.#answers.push(...answers);
  }

  fate(way: 'up' | 'down', text: string): { lost: boolean; copies: number; delayMs: number } {
    if (this.halfOpen || this.#unwanted?.(text, way)) return { lost: true, copies: 0, delayMs: 0 };
    if (this.#lose[way] > 0) {
      this.#lose[way]--;
      return { lost: true, copies: 0, delayMs: 0 };
    }
    if (this.#duplicate[way] > 0) {
      this.#duplicate[way]--;
      return { lost: false, copies: 2, delayMs: this.delayMs };
    }
    return { lost: false, copies: 1, delayMs: this.delayMs };
  }

  takeRefusal(): boolean {
    return this.#refusals > 0 && this.#refusals-- > 0;
  }

  takeKill(): boolean {
    return this.#kills > 0 && this.#kills-- > 0;
  }

  takeAnswer(): PlannedAnswer | undefined {
    return this.#answers.shift();
  }
}
