/**
 * Every bound of the protocol, in one place. Sizes of text are UTF-16 code units unless the name
 * says bytes; times are milliseconds.
 */
export const LIMITS = {
  /** A whole signaling frame. Servers may ask for less in `welcome.limits`. */
  signalingMessageBytes: 256 * 1024,
  /** Of an offer or answer: what the native library reads (internal/peer/signaling.go). */
  sdpBytes: 128 * 1024,
  candidate: 4 * 1024,
  sdpMid: 256,
  sdpMLineIndex: 65_535,
  usernameFragment: 256,
  session: 64,
  peerId: 64,
  name: 64,
  token: 8 * 1024,
  resumeToken: 2 * 1024,
  action: 64,
  /** A whole `control` message of the signaling channel as its sender writes it, payload included. */
  controlAction: 16 * 1024,
  reason: 128,
  errorCode: 64,
  errorMessage: 512,
  errorField: 256,
  members: 1024,
  iceServers: 32,
  iceUrls: 16,
  iceUrl: 512,
  iceUsername: 512,
  iceCredential: 512,
  /** A week. */
  iceTtlS: 604_800,
  /** Nesting of objects and arrays in any message; JSON deeper than this is refused. */
  jsonDepth: 8,
  /** Values (members and elements) in any message. */
  jsonValues: 8192,
  retryAfterMs: 3_600_000,
  /** How long the address of a viewer that was removed may be kept out. */
  kickBlockMs: 86_400_000,

  /** One JSON message of the `control` data channel. */
  controlMessageBytes: 16 * 1024,
  /** A base64 PNG inside a `cursor` message. */
  cursorPng: 12 * 1024,
  title: 256,

  /** One binary message of `input` or `pointer`. */
  inputMessageBytes: 512,
  /** UTF-8 bytes of one text record: what fits a message beside its header. */
  inputTextBytes: 508,
} as const;
