import {
  CLOSE,
  CLOSE_CODES,
  isFinalClose,
  type CloseCode,
  type CloseCodeInfo,
} from './close-codes.ts';
import type { PeerRole } from './signaling-messages.ts';

/**
 * The codes of `error` (signaling and control channel) and `reject` (host → viewer).
 * docs/protocol.md holds the same table; a test compares them.
 */
export interface ErrorCodeInfo {
  /** Where it is used: the signaling server's `error`, the host's `reject`, the control channel's `error`. */
  readonly planes: readonly ErrorPlane[];
  readonly meaning: string;
  /** On the signaling plane: the connection closes with `closeCode`. */
  readonly fatal: boolean;
  /** The same request of a viewer may work later without a change; for hosts, `isFinalError`. */
  readonly retryable: boolean;
  readonly closeCode?: CloseCode;
}
export type ErrorPlane = 'signaling' | 'reject' | 'control';

const signaling = ['signaling'] as const;
const reject = ['reject'] as const;

export const ERROR_CODES = {
  // A message that can't be handled; the connection stays.
  malformed: {
    planes: ['signaling', 'control'],
    meaning: 'not a JSON object, nested too deeply, or with a key that reaches a prototype',
    fatal: false,
    retryable: false,
  },
  'unknown-type': {
    planes: ['signaling', 'control'],
    meaning: '`type` is not one that this side reads',
    fatal: false,
    retryable: false,
  },
  'invalid-message': {
    planes: ['signaling', 'control'],
    meaning: 'a field is missing or out of its bounds; `field` names it',
    fatal: false,
    retryable: false,
  },
  'too-large': {
    planes: ['signaling', 'control'],
    meaning: 'a field or the message is over its size limit',
    fatal: false,
    retryable: false,
  },
  'not-joined': {
    planes: signaling,
    meaning: 'a message before `join`',
    fatal: false,
    retryable: false,
  },
  'already-joined': {
    planes: signaling,
    meaning: 'a second `join` on one connection',
    fatal: false,
    retryable: false,
  },
  'not-allowed': {
    planes: signaling,
    meaning: 'this role may not send this message',
    fatal: false,
    retryable: false,
  },
  'no-host': {
    planes: signaling,
    meaning: 'no host is in the room now',
    fatal: false,
    retryable: true,
  },
  'unknown-peer': {
    planes: signaling,
    meaning: '`to` names nobody in the room',
    fatal: false,
    retryable: false,
  },
  'to-required': {
    planes: signaling,
    meaning: 'a host with several viewers, or none, must name one in `to`',
    fatal: false,
    retryable: false,
  },

  // The connection ends.
  unauthorized: {
    planes: signaling,
    meaning: 'no token, or one that is not valid (any more)',
    fatal: true,
    retryable: false,
    closeCode: CLOSE.unauthorized,
  },
  forbidden: {
    planes: signaling,
    meaning: 'the token does not allow this room or role',
    fatal: true,
    retryable: false,
    closeCode: CLOSE.forbidden,
  },
  'rate-limited': {
    planes: ['signaling', 'reject', 'control'],
    meaning: 'too many messages, connections or rooms tried; with `fatal` the connection ends',
    fatal: false,
    retryable: true,
    closeCode: CLOSE.rateLimited,
  },
  'room-full': {
    planes: signaling,
    meaning: 'no place left in the room',
    fatal: true,
    retryable: false,
    closeCode: CLOSE.roomFull,
  },
  replaced: {
    planes: signaling,
    meaning: 'a newer connection of the same member took its place',
    fatal: true,
    retryable: false,
    closeCode: CLOSE.replaced,
  },
  'host-slot-taken': {
    planes: signaling,
    meaning: 'the room has another host, or the signature for its slot is not valid',
    fatal: true,
    retryable: false,
    closeCode: CLOSE.hostSlotTaken,
  },
  'heartbeat-timeout': {
    planes: signaling,
    meaning: 'no sign of life for too long',
    fatal: true,
    retryable: true,
    closeCode: CLOSE.heartbeatTimeout,
  },
  'protocol-error': {
    planes: signaling,
    meaning: 'too many messages that break the rules',
    fatal: true,
    retryable: false,
    closeCode: CLOSE.protocolError,
  },
  'join-timeout': {
    planes: signaling,
    meaning: 'no `join` in time',
    fatal: true,
    retryable: true,
    closeCode: CLOSE.joinTimeout,
  },
  'slow-consumer': {
    planes: signaling,
    meaning: 'the receiver did not keep up with what it was sent',
    fatal: true,
    retryable: true,
    closeCode: CLOSE.slowConsumer,
  },
  kicked: {
    planes: signaling,
    meaning: 'removed from the room',
    fatal: true,
    retryable: false,
    closeCode: CLOSE.kicked,
  },
  'wrong-room-kind': {
    planes: signaling,
    meaning: 'the room is used with the other version of the protocol',
    fatal: true,
    retryable: false,
    closeCode: CLOSE.wrongRoomKind,
  },
  draining: {
    planes: signaling,
    meaning: 'this node goes away; another one answers',
    fatal: true,
    retryable: true,
    closeCode: CLOSE.draining,
  },
  unavailable: {
    planes: signaling,
    meaning: 'overloaded or without its backend',
    fatal: true,
    retryable: true,
    closeCode: CLOSE.unavailable,
  },
  internal: {
    planes: ['signaling', 'reject', 'control'],
    meaning: 'a fault on the side that says it',
    fatal: true,
    retryable: true,
    closeCode: CLOSE.internal,
  },

  // The host refuses a viewer.
  'host-full': {
    planes: reject,
    meaning: 'the host serves as many viewers as it will',
    fatal: true,
    retryable: true,
  },
  'not-authenticated': {
    planes: ['reject', 'control'],
    meaning: 'no MAC, a wrong one, or a replayed one: the code is not (or no longer) right',
    fatal: true,
    retryable: false,
  },
  'no-common-codec': {
    planes: reject,
    meaning: 'the offer has no video codec that the host can send',
    fatal: true,
    retryable: false,
  },
  'bad-sdp': {
    planes: reject,
    meaning: 'the offer could not be used',
    fatal: true,
    retryable: false,
  },
  declined: {
    planes: reject,
    meaning: 'the owner said no',
    fatal: true,
    retryable: false,
  },
  'host-closing': {
    planes: reject,
    meaning: 'the host is going away',
    fatal: true,
    retryable: false,
  },

  // The control channel.
  'not-permitted': {
    planes: ['control'],
    meaning: 'the role or the owner does not allow it',
    fatal: false,
    retryable: false,
  },
} as const satisfies Record<string, ErrorCodeInfo>;

export type ErrorCode = keyof typeof ERROR_CODES;
type CodesOf<P extends ErrorPlane> = {
  [C in ErrorCode]: P extends (typeof ERROR_CODES)[C]['planes'][number] ? C : never;
}[ErrorCode];
export type SignalingErrorCode = CodesOf<'signaling'>;
export type RejectCode = CodesOf<'reject'>;
export type ControlErrorCode = CodesOf<'control'>;

/** The entry of `code`, or undefined for one that this version does not know. */
export function errorCodeInfo(code: string): ErrorCodeInfo | undefined {
  return Object.hasOwn(ERROR_CODES, code) ? ERROR_CODES[code as ErrorCode] : undefined;
}

/**
 * Whether coming back after the server's fatal `error` with this code would end the same way for
 * this role. Unknown codes: no.
 */
export function isFinalError(code: string, role: PeerRole): boolean {
  const info = errorCodeInfo(code);
  if (info === undefined) return false;
  return info.closeCode === undefined ? !info.retryable : isFinalClose(info.closeCode, role);
}

/** The two tables of docs/protocol.md as Markdown, in the order of the code. */
export function codeTablesMarkdown(): { errors: string; closes: string } {
  const yes = (value: boolean) => (value ? 'yes' : 'no');
  const errors = Object.entries<ErrorCodeInfo>(ERROR_CODES).map(
    ([code, info]) =>
      `| \`${code}\` | ${info.planes.join(', ')} | ${info.meaning} | ${yes(info.fatal)} | ` +
      `${yes(info.retryable)} | ${info.closeCode ?? ''} |`,
  );
  const closes = Object.entries<CloseCodeInfo>(CLOSE_CODES).map(
    ([code, { name, meaning, final }]) =>
      `| ${code} | \`${name}\` | ${meaning} | ${yes(!final.includes('viewer'))} | ` +
      `${yes(!final.includes('host'))} |`,
  );
  return {
    errors: [
      '| code | used in | meaning | fatal | retryable | close code |',
      '| --- | --- | --- | --- | --- | --- |',
      ...errors,
    ].join('\n'),
    closes: [
      '| close code | name | meaning | viewers retry | hosts retry |',
      '| --- | --- | --- | --- | --- |',
      ...closes,
    ].join('\n'),
  };
}
