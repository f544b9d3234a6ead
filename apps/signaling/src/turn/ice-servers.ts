import type { IceServer, IceServersMessage } from '@peerdeck/protocol';
import type { Bus } from '../bus/bus.ts';
import type { Clock } from '../base/clock.ts';
import { KeyedLimiter, type Limiter } from '../limits/limiter.ts';
import type { Random } from '../base/random.ts';
import type { TurnCredentials } from './turn-credentials.ts';
import type { TurnMetrics } from './turn-metrics.ts';

/** A member of a `peerdeck.v2` room, for as long as its connection is here. */
export interface IceHolder {
  readonly room: string;
  /** What limits per address count it by. */
  readonly limitKey: string;
  deliver(message: IceServersMessage): void;
}

export interface IceServersOptions {
  /** Given to everybody. */
  readonly fixed: readonly IceServer[];
  /** undefined: there is no TURN server to give credentials for. */
  readonly turn: TurnCredentials | undefined;
  readonly ttlS: number;
  /** First credentials of a member, by address and by room. */
  readonly limiter: Limiter;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly random: Random;
  readonly metrics: TurnMetrics;
}

/** Sweeps in the life of a credential. Many, so that each is short: 20 µs a member, relays wait. */
const SLICES = 1000;

/** Renewals fall due in the third quarter of that life, evenly: whoever joined together is spread. */
const RENEW_FROM = 0.5;
const RENEW_WITHIN = 0.25;

/** Credentials made by one sweep: a share that leaves nobody behind, however many fall due. */
const BATCH = 20;
const BATCH_SHARE = 100;

/** A room is charged once for an address in so long. */
const COUNTED = { limit: 1, periodMs: 600_000, maxKeys: 100_000 };

interface Supply {
  /** Monotonic milliseconds; NEVER while the host is away. */
  due: number;
  /** It has credentials, which are renewed without being counted by the limit. */
  supplied: boolean;
}

const NEVER = Number.POSITIVE_INFINITY;

/**
 * Which ICE servers members get, and when: TURN credentials only while their room's host is
 * connected, anew before they end, to newcomers within the limit. One timer for all members of
 * this node.
 */
export class IceServers {
  readonly #options: IceServersOptions;
  readonly #supplies = new Map<IceHolder, Supply>();
  /** Addresses that their room has been charged for: one that comes and goes shuts out nobody. */
  readonly #counted = new KeyedLimiter(COUNTED);
  #cancel: (() => void) | undefined;
  #closed = false;

  constructor(options: IceServersOptions) {
    this.#options = options;
    if (options.turn !== undefined) this.#schedule();
  }

  /** What belongs in the member's welcome; from now on it is kept supplied. */
  add(holder: IceHolder): IceServer[] {
    const { fixed, turn } = this.#options;
    if (turn === undefined || this.#closed) return [...fixed];
    const supply = { due: NEVER, supplied: false };
    this.#supplies.set(holder, supply);
    if (this.#hasHost(holder)) return this.#first(turn, holder, supply) ?? [...fixed];
    this.#options.metrics.credentials('no-host');
    return [...fixed];
  }

  /** Idempotent. */
  remove(holder: IceHolder): void {
    this.#supplies.delete(holder);
  }

  /** The host of the member's room is connected (again); before the member is told so. */
  hostCame(holder: IceHolder): void {
    const { turn } = this.#options;
    const supply = this.#supplies.get(holder);
    // A date: what the member has is still good, or the limit makes it wait.
    if (turn === undefined || supply?.due !== NEVER) return;
    this.#deliver(holder, this.#first(turn, holder, supply));
  }

  /** Idempotent. */
  close(): void {
    this.#closed = true;
    this.#cancel?.();
    this.#supplies.clear();
  }

  #hasHost({ room }: IceHolder): boolean {
    return this.#options.bus.room(room)?.host?.state === 'connected';
  }

  #first(turn: TurnCredentials, holder: IceHolder, supply: Supply): IceServer[] | undefined {
    const { limiter, clock } = this.#options;
    const now = clock.now();
    const { room, limitKey } = holder;
    const pair = `${room} ${limitKey}`;
    const keys = [`ip ${limitKey}`];
    if (this.#counted.check(pair, now) === 0) keys.push(`room ${room}`);
    // Nothing is counted for who has to wait: it asks again and again.
    const wait = Math.max(...keys.map((key) => limiter.check(key, now)));
    if (wait > 0) {
      // Once a member: the sweep asks for it again and again.
      if (supply.due === NEVER) this.#options.metrics.credentials('limited');
      supply.due = now + wait;
      return undefined;
    }
    for (const key of keys) limiter.take(key, now);
    this.#counted.take(pair, now);
    supply.supplied = true;
    this.#options.metrics.credentials('given');
    return this.#make(turn, holder, supply);
  }

  #make(turn: TurnCredentials, { room, limitKey }: IceHolder, supply: Supply): IceServer[] {
    const { fixed, ttlS, clock, random } = this.#options;
    const lifeMs = ttlS * 1000;
    supply.due = clock.now() + lifeMs * (RENEW_FROM + RENEW_WITHIN * random.fraction());
    const endsAt = Math.floor(clock.epoch() / 1000) + ttlS;
    return [...fixed, turn.make(room, limitKey, endsAt)];
  }

  #deliver(holder: IceHolder, iceServers: IceServer[] | undefined): void {
    if (iceServers === undefined) return;
    holder.deliver({ type: 'ice-servers', iceServers, ttlS: this.#options.ttlS });
  }

  #sweep(turn: TurnCredentials): void {
    const now = this.#options.clock.now();
    let left = Math.max(BATCH, Math.ceil(this.#supplies.size / BATCH_SHARE));
    for (const [holder, supply] of this.#supplies) {
      if (supply.due > now) continue;
      if (left === 0) return;
      const made = this.#next(turn, holder, supply);
      if (made === undefined) continue;
      left -= 1;
      this.#deliver(holder, made);
    }
  }

  #next(turn: TurnCredentials, holder: IceHolder, supply: Supply): IceServer[] | undefined {
    if (!this.#hasHost(holder)) {
      supply.due = NEVER;
      supply.supplied = false;
      return undefined;
    }
    if (!supply.supplied) return this.#first(turn, holder, supply);
    this.#options.metrics.credentials('renewed');
    return this.#make(turn, holder, supply);
  }

  #schedule(): void {
    const { turn, clock, ttlS } = this.#options;
    if (turn === undefined || this.#closed) return;
    this.#cancel = clock.after((ttlS * 1000) / SLICES, () => {
      this.#sweep(turn);
      this.#schedule();
    });
  }
}
