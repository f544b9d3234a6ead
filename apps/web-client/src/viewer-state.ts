import type { AccessRole, EndedReason, SessionInfo } from '@peerdeck/protocol';
import type { IceReport } from './ice-report.ts';

/** What stands in the way and what the user can do about it; ui/messages.ts has the words. */
export type Problem =
  /** The answer's MAC is wrong or missing, or the host refused ours. */
  | { readonly kind: 'wrong-code' }
  /** The answer is not signed by the host that the link names. */
  | { readonly kind: 'wrong-host' }
  | { readonly kind: 'room-full' }
  | { readonly kind: 'host-full' }
  | { readonly kind: 'no-codec' }
  | { readonly kind: 'declined' }
  /** Another connection of this viewer took its place. */
  | { readonly kind: 'replaced' }
  | { readonly kind: 'kicked' }
  /** The service wants a token, or one that allows this room. */
  | { readonly kind: 'unauthorized'; readonly detail: string }
  /** An https page may not open ws://. */
  | { readonly kind: 'mixed-content'; readonly url: string }
  | { readonly kind: 'signaling'; readonly url: string; readonly detail: string }
  | { readonly kind: 'no-answer' }
  | { readonly kind: 'no-path'; readonly ice: IceReport }
  | { readonly kind: 'no-webrtc' }
  | { readonly kind: 'host-error'; readonly detail: string };

/** What is being waited for on the way to the first picture. */
export type ConnectingStep = 'signaling' | 'answer' | 'path' | 'proof';

/** What is done about a lost session. */
export type RecoveryStep =
  /** The old path is repaired; the session goes on if that works. */
  | 'restart-ice'
  /** A new session is being made. */
  | 'offer'
  /** The host lost its connection and may come back. */
  | 'host-lost'
  /** Its grace period is over; it is still looked for, less often. */
  | 'host-gone'
  | 'signaling'
  /** The next try waits for its time. */
  | 'pause';

/** Times are on the clock of the connection (monotonic milliseconds). */
export type ViewerState =
  | { readonly name: 'idle' }
  | {
      readonly name: 'connecting';
      readonly step: ConnectingStep;
      /** Why an earlier try failed. */
      readonly problem?: Problem;
      /** When the next try starts, if none is under way. */
      readonly retryAt?: number;
    }
  /** In the room, and no host is there. */
  | { readonly name: 'waiting' }
  | { readonly name: 'connected'; readonly session: SessionInfo }
  | {
      readonly name: 'reconnecting';
      readonly step: RecoveryStep;
      readonly problem?: Problem;
      readonly retryAt?: number;
      /** Until when the host's place is kept. */
      readonly graceEndsAt?: number;
    }
  | { readonly name: 'ended'; readonly reason: EndedReason | 'left' }
  | { readonly name: 'error'; readonly problem: Problem };

/** Whether signaling is there while the picture is. */
export type SignalingNote = 'fine' | 'lost' | 'gone';

/** The role that the code gives, and later the one that the host gave. */
export function roleOf(state: ViewerState, codeRole: AccessRole): AccessRole {
  return state.name === 'connected' ? state.session.role : codeRole;
}
