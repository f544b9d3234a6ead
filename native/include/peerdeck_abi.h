/*
 * What both native libraries and libs/native-capture agree on: error codes, the frame sink, the
 * wake, and the event record. Nothing else is shared.
 *
 * Rules that hold for every exported function of both libraries:
 *  - Handles are positive int64 values, unique within a process, never reused.
 *  - A return value >= 0 is success (a handle, a byte count, or 0); < 0 is a pd_error.
 *  - Options come in as UTF-8 JSON (pointer + length, no terminator needed); unknown keys are
 *    PD_ERR_INVALID_ARGUMENT. Where a function takes `char *out, uint32_t out_capacity`, a success
 *    leaves the JSON result there and a failure leaves the error text (what, which field, remedy),
 *    always NUL-terminated, truncated if need be. A result that does not fit is PD_ERR_TOO_LARGE.
 *    (A thread-local last error would be unreadable here: calls run on any pool thread.)
 *  - Pointers are valid only during the call.
 *  - No C++ exception and no Go panic crosses.
 *  - Every function may be called from any thread. A wrong or closed handle is PD_ERR_BAD_HANDLE,
 *    never undefined behaviour. Closing twice is PD_OK.
 *  - `*_close` returns only when no callback of that handle can run any more.
 */
#ifndef PEERDECK_ABI_H
#define PEERDECK_ABI_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bumped whenever a signature, a struct or an event payload changes. Checked at load. */
#define PD_ABI_VERSION 3

enum pd_error {
  PD_OK = 0,
  PD_ERR_INVALID_ARGUMENT = -1, /* an option or argument is wrong; the text names it */
  PD_ERR_BAD_HANDLE = -2,       /* unknown or already closed */
  PD_ERR_UNSUPPORTED = -3,      /* not on this platform, or not built in */
  PD_ERR_UNAVAILABLE = -4,      /* supported, but not here now (no display, no device) */
  PD_ERR_NOT_FOUND = -5,        /* the named window, process or display does not exist */
  PD_ERR_STATE = -6,            /* not in a state that allows it */
  PD_ERR_TOO_LARGE = -7,        /* message or result over the limit */
  PD_ERR_WOULD_BLOCK = -8,      /* a bounded queue is full; try again later */
  PD_ERR_CLOSED = -9,           /* the peer, channel or stream has ended */
  PD_ERR_INTERNAL = -10         /* a bug or an unexpected failure below; the text has the cause */
};

enum pd_codec { PD_CODEC_H264 = 1, PD_CODEC_OPUS = 16 };

enum pd_access_unit_flags {
  PD_AU_KEYFRAME = 1u << 0,  /* starts with SPS, PPS and an IDR slice (Annex B) */
  PD_AU_DROPPABLE = 1u << 1, /* nothing refers to it */
  PD_AU_REFINEMENT = 1u << 2 /* same picture as before, better quality */
};

/* One encoded picture or audio packet. Owned by the caller of the sink. */
typedef struct pd_access_unit {
  uint32_t struct_size;    /* sizeof(pd_access_unit) of the caller */
  uint32_t codec;          /* pd_codec */
  const uint8_t *data;     /* H.264: Annex B byte stream; Opus: one packet */
  uint32_t size;           /* bytes */
  uint32_t flags;          /* pd_access_unit_flags */
  int64_t capture_time_us; /* CLOCK_MONOTONIC (QPC on Windows), when the picture was grabbed */
  uint64_t frame_id;       /* +1 for each captured picture of this pipeline */
  uint32_t duration_us;    /* nominal; 0 if unknown */
  uint32_t stream;         /* which encode of this pipeline, from 0 */
} pd_access_unit;

/* What a sink answers. Negative: a pd_error. */
enum pd_sink_result {
  PD_SINK_OK = 0,
  PD_SINK_KEYFRAME_WANTED = 1 << 0, /* make the next picture an IDR */
  PD_SINK_CONGESTED = 1 << 1,       /* the send queue is over its bound: drop before encoding */
  PD_SINK_NO_VIEWER = 1 << 2,       /* nobody listens: the encoder may rest until woken */
  PD_SINK_CLOSED = 1 << 3           /* the stream has ended: do not call again */
};

/* Encoder -> transport, on the encoder's thread. Copies or sends before it returns. */
typedef int32_t (*pd_frame_sink)(uint64_t user, const pd_access_unit *unit);

enum pd_wake_flags {
  PD_WAKE_KEYFRAME = 1u << 0, /* a viewer needs an IDR, now, even if the desktop rests */
  PD_WAKE_VIEWERS = 1u << 1,  /* the number of viewers went from none to some, or back */
  PD_WAKE_DRAINED = 1u << 2   /* congestion is over */
};

/* Transport -> encoder, on any thread. Must not block. */
typedef int32_t (*pd_wake)(uint64_t user, uint32_t flags);

/*
 * Events come in batches: `*_poll_events` fills the buffer with whole records, one after the other,
 * each starting on a multiple of 8 bytes, and returns the bytes used (0: time-out or woken).
 * One record = this header (little-endian) + payload + padding to a multiple of 8.
 */
typedef struct pd_event_header {
  uint32_t size;         /* header + payload, without the padding */
  uint16_t type;         /* pd_event_type */
  uint16_t channel;      /* pd_channel for PD_EVENT_DATA and PD_EVENT_CHANNEL, else 0 */
  int64_t handle;        /* the peer, pipeline or injector it is about */
  int64_t time_us;       /* CLOCK_MONOTONIC (QPC) when it happened */
} pd_event_header;       /* 24 bytes */

enum pd_event_type {
  /* pion_webrtc */
  PD_EVENT_PEER_STATE = 1,  /* {"state":"connecting|connected|disconnected|failed|closed"} */
  PD_EVENT_CANDIDATE = 2,   /* {"candidate":"…","sdpMid":"0","sdpMLineIndex":0,"usernameFragment":"…"}; {"candidate":""}: end */
  PD_EVENT_CHANNEL = 3,     /* {"state":"open|closed"}; header.channel says which */
  PD_EVENT_DATA = 4,        /* flags byte (1 = text, 0 = binary) + the bytes of the message */
  PD_EVENT_FEEDBACK = 5,    /* JSON, see docs/architecture.md, "Feedback"; coalesced, 10 a second, 1 when idle */
  PD_EVENT_PATH = 6,        /* {"local":"host|srflx|relay","remote":"…","protocol":"udp|tcp"} */
  PD_EVENT_ARRIVALS = 7,    /* JSON, see docs/architecture.md, "Arrivals"; with each report of the viewer, coalesced */
  /* capture-encoder */
  PD_EVENT_SOURCE = 32,     /* {"state":"running|resized|lost|ended","width":..,"height":..,"reason":".."}: the source's
                               own size, however it is scaled for the encoder */
  PD_EVENT_ENCODER = 33,    /* {"state":"running|reopened|failed","name":"libx264","reason":".."} */
  PD_EVENT_STATS = 34,      /* JSON, once a second when asked for; coalesced */
  PD_EVENT_CURSOR = 35,     /* {"serial":n,"hotX":..,"hotY":..,"width":..,"height":..,"png":"base64"} or {"serial":n,"hidden":true} */
  /* both */
  PD_EVENT_LOG = 64,        /* {"level":"info|warn|error","message":".."}; the oldest is dropped first */
  /*
   * A part failed and is tried again, works again, or has ended: {"part":"sink|encoder|pacer|…",
   * "state":"failing|recovered|ended","times":n,"reason":".."}; times: failures since the last such event.
   * Of one part at most about one a second.
   */
  PD_EVENT_FAULT = 65
};

/* Data channels, by their fixed stream ids (negotiated on both sides). */
enum pd_channel {
  PD_CHANNEL_CONTROL = 1, /* "control": ordered, reliable */
  PD_CHANNEL_INPUT = 2,   /* "input": ordered, reliable: keys, buttons, wheel */
  PD_CHANNEL_POINTER = 3, /* "pointer": unordered, no retransmits: pointer positions */
  PD_CHANNEL_FILES = 4    /* "files": ordered, reliable, own credits; reserved */
};

#ifdef __cplusplus
}
#endif
#endif /* PEERDECK_ABI_H */
