import { EventEmitter } from 'node:events';
import {
  isNativeError,
  type Engine,
  type IceServer,
  type Peer,
  type PeerFeedback,
  type PeerState,
} from '@peerdeck/native-capture';
import {
  parseViewerControlMessage,
  type AccessRole,
  type EndedReason,
  type HostAuth,
  type HostControlMessage,
  type IncomingRelay,
  type OutgoingRelay,
  type RejectCode,
  type ViewerControlMessage,
} from '@peerdeck/protocol';
import { BitrateController, type BitrateDecision } from './bitrate-controller.ts';
import type { Config } from './config.ts';
import { InputGate, type InputAction } from './input-gate.ts';
import type { Log } from './log.ts';
import { RoundTrip } from './round-trip.ts';
import { messageOf } from './screen.ts';

export type Offer = Extract<IncomingRelay, { type: 'offer' }>;
export type Candidate = Extract<IncomingRelay, { type: 'candidate' }>;
/** What signaling knows of the viewer: there, away for a while, or not a member any more. */
export type Membership = 'connected' | 'detached' | 'gone';

export type ViewerEvents = {
  /** Proved itself over the control channel: it may be told things, and its role counts. */
  ready: [];
  /** Passed the input gate; only while this viewer is in control. */
  input: [actions: readonly InputAction[]];
  /** What its path can carry, about ten times a second. */
  decision: [decision: BitrateDecision];
  /** The last event: everything of this viewer is freed. */
  closed: [reason: string];
};

export interface ViewerOptions {
  readonly session: string;
  readonly peerId: string;
  readonly engine: Engine;
  /** undefined: accepted without proof, because the owner's configuration says so. */
  readonly auth: HostAuth | undefined;
  readonly config: Config;
  readonly iceServers: readonly IceServer[];
  readonly send: (message: OutgoingRelay) => void;
  readonly picture: { readonly width: number; readonly height: number };
  readonly log: Log;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

/** From the answer to the proof: slower than this is a stranger or a broken path. */
const PROOF_MS = 20_000;
/** After ICE has failed: time for the viewer's ICE restart to arrive. */
const RESTART_GRACE_MS = 2500;
const FLUSH_MS = 150;
/** Under this rate the round trip is measured every fifth tick only: twice a second. */
const RESTING_BPS = 50_000;
const RESTING_TICKS = 5;
/** Candidates that may wait for the peer to open. */
const MAX_WAITING = 64;

/**
 * One viewer's session on the host: offer and answer, trickle, proof on the control channel,
 * input gate, path estimate, and its end. Single-threaded; `tick` is to be called ten times a
 * second.
 */
export class Viewer extends EventEmitter<ViewerEvents> {
  readonly session: string;
  readonly gate: InputGate;
  readonly #options: ViewerOptions;
  readonly #log: Log;
  readonly #roundTrip = new RoundTrip();
  readonly #controller: BitrateController;
  readonly #sendRates: number[] = [];
  readonly #openedAt: number;
  #peerId: string;
  #peer: Peer | undefined;
  /** Native commands of this viewer, in order. */
  #work: Promise<void> = Promise.resolve();
  #waiting = 0;
  #peerState: PeerState = 'connecting';
  #failedAt: number | undefined;
  #membership: Membership = 'connected';
  #ready = false;
  #wantsStats = false;
  #controlOpen = false;
  #paced = 0;
  #ticks = 0;
  #lastSession = '';
  #decision: BitrateDecision | undefined;
  #feedback: PeerFeedback | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: ViewerOptions) {
    super();
    const { config, picture } = options;
    const { bitrateMin, bitrateStart, bitrateMax, fps } = config.host.video;
    this.#options = options;
    this.session = options.session;
    this.#peerId = options.peerId;
    this.#log = options.log.child({ session: options.session });
    this.#openedAt = options.now();
    this.gate = new InputGate(config.host.input);
    this.#controller = new BitrateController({
      limits: { minBps: bitrateMin, startBps: bitrateStart, maxBps: bitrateMax },
      video: { fps, ...picture },
    });
  }

  get peerId(): string {
    return this.#peerId;
  }

  get role(): AccessRole {
    return this.#options.auth === undefined ? 'control' : (this.#options.auth.role ?? 'view');
  }

  get isReady(): boolean {
    return this.#ready && this.#closing === undefined;
  }

  get isClosing(): boolean {
    return this.#closing !== undefined;
  }

  get wantsStats(): boolean {
    return this.#wantsStats;
  }

  get decision(): BitrateDecision | undefined {
    return this.#decision;
  }

  get feedback(): PeerFeedback | undefined {
    return this.#feedback;
  }

  get rttMs(): number | undefined {
    return this.#roundTrip.ms;
  }

  /**
   * Answers an offer that was verified before (first or later ones: ICE restart). It may come
   * from another peer id: the viewer's signaling connection was made anew.
   */
  offer(offer: Offer): Promise<void> {
    this.#peerId = offer.from;
    this.#membership = 'connected';
    return this.#queue(async () => {
      this.#peer ??= await this.#openPeer();
      const sdp = await this.#peer.answer(offer.sdp);
      const auth = this.#options.auth?.makeAnswer(sdp);
      this.#options.send({
        type: 'answer',
        to: this.#peerId,
        session: this.session,
        sdp,
        ...(auth === undefined ? {} : { auth }),
      });
    }).catch((error: unknown) => {
      this.#log.warn({ error: messageOf(error) }, 'offer not usable');
      const { code, message } = rejection(error);
      this.#options.send({
        type: 'reject',
        to: this.#peerId,
        session: this.session,
        code,
        message,
      });
      void this.close('offer not usable');
    });
  }

  /** In control or not: what others send is dropped below, before it costs anybody anything. */
  setInput(accepted: boolean): void {
    this.#peer?.setInput(accepted).catch(() => undefined); // a closed peer sends none
  }

  /** A renegotiation must prove itself like the first offer, with a counter that grows. */
  verifyLater(offer: Offer): boolean {
    const { auth } = this.#options;
    if (auth !== undefined) return auth.verifyOffer(offer.sdp, offer.auth).ok;
    return offer.from === this.#peerId;
  }

  /** The oldest go first to the peer; when too many wait, the newest is dropped. */
  addCandidate(message: Candidate): void {
    if (message.from !== this.#peerId || this.#waiting >= MAX_WAITING) return;
    const { candidate, sdpMid, sdpMLineIndex, usernameFragment } = message;
    const wire = {
      candidate,
      ...(sdpMid === undefined ? {} : { sdpMid }),
      ...(sdpMLineIndex === undefined ? {} : { sdpMLineIndex }),
      ...(usernameFragment === undefined ? {} : { usernameFragment }),
    };
    void this.#queue(async () => this.#peer?.addCandidate(wire)).catch((error: unknown) => {
      this.#log.debug({ error: messageOf(error) }, 'candidate not usable');
    });
  }

  setMembership(membership: Membership): void {
    this.#membership = membership;
    if (membership === 'gone') void this.close('left');
    else this.#checkPath();
  }

  setPicture(picture: { readonly width: number; readonly height: number }): void {
    this.#controller.setVideo({ fps: this.#options.config.host.video.fps, ...picture });
  }

  /** A text message of the control channel; dropped while it is not open or is full. */
  tell(message: HostControlMessage): void {
    if (!this.#controlOpen || this.#closing !== undefined) return;
    this.#peer?.send('control', JSON.stringify(message)).catch((error: unknown) => {
      if (this.#closing !== undefined || isNativeError(error, 'PD_ERR_CLOSED')) return;
      this.#log.warn({ type: message.type, error: messageOf(error) }, 'message not sent');
    });
  }

  /** As tell, but only if it says something new. */
  tellSession(message: Extract<HostControlMessage, { type: 'session' }>): void {
    const text = JSON.stringify(message);
    if (text === this.#lastSession) return;
    this.#lastSession = text;
    this.tell(message);
  }

  /** Ten times a second. */
  tick(now: number): void {
    if (this.#closing !== undefined) return;
    if (!this.#ready && now - this.#openedAt > PROOF_MS) {
      void this.close('no proof in time');
      return;
    }
    if (this.#failedAt !== undefined && now - this.#failedAt > RESTART_GRACE_MS) {
      void this.close('connection failed');
      return;
    }
    this.#ticks += 1;
    const pings = !this.#isResting() || this.#ticks % RESTING_TICKS === 0;
    if (this.#ready && pings) this.tell(this.#roundTrip.ping(now));
    const held = this.gate.tick(now);
    if (held.length > 0) this.emit('input', [{ kind: 'inject', events: held }]);
  }

  /** Next to nothing is sent, so the path's state changes nothing: pings can be rarer. */
  #isResting(): boolean {
    if (this.#sendRates.length === 0) return false;
    return Math.max(...this.#sendRates) < RESTING_BPS;
  }

  /** Tells why, gives the channel a moment to carry it, and closes. */
  end(reason: EndedReason, flushMs = FLUSH_MS): Promise<void> {
    this.tell({ type: 'ended', reason });
    return this.close(reason, Math.min(flushMs, FLUSH_MS));
  }

  /** Idempotent. Lets go of what is held at once, then frees the connection. */
  close(reason: string, flushMs = 0): Promise<void> {
    this.#closing ??= this.#close(reason, flushMs);
    return this.#closing;
  }

  async #close(reason: string, flushMs: number): Promise<void> {
    const held = this.gate.close();
    if (held.length > 0) this.emit('input', [{ kind: 'inject', events: held }]);
    this.#log.info({ reason }, 'viewer closes');
    await this.#work;
    await this.#peer?.close({ flushMs }).catch((error: unknown) => {
      this.#log.warn({ error: messageOf(error) }, 'closing the peer failed');
    });
    this.emit('closed', reason);
    this.removeAllListeners();
  }

  #queue(task: () => Promise<void> | undefined): Promise<void> {
    if (this.#closing !== undefined) return Promise.resolve();
    this.#waiting += 1;
    const result = this.#work.then(task).finally(() => (this.#waiting -= 1));
    this.#work = result.catch(() => undefined);
    return result;
  }

  async #openPeer(): Promise<Peer> {
    const { engine, iceServers, config } = this.#options;
    const peer = await engine.openPeer({ iceServers, relayOnly: config.host.network.relayOnly });
    peer.on('state', (state) => this.#onState(state));
    peer.on('path', (path) => this.#log.info(path, 'path'));
    peer.on('candidate', (candidate) => {
      const to = this.#peerId;
      this.#options.send({ type: 'candidate', to, session: this.session, ...candidate });
    });
    peer.on('channel', (channel, state) => {
      if (channel === 'control') this.#onControl(state === 'open');
    });
    peer.on('text', (channel, text) => {
      if (channel === 'control') this.#onText(text);
    });
    peer.on('data', (channel, bytes) => {
      if (channel !== 'input' && channel !== 'pointer') return;
      const actions = this.gate.receive(bytes, channel, this.#options.now());
      if (actions.length > 0) this.emit('input', actions);
    });
    peer.on('feedback', (feedback) => this.#onFeedback(feedback));
    return peer;
  }

  #onState(state: PeerState): void {
    this.#log.info({ state }, 'connection');
    this.#peerState = state;
    if (state === 'connected') this.#failedAt = undefined;
    else if (state === 'disconnected' || state === 'failed') this.#letGo();
    if (state === 'failed') this.#failedAt ??= this.#options.now();
    if (state === 'closed') void this.close('connection closed');
    this.#checkPath();
  }

  /** Without a path and without signaling nobody is there: no reason to wait. */
  #checkPath(): void {
    const broken = this.#peerState === 'disconnected' || this.#peerState === 'failed';
    if (broken && this.#membership !== 'connected') void this.close('connection lost');
  }

  #letGo(): void {
    const held = this.gate.release();
    if (held.length > 0) this.emit('input', [{ kind: 'inject', events: held }]);
  }

  #onControl(open: boolean): void {
    if (open === this.#controlOpen) return;
    this.#controlOpen = open;
    if (!open) {
      this.#letGo();
      return;
    }
    const { auth } = this.#options;
    if (auth === undefined) this.#becomeReady();
    const mac = auth?.transcriptMac();
    if (mac !== undefined) this.tell({ type: 'auth', mac });
  }

  #onText(text: string): void {
    const now = this.#options.now();
    // The first message may overtake the news that the channel is open.
    this.#onControl(true);
    const parsed = parseViewerControlMessage(text);
    if (!this.#ready) {
      this.#prove(parsed.ok ? parsed.message : undefined);
      return;
    }
    this.gate.alive(now);
    if (parsed.ok) this.#onMessage(parsed.message, now);
    else if (parsed.error.code !== 'unknown-type') {
      this.tell({ type: 'error', code: parsed.error.code, message: parsed.error.message });
    }
  }

  /** The first message must prove the whole exchange; anything else ends the session. */
  #prove(message: ViewerControlMessage | undefined): void {
    const { auth } = this.#options;
    if (message?.type === 'auth' && auth?.verifyViewerTranscript(message.mac).ok === true) {
      this.#becomeReady();
      return;
    }
    this.#log.warn('no valid proof on the control channel');
    this.tell({ type: 'error', code: 'not-authenticated', message: 'the proof is not right' });
    void this.close('not authenticated', FLUSH_MS);
  }

  #becomeReady(): void {
    if (this.#ready || this.#closing !== undefined) return;
    this.#ready = true;
    this.#log.info({ role: this.role }, 'viewer is in');
    this.emit('ready');
  }

  #onMessage(message: ViewerControlMessage, now: number): void {
    switch (message.type) {
      case 'ping':
        this.tell({ type: 'pong', id: message.id, t: message.t });
        return;
      case 'pong':
        this.#roundTrip.pong(message.id, now);
        return;
      case 'stats':
        this.#wantsStats = message.on;
        return;
      case 'visibility':
        void this.#queue(async () => this.#peer?.setVideo(message.visible)).catch(() => undefined);
        return;
      case 'bye':
        void this.close('bye');
        return;
      case 'error':
        this.#log.warn({ error: message.code }, 'the viewer reports an error');
        return;
      case 'auth': // once is enough
        return;
    }
  }

  #onFeedback(feedback: PeerFeedback): void {
    if (this.#closing !== undefined) return;
    const now = this.#options.now();
    this.#feedback = feedback;
    const interval = Math.max(feedback.intervalMs, 1);
    this.#sendRates.push((feedback.sentBytes * 8000) / interval);
    if (this.#sendRates.length > 5) this.#sendRates.shift();
    const sendRateBps = this.#sendRates.reduce((a, b) => a + b, 0) / this.#sendRates.length;
    const decision = this.#controller.update(
      {
        rttMs: this.#roundTrip.fresh(now, 1000) ?? feedback.rttMs,
        jitterMs: feedback.jitterMs,
        lossFraction: feedback.lossFraction ?? feedback.lossFractionRr,
        queueDelayMs: feedback.queueDelayMs,
        delayTrendMsPerS: feedback.delayTrendMsPerS,
        receiveRateBps: feedback.receiveRateBps,
        sendRateBps,
      },
      now,
    );
    this.#decision = decision;
    this.#log.debug({ feedback, decision, rttMs: this.#roundTrip.ms }, 'bitrate');
    this.#pace(decision.bitrateBps);
    this.emit('decision', decision);
  }

  /** Steps under two per cent are not worth a call. */
  #pace(bitrateBps: number): void {
    if (Math.abs(bitrateBps - this.#paced) < 0.02 * this.#paced) return;
    this.#paced = bitrateBps;
    this.#peer?.setRate(bitrateBps).catch(() => undefined); // a closed peer needs no rate
  }
}

function rejection(error: unknown): { code: RejectCode; message: string } {
  if (isNativeError(error, 'PD_ERR_UNSUPPORTED')) {
    return { code: 'no-common-codec', message: 'the offer has no video that this host can send' };
  }
  if (isNativeError(error, 'PD_ERR_INVALID_ARGUMENT')) {
    return { code: 'bad-sdp', message: 'the offer could not be used' };
  }
  return { code: 'internal', message: 'the host could not answer; try again' };
}
