/**
 * The constants of native/include/peerdeck_abi.h and capture_encoder.h that JavaScript needs.
 * abi.spec.ts reads the headers and fails when one of them differs.
 */

/** The ABI this package was written for; a library that answers another number is refused. */
export const ABI_VERSION = 3;

export const PD_ERRORS = {
  PD_ERR_INVALID_ARGUMENT: -1,
  PD_ERR_BAD_HANDLE: -2,
  PD_ERR_UNSUPPORTED: -3,
  PD_ERR_UNAVAILABLE: -4,
  PD_ERR_NOT_FOUND: -5,
  PD_ERR_STATE: -6,
  PD_ERR_TOO_LARGE: -7,
  PD_ERR_WOULD_BLOCK: -8,
  PD_ERR_CLOSED: -9,
  PD_ERR_INTERNAL: -10,
} as const;

export type NativeErrorCode = keyof typeof PD_ERRORS;

export const PD_EVENTS = {
  PD_EVENT_PEER_STATE: 1,
  PD_EVENT_CANDIDATE: 2,
  PD_EVENT_CHANNEL: 3,
  PD_EVENT_DATA: 4,
  PD_EVENT_FEEDBACK: 5,
  PD_EVENT_PATH: 6,
  PD_EVENT_ARRIVALS: 7,
  PD_EVENT_SOURCE: 32,
  PD_EVENT_ENCODER: 33,
  PD_EVENT_STATS: 34,
  PD_EVENT_CURSOR: 35,
  PD_EVENT_LOG: 64,
  PD_EVENT_FAULT: 65,
} as const;

export const PD_CHANNELS = {
  PD_CHANNEL_CONTROL: 1,
  PD_CHANNEL_INPUT: 2,
  PD_CHANNEL_POINTER: 3,
  PD_CHANNEL_FILES: 4,
} as const;

export const PD_INPUTS = {
  PD_INPUT_KEY: 1,
  PD_INPUT_POINTER: 2,
  PD_INPUT_MOTION: 3,
  PD_INPUT_BUTTON: 4,
  PD_INPUT_WHEEL: 5,
} as const;

/** pd_event_header: byte offsets, little-endian. */
export const EVENT_HEADER = {
  size: 24,
  offsets: { size: 0, type: 4, channel: 6, handle: 8, time_us: 16 },
} as const;

/** pd_input_event: byte offsets, little-endian. */
export const INPUT_EVENT = {
  size: 12,
  offsets: { kind: 0, value: 1, code: 2, x: 4, y: 8 },
} as const;
