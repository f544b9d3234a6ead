import { TokenBucket } from './token-bucket.ts';

const PEER = { burst: 4, perSecond: 0.2 };
const TOTAL = { burst: 40, perSecond: 5 };
/** Peers that are remembered; the one that was refused longest ago is forgotten first. */
const MAX_PEERS = 256;

/**
 * How often the host answers offers that it refuses. A refusal helps a person who mistyped a code;
 * to whoever sends them by the dozen, and to one who has left, it says nothing. Pure.
 */
export class RejectThrottle {
  readonly #peers = new Map<string, TokenBucket>();
  readonly #total = new TokenBucket(TOTAL.perSecond, TOTAL.burst);

  get size(): number {
    return this.#peers.size;
  }

  allows(peerId: string, now: number): boolean {
    const bucket = this.#peers.get(peerId) ?? new TokenBucket(PEER.perSecond, PEER.burst);
    this.#peers.delete(peerId); // and in again as the newest
    this.#peers.set(peerId, bucket);
    for (const oldest of this.#peers.keys()) {
      if (this.#peers.size <= MAX_PEERS) break;
      this.#peers.delete(oldest);
    }
    return bucket.take(1, now) && this.#total.take(1, now);
  }
}
