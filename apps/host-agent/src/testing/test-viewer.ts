import type { FakeEngine, FakePeer } from '@peerdeck/native-capture/testing';
import { deriveControl, ViewerAuth, type AccessRole, type OutgoingRelay } from '@peerdeck/protocol';
import type { Audience } from '../audience.ts';
import type { Offer } from '../viewer.ts';
import { flush } from './clock.ts';

export const CODE = '0123-4567-89AB-CDEF';
export const KEYS = deriveControl(CODE);

/** A viewer as the browser plays it, against an Audience and the fake peer of its session. */
export class TestViewer {
  readonly session: string;
  peerId: string;
  readonly auth: ViewerAuth;
  readonly #audience: Audience;
  readonly #engine: FakeEngine;
  readonly #sent: OutgoingRelay[];
  peer: FakePeer | undefined;

  constructor(options: {
    readonly name: string;
    readonly role?: AccessRole;
    readonly key?: Uint8Array;
    readonly audience: Audience;
    readonly engine: FakeEngine;
    readonly sent: OutgoingRelay[];
  }) {
    const { name, role = 'control', audience, engine, sent } = options;
    this.session = `session-${name}`;
    this.peerId = `peer-${name}`;
    this.#audience = audience;
    this.#engine = engine;
    this.#sent = sent;
    const key = options.key ?? (role === 'control' ? KEYS.controlKey : KEYS.viewKey);
    this.auth = new ViewerAuth({ session: this.session, role, key });
  }

  offerMessage(sdp = 'v=0 offer'): Offer {
    const auth = this.auth.makeOffer(sdp);
    return { type: 'offer', from: this.peerId, session: this.session, sdp, auth };
  }

  /** As a viewer that knows no code would send it. */
  bareOffer(): Offer {
    return { type: 'offer', from: this.peerId, session: this.session, sdp: 'v=0 offer' };
  }

  /** Offers, and takes the answer. Gives the peer, or undefined if there was no answer. */
  async offer(): Promise<FakePeer | undefined> {
    const before = new Set(this.#engine.peers);
    this.#audience.offer(this.offerMessage());
    await flush();
    this.peer ??= [...this.#engine.peers].find((peer) => !before.has(peer));
    const answer = this.#sent.findLast(
      (one) => one.type === 'answer' && one.session === this.session,
    );
    if (answer?.type !== 'answer') return undefined;
    const verified = this.auth.verifyAnswer(answer.sdp, answer.auth);
    if (!verified.ok) throw new Error(`the answer is not right: ${verified.reason}`);
    return this.peer;
  }

  /** Offers, connects and proves itself. */
  async join(): Promise<FakePeer> {
    const peer = await this.offer();
    if (peer === undefined) throw new Error('no answer');
    peer.emit('state', 'connected');
    peer.emit('channel', 'control', 'open');
    this.says({ type: 'auth', mac: this.auth.transcriptMac() });
    await flush();
    return peer;
  }

  says(message: object): void {
    this.peer?.emit('text', 'control', JSON.stringify(message));
  }

  /** Messages of the host to this viewer, of one type. */
  heard<T = Record<string, unknown>>(type: string): T[] {
    const texts = (this.peer?.texts('control') ?? []) as { type: string }[];
    return texts.filter((one) => one.type === type) as T[];
  }
}
