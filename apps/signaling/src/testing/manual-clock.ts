import type { Clock } from '../base/clock.ts';

/** 2030-01-01, when this clock's 0 was. */
const EPOCH = 1_893_456_000_000;

/** Time that passes when a test says so. */
export class ManualClock implements Clock {
  #now = 1000;
  #timers: { at: number; callback: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  epoch(): number {
    return EPOCH + this.#now;
  }

  after(ms: number, callback: () => void): () => void {
    const timer = { at: this.#now + ms, callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  get pending(): number {
    return this.#timers.length;
  }

  /** Time passes and no timer runs, as while a process is stopped. */
  jump(ms: number): void {
    this.#now += ms;
  }

  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const next = this.#timers
        .filter(({ at }) => at <= end)
        .reduce<{ at: number; callback: () => void } | undefined>(
          (first, timer) => (first === undefined || timer.at < first.at ? timer : first),
          undefined,
        );
      if (next === undefined) break;
      this.#timers = this.#timers.filter((other) => other !== next);
      this.#now = Math.max(this.#now, next.at);
      next.callback();
    }
    this.#now = end;
  }
}
