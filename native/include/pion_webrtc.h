/*
 * The C boundary of pion_webrtc (Go, -buildmode=c-shared). The rules are in peerdeck_abi.h.
 * Never call these synchronously from a JavaScript main thread: a call into Go from a foreign stack
 * costs ~0.5 ms there. libs/native-capture owns one ordered queue for them.
 */
#ifndef PEERDECK_PION_WEBRTC_H
#define PEERDECK_PION_WEBRTC_H

#include "peerdeck_abi.h"

#ifdef __cplusplus
extern "C" {
#endif

int32_t pdw_abi_version(void);

/* Versions of the parts: {"abi":1,"go":"go1.26","pion":"v4.2.26"}. */
int32_t pdw_describe(char *out, uint32_t out_capacity);

/*
 * One engine: settings, interceptors, and the streams that all its peers watch. Options:
 * {"iceTimeouts":{"disconnectedMs":1000,"failedMs":2500,"keepAliveMs":250},
 *  "mdns":true, "interfaces":["lo"…]?, "includeLoopback":false, "udpPortMin":0,"udpPortMax":0,
 *  "maxPeers":16, "bitrateBps":6000000, "log":"warn"}; every key has a default.
 * -> engine handle.
 */
int64_t pdw_engine_open(const char *options, uint32_t options_size, char *out, uint32_t out_capacity);
/* Closes its peers and streams, and returns when no sink call of it runs any more. */
int32_t pdw_engine_close(int64_t engine);

/*
 * One encoded stream (today: {"codec":"h264"}). -> stream handle, which is the `user` of
 * pdw_push. Peers created later are attached to every stream of the engine.
 */
int64_t pdw_stream_open(int64_t engine, const char *options, uint32_t options_size, char *out, uint32_t out_capacity);
int32_t pdw_stream_close(int64_t stream);
/*
 * The pd_frame_sink; `user` is the stream handle. Called by the encoder's thread. KEYFRAME_WANTED comes
 * with each call until a keyframe is pushed. CONGESTED: every viewer's send queue is over 50 ms; a
 * slow viewer among others leaves frames out for itself. A unit is at most 16 MiB.
 */
int32_t pdw_push(uint64_t user, pd_access_unit *unit);
/* Whom to wake for this stream (function address and its user); 0 takes it back, and returns only when no wake runs. */
int32_t pdw_stream_set_wake(int64_t stream, uint64_t wake_address, uint64_t user);

/*
 * One viewer. Options: {"iceServers":[{"urls":["stun:…"],"username":"…","credential":"…"}],
 * "relayOnly":false, "video":true}. The viewer offers; we answer. Candidates trickle as events.
 */
int64_t pdw_peer_open(int64_t engine, const char *options, uint32_t options_size, char *out, uint32_t out_capacity);
/* `offer` is SDP text; leaves the answer's SDP text in out. Later calls renegotiate (ICE restart included). */
int32_t pdw_peer_answer(int64_t peer, const char *offer, uint32_t offer_size, char *out, uint32_t out_capacity);
/* {"candidate":"…","sdpMid":"0","sdpMLineIndex":0,"usernameFragment":"…"}; before the offer: kept (at most 64). */
int32_t pdw_peer_add_candidate(int64_t peer, const char *candidate, uint32_t candidate_size, char *out, uint32_t out_capacity);
/*
 * channel: pd_channel. PD_ERR_WOULD_BLOCK when 1 MiB waits; PD_ERR_STATE before it is open; at most
 * 64 KiB a message, either way.
 */
int32_t pdw_peer_send(int64_t peer, uint32_t channel, int32_t is_text, const uint8_t *data, uint32_t size);
/*
 * Sends video to this peer or not (default: yes). Turning it on wants a keyframe. Keyframes that one viewer
 * asks for, in this way or by RTCP, are four at once and then one a second alone, one in two seconds among others.
 */
int32_t pdw_peer_set_video(int64_t peer, int32_t enabled);
/*
 * Passes messages on the input and pointer channels on, or drops them where they are read (default: drops).
 * So what a viewer without control sends never stands before the key press of the one in control.
 */
int32_t pdw_peer_set_input(int64_t peer, int32_t accepted);
/*
 * What the path is believed to carry, bits per second (10 000 to 10^10), sets the pacer. gain (1 to 3): how
 * much faster a picture over its budget leaves; above 1, 40 ms of the rate leave at once, else 20 ms.
 * window_bytes: how many bytes may be on the way that no report of the viewer has told of; 0: no bound.
 * While it is shut the stream is congested; without a report for 100 ms one packet leaves in 50 ms.
 */
int32_t pdw_peer_set_pace(int64_t peer, uint64_t bits_per_second, double gain, uint64_t window_bytes);
/* flush_ms: how long data channels may drain first, at most 500. */
int32_t pdw_peer_close(int64_t peer, uint32_t flush_ms);

/*
 * Blocks up to timeout_ms (<= 1000). One caller at a time; a second gets PD_ERR_STATE. A buffer of
 * 128 KiB holds any record; one that does not fit stays, and the call says PD_ERR_TOO_LARGE.
 */
int32_t pdw_poll_events(uint8_t *buffer, uint32_t capacity, uint32_t timeout_ms);
/* Makes a poll that waits return at once. */
int32_t pdw_wake_events(void);
/*
 * {"engines":0,"streams":0,"peers":0,"goroutines":5,"queuedEvents":0,"droppedLogs":0,
 *  "liveKib":900,"memoryKib":9000}: of Go's heap, and what Go has of the system.
 */
int32_t pdw_leaks(char *out, uint32_t out_capacity);

#ifdef __cplusplus
}
#endif
#endif /* PEERDECK_PION_WEBRTC_H */
