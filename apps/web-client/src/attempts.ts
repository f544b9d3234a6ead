import type { ReconnectPolicy } from '@peerdeck/protocol';
import { MAX_FIRST_PATHS } from './deadlines.ts';
import type { Problem } from './viewer-state.ts';

/** Counts attempts that came to nothing, and says when the next one is made. */
export class Attempts {
  readonly #policy: ReconnectPolicy;
  readonly #random: () => number;
  #failed = 0;
  #pathsNotFound = 0;

  constructor(policy: ReconnectPolicy, random: () => number) {
    this.#policy = policy;
    this.#random = random;
  }

  /** ms until the next one; 'stop': trying again would end the same way. */
  after(problem: Problem, everConnected: boolean): number | 'stop' {
    if (problem.kind === 'no-path') this.#pathsNotFound += 1;
    if (!everConnected && this.#pathsNotFound >= MAX_FIRST_PATHS) return 'stop';
    const delay = this.#policy.next(this.#failed, { random: this.#random });
    this.#failed += 1;
    return delay;
  }

  /** Something has changed: the next one need not wait as long. */
  hurry(): void {
    this.#failed = 0;
  }

  succeeded(): void {
    this.#failed = 0;
    this.#pathsNotFound = 0;
  }
}
