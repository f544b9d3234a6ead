/** The WebSocket subprotocol that chooses this version. */
export const SUBPROTOCOL_V2 = 'peerdeck.v2';

/** A room of `peerdeck.v2`: 20 bytes as lower-case Crockford base32 (see room-code.ts). */
export const ROOM_ID = /^[0-9a-hjkmnp-tv-z]{32}$/;

/** A room of the original protocol. */
export const ORIGINAL_ROOM_ID = /^[A-Za-z0-9_\-:.]{1,64}$/;

/** Peer ids (chosen by the server) and session ids (chosen by the viewer). */
export const OPAQUE_ID = /^[A-Za-z0-9_-]{1,64}$/;

/** A trace of W3C Trace Context: 32 lower-case hex digits, not all 0. */
export const TRACE_ID = /^(?!0{32})[0-9a-f]{32}$/;

/** base64url without padding of exactly 16, 32 and 64 bytes. */
export const BASE64URL_16 = /^[A-Za-z0-9_-]{22}$/;
export const BASE64URL_32 = /^[A-Za-z0-9_-]{43}$/;
export const BASE64URL_64 = /^[A-Za-z0-9_-]{86}$/;

/** Data channels are negotiated by these ids on both sides, so none needs an open handshake. */
export const DATA_CHANNELS = {
  control: { label: 'control', id: 1, ordered: true },
  input: { label: 'input', id: 2, ordered: true },
  pointer: { label: 'pointer', id: 3, ordered: false, maxRetransmits: 0 },
  files: { label: 'files', id: 4, ordered: true },
} as const;
