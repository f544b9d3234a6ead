import {
  CLOSE,
  createReconnectPolicy,
  ViewerAuth,
  type AccessRole,
  type IceServer,
  type IncomingRelay,
  type InputChannel,
  type MemberEvent,
  type OutgoingRelay,
  type ReconnectPolicy,
  type SessionInfo,
  type SignalingError,
  type SignalingState,
  type Timers,
  type Welcome,
} from '@peerdeck/protocol';
import { Alarm } from './alarm.ts';
import type { HostSays } from './control-link.ts';
import { HostPresence } from './host-presence.ts';
import type { Peer, PeerOptions } from './peer.ts';
import { problemOfClose, problemOfReject } from './problems.ts';
import { stateOf } from './state-of.ts';
import type { Problem, SignalingNote, ViewerState } from './viewer-state.ts';

/** The part of SignalingClient that is used. */
export interface Signaling {
  readonly state: SignalingState;
  on(name: 'state', listener: (state: SignalingState) => void): unknown;
  on(name: 'welcome', listener: (welcome: Welcome) => void): unknown;
  on(name: 'message', listener: (message: IncomingRelay | MemberEvent) => void): unknown;
  on(name: 'iceServers', listener: (servers: readonly IceServer[]) => void): unknown;
  on(name: 'error', listener: (error: SignalingError) => void): unknown;
  /** What the service's logs call this connection. */
  readonly connection: string | undefined;
  readonly trace: string;
  connect(): void;
  wake(): void;
  send(message: OutgoingRelay): unknown;
  leave(reason?: string): Promise<void>;
}
export type SignalingReport = Readonly<Pick<Signaling, 'connection' | 'trace'>>;
export type PeerLike = Pick<Peer, keyof Peer>;

export interface ConnectionEvents {
  readonly onState: (state: ViewerState) => void;
  readonly onSignalingNote: (note: SignalingNote) => void;
  readonly onTrack: (track: MediaStreamTrack, receiver: RTCRtpReceiver) => void;
  /** Cursor, statistics and errors of the host. */
  readonly onMessage: (message: HostSays) => void;
  readonly onRoundTrip: (ms: number) => void;
  /** The picture stands still from now on; the last one is worth keeping. */
  readonly onLost: () => void;
}

export interface ConnectionOptions {
  readonly signalingUrl: string;
  readonly signaling: Signaling;
  readonly role: AccessRole;
  readonly key: Uint8Array;
  readonly hostKeyHash?: string | undefined;
  readonly createPeer: (options: PeerOptions) => PeerLike;
  readonly events: ConnectionEvents;
  readonly timers: Timers;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** 0 ≤ value < 1. */
  readonly random: () => number;
  /** A fresh session id (OPAQUE_ID of the protocol). */
  readonly newSession: () => string;
  readonly policy?: ReconnectPolicy;
}

/** How long each step of an attempt may take. */
export const DEADLINES_MS = {
  answer: 10_000,
  path: 15_000,
  proof: 8_000,
  restart: 6_000,
} as const;
/** The host pings ten times a second; after this silence the path counts as lost. */
export const SILENCE_MS = 4_000;
/** The same when something else says already that the host is in trouble. */
export const SUSPICIOUS_SILENCE_MS = 1_500;
/** How often a host that is gone is looked for, though its return is announced. */
export const PROBE_MS = 15_000;
const WATCH_MS = 500;
/** Failures to find a path before a first connection that end the trying. */
const MAX_FIRST_PATHS = 2;

/**
 * The viewer's session from the code to the end. Signaling and media are two lives: losing
 * signaling never touches a picture, and a lost picture is repaired by an ICE restart first and a
 * fresh offer then, as soon as signaling and the host are there. Facts are kept in fields, and
 * what the user sees is derived from them in one place (state-of.ts).
 */
export class ViewerConnection {
  readonly #options: ConnectionOptions;
  readonly #events: ConnectionEvents;
  readonly #policy: ReconnectPolicy;
  #final: ViewerState | undefined;
  #signalingUp = false;
  #signalingRetryAt: number | undefined;
  #signalingError: SignalingError | undefined;
  #iceServers: readonly IceServer[] = [];
  readonly #host: HostPresence;
  /** Which host was there when the newest offer was made. */
  #offeredTo: string | undefined;
  /** Who answered the session that is there. */
  #answeredBy: string | undefined;
  #peer: PeerLike | undefined;
  #media: 'none' | 'offering' | 'live' | 'broken' | 'restarting' = 'none';
  #step: 'answer' | 'path' | 'proof' = 'answer';
  #session: SessionInfo | undefined;
  #brokenAt = 0;
  #suspicious = false;
  #restartTried = false;
  #everConnected = false;
  #attempt = 0;
  #pathFailures = 0;
  #problem: Problem | undefined;
  /** When the next attempt is made. */
  readonly #retry: Alarm;
  /** Until when the present step must be done. */
  readonly #deadline: Alarm;
  readonly #watch: Alarm;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#events = options.events;
    this.#policy = options.policy ?? createReconnectPolicy();
    const { signaling, timers, now } = options;
    this.#retry = new Alarm({ timers, now });
    this.#deadline = new Alarm({ timers, now });
    this.#watch = new Alarm({ timers, now });
    this.#host = new HostPresence({ timers, now, onExpired: () => this.#hostChanged() });
    signaling.on('state', (state) => {
      this.#signalingState(state);
    });
    signaling.on('welcome', (welcome) => {
      this.#welcomed(welcome);
    });
    signaling.on('message', (message) => {
      this.#received(message);
    });
    signaling.on('iceServers', (servers) => {
      this.#useIceServers(servers);
    });
    signaling.on('error', (error) => {
      this.#signalingFault(error);
    });
  }

  start(): void {
    this.#options.signaling.connect();
    this.#publish();
  }

  /** What a report to whoever runs the service should say. */
  get report(): SignalingReport {
    const { connection, trace } = this.#options.signaling;
    return { connection, trace };
  }

  /** The user does not want to wait. */
  retryNow(): void {
    if (this.#final !== undefined || this.#media === 'live') return;
    this.#attempt = 0;
    const { signaling } = this.#options;
    if (signaling.state.state === 'closed') signaling.connect();
    else signaling.wake();
    if (this.#signalingUp && this.#media !== 'offering') this.#advance(true);
  }

  /** The page became visible or the network came back. */
  wake(): void {
    if (this.#final !== undefined) return;
    this.#options.signaling.wake();
    if (this.#media === 'live') this.#look();
    else if (this.#retry.at !== undefined && this.#signalingUp) this.#advance(false);
  }

  say(message: Parameters<PeerLike['say']>[0]): void {
    this.#peer?.say(message);
  }

  sendInput(channel: InputChannel, message: Uint8Array<ArrayBuffer>): void {
    if (this.#media === 'live') this.#peer?.sendInput(channel, message);
  }

  async stats(): Promise<RTCStatsReport | undefined> {
    return this.#peer?.stats();
  }

  /** Leaves: the host is told on both ways. Idempotent. */
  close(): void {
    if (this.#final === undefined) this.#finish({ name: 'ended', reason: 'left' });
  }

  // Signaling.

  #signalingState(state: SignalingState): void {
    if (this.#final !== undefined) return;
    this.#signalingUp = state.state === 'joined';
    this.#signalingRetryAt = undefined;
    switch (state.state) {
      case 'joined':
        this.#signalingError = undefined;
        this.#events.onSignalingNote('fine');
        break;
      case 'reconnecting':
        this.#signalingRetryAt = this.#options.now() + state.inMs;
        this.#events.onSignalingNote('lost');
        break;
      case 'closed': {
        this.#events.onSignalingNote('gone');
        if (this.#media === 'live') {
          this.#retry.in(PROBE_MS, () => this.#rejoin(state));
          return;
        }
        const { signalingUrl: url } = this.#options;
        const problem = problemOfClose({ ...state, error: this.#signalingError?.code, url });
        this.#finish({ name: 'error', problem });
        return;
      }
      default:
        break;
    }
    this.#publish();
  }

  /**
   * Refused while the picture is live: a repair of it would need signaling, so it is tried again
   * now and then. Not where another connection of this viewer has its place, or the host removed it.
   */
  #rejoin({ code }: { readonly code: number }): void {
    const { signaling } = this.#options;
    const wanted = code !== CLOSE.replaced && code !== CLOSE.kicked;
    if (this.#media === 'live' && wanted && signaling.state.state === 'closed') signaling.connect();
  }

  #welcomed(welcome: Welcome): void {
    if (this.#final !== undefined) return;
    this.#signalingUp = true;
    this.#useIceServers(welcome.iceServers);
    const host = welcome.members.find((member) => member.role === 'host');
    if (host === undefined) this.#host.absent();
    else if (host.state === 'connected') this.#host.present(host.peerId);
    else this.#host.detached(host.peerId, welcome.detachMs);
    this.#hostChanged();
  }

  /** Servers with credentials that have not ended; for what is done next, not for what stands. */
  #useIceServers(servers: readonly IceServer[]): void {
    this.#iceServers = servers;
    this.#peer?.setIceServers(servers);
  }

  #received(message: IncomingRelay | MemberEvent): void {
    if (this.#final !== undefined) return;
    switch (message.type) {
      case 'member-joined':
      case 'member-resumed':
      case 'member-detached':
      case 'member-left':
        if (message.role === 'host') this.#hostMember(message);
        return;
      case 'reject':
        if (message.session === this.#peer?.session) this.#rejected(message);
        return;
      case 'answer':
      case 'candidate':
        if (message.session !== this.#peer?.session) return;
        if (message.type === 'answer') this.#answeredBy = message.from;
        this.#peer.receive(message);
        return;
      default:
        return;
    }
  }

  #hostMember(message: MemberEvent): void {
    if (message.type === 'member-left') {
      // A host that was replaced is announced by its successor, in either order.
      if (message.peerId !== this.#host.id) return;
      // Whoever says so is not the host: its own word comes over the control channel ('ended').
      this.#host.absent();
    } else if (message.type === 'member-detached') {
      this.#host.detached(message.peerId, message.graceMs);
    } else {
      this.#host.present(message.peerId);
    }
    this.#hostChanged();
  }

  #hostChanged(): void {
    const { isPresent, id } = this.#host;
    if (isPresent) this.#attempt = 0;
    if (this.#media === 'live') {
      // The picture is what counts; only its silence is taken more seriously now.
      this.#suspicious = !isPresent || id !== this.#answeredBy;
      return;
    }
    const busy = this.#media === 'offering' || this.#media === 'restarting';
    if (!busy || (isPresent && id !== this.#offeredTo)) this.#advance(false);
    else this.#publish();
  }

  #hostGone(): void {
    this.#host.absent();
    this.#hostChanged();
  }

  #signalingFault(error: SignalingError): void {
    if (error.fatal) this.#signalingError = error;
    if (error.code !== 'no-host' || this.#final !== undefined) return;
    if (this.#media === 'offering') {
      this.#dropPeer();
      this.#hostGone();
    } else if (this.#media === 'restarting') {
      this.#media = 'broken';
      this.#hostGone();
    }
  }

  #rejected(reject: Extract<IncomingRelay, { type: 'reject' }>): void {
    if (this.#media === 'restarting') {
      // The host does not know the session any more: it was started anew.
      this.#offer();
      return;
    }
    if (this.#media !== 'offering') return;
    if (reject.code === 'host-closing') {
      this.#dropPeer();
      this.#hostGone();
      return;
    }
    const { problem, retry } = problemOfReject(reject.code, reject.message);
    this.#refused(problem, retry);
  }

  /**
   * Before the first picture a refusal is final, for trying again would end the same way. After it,
   * whoever refuses has not proved to be the host that was there, and that one may come back.
   */
  #refused(problem: Problem, retry = false): void {
    if (retry || this.#everConnected) this.#failed(problem);
    else this.#finish({ name: 'error', problem });
  }

  // Media.

  /** Does what the facts ask for while there is no live picture. */
  #advance(force: boolean): void {
    if (this.#final !== undefined || this.#media === 'live') return;
    this.#retry.off();
    if (!this.#signalingUp) {
      const { signaling } = this.#options;
      if (signaling.state.state === 'closed') signaling.connect();
    } else if (!this.#host.isPresent && !force) {
      if (this.#everConnected && this.#host.state === 'absent') {
        this.#retry.in(PROBE_MS, () => this.#advance(true));
      }
    } else if (this.#canRestart()) {
      this.#restartTried = true;
      this.#media = 'restarting';
      this.#deadline.in(DEADLINES_MS.restart, () => {
        this.#offer();
      });
      this.#peer?.restartIce();
    } else {
      this.#offer();
    }
    this.#publish();
  }

  #canRestart(): boolean {
    if (this.#peer === undefined || this.#media !== 'broken' || this.#restartTried) return false;
    return this.#host.isPresent && this.#host.id === this.#answeredBy;
  }

  #offer(): void {
    this.#dropPeer();
    this.#retry.off();
    const { role, key, hostKeyHash, timers, now, newSession, createPeer, signaling } =
      this.#options;
    const session = newSession();
    const auth = new ViewerAuth({
      session,
      role,
      key,
      ...(hostKeyHash === undefined ? {} : { hostKeyHash }),
    });
    this.#media = 'offering';
    this.#step = 'answer';
    this.#offeredTo = this.#host.isPresent ? this.#host.id : undefined;
    let peer: PeerLike | undefined;
    // What an older peer still reports is no fact any more.
    const current =
      <Event extends unknown[]>(handle: (...event: Event) => void) =>
      (...event: Event) => {
        if (this.#final === undefined && peer !== undefined && peer === this.#peer) {
          handle(...event);
        }
      };
    try {
      peer = createPeer({
        session,
        auth,
        iceServers: this.#iceServers,
        send: (message) => void signaling.send(message),
        timers,
        now,
        events: {
          onTrack: current(this.#events.onTrack),
          onAnswered: current(() => {
            this.#answered();
          }),
          onTrusted: current(() => {
            this.#reached('proof');
          }),
          onMessage: current((message: HostSays) => {
            this.#hostSays(message);
          }),
          onRoundTrip: current((ms: number) => {
            this.#events.onRoundTrip(ms);
            this.#look();
          }),
          onState: current((state: RTCPeerConnectionState) => {
            this.#peerState(state);
          }),
          onControlClosed: current(() => {
            this.#lost('gone');
          }),
          onUntrusted: current((reason) => {
            const kind = reason === 'wrong-host' ? 'wrong-host' : 'wrong-code';
            this.#refused({ kind });
          }),
          onFault: current((detail: string) => {
            this.#failed({ kind: 'host-error', detail });
          }),
        },
      });
    } catch {
      this.#finish({ name: 'error', problem: { kind: 'no-webrtc' } });
      return;
    }
    this.#peer = peer;
    this.#deadline.in(DEADLINES_MS.answer, () => {
      this.#failed({ kind: 'no-answer' });
    });
    peer.start();
    this.#publish();
  }

  #answered(): void {
    if (this.#media === 'offering') this.#reached('path');
  }

  #reached(step: 'path' | 'proof'): void {
    if (this.#media !== 'offering') return;
    this.#step = step;
    this.#deadline.in(DEADLINES_MS[step], () => {
      this.#failed(this.#pathProblem());
    });
    this.#publish();
  }

  #hostSays(message: HostSays): void {
    switch (message.type) {
      case 'session':
        this.#session = message;
        if (this.#media === 'offering') this.#nowLive();
        else this.#publish();
        return;
      case 'ended':
        this.#finish({ name: 'ended', reason: message.reason });
        return;
      case 'error':
        if (message.code === 'not-authenticated') {
          this.#finish({ name: 'error', problem: { kind: 'wrong-code' } });
          return;
        }
        break;
      default:
        break;
    }
    this.#look();
    this.#events.onMessage(message);
  }

  #nowLive(): void {
    this.#deadline.off();
    this.#retry.off();
    this.#media = 'live';
    this.#everConnected = true;
    this.#suspicious = !this.#host.isPresent || this.#host.id !== this.#answeredBy;
    this.#restartTried = false;
    this.#attempt = 0;
    this.#pathFailures = 0;
    this.#problem = undefined;
    this.#scheduleLook();
    this.#publish();
  }

  #peerState(state: RTCPeerConnectionState): void {
    if (state === 'failed') {
      if (this.#media === 'live') this.#lost('path');
      else if (this.#media === 'restarting') this.#offer();
      else if (this.#media === 'offering') this.#failed(this.#pathProblem());
    } else if (state === 'disconnected') {
      this.#suspicious = true;
    } else if (state === 'connected' && this.#host.id === this.#answeredBy) {
      this.#suspicious = !this.#host.isPresent;
    }
  }

  /** `gone`: the host's end of the session is closed, so there is nothing to repair. */
  #lost(what: 'path' | 'gone'): void {
    if (this.#media === 'offering') {
      if (what === 'gone') this.#failed({ kind: 'no-answer' });
      return;
    }
    const wasLive = this.#media === 'live';
    this.#media = 'broken';
    this.#brokenAt = this.#options.now();
    this.#deadline.off();
    if (wasLive) this.#events.onLost();
    if (what === 'gone') this.#dropPeer();
    this.#advance(false);
  }

  /** Compares the host's last sign of life with the clock; both ways. */
  #look(): void {
    const { now } = this.#options;
    const heardAt = this.#peer?.heardAt ?? 0;
    if (this.#media === 'live') {
      const limit = this.#suspicious ? SUSPICIOUS_SILENCE_MS : SILENCE_MS;
      if (now() - heardAt > limit) this.#lost('path');
    } else if (this.#media === 'broken' || this.#media === 'restarting') {
      if (this.#peer !== undefined && heardAt > this.#brokenAt) this.#nowLive();
    }
  }

  #scheduleLook(afterSleep = false): void {
    const due = this.#options.now() + WATCH_MS;
    this.#watch.in(WATCH_MS, () => {
      // After a sleep of this machine the host's messages wait behind this timer: they come first.
      const slept = !afterSleep && this.#options.now() - due > SUSPICIOUS_SILENCE_MS;
      if (slept) {
        this.#scheduleLook(true);
        return;
      }
      this.#look();
      if (this.#peer !== undefined) this.#scheduleLook();
    });
  }

  #pathProblem(): Problem {
    const ice = this.#peer?.iceReport ?? { local: [], remote: [], servers: [] };
    const connected = this.#step === 'proof' || this.#peer?.state === 'connected';
    return connected ? { kind: 'no-answer' } : { kind: 'no-path', ice };
  }

  /** This attempt came to nothing; the next one waits. */
  #failed(problem: Problem): void {
    this.#problem = problem;
    this.#dropPeer();
    if (problem.kind === 'no-path') this.#pathFailures += 1;
    if (!this.#everConnected && this.#pathFailures >= MAX_FIRST_PATHS) {
      this.#finish({ name: 'error', problem });
      return;
    }
    const delay = this.#policy.next(this.#attempt, { random: this.#options.random });
    this.#attempt += 1;
    if (delay === 'stop') this.#finish({ name: 'error', problem });
    else this.#retry.in(delay, () => this.#advance(false));
    this.#publish();
  }

  // Bookkeeping.

  #dropPeer(): void {
    this.#deadline.off();
    this.#watch.off();
    const peer = this.#peer;
    this.#peer = undefined;
    this.#media = this.#everConnected ? 'broken' : 'none';
    peer?.close();
  }

  #finish(state: ViewerState): void {
    if (this.#final !== undefined) return;
    if (this.#media === 'live') this.#events.onLost();
    this.#final = state;
    this.#retry.off();
    this.#host.close();
    this.#peer?.say({ type: 'bye' });
    this.#dropPeer();
    void this.#options.signaling.leave();
    this.#events.onState(state);
  }

  #publish(): void {
    if (this.#final !== undefined) return;
    const { state: host, graceEndsAt } = this.#host;
    const state = stateOf({
      signalingUp: this.#signalingUp,
      signalingRetryAt: this.#signalingRetryAt,
      host,
      graceEndsAt,
      media: this.#media,
      step: this.#step,
      session: this.#session,
      everConnected: this.#everConnected,
      problem: this.#problem,
      retryAt: this.#retry.at,
    });
    this.#events.onState(state);
  }
}
