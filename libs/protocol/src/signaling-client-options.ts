import { toBase64Url } from './bytes.ts';
import type { LossCause } from './comeback.ts';
import { signHostSlot, type HostKey } from './host-key.ts';
import type { ReconnectPolicy } from './reconnect-policy.ts';
import type {
  IceServer,
  IncomingRelay,
  Join,
  MemberEvent,
  PeerRole,
  Welcome,
} from './signaling-messages.ts';
import type { SocketConstructor, Timers } from './web-socket.ts';

/* What goes into a SignalingClient and what comes out of it. */

export type SignalingState =
  | { readonly state: 'idle' }
  | { readonly state: 'connecting'; readonly attempt: number }
  | { readonly state: 'joined' }
  | {
      readonly state: 'reconnecting';
      readonly inMs: number;
      readonly attempt: number;
      readonly reason: string;
      readonly code: number;
      readonly cause: LossCause;
    }
  /** It does not come back by itself. `final`: coming back would end the same way. */
  | {
      readonly state: 'closed';
      readonly code: number;
      readonly reason: string;
      readonly final: boolean;
    };

/** From the server's `error`, or found here (`local`). Not fatal ones change no state. */
export interface SignalingError {
  readonly code: string;
  readonly message: string;
  readonly field?: string | undefined;
  readonly fatal: boolean;
  readonly local: boolean;
}

export interface SignalingEvents {
  state: SignalingState;
  /** Relays and presence, in the order of the server. */
  message: IncomingRelay | MemberEvent;
  /** After each join; `resumed` says whether the server still knew this member. */
  welcome: Welcome;
  /** Others than those of the welcome, or with newer credentials, from now on. */
  iceServers: readonly IceServer[];
  error: SignalingError;
}

export interface SignalingClientOptions {
  /** ws:// or wss://, used as it is. */
  readonly url: string;
  readonly room: string;
  readonly role: PeerRole;
  readonly WebSocket: SocketConstructor;
  readonly name?: string;
  /**
   * The operator's JWT, where the service wants one. A function is asked before each try, so that
   * a token may be renewed: then its end is no final one, and the client comes back.
   */
  readonly token?: string | (() => string | undefined);
  /** A host's key: the client waits for `hello` and signs the slot. */
  readonly hostKey?: HostKey;
  readonly maxViewers?: number;
  /** 32 hex digits; by default random. All connections of this client are one trace. */
  readonly trace?: string;
  /** `resumeToken` of an earlier client: a page that was reloaded keeps its place. */
  readonly resume?: string;
  readonly policy?: ReconnectPolicy;
  readonly timers?: Timers;
  readonly random?: () => number;
  /** Monotonic milliseconds. */
  readonly now?: () => number;
  /** From opening the socket to `welcome`. */
  readonly joinTimeoutMs?: number;
  /** Relays kept while there is no connection; OutgoingQueue has the policy. */
  readonly maxQueued?: number;
  /** Bytes that the socket may hold back before relays are dropped. */
  readonly maxBufferedBytes?: number;
}

/** How `send` took a message. */
export type SendResult = 'sent' | 'queued' | 'dropped';

/** `challenge`: of the server's hello; a host signs it. */
export function joinMessage(
  options: SignalingClientOptions,
  now: {
    readonly trace: string;
    readonly resume: string | undefined;
    readonly challenge: string | undefined;
  },
): Join {
  const { room, role, name, hostKey, maxViewers } = options;
  const { trace, resume, challenge } = now;
  const token = typeof options.token === 'function' ? options.token() : options.token;
  return {
    type: 'join',
    room,
    role,
    trace,
    ...(name === undefined ? {} : { name }),
    ...(token === undefined ? {} : { token }),
    ...(maxViewers === undefined ? {} : { maxViewers }),
    ...(resume === undefined ? {} : { resume }),
    ...(hostKey === undefined || challenge === undefined
      ? {}
      : {
          hostKey: toBase64Url(hostKey.publicKey),
          hostSignature: signHostSlot(challenge, room, hostKey),
        }),
  };
}
