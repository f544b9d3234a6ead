import {
  CLOSE,
  createReconnectPolicy,
  type InputChannel,
  type SessionInfo,
} from '@peerdeck/protocol';
import { Alarm } from './alarm.ts';
import { Attempts } from './attempts.ts';
import type {
  ConnectionEvents,
  ConnectionOptions,
  PeerLike,
  SignalingReport,
} from './connection-options.ts';
import type { HostSays } from './control-link.ts';
import { DEADLINES_MS, PROBE_MS } from './deadlines.ts';
import { HostPulse } from './host-pulse.ts';
import type { PeerEvents } from './peer.ts';
import { pathProblem, problemOfClose, problemOfReject, type Step } from './problems.ts';
import { sessionPeer } from './session-peer.ts';
import { SignalingSide, type Closed, type ToSession } from './signaling-side.ts';
import { stateOf } from './state-of.ts';
import type { Problem, ViewerState } from './viewer-state.ts';

/**
 * The viewer's session from the code to the end. Signaling and media are two lives: losing
 * signaling never touches a picture, and a lost picture is repaired by an ICE restart first and a
 * fresh offer then, as soon as signaling and the host are there. Facts are kept in fields, and
 * what the user sees is derived from them in one place (state-of.ts).
 */
export class ViewerConnection {
  readonly #options: ConnectionOptions;
  readonly #events: ConnectionEvents;
  readonly #attempts: Attempts;
  #final: ViewerState | undefined;
  readonly #signaling: SignalingSide;
  /** Which host was there when the newest offer was made. */
  #offeredTo: string | undefined;
  /** Who answered the session that is there. */
  #answeredBy: string | undefined;
  #peer: PeerLike | undefined;
  #media: 'none' | 'offering' | 'live' | 'broken' | 'restarting' = 'none';
  #step: Step = 'answer';
  #session: SessionInfo | undefined;
  #brokenAt = 0;
  #restartTried = false;
  #everConnected = false;
  #problem: Problem | undefined;
  /** When the next attempt is made. */
  readonly #retry: Alarm;
  /** Until when the present step must be done. */
  readonly #deadline: Alarm;
  readonly #pulse: HostPulse;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#events = options.events;
    this.#attempts = new Attempts(options.policy ?? createReconnectPolicy(), options.random);
    const { signaling, timers, now } = options;
    this.#retry = new Alarm({ timers, now });
    this.#deadline = new Alarm({ timers, now });
    this.#pulse = new HostPulse({
      ...{ timers, now },
      heardAt: () => this.#peer?.heardAt,
      onLook: () => this.#look(),
    });
    this.#signaling = new SignalingSide({
      ...{ signaling, timers, now },
      onNote: (note) => this.#events.onSignalingNote(note),
      onState: () => this.#publish(),
      onClosed: (state) => this.#signalingClosed(state),
      onHost: () => this.#hostChanged(),
      onNoHost: () => this.#noHost(),
      onIceServers: (servers) => this.#peer?.setIceServers(servers),
      onMessage: (message) => this.#received(message),
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

  get #host() {
    return this.#signaling.host;
  }

  /** The user does not want to wait. */
  retryNow(): void {
    if (this.#final !== undefined || this.#media === 'live') return;
    this.#attempts.hurry();
    if (!this.#signaling.connectAgain()) this.#options.signaling.wake();
    if (this.#signaling.isUp && this.#media !== 'offering') this.#advance(true);
  }

  /** The page became visible or the network came back. */
  wake(): void {
    if (this.#final !== undefined) return;
    this.#options.signaling.wake();
    if (this.#media === 'live') this.#look();
    else if (this.#retry.at !== undefined && this.#signaling.isUp) this.#advance(false);
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

  /**
   * Refused while the picture is live: a repair of it would need signaling, so it is tried again
   * now and then. Not where another connection of this viewer has its place, or the host removed it.
   */
  #signalingClosed(state: Closed): void {
    if (this.#media === 'live') {
      if (state.code === CLOSE.replaced || state.code === CLOSE.kicked) return;
      this.#retry.in(PROBE_MS, () => this.#media === 'live' && this.#signaling.connectAgain());
      return;
    }
    const { signalingUrl: url } = this.#options;
    const problem = problemOfClose({ ...state, error: this.#signaling.errorCode, url });
    this.#finish({ name: 'error', problem });
  }

  #received(message: ToSession): void {
    if (message.session !== this.#peer?.session) return;
    if (message.type === 'reject') {
      this.#rejected(message);
      return;
    }
    if (message.type === 'answer') this.#answeredBy = message.from;
    this.#peer.receive(message);
  }

  #hostChanged(): void {
    const { isPresent, id } = this.#host;
    if (isPresent) this.#attempts.hurry();
    if (this.#media === 'live') {
      // The picture is what counts; only its silence is taken more seriously now.
      this.#pulse.suspicious = !isPresent || id !== this.#answeredBy;
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

  #noHost(): void {
    if (this.#media === 'offering') {
      this.#dropPeer();
      this.#hostGone();
    } else if (this.#media === 'restarting') {
      this.#media = 'broken';
      this.#hostGone();
    }
  }

  #rejected(reject: Extract<ToSession, { type: 'reject' }>): void {
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

  /** Does what the facts ask for while there is no live picture. */
  #advance(force: boolean): void {
    if (this.#final !== undefined || this.#media === 'live') return;
    this.#retry.off();
    if (!this.#signaling.isUp) {
      this.#signaling.connectAgain();
    } else if (!this.#host.isPresent && !force) {
      if (this.#everConnected && this.#host.state === 'absent') {
        this.#retry.in(PROBE_MS, () => this.#advance(true));
      }
    } else if (this.#canRestart()) {
      this.#restartTried = true;
      this.#media = 'restarting';
      this.#deadline.in(DEADLINES_MS.restart, () => this.#offer());
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
    this.#media = 'offering';
    this.#step = 'answer';
    this.#offeredTo = this.#host.isPresent ? this.#host.id : undefined;
    let peer: PeerLike;
    try {
      peer = sessionPeer(this.#options, {
        iceServers: this.#signaling.iceServers,
        events: this.#peerEvents,
        isCurrent: (one) => this.#final === undefined && one === this.#peer,
      });
    } catch {
      this.#finish({ name: 'error', problem: { kind: 'no-webrtc' } });
      return;
    }
    this.#peer = peer;
    this.#deadline.in(DEADLINES_MS.answer, () => this.#failed({ kind: 'no-answer' }));
    peer.start();
    this.#publish();
  }

  get #peerEvents(): PeerEvents {
    return {
      onTrack: this.#events.onTrack,
      onAnswered: () => this.#reached('path'),
      onTrusted: () => this.#reached('proof'),
      onMessage: (message) => this.#hostSays(message),
      onRoundTrip: (ms) => {
        this.#events.onRoundTrip(ms);
        this.#look();
      },
      onState: (state) => this.#peerState(state),
      onControlClosed: () => this.#lost('gone'),
      onUntrusted: (reason) => {
        this.#refused({ kind: reason === 'wrong-host' ? 'wrong-host' : 'wrong-code' });
      },
      onFault: (detail) => this.#failed({ kind: 'host-error', detail }),
    };
  }

  #reached(step: 'path' | 'proof'): void {
    if (this.#media !== 'offering') return;
    this.#step = step;
    this.#deadline.in(DEADLINES_MS[step], () => this.#failed(pathProblem(this.#peer, this.#step)));
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
    this.#pulse.suspicious = !this.#host.isPresent || this.#host.id !== this.#answeredBy;
    this.#restartTried = false;
    this.#attempts.succeeded();
    this.#problem = undefined;
    this.#pulse.watch();
    this.#publish();
  }

  #peerState(state: RTCPeerConnectionState): void {
    if (state === 'failed') {
      if (this.#media === 'live') this.#lost('path');
      else if (this.#media === 'restarting') this.#offer();
      else if (this.#media === 'offering') this.#failed(pathProblem(this.#peer, this.#step));
    } else if (state === 'disconnected') {
      this.#pulse.suspicious = true;
    } else if (state === 'connected' && this.#host.id === this.#answeredBy) {
      this.#pulse.suspicious = !this.#host.isPresent;
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
    if (this.#media === 'live') {
      if (this.#pulse.isSilent) this.#lost('path');
    } else if (this.#media === 'broken' || this.#media === 'restarting') {
      if ((this.#peer?.heardAt ?? 0) > this.#brokenAt) this.#nowLive();
    }
  }

  /** This attempt came to nothing; the next one waits. */
  #failed(problem: Problem): void {
    this.#problem = problem;
    this.#dropPeer();
    const delay = this.#attempts.after(problem, this.#everConnected);
    if (delay === 'stop') this.#finish({ name: 'error', problem });
    else this.#retry.in(delay, () => this.#advance(false));
    this.#publish();
  }

  #dropPeer(): void {
    this.#deadline.off();
    this.#pulse.stop();
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
    this.#signaling.close();
    this.#peer?.say({ type: 'bye' });
    this.#dropPeer();
    void this.#options.signaling.leave();
    this.#events.onState(state);
  }

  #publish(): void {
    if (this.#final !== undefined) return;
    const { state: host, graceEndsAt } = this.#host;
    const state = stateOf({
      signalingUp: this.#signaling.isUp,
      signalingRetryAt: this.#signaling.retryAt,
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
