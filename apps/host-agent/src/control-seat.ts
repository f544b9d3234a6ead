export type SeatPolicy = 'takeOver' | 'wait';

/**
 * Who controls: one viewer at a time. `takeOver`: the newest arrival gets the seat, and when it
 * leaves, the newest of those who wait. `wait`: the seat stays taken, then goes to the one who has
 * waited longest. Pure.
 */
export class ControlSeat<T> {
  readonly #policy: SeatPolicy;
  /** Candidates by arrival; the holder is among them. */
  readonly #candidates: T[] = [];
  #holder: T | undefined;

  constructor(policy: SeatPolicy) {
    this.#policy = policy;
  }

  get holder(): T | undefined {
    return this.#holder;
  }

  join(candidate: T): void {
    if (this.#candidates.includes(candidate)) return;
    this.#candidates.push(candidate);
    if (this.#holder === undefined || this.#policy === 'takeOver') this.#holder = candidate;
  }

  leave(candidate: T): void {
    const at = this.#candidates.indexOf(candidate);
    if (at < 0) return;
    this.#candidates.splice(at, 1);
    if (this.#holder !== candidate) return;
    this.#holder = this.#policy === 'takeOver' ? this.#candidates.at(-1) : this.#candidates[0];
  }
}
