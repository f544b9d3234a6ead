import {
  DATA_CHANNELS,
  type AuthFailure,
  type IceServer,
  type IncomingRelay,
  type InputChannel,
  type OutgoingRelay,
  type Timers,
  type ViewerAuth,
} from '@peerdeck/protocol';
import { ControlLink, type HostSays } from './control-link.ts';
import { IceTally, type IceReport } from './ice-report.ts';

/** Candidates of the host that come before its answer was verified; more are dropped. */
const MAX_EARLY_CANDIDATES = 64;
const PING_MS = 1000;
/** Above this the newest position waits instead of joining a queue of old ones. */
const MAX_POINTER_BUFFER = 2048;
/** Ordered input that the path does not take: far beyond what hands produce, so the path is dead. */
const MAX_INPUT_BUFFER = 256 * 1024;

export interface PeerEvents {
  /** A verified host's picture or sound. */
  readonly onTrack: (track: MediaStreamTrack, receiver: RTCRtpReceiver) => void;
  /** The answer was verified and applied; ICE and DTLS go on. */
  readonly onAnswered: () => void;
  /** The host has proved itself on the control channel. */
  readonly onTrusted: () => void;
  readonly onMessage: (message: HostSays) => void;
  readonly onRoundTrip: (ms: number) => void;
  readonly onState: (state: RTCPeerConnectionState) => void;
  /** The host closed the control channel. */
  readonly onControlClosed: () => void;
  /** The answer or the host's proof is not right. Close this peer. */
  readonly onUntrusted: (reason: AuthFailure | 'proof') => void;
  /** The browser refused something; the text is for a technician. */
  readonly onFault: (detail: string) => void;
}

export interface PeerOptions {
  readonly session: string;
  readonly auth: ViewerAuth;
  readonly iceServers: readonly IceServer[];
  readonly send: (message: OutgoingRelay) => void;
  readonly events: PeerEvents;
  readonly timers: Timers;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

/**
 * One session with the host: an RTCPeerConnection that offers to receive, three negotiated data
 * channels, trickled candidates both ways, and an authenticated answer. Made for one attempt;
 * ICE restarts keep it, anything worse takes a new one. `close()` is idempotent, and no event
 * comes after it.
 */
export class Peer {
  readonly #options: PeerOptions;
  readonly #connection: RTCPeerConnection;
  readonly #control: ControlLink;
  readonly #controlChannel: RTCDataChannel;
  readonly #inputChannel: RTCDataChannel;
  readonly #pointerChannel: RTCDataChannel;
  readonly #tally: IceTally;
  #early: RTCIceCandidateInit[] = [];
  #unsent: RTCIceCandidate[] = [];
  #answered = false;
  #offerSent = false;
  #latestPosition: Uint8Array<ArrayBuffer> | undefined;
  #pingTimer: unknown;
  #closed = false;

  constructor(options: PeerOptions) {
    this.#options = options;
    this.#tally = new IceTally(options.iceServers);
    const connection = new RTCPeerConnection(configuration(options.iceServers));
    this.#connection = connection;
    // Sound gets a transceiver of its own beside this one, and a MediaStream of its own.
    connection.addTransceiver('video', { direction: 'recvonly' });
    const { control, input, pointer } = DATA_CHANNELS;
    this.#controlChannel = this.#channel('control', control.id, {});
    this.#inputChannel = this.#channel('input', input.id, {});
    this.#pointerChannel = this.#channel('pointer', pointer.id, {
      ordered: false,
      maxRetransmits: 0,
    });
    this.#control = new ControlLink({
      channel: this.#controlChannel,
      proof: options.auth,
      now: options.now,
      onReady: () => {
        this.#schedulePing();
        options.events.onTrusted();
      },
      onMessage: options.events.onMessage,
      onUntrusted: () => {
        options.events.onUntrusted('proof');
      },
      onRoundTrip: options.events.onRoundTrip,
    });
    this.#listen();
  }

  get session(): string {
    return this.#options.session;
  }

  get state(): RTCPeerConnectionState {
    return this.#connection.connectionState;
  }

  /** When the host was last heard on the control channel. */
  get heardAt(): number {
    return this.#control.heardAt;
  }

  get iceReport(): IceReport {
    return this.#tally.report();
  }

  /** Offers a new session. */
  start(): void {
    void this.#offer({});
  }

  /** For the next ICE restart: the way that is in use stays (RFC 8829, 4.1.18). */
  setIceServers(servers: readonly IceServer[]): void {
    if (this.#closed) return;
    try {
      this.#connection.setConfiguration(configuration(servers));
      this.#tally.useServers(servers);
    } catch {
      // What the browser refuses changes nothing: a picture never ends over it.
    }
  }

  /** Looks for another way between the same two; picture and channels go on if there is one. */
  restartIce(): void {
    void this.#offer({ iceRestart: true });
  }

  /** A relayed message of this session. */
  receive(message: IncomingRelay): void {
    if (this.#closed) return;
    if (message.type === 'answer') void this.#answer(message);
    else if (message.type === 'candidate') this.#candidate(message);
  }

  say(message: Parameters<ControlLink['send']>[0]): void {
    this.#control.send(message);
  }

  /**
   * Input is taken only while the host is trusted. Policy: positions, newest wins; all else is
   * kept in order by the browser.
   */
  sendInput(channel: InputChannel, message: Uint8Array<ArrayBuffer>): void {
    if (!this.#control.trusted || this.#closed) return;
    if (channel === 'input') {
      const { readyState, bufferedAmount } = this.#inputChannel;
      if (readyState === 'open' && bufferedAmount < MAX_INPUT_BUFFER) {
        this.#inputChannel.send(message);
      }
      return;
    }
    this.#latestPosition = message;
    this.#sendPosition();
  }

  async stats(): Promise<RTCStatsReport | undefined> {
    return this.#closed ? undefined : this.#connection.getStats();
  }

  /** Says goodbye as well as it can. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#options.timers.clear(this.#pingTimer);
    this.#control.close();
    this.#connection.close();
    this.#early = [];
    this.#unsent = [];
  }

  #channel(label: string, id: number, how: RTCDataChannelInit): RTCDataChannel {
    const channel = this.#connection.createDataChannel(label, { ...how, negotiated: true, id });
    channel.binaryType = 'arraybuffer';
    return channel;
  }

  #listen(): void {
    const { events } = this.#options;
    const connection = this.#connection;
    connection.onconnectionstatechange = this.#alive(() => {
      events.onState(connection.connectionState);
    });
    connection.onicecandidate = this.#alive(({ candidate }: RTCPeerConnectionIceEvent) => {
      if (candidate === null) return;
      this.#tally.add('local', candidate.candidate);
      if (this.#offerSent) this.#sendCandidate(candidate);
      else this.#unsent.push(candidate);
    });
    connection.ontrack = this.#alive(({ track, receiver }: RTCTrackEvent) => {
      events.onTrack(track, receiver);
    });
    this.#controlChannel.onopen = this.#alive(() => {
      this.#control.opened();
    });
    this.#controlChannel.onmessage = this.#alive(({ data }: MessageEvent<unknown>) => {
      this.#control.received(data);
    });
    this.#controlChannel.onclose = this.#alive(() => {
      events.onControlClosed();
    });
    this.#pointerChannel.bufferedAmountLowThreshold = MAX_POINTER_BUFFER / 2;
    this.#pointerChannel.onbufferedamountlow = this.#alive(() => {
      this.#sendPosition();
    });
  }

  #alive<Event>(handle: (event: Event) => void): (event: Event) => void {
    return (event) => {
      if (!this.#closed) handle(event);
    };
  }

  async #offer(how: RTCOfferOptions): Promise<void> {
    const { auth, session, send } = this.#options;
    try {
      const { sdp = '' } = await this.#connection.createOffer(how);
      if (this.#closed) return;
      this.#offerSent = false;
      this.#answered = false;
      await this.#connection.setLocalDescription({ type: 'offer', sdp });
      if (this.#closed) return;
      send({ type: 'offer', session, sdp, auth: auth.makeOffer(sdp) });
      this.#offerSent = true;
      for (const candidate of this.#unsent.splice(0)) this.#sendCandidate(candidate);
    } catch (error) {
      this.#fault(error);
    }
  }

  async #answer(answer: Extract<IncomingRelay, { type: 'answer' }>): Promise<void> {
    const { auth, events } = this.#options;
    const verified = auth.verifyAnswer(answer.sdp, answer.auth);
    if (!verified.ok) {
      // A late answer to an offer that a newer one replaced is no attack.
      if (verified.reason !== 'unexpected' && verified.reason !== 'wrong-counter') {
        events.onUntrusted(verified.reason);
      }
      return;
    }
    try {
      await this.#connection.setRemoteDescription({ type: 'answer', sdp: answer.sdp });
      if (this.#closed) return;
      this.#answered = true;
      for (const line of answer.sdp.split(/\r?\n/)) {
        if (line.startsWith('a=candidate:')) this.#tally.add('remote', line);
      }
      for (const early of this.#early.splice(0)) this.#addCandidate(early);
      events.onAnswered();
    } catch (error) {
      this.#fault(error);
    }
  }

  #candidate(message: Extract<IncomingRelay, { type: 'candidate' }>): void {
    this.#tally.add('remote', message.candidate);
    const candidate: RTCIceCandidateInit = {
      candidate: message.candidate,
      ...(message.sdpMid === undefined ? {} : { sdpMid: message.sdpMid }),
      ...(message.sdpMLineIndex === undefined ? {} : { sdpMLineIndex: message.sdpMLineIndex }),
      ...(message.usernameFragment === undefined
        ? {}
        : { usernameFragment: message.usernameFragment }),
    };
    if (this.#answered) this.#addCandidate(candidate);
    else if (this.#early.length < MAX_EARLY_CANDIDATES) this.#early.push(candidate);
  }

  #addCandidate(candidate: RTCIceCandidateInit): void {
    // One that can't be used (another generation, an unknown protocol) leaves the others.
    this.#connection.addIceCandidate(candidate).catch(() => undefined);
  }

  #sendCandidate(candidate: RTCIceCandidate): void {
    this.#options.send({
      type: 'candidate',
      session: this.#options.session,
      candidate: candidate.candidate,
      sdpMid: candidate.sdpMid,
      sdpMLineIndex: candidate.sdpMLineIndex,
      usernameFragment: candidate.usernameFragment,
    });
  }

  #sendPosition(): void {
    const channel = this.#pointerChannel;
    const message = this.#latestPosition;
    if (message === undefined || channel.readyState !== 'open') return;
    if (channel.bufferedAmount > MAX_POINTER_BUFFER) return;
    this.#latestPosition = undefined;
    channel.send(message);
  }

  #schedulePing(): void {
    this.#control.ping();
    this.#pingTimer = this.#options.timers.set(() => {
      this.#schedulePing();
    }, PING_MS);
  }

  #fault(error: unknown): void {
    if (this.#closed) return;
    this.#options.events.onFault(error instanceof Error ? error.message : String(error));
  }
}

function configuration(servers: readonly IceServer[]): RTCConfiguration {
  return {
    iceServers: servers.map(({ urls, username, credential }) => ({
      urls,
      ...(username === undefined ? {} : { username }),
      ...(credential === undefined ? {} : { credential }),
    })),
    bundlePolicy: 'max-bundle',
  };
}
