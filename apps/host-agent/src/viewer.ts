import { EventEmitter } from 'node:events';
import type { ArrivalReport, Peer, PeerState } from '@peerdeck/native-capture';
import type {
  AccessRole,
  EndedReason,
  HostControlMessage,
  ViewerControlMessage,
} from '@peerdeck/protocol';
import { ControlChannel } from './control-channel.ts';
import { InputGate } from './input-gate.ts';
import type { Log } from './log.ts';
import { OrderedWork } from './ordered-work.ts';
import type { BitrateDecision } from './bitrate/bitrate-controller.ts';
import { PathEstimate } from './bitrate/path-estimate.ts';
import { rejection } from './rejection.ts';
import { messageOf } from './screen.ts';
import { VideoSwitch } from './video-switch.ts';
import type { Candidate, Membership, Offer, ViewerEvents } from './viewer-events.ts';
import type { ViewerOptions } from './viewer-options.ts';

export type { Candidate, Membership, Offer } from './viewer-events.ts';

/** From the answer to the proof: slower than this is a stranger or a broken path. */
const PROOF_MS = 20_000;
/** After ICE has failed: time for the viewer's ICE restart to arrive. */
const RESTART_GRACE_MS = 2500;
const FLUSH_MS = 150;
/** Candidates that may wait for the peer to open. */
const MAX_WAITING = 64;
/** Offers that may wait for their answers. */
const MAX_OFFERS_WAITING = 4;

/**
 * One viewer's session on the host: offer and answer, trickle, control channel, input gate, path
 * estimate, and its end. What others say about it (signaling among them) ends nothing once it has
 * proved itself: only its own word does, or its silence. Single-threaded; `tick` is to be called
 * ten times a second.
 */
export class Viewer extends EventEmitter<ViewerEvents> {
  readonly session: string;
  readonly gate: InputGate;
  readonly path: PathEstimate;
  readonly #options: ViewerOptions;
  readonly #log: Log;
  readonly #control: ControlChannel;
  readonly #openedAt: number;
  #peerId: string;
  #peer: Peer | undefined;
  /** Native commands of this viewer, in order. */
  readonly #work: OrderedWork;
  #offersWaiting = 0;
  #peerState: PeerState = 'connecting';
  #everConnected = false;
  #failedAt: number | undefined;
  #membership: Membership = 'connected';
  #wantsStats = false;
  readonly #video: VideoSwitch;
  #closing: Promise<void> | undefined;

  constructor(options: ViewerOptions) {
    super();
    const { config, picture, budget, auth, now } = options;
    this.#options = options;
    this.session = options.session;
    this.#peerId = options.peerId;
    this.#log = options.log.child({ session: options.session });
    this.#openedAt = now();
    this.#work = new OrderedWork(options.after);
    this.gate = new InputGate(config.host.input);
    this.path = new PathEstimate(config, picture);
    this.#video = new VideoSwitch(budget, (on) => {
      void this.#work.add(async () => this.#peer?.setVideo(on)).catch(() => undefined);
    });
    this.#control = new ControlChannel({
      auth,
      budget,
      log: this.#log,
      now,
      onReady: () => {
        this.#log.info({ role: this.role }, 'viewer is in');
        this.emit('ready');
      },
      onMessage: (message) => this.#onMessage(message),
      onAlive: () => this.gate.alive(now()),
      onUnproven: () => void this.close('not authenticated', FLUSH_MS),
      onOver: () => this.#onOver(),
      onClosed: () => {
        this.#letGo();
        // It can't be opened again: the viewer has closed its end, over the encrypted path.
        if (this.isReady) void this.close('control channel closed');
      },
    });
  }

  get peerId(): string {
    return this.#peerId;
  }

  get role(): AccessRole {
    return this.#options.auth === undefined ? 'control' : (this.#options.auth.role ?? 'view');
  }

  get isReady(): boolean {
    return this.#control.isReady && this.#closing === undefined;
  }

  get isClosing(): boolean {
    return this.#closing !== undefined;
  }

  /** There is, or was, a path to the one who made the offer. */
  get wasConnected(): boolean {
    return this.#everConnected;
  }

  get wantsStats(): boolean {
    return this.#wantsStats;
  }

  /** Answers the first offer, which was verified before: else there would be no viewer. */
  offer(offer: Offer): void {
    this.#answer(offer, () => true);
  }

  /**
   * Answers a later offer (ICE restart), if it proves itself like the first, with a counter that
   * grows. It may come from another peer id: the viewer's signaling connection was made anew.
   */
  laterOffer(offer: Offer): void {
    this.#answer(offer, () => {
      const { auth, reject } = this.#options;
      const verified =
        auth === undefined
          ? offer.from === this.#peerId
          : auth.verifyOffer(offer.sdp, offer.auth).ok;
      if (!verified) reject(offer, 'not-authenticated', 'the proof of this offer is not right');
      return verified;
    });
  }

  /**
   * Proof and answer are one step in the queue: the next offer is verified when this one has its
   * answer, or that answer would be bound to the wrong offer.
   */
  #answer(offer: Offer, verify: () => boolean): void {
    if (this.#offersWaiting >= MAX_OFFERS_WAITING) return;
    this.#offersWaiting += 1;
    void this.#work
      .add(async () => {
        if (!verify()) return;
        this.#peerId = offer.from;
        this.#membership = 'connected';
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
      })
      .catch((error: unknown) => {
        this.#log.warn({ error: messageOf(error) }, 'offer not usable');
        const { code, message } = rejection(error);
        this.#options.reject(offer, code, message);
        void this.close('offer not usable');
      })
      .finally(() => (this.#offersWaiting -= 1));
  }

  /** In control or not: what others send is dropped below, before it costs anybody anything. */
  setInput(accepted: boolean): void {
    this.#peer?.setInput(accepted).catch(() => undefined); // a closed peer sends none
  }

  /** The oldest go first to the peer; when too many wait, the newest is dropped. */
  addCandidate(message: Candidate): void {
    if (message.from !== this.#peerId || this.#work.size >= MAX_WAITING) return;
    if (!this.#options.budget.take('candidate', this.#options.now())) {
      this.#onOver();
      return;
    }
    const { candidate, sdpMid, sdpMLineIndex, usernameFragment } = message;
    const wire = {
      candidate,
      ...(sdpMid === undefined ? {} : { sdpMid }),
      ...(sdpMLineIndex === undefined ? {} : { sdpMLineIndex }),
      ...(usernameFragment === undefined ? {} : { usernameFragment }),
    };
    void this.#work
      .add(async () => this.#peer?.addCandidate(wire))
      .catch((error: unknown) => {
        this.#log.debug({ error: messageOf(error) }, 'candidate not usable');
      });
  }

  /** Who has proved nothing yet has only its membership. */
  setMembership(membership: Membership): void {
    this.#membership = membership;
    if (membership === 'gone' && !this.isReady) void this.close('left');
    else this.#checkPath();
  }

  tell(message: HostControlMessage): void {
    if (this.#closing === undefined) this.#control.tell(message);
  }

  tellSession(message: Extract<HostControlMessage, { type: 'session' }>): void {
    if (this.#closing === undefined) this.#control.tellSession(message);
  }

  /** Ten times a second. */
  tick(now: number): void {
    if (this.#closing !== undefined) return;
    if (!this.isReady && now - this.#openedAt > PROOF_MS) {
      void this.close('no proof in time');
      return;
    }
    if (this.#failedAt !== undefined && now - this.#failedAt > RESTART_GRACE_MS) {
      void this.close('connection failed');
      return;
    }
    if (this.isReady) {
      const ping = this.path.ping(now);
      if (ping !== undefined) this.tell(ping);
      this.#obey(this.path.tick(now));
    }
    this.#video.tick(now);
    const held = this.gate.tick(now);
    if (held.length > 0) this.emit('input', [{ kind: 'inject', events: held }]);
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
    this.#control.shut();
    const held = this.gate.close();
    if (held.length > 0) this.emit('input', [{ kind: 'inject', events: held }]);
    if (this.#options.budget.take('log', this.#options.now())) {
      this.#log.info({ reason }, 'viewer closes');
    }
    await this.#work.end();
    await this.#peer?.close({ flushMs }).catch((error: unknown) => {
      this.#log.warn({ error: messageOf(error) }, 'closing the peer failed');
    });
    this.emit('closed', reason);
    this.removeAllListeners();
  }

  async #openPeer(): Promise<Peer> {
    const { engine, iceServers, config } = this.#options;
    const peer = await engine.openPeer({ iceServers, relayOnly: config.host.network.relayOnly });
    peer.on('state', (state) => this.#onState(state));
    peer.on('path', (path) => {
      const at = this.#options.now();
      if (this.#options.budget.take('log', at)) this.#log.info(path, 'path');
      this.path.pathChanged(at);
    });
    peer.on('candidate', (candidate) => {
      const to = this.#peerId;
      this.#options.send({ type: 'candidate', to, session: this.session, ...candidate });
    });
    this.#control.attach(peer);
    peer.on('data', (channel, bytes) => {
      if (channel === 'input' || channel === 'pointer') this.#onInput(channel, bytes);
    });
    peer.on('arrivals', (report) => this.#onArrivals(report));
    peer.on('feedback', (feedback) => this.path.take(feedback));
    return peer;
  }

  #onState(state: PeerState): void {
    if (this.#options.budget.take('log', this.#options.now())) {
      this.#log.info({ state }, 'connection');
    }
    this.#peerState = state;
    if (state === 'connected') this.#failedAt = undefined;
    else if (state === 'disconnected' || state === 'failed') this.#letGo();
    if (state === 'failed') this.#failedAt ??= this.#options.now();
    if (state === 'closed') void this.close('connection closed');
    this.#checkPath();
    if (state !== 'connected' || this.#everConnected || this.isClosing) return;
    this.#everConnected = true;
    this.emit('connected');
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

  #onInput(channel: 'input' | 'pointer', bytes: Uint8Array): void {
    const { budget, now } = this.#options;
    const at = now();
    if (!budget.take('input', at) || !budget.take('inputBytes', at, bytes.length)) {
      this.#onOver();
      return;
    }
    const actions = this.gate.receive(bytes, channel, at);
    if (actions.length > 0) this.emit('input', actions);
  }

  #onMessage(message: ViewerControlMessage): void {
    const now = this.#options.now();
    switch (message.type) {
      case 'ping':
        this.#control.reply({ type: 'pong', id: message.id, t: message.t });
        return;
      case 'pong':
        this.path.pong(message.id, now);
        return;
      case 'stats':
        this.#wantsStats = message.on;
        return;
      case 'visibility':
        if (!this.#video.want(message.visible, now)) this.#onOver();
        return;
      case 'bye':
        void this.close('bye');
        return;
      case 'error':
        if (!this.#options.budget.take('log', now)) return;
        this.#log.warn({ error: message.code }, 'the viewer reports an error');
        return;
      case 'auth': // once is enough
        return;
    }
  }

  /** It wants what all pay for, because of losses of its own. */
  takeKeyframe(): boolean {
    return this.#options.budget.afford('keyframe', this.#options.now());
  }

  #onOver(): void {
    if (this.#closing !== undefined) return;
    const verdict = this.#options.budget.verdict(this.#options.now());
    if (verdict === 'tell') {
      this.#log.warn('the viewer is over its budget');
      const message = 'this is more than the host does for one viewer; it goes on more slowly';
      this.tell({ type: 'error', code: 'rate-limited', message });
    } else if (verdict === 'remove') {
      this.#log.warn('the viewer stays over its budget');
      this.emit('excessive');
    }
  }

  #onArrivals(report: ArrivalReport): void {
    if (this.#closing !== undefined) return;
    const decision = this.path.report(report, this.#options.now());
    this.#log.debug({ report, decision, rttMs: this.path.rttMs }, 'bitrate');
    this.#obey(decision);
  }

  #obey(decision: BitrateDecision): void {
    const pace = this.path.newPace();
    // A closed peer needs no rate.
    if (pace !== undefined) this.#peer?.setPace(pace).catch(() => undefined);
    this.emit('decision', decision);
  }
}
