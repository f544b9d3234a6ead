import { createHash } from 'node:crypto';
import type { Limiter, Wait } from './limiter.ts';

export interface GuessesOptions {
  /** How often an address may find nothing in a room that is new to it. */
  readonly limiter: Limiter;
  /** Most addresses whose rooms are remembered; the one that was here longest ago goes first. */
  readonly maxAddresses: number;
  /** Most rooms remembered of one address in the same way, of those with somebody and of those without. */
  readonly maxRooms: number;
}

/** Marks of rooms. Apart, so that who guesses does not push out where others of the address are. */
interface Rooms {
  readonly found: Set<number>;
  readonly missed: Set<number>;
}

/**
 * Slows down who tries room ids. An address is charged for each different room in which it finds
 * nobody to talk to, or is refused; a room that it has tried before, or found somebody in, is no
 * guess and always open to it, so that a page that waits for its host and asks again and again
 * costs its address one guess, and others behind the same address nothing.
 *
 * The rooms are remembered by each node for itself: who tries one room on two nodes is charged
 * twice.
 */
export class Guesses {
  readonly #options: GuessesOptions;
  /** By address, what was used last at the end. */
  readonly #known = new Map<string, Rooms>();

  constructor(options: GuessesOptions) {
    this.#options = options;
  }

  /** Addresses that are remembered. */
  get size(): number {
    return this.#known.size;
  }

  /** Before a join: 0, or how many milliseconds the address has to wait for another room. */
  wait(address: string, room: string, now: number): Wait {
    const wait = this.#options.limiter.check(address, now);
    if (wait <= 0) return 0;
    const rooms = this.#known.get(address);
    const which = mark(room);
    return rooms?.found.has(which) === true || rooms?.missed.has(which) === true ? 0 : wait;
  }

  /** The join led to nobody. */
  missed(address: string, room: string, now: number): void {
    const { found, missed } = this.#rooms(address);
    const which = mark(room);
    const known = found.has(which) || missed.has(which);
    this.#remember(missed, which);
    if (!known) this.#options.limiter.take(address, now);
  }

  /** The join was no guess. */
  found(address: string, room: string): void {
    this.#remember(this.#rooms(address).found, mark(room));
  }

  #rooms(address: string): Rooms {
    const rooms = this.#known.get(address) ?? { found: new Set(), missed: new Set() };
    this.#known.delete(address);
    this.#known.set(address, rooms);
    dropOldest(this.#known, this.#options.maxAddresses);
    return rooms;
  }

  #remember(rooms: Set<number>, which: number): void {
    rooms.delete(which);
    rooms.add(which);
    dropOldest(rooms, this.#options.maxRooms);
  }
}

/** 48 bits of a hash: small, and nobody finds rooms that share one. */
function mark(room: string): number {
  return createHash('sha256').update(room).digest().readUIntBE(0, 6);
}

function dropOldest<Key>(from: Map<Key, unknown> | Set<Key>, most: number): void {
  if (from.size <= most) return;
  const oldest = from.keys().next();
  if (oldest.done !== true) from.delete(oldest.value);
}
