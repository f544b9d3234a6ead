/*
 * The C boundary of capture-encoder (C++20). The rules are in peerdeck_abi.h. All calls are short
 * (opening a display or an encoder: some tens of ms; use .async for those).
 */
#ifndef PEERDECK_CAPTURE_ENCODER_H
#define PEERDECK_CAPTURE_ENCODER_H

#include "peerdeck_abi.h"

#if defined(_WIN32)
#define PDC_API __declspec(dllexport)
#else
#define PDC_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

PDC_API int32_t pdc_abi_version(void);

/*
 * What works here and why the rest does not:
 * {"versions":{"libavcodec":"…",…},
 *  "sources":[{"name":"x11","available":true,"reason":""},…], "encoders":[…], "injectors":[…]}.
 * Input: {"display":":0"}?
 */
PDC_API int32_t pdc_probe(const char *options, uint32_t options_size, char *out, uint32_t out_capacity);

/* {"windows":[{"id":"0x1e00003","title":"…","pid":42,"process":"xterm","x":0,"y":0,"width":..,"height":..}]} */
PDC_API int32_t pdc_list_windows(const char *options, uint32_t options_size, char *out, uint32_t out_capacity);

/*
 * One pipeline: source -> ring -> convert -> encode -> sink. Options (every key but source has a default):
 * {"source":{"kind":"x11|synthetic|wgc|dxgi|gdi|auto","display":":0"?,"window":"0x…"?,"process":"…"?,
 *            "width":1280?,"height":720?   (synthetic size; a window is resized to it if resize is true),
 *            "resize":false},
 *  "encoder":{"kind":"auto|libx264|x264|…","fps":60,"bitrateBps":6000000,"threads":0,"quality":85,
 *             "maxWidth":0,"maxHeight":0},
 *  "capture":{"maxQueueDepth":4,"framePoolBuffers":6,"dropWindowMs":200,"dropMinEvents":2,
 *             "minUpdateInterval100ns":0,"skipUnchanged":false,"cursor":"separate|embedded|none",
 *             "mmcss":{"enable":true,"priority":2},"gpuTiming":false,"deferredContext":false},
 *  "statsIntervalMs":0}
 * quality, 1 to 100: how good a picture may become where the bitrate has room for it: 100 is quantiser 13, each 5 points less
 * are one more. A picture that rests is sharpened up to there; one in motion is that good where it then spends no more than
 * a quarter of its bits.
 * x11: a window is captured through its own pixmap, whatever lies on it; cursor "embedded" is PD_ERR_UNSUPPORTED.
 * Nothing is captured before pdc_pipeline_start. -> pipeline handle; out: {"width":..,"height":..,"source":"x11","encoder":"libx264"}.
 */
PDC_API int64_t pdc_pipeline_open(const char *options, uint32_t options_size, char *out, uint32_t out_capacity);
/* Where access units go: a pd_frame_sink's address and its user. Only while stopped. */
PDC_API int32_t pdc_pipeline_set_sink(int64_t pipeline, uint64_t sink_address, uint64_t user);
PDC_API int32_t pdc_pipeline_start(int64_t pipeline, char *out, uint32_t out_capacity);
/* When it returns, no sink call runs and none will. Idempotent. */
PDC_API int32_t pdc_pipeline_stop(int64_t pipeline);
PDC_API int32_t pdc_pipeline_close(int64_t pipeline);
/* Live; takes effect with the next picture, without an IDR unless scale changes. scale: 1 or 0.5..1 of the source's size, 0 keeps. 0 keeps fps/bitrate too. */
PDC_API int32_t pdc_pipeline_set_rate(int64_t pipeline, uint64_t bits_per_second, double fps, double scale);
PDC_API int32_t pdc_pipeline_request_keyframe(int64_t pipeline);
/*
 * {"framesCaptured":..,"framesEncoded":..,"framesSkippedUnchanged":..,"keyframes":..,"bytes":..,
 *  "refinements":..,"wakes":..   (pictures sent again, sharper or as a key frame; times the source had news)
 *  "queueDepth":..,"overwriteDrops":..,"backpressureSkips":..,"congestedSkips":..,"outOfOrder":0,
 *  "grabUsP50":..,"convertUsP50":..,"encodeUsP50":..,"pushUsP50":..,"captureToPushUsP50":..,"captureToPushUsP95":..,
 *  "fps":..,"bitrateBps":..,"targetBitrateBps":..,"width":..,"height":..,"state":"running|resting|stopped"}
 */
PDC_API int32_t pdc_pipeline_stats(int64_t pipeline, char *out, uint32_t out_capacity);
/* The pd_wake for pdw_stream_set_wake; `user` is the pipeline handle. */
PDC_API int32_t pdc_wake(uint64_t user, uint32_t flags);

/* Input. Codes are USB HID usages (page 7), as in docs/protocol.md; coordinates are pixels of the captured picture. */
enum pd_input_kind {
  PD_INPUT_KEY = 1,         /* code: HID usage; value: 1 down, 0 up */
  PD_INPUT_POINTER = 2,     /* x, y: 0..65535 of the captured picture's width and height */
  PD_INPUT_MOTION = 3,      /* x, y: signed counts */
  PD_INPUT_BUTTON = 4,      /* code: 0 left 1 middle 2 right 3 back 4 forward; value: 1 down, 0 up */
  PD_INPUT_WHEEL = 5        /* x, y: 1/120 of a notch; y > 0 scrolls down, x > 0 scrolls right */
};
typedef struct pd_input_event {
  uint8_t kind;
  uint8_t value;
  uint16_t code;
  int32_t x;
  int32_t y;
} pd_input_event; /* 12 bytes */

/*
 * {"kind":"xtest|sendinput|recorder|auto","display":":0"?,"pipeline":<handle>?}. With a pipeline,
 * absolute coordinates map to what that pipeline captures (a window, a monitor).
 */
PDC_API int64_t pdc_injector_open(const char *options, uint32_t options_size, char *out, uint32_t out_capacity);
/* Applies `count` events in order, then flushes once. -> events applied. */
PDC_API int32_t pdc_injector_inject(int64_t injector, const pd_input_event *events, uint32_t count);
/* Types text that no key gives (IME, emoji), UTF-8, at most 4 KiB. */
PDC_API int32_t pdc_injector_text(int64_t injector, const char *text, uint32_t size);
/* Releases every key and button that this injector holds. -> how many. */
PDC_API int32_t pdc_injector_release_all(int64_t injector);
/* Releases, then closes. */
PDC_API int32_t pdc_injector_close(int64_t injector);

/* As pdw_poll_events: blocks up to timeout_ms (<= 1000), one caller at a time. */
PDC_API int32_t pdc_poll_events(uint8_t *buffer, uint32_t capacity, uint32_t timeout_ms);
PDC_API int32_t pdc_wake_events(void);
/* {"pipelines":0,"injectors":0,"threads":0,"displays":0,"queuedEvents":0,"droppedLogs":0} */
PDC_API int32_t pdc_leaks(char *out, uint32_t out_capacity);

#ifdef __cplusplus
}
#endif
#endif /* PEERDECK_CAPTURE_ENCODER_H */
