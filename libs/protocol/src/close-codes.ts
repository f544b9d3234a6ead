import type { PeerRole } from './signaling-messages.ts';

/**
 * WebSocket close codes (RFC 6455, 7.4): what each means here and for whom it is final.
 * docs/protocol.md holds the same table; a test compares them.
 */
export interface CloseCodeInfo {
  readonly name: string;
  readonly meaning: string;
  /** For whom coming back would end the same way. */
  readonly final: readonly PeerRole[];
}

const nobody = [] as const;
/** A viewer stops until its user wishes otherwise; a host comes back, for it serves others. */
const viewers = ['viewer'] as const;
/**
 * Wrong configuration or token, by the host's owner alone: strangers can bring none of these
 * about. A host says so and asks again at long intervals; its live sessions go on.
 */
const everybody = ['viewer', 'host'] as const;

export const CLOSE_CODES = {
  1000: { name: 'normal', meaning: 'left on purpose', final: viewers },
  1001: { name: 'going-away', meaning: 'the page or the process ends', final: nobody },
  1002: { name: 'websocket-error', meaning: 'broken WebSocket framing', final: nobody },
  1003: { name: 'binary-frame', meaning: 'a binary frame where text is spoken', final: viewers },
  1005: { name: 'no-code', meaning: 'closed without a code', final: nobody },
  1006: { name: 'abnormal', meaning: 'the connection was lost', final: nobody },
  1007: { name: 'bad-utf8', meaning: 'text that is not UTF-8', final: viewers },
  1008: {
    name: 'policy',
    meaning: 'refused at the door: malformed URL, origin, subprotocol, plain http, no permission',
    final: everybody,
  },
  1009: { name: 'message-too-large', meaning: 'a frame over the size limit', final: viewers },
  1011: { name: 'internal', meaning: 'a fault in the server', final: nobody },
  1012: { name: 'draining', meaning: 'this node goes away; another one answers', final: nobody },
  1013: { name: 'unavailable', meaning: 'overloaded or without its backend', final: nobody },
  1015: { name: 'tls', meaning: 'the TLS handshake failed', final: nobody },
  4000: {
    name: 'reconnecting',
    meaning: 'the client drops a connection that it will resume: not a leave',
    final: nobody,
  },
  4001: { name: 'unauthorized', meaning: 'no valid token', final: everybody },
  4003: {
    name: 'forbidden',
    meaning: 'the token does not allow this room or role',
    final: everybody,
  },
  4008: {
    name: 'rate-limited',
    meaning: 'too many messages, connections or rooms tried',
    final: nobody,
  },
  4009: { name: 'room-full', meaning: 'no place left in the room', final: viewers },
  4010: {
    name: 'replaced',
    meaning: 'a newer connection of the same member took its place',
    final: everybody,
  },
  4011: { name: 'host-slot-taken', meaning: 'the room has another host', final: viewers },
  4012: { name: 'heartbeat-timeout', meaning: 'no sign of life for too long', final: nobody },
  4013: {
    name: 'protocol-error',
    meaning: 'too many messages that break the rules',
    final: viewers,
  },
  4014: { name: 'join-timeout', meaning: 'no join in time', final: nobody },
  4015: { name: 'slow-consumer', meaning: 'the receiver did not keep up', final: nobody },
  4016: { name: 'kicked', meaning: 'removed from the room', final: viewers },
  4017: {
    name: 'wrong-room-kind',
    meaning: 'the room is used with the other version of the protocol',
    final: viewers,
  },
} as const satisfies Record<number, CloseCodeInfo>;

export type CloseCode = keyof typeof CLOSE_CODES;

/** Codes by name, for `socket.close(CLOSE.replaced)`. */
export const CLOSE = {
  normal: 1000,
  binaryFrame: 1003,
  policy: 1008,
  messageTooLarge: 1009,
  internal: 1011,
  draining: 1012,
  unavailable: 1013,
  reconnecting: 4000,
  unauthorized: 4001,
  forbidden: 4003,
  rateLimited: 4008,
  roomFull: 4009,
  replaced: 4010,
  hostSlotTaken: 4011,
  heartbeatTimeout: 4012,
  protocolError: 4013,
  joinTimeout: 4014,
  slowConsumer: 4015,
  kicked: 4016,
  wrongRoomKind: 4017,
} as const satisfies Record<string, CloseCode>;

/** The entry of `code`, or undefined for one that this version does not know. */
export function closeCodeInfo(code: number): CloseCodeInfo | undefined {
  return Object.hasOwn(CLOSE_CODES, code) ? CLOSE_CODES[code as CloseCode] : undefined;
}

/** Whether coming back after `code` would end the same way for this role. Unknown codes: no. */
export function isFinalClose(code: number, role: PeerRole): boolean {
  return closeCodeInfo(code)?.final.includes(role) ?? false;
}

/** Whether a client may reconnect by itself after `code`. Unknown codes may. */
export function mayRetryAfterClose(code: number, role: PeerRole = 'viewer'): boolean {
  return !isFinalClose(code, role);
}
