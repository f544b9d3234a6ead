import { randomBytes } from '@noble/hashes/utils.js';
import { fromBase64Url, toBase64Url } from './bytes.ts';
import { hostKeyHash, sign, verify, type HostKey } from './host-key.ts';
import type { RandomSource } from './room-code.ts';
import {
  answerInput,
  mac,
  macMatches,
  offerInput,
  sdpHash,
  transcriptInput,
  type Transcript,
} from './sdp-mac.ts';
import type { AccessRole, AnswerAuth, OfferAuth } from './signaling-messages.ts';

export type AuthFailure =
  /** No `auth` at all. */
  | 'missing'
  /** Not the role of this session, or one that the host has no key for. */
  | 'wrong-role'
  /** The counter does not grow, or is not that of the offer that waits. */
  | 'wrong-counter'
  /** This nonce was used before. */
  | 'replayed'
  /** The MAC is not right: another code, or somebody changed something. */
  | 'wrong-mac'
  /** The link names a host key and the answer is not signed by it. */
  | 'wrong-host'
  /** Out of order: an answer to nothing, a proof before the exchange. */
  | 'unexpected';
export type AuthResult =
  { readonly ok: true } | { readonly ok: false; readonly reason: AuthFailure };
export type OfferResult =
  | { readonly ok: true; readonly role: AccessRole }
  | { readonly ok: false; readonly reason: AuthFailure };

const MAX_COUNTER = 0xffff_ffff;

/** The viewer's side of one session: one per connection attempt, kept over its ICE restarts. */
export class ViewerAuth {
  readonly #session: string;
  readonly #role: AccessRole;
  readonly #key: Uint8Array;
  readonly #hostKeyHash: string | undefined;
  readonly #random: RandomSource;
  #counter = -1;
  #waiting: { counter: number; viewerNonce: string; offerHash: Uint8Array } | undefined;
  #transcript: Transcript | undefined;

  /** `key`: of `role`. `hostKeyHash`: from the link; with it only that host's answers pass. */
  constructor(options: {
    readonly session: string;
    readonly role: AccessRole;
    readonly key: Uint8Array;
    readonly hostKeyHash?: string;
    readonly random?: RandomSource;
  }) {
    this.#session = options.session;
    this.#role = options.role;
    this.#key = options.key;
    this.#hostKeyHash = options.hostKeyHash;
    this.#random = options.random ?? randomBytes;
  }

  /**
   * The `auth` of an offer. Throws while the first offer has no answer: both sides would take
   * another exchange for the first, so whoever gives up on it starts a new session. A later
   * offer takes the place of one that waits.
   */
  makeOffer(sdp: string): OfferAuth {
    if (this.#counter >= 0 && this.#transcript === undefined) {
      throw new Error('the first offer of this session has no answer: start a new session');
    }
    if (this.#counter >= MAX_COUNTER) throw new RangeError('too many offers in one session');
    this.#counter += 1;
    const counter = this.#counter;
    const viewerNonce = freshNonce(this.#random);
    this.#waiting = { counter, viewerNonce, offerHash: sdpHash(sdp) };
    const role = this.#role;
    const input = offerInput({ role, session: this.#session, counter, viewerNonce, sdp });
    return { role, nonce: viewerNonce, counter, mac: mac(this.#key, input) };
  }

  /** Only after `ok` may the answer be applied and the picture be shown. */
  verifyAnswer(sdp: string, auth: AnswerAuth | undefined): AuthResult {
    const waiting = this.#waiting;
    if (auth === undefined) return refuse('missing');
    if (waiting === undefined) return refuse('unexpected');
    if (auth.role !== this.#role) return refuse('wrong-role');
    if (auth.counter !== waiting.counter) return refuse('wrong-counter');
    const { viewerNonce, offerHash } = waiting;
    const hostNonce = auth.nonce;
    const input = answerInput({
      role: this.#role,
      session: this.#session,
      counter: waiting.counter,
      viewerNonce,
      hostNonce,
      offerHash,
      sdp,
    });
    if (!macMatches(this.#key, input, auth.mac)) return refuse('wrong-mac');
    if (this.#hostKeyHash !== undefined && !signedBy(this.#hostKeyHash, input, auth)) {
      return refuse('wrong-host');
    }
    this.#waiting = undefined;
    this.#transcript ??= {
      session: this.#session,
      viewerNonce,
      hostNonce,
      offerHash,
      answerHash: sdpHash(sdp),
    };
    return { ok: true };
  }

  /** The MAC of the first control message; undefined before an answer was verified. */
  transcriptMac(): string | undefined {
    return this.#transcript && mac(this.#key, transcriptInput('viewer', this.#transcript));
  }

  /** Checks the host's first control message. */
  verifyHostTranscript(given: string): AuthResult {
    return checkTranscript(this.#key, 'host', this.#transcript, given);
  }
}

/** The host's side of one session. */
export class HostAuth {
  readonly #session: string;
  readonly #keys: Readonly<Partial<Record<AccessRole, Uint8Array>>>;
  readonly #replays: NonceCache;
  readonly #hostKey: HostKey | undefined;
  readonly #random: RandomSource;
  #role: AccessRole | undefined;
  #counter = -1;
  #waiting: { counter: number; viewerNonce: string; offerHash: Uint8Array } | undefined;
  #transcript: Transcript | undefined;

  /**
   * `keys`: of the roles that may come in. `replays`: one for all sessions of the host.
   * `hostKey`: signs the answers.
   */
  constructor(options: {
    readonly session: string;
    readonly keys: Readonly<Partial<Record<AccessRole, Uint8Array>>>;
    readonly replays: NonceCache;
    readonly hostKey?: HostKey;
    readonly random?: RandomSource;
  }) {
    this.#session = options.session;
    this.#keys = options.keys;
    this.#replays = options.replays;
    this.#hostKey = options.hostKey;
    this.#random = options.random ?? randomBytes;
  }

  /** The role that the first good offer proved. */
  get role(): AccessRole | undefined {
    return this.#role;
  }

  /** A bad offer changes nothing. The first has counter 0; later ones grow and keep the role. */
  verifyOffer(sdp: string, auth: OfferAuth | undefined): OfferResult {
    if (auth === undefined) return refuse('missing');
    const { role, counter, nonce: viewerNonce } = auth;
    const key = this.#keys[role];
    if (key === undefined || (this.#role !== undefined && role !== this.#role)) {
      return refuse('wrong-role');
    }
    const first = this.#counter < 0;
    if (first ? counter !== 0 : counter <= this.#counter) return refuse('wrong-counter');
    const input = offerInput({ role, session: this.#session, counter, viewerNonce, sdp });
    if (!macMatches(key, input, auth.mac)) return refuse('wrong-mac');
    // Only nonces under a right MAC are kept, so strangers can't fill the cache.
    if (!this.#replays.add(viewerNonce)) return refuse('replayed');
    this.#role = role;
    this.#counter = counter;
    this.#waiting = { counter, viewerNonce, offerHash: sdpHash(sdp) };
    return { ok: true, role };
  }

  /** The `auth` of the answer to the offer that was verified last. Throws if none waits. */
  makeAnswer(sdp: string): AnswerAuth {
    const waiting = this.#waiting;
    const role = this.#role;
    const key = role && this.#keys[role];
    if (waiting === undefined || role === undefined || key === undefined) {
      throw new Error('no verified offer waits for an answer');
    }
    this.#waiting = undefined;
    const { counter, viewerNonce, offerHash } = waiting;
    const hostNonce = freshNonce(this.#random);
    const session = this.#session;
    const input = answerInput({ role, session, counter, viewerNonce, hostNonce, offerHash, sdp });
    this.#transcript ??= { session, viewerNonce, hostNonce, offerHash, answerHash: sdpHash(sdp) };
    const auth = { role, nonce: hostNonce, counter, mac: mac(key, input) };
    if (this.#hostKey === undefined) return auth;
    return {
      ...auth,
      hostKey: toBase64Url(this.#hostKey.publicKey),
      signature: sign(input, this.#hostKey),
    };
  }

  /** The MAC of the host's first control message; undefined before the first answer. */
  transcriptMac(): string | undefined {
    const key = this.#role && this.#keys[this.#role];
    return this.#transcript && key && mac(key, transcriptInput('host', this.#transcript));
  }

  /** Only after `ok` does input open. */
  verifyViewerTranscript(given: string): AuthResult {
    const key = this.#role && this.#keys[this.#role];
    if (key === undefined) return refuse('unexpected');
    return checkTranscript(key, 'viewer', this.#transcript, given);
  }
}

/**
 * Viewer nonces that were used, the newest `capacity` of them. A replay of one that was forgotten
 * still fails: its sender can't prove the transcript, whose host nonce is new.
 */
export class NonceCache {
  readonly #capacity: number;
  readonly #nonces = new Set<string>();

  constructor(capacity = 4096) {
    this.#capacity = capacity;
  }

  /** False if the nonce is known. */
  add(nonce: string): boolean {
    if (this.#nonces.has(nonce)) return false;
    this.#nonces.add(nonce);
    if (this.#nonces.size > this.#capacity) {
      for (const oldest of this.#nonces) {
        this.#nonces.delete(oldest);
        break;
      }
    }
    return true;
  }
}

function checkTranscript(
  key: Uint8Array,
  side: 'viewer' | 'host',
  transcript: Transcript | undefined,
  given: string,
): AuthResult {
  if (transcript === undefined) return refuse('unexpected');
  const right = macMatches(key, transcriptInput(side, transcript), given);
  return right ? { ok: true } : refuse('wrong-mac');
}

function signedBy(expectedHash: string, input: Uint8Array, auth: AnswerAuth): boolean {
  const { hostKey, signature } = auth;
  if (hostKey === undefined || signature === undefined) return false;
  const publicKey = fromBase64Url(hostKey);
  if (publicKey === undefined || hostKeyHash(publicKey) !== expectedHash) return false;
  return verify(input, hostKey, signature);
}

function freshNonce(random: RandomSource): string {
  return toBase64Url(random(16));
}

function refuse(reason: AuthFailure): { readonly ok: false; readonly reason: AuthFailure } {
  return { ok: false, reason };
}
