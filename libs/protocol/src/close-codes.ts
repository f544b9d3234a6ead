/**
 * WebSocket close codes (RFC 6455, 7.4): what each means here and whether a client may come
 * back by itself. docs/protocol.md holds the same table; a test compares them.
 */
export interface CloseCodeInfo {
  readonly name: string;
  readonly meaning: string;
  /** False: coming back would end the same way, so a client must not without a user's wish. */
  readonly retry: boolean;
}

export const CLOSE_CODES = {
  1000: { name: 'normal', meaning: 'left on purpose', retry: false },
  1001: { name: 'going-away', meaning: 'the page or the process ends', retry: true },
  1002: { name: 'websocket-error', meaning: 'broken WebSocket framing', retry: true },
  1003: { name: 'binary-frame', meaning: 'a binary frame where text is spoken', retry: false },
  1005: { name: 'no-code', meaning: 'closed without a code', retry: true },
  1006: { name: 'abnormal', meaning: 'the connection was lost', retry: true },
  1007: { name: 'bad-utf8', meaning: 'text that is not UTF-8', retry: false },
  1008: {
    name: 'policy',
    meaning: 'refused at the door: malformed URL, origin, subprotocol, plain http, no permission',
    retry: false,
  },
  1009: { name: 'message-too-large', meaning: 'a frame over the size limit', retry: false },
  1011: { name: 'internal', meaning: 'a fault in the server', retry: true },
  1012: { name: 'draining', meaning: 'this node goes away; another one answers', retry: true },
  1013: { name: 'unavailable', meaning: 'overloaded or without its backend', retry: true },
  1015: { name: 'tls', meaning: 'the TLS handshake failed', retry: true },
  4000: {
    name: 'reconnecting',
    meaning: 'the client drops a connection that it will resume: not a leave',
    retry: true,
  },
  4001: { name: 'unauthorized', meaning: 'no valid token', retry: false },
  4003: { name: 'forbidden', meaning: 'the token does not allow this room or role', retry: false },
  4008: {
    name: 'rate-limited',
    meaning: 'too many messages, connections or rooms tried',
    retry: true,
  },
  4009: { name: 'room-full', meaning: 'no place left in the room', retry: false },
  4010: {
    name: 'replaced',
    meaning: 'a newer connection of the same member took its place',
    retry: false,
  },
  4011: { name: 'host-slot-taken', meaning: 'the room has another host', retry: false },
  4012: { name: 'heartbeat-timeout', meaning: 'no sign of life for too long', retry: true },
  4013: { name: 'protocol-error', meaning: 'too many messages that break the rules', retry: false },
  4014: { name: 'join-timeout', meaning: 'no join in time', retry: true },
  4015: { name: 'slow-consumer', meaning: 'the receiver did not keep up', retry: true },
  4016: { name: 'kicked', meaning: 'removed from the room', retry: false },
  4017: {
    name: 'wrong-room-kind',
    meaning: 'the room is used with the other version of the protocol',
    retry: false,
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

/** Whether a client may reconnect by itself after `code`. Unknown codes may. */
export function mayRetryAfterClose(code: number): boolean {
  return closeCodeInfo(code)?.retry ?? true;
}
