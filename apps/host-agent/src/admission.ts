import {
  HostAuth,
  NonceCache,
  type AccessRole,
  type HostKey,
  type OutgoingRelay,
  type RejectCode,
} from '@peerdeck/protocol';
import type { Log } from './log.ts';
import { RejectThrottle } from './reject-throttle.ts';
import { messageOf } from './screen.ts';
import { ViewerBudget } from './viewer-budget.ts';
import type { Offer } from './viewer.ts';

export interface AdmissionOptions {
  readonly keys: Readonly<Record<AccessRole, Uint8Array>>;
  readonly hostKey: HostKey;
  /** Whether offers without a proof are taken. */
  readonly acceptUnauthenticated: boolean;
  readonly send: (message: OutgoingRelay) => void;
  /** Whether signaling knows the peer now: nobody else can be told anything. */
  readonly isMember: (peerId: string) => boolean;
  /** Has signaling remove the member and refuse it for a time. */
  readonly kick: (peerId: string, blockMs: number) => void;
  readonly log: Log;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

/** How long who was removed is refused. */
export const REMOVED_MS = 10 * 60_000;
const MAX_REMOVED = 512;
/** Members whose budgets are remembered; the one that was used longest ago goes first. */
const MAX_BUDGETS = 256;

/**
 * Who may knock, and how often: proofs, budgets by member of the room, those who were removed,
 * and what is answered to the others. All of its tables are bounded.
 */
export class Admission {
  readonly #options: AdmissionOptions;
  readonly #replays = new NonceCache();
  readonly #rejects = new RejectThrottle();
  readonly #budgets = new Map<string, ViewerBudget>();
  /** Sessions and peer ids, until when. */
  readonly #removed = new Map<string, number>();
  /** Refusals since the last one that was logged. */
  #unlogged = 0;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /** What the member may cost; the same over all of its sessions. */
  budgetOf(peerId: string): ViewerBudget {
    const budget = this.#budgets.get(peerId) ?? new ViewerBudget();
    this.#budgets.delete(peerId); // and in again as the newest
    this.#budgets.set(peerId, budget);
    trim(this.#budgets, MAX_BUDGETS);
    return budget;
  }

  /** Refuses the session and the member for a time. */
  refuse(session: string, peerId: string): void {
    const until = this.#options.now() + REMOVED_MS;
    for (const name of [`session ${session}`, `peer ${peerId}`]) this.#removed.set(name, until);
    trim(this.#removed, MAX_REMOVED);
  }

  isRefused(offer: Offer): boolean {
    const now = this.#options.now();
    const until = (name: string): number => this.#removed.get(name) ?? Number.NEGATIVE_INFINITY;
    return now < Math.max(until(`session ${offer.session}`), until(`peer ${offer.from}`));
  }

  /** Gives the proof of a first offer, or undefined if it is not right, which its sender is told. */
  verify(offer: Offer): { readonly auth: HostAuth | undefined } | undefined {
    const { keys, hostKey, acceptUnauthenticated } = this.#options;
    if (offer.auth === undefined && acceptUnauthenticated) return { auth: undefined };
    const { session } = offer;
    const auth = new HostAuth({ session, keys, replays: this.#replays, hostKey });
    const verified = auth.verifyOffer(offer.sdp, offer.auth);
    if (verified.ok) return { auth };
    const message = 'the code is not, or no longer, right';
    this.reject(offer, 'not-authenticated', message, verified.reason);
    return undefined;
  }

  /** A member that makes offers without end: told while it helps, then removed from the room. */
  tooMuch(offer: Offer): void {
    const { log, now, kick } = this.#options;
    const verdict = this.budgetOf(offer.from).verdict(now());
    if (verdict === 'remove') {
      log.warn({ peerId: offer.from }, 'a member that made too many offers');
      this.refuse(offer.session, offer.from);
      kick(offer.from, 0);
    } else if (verdict === 'tell') {
      this.reject(offer, 'rate-limited', 'too many offers; wait before the next');
    }
  }

  /** Tells whoever made the offer, unless it has left, or was told often enough. */
  reject(offer: Offer, code: RejectCode, message: string, reason?: string): void {
    const { send, isMember, log, now } = this.#options;
    const { session, from: to } = offer;
    if (!isMember(to) || !this.#rejects.allows(to, now())) {
      this.#unlogged += 1;
      return;
    }
    log.warn({ session, error: code, message, reason, unlogged: this.#unlogged }, 'offer refused');
    this.#unlogged = 0;
    try {
      send({ type: 'reject', to, session, code, message });
    } catch (error) {
      log.warn({ error: messageOf(error) }, 'reject not sent');
    }
  }
}

function trim(map: Map<string, unknown>, max: number): void {
  for (const oldest of map.keys()) {
    if (map.size <= max) return;
    map.delete(oldest);
  }
}
