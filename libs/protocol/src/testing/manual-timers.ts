import type { Timers } from '../web-socket.ts';

/** Time that moves only when a test says so. */
export class ManualTimers implements Timers {
  #now = 0;
  #next = 1;
  readonly #due = new Map<number, { at: number; callback: () => void }>();

  readonly now = (): number => this.#now;

  /** Milliseconds until each timer that runs, soonest first. */
  get pending(): number[] {
    return [...this.#due.values()].map(({ at }) => at - this.#now).sort((a, b) => a - b);
  }

  set(callback: () => void, ms: number): unknown {
    const id = this.#next;
    this.#next += 1;
    this.#due.set(id, { at: this.#now + ms, callback });
    return id;
  }

  clear(handle: unknown): void {
    this.#due.delete(handle as number);
  }

  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const [soonest] = [...this.#due].sort(([, a], [, b]) => a.at - b.at);
      if (soonest === undefined || soonest[1].at > end) break;
      const [id, { at, callback }] = soonest;
      this.#due.delete(id);
      this.#now = at;
      callback();
    }
    this.#now = end;
  }
}
