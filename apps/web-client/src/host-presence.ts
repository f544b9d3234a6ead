import type { Timers } from '@peerdeck/protocol';

/** A host that is neither back nor given up by the server after its grace and this: gone. */
const GRACE_MARGIN_MS = 1000;

/** What signaling knows of the room's host. */
export class HostPresence {
  readonly #timers: Timers;
  readonly #now: () => number;
  readonly #onExpired: () => void;
  #state: 'present' | 'detached' | 'absent' = 'absent';
  #id: string | undefined;
  #graceEndsAt: number | undefined;
  #timer: unknown;

  /** `onExpired`: a detached host became absent by time alone. */
  constructor(options: {
    readonly timers: Timers;
    readonly now: () => number;
    readonly onExpired: () => void;
  }) {
    this.#timers = options.timers;
    this.#now = options.now;
    this.#onExpired = options.onExpired;
  }

  get state(): 'present' | 'detached' | 'absent' {
    return this.#state;
  }

  get isPresent(): boolean {
    return this.#state === 'present';
  }

  /** The host's peer id; undefined while it is absent. */
  get id(): string | undefined {
    return this.#id;
  }

  /** Until when a detached host's place is kept. */
  get graceEndsAt(): number | undefined {
    return this.#graceEndsAt;
  }

  present(id: string): void {
    this.#set('present', id, undefined);
  }

  detached(id: string, graceMs: number): void {
    this.#set('detached', id, this.#now() + graceMs);
    this.#timer = this.#timers.set(() => {
      this.absent();
      this.#onExpired();
    }, graceMs + GRACE_MARGIN_MS);
  }

  absent(): void {
    this.#set('absent', undefined, undefined);
  }

  close(): void {
    this.#timers.clear(this.#timer);
  }

  #set(
    state: 'present' | 'detached' | 'absent',
    id: string | undefined,
    graceEndsAt: number | undefined,
  ): void {
    this.#timers.clear(this.#timer);
    this.#state = state;
    this.#id = id;
    this.#graceEndsAt = graceEndsAt;
  }
}
