import type {
  AccessRole,
  IceServer,
  IncomingRelay,
  MemberEvent,
  OutgoingRelay,
  ReconnectPolicy,
  SignalingError,
  SignalingState,
  Timers,
  Welcome,
} from '@peerdeck/protocol';
import type { HostSays } from './control-link.ts';
import type { Peer, PeerOptions } from './peer.ts';
import type { SignalingNote, ViewerState } from './viewer-state.ts';

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
