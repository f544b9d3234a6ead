import type {
  IceServer,
  IncomingRelay,
  MemberEvent,
  SignalingError,
  SignalingState,
  Timers,
  Welcome,
} from '@peerdeck/protocol';
import type { Signaling } from './connection-options.ts';
import { HostPresence } from './host-presence.ts';
import type { SignalingNote } from './viewer-state.ts';

export type Closed = Extract<SignalingState, { state: 'closed' }>;
/** What a host says to one session by way of signaling. */
export type ToSession = Extract<IncomingRelay, { type: 'answer' | 'candidate' | 'reject' }>;

export interface SignalingSideOptions {
  readonly signaling: Signaling;
  readonly timers: Timers;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  readonly onNote: (note: SignalingNote) => void;
  /** It is there, or away, or about to be tried again. */
  readonly onState: () => void;
  /** The service does not want this viewer. */
  readonly onClosed: (state: Closed) => void;
  readonly onHost: () => void;
  /** An offer found no host. */
  readonly onNoHost: () => void;
  readonly onIceServers: (servers: readonly IceServer[]) => void;
  readonly onMessage: (message: ToSession) => void;
}

/** What a viewer knows by signaling: whether it is there, and the host, and by which servers to reach it. */
export class SignalingSide {
  readonly host: HostPresence;
  readonly #options: SignalingSideOptions;
  #isUp = false;
  #retryAt: number | undefined;
  #error: SignalingError | undefined;
  #iceServers: readonly IceServer[] = [];
  #ended = false;

  constructor(options: SignalingSideOptions) {
    this.#options = options;
    const { signaling, timers, now } = options;
    this.host = new HostPresence({ timers, now, onExpired: () => options.onHost() });
    signaling.on('state', (state) => this.#unlessEnded(() => this.#state(state)));
    signaling.on('welcome', (welcome) => this.#unlessEnded(() => this.#welcomed(welcome)));
    signaling.on('message', (message) => this.#unlessEnded(() => this.#received(message)));
    signaling.on('iceServers', (servers) => this.#useIceServers(servers));
    signaling.on('error', (error) => this.#unlessEnded(() => this.#fault(error)));
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  /** When it is tried again; undefined: it is there, or not waited for. */
  get retryAt(): number | undefined {
    return this.#retryAt;
  }

  /** The code of its last fatal error. */
  get errorCode(): string | undefined {
    return this.#error?.code;
  }

  /** With credentials that have not ended; for what is done next, not for what stands. */
  get iceServers(): readonly IceServer[] {
    return this.#iceServers;
  }

  /** Where the service has closed, tries it again; false: it has not. */
  connectAgain(): boolean {
    const { signaling } = this.#options;
    if (signaling.state.state !== 'closed') return false;
    signaling.connect();
    return true;
  }

  /** Hears of nothing any more. Idempotent. */
  close(): void {
    this.#ended = true;
    this.host.close();
  }

  #unlessEnded(handle: () => void): void {
    if (!this.#ended) handle();
  }

  #state(state: SignalingState): void {
    const { now, onNote, onState, onClosed } = this.#options;
    this.#isUp = state.state === 'joined';
    this.#retryAt = undefined;
    switch (state.state) {
      case 'joined':
        this.#error = undefined;
        onNote('fine');
        break;
      case 'reconnecting':
        this.#retryAt = now() + state.inMs;
        onNote('lost');
        break;
      case 'closed':
        onNote('gone');
        onClosed(state);
        return;
      default:
        break;
    }
    onState();
  }

  #welcomed(welcome: Welcome): void {
    this.#isUp = true;
    this.#useIceServers(welcome.iceServers);
    const host = welcome.members.find((member) => member.role === 'host');
    if (host === undefined) this.host.absent();
    else if (host.state === 'connected') this.host.present(host.peerId);
    else this.host.detached(host.peerId, welcome.detachMs);
    this.#options.onHost();
  }

  #useIceServers(servers: readonly IceServer[]): void {
    this.#iceServers = servers;
    this.#options.onIceServers(servers);
  }

  #received(message: IncomingRelay | MemberEvent): void {
    switch (message.type) {
      case 'member-joined':
      case 'member-resumed':
      case 'member-detached':
      case 'member-left':
        if (message.role === 'host') this.#hostMember(message);
        return;
      case 'answer':
      case 'candidate':
      case 'reject':
        this.#options.onMessage(message);
        return;
      default:
        return;
    }
  }

  #hostMember(message: MemberEvent): void {
    if (message.type === 'member-left') {
      // A host that was replaced is announced by its successor, in either order.
      if (message.peerId !== this.host.id) return;
      // Whoever says so is not the host: its own word comes over the control channel ('ended').
      this.host.absent();
    } else if (message.type === 'member-detached') {
      this.host.detached(message.peerId, message.graceMs);
    } else {
      this.host.present(message.peerId);
    }
    this.#options.onHost();
  }

  #fault(error: SignalingError): void {
    if (error.fatal) this.#error = error;
    if (error.code === 'no-host') this.#options.onNoHost();
  }
}
