// Choices that the x264 backends share.
//
// The rate is held by a small buffer (VBV) under a constant-quality target, not by an average: an average
// spends bits on pictures that are good already, and makes a resting picture pay for the busy time before.
#pragma once

#include <algorithm>
#include <cstdint>
#include <thread>

#include "encode/encoder.h"

namespace pdc {

/* The quantiser that is good enough in motion (x264's CRF too): finer ones only where they cost little. */
constexpr int kEasyQp = 20;
constexpr int kWorstQp = 51;
/* How far the quantiser may move from one picture to the next. */
constexpr int kQpStep = 16;
/* How many refinements a second FramePolicy makes; each may have the bits that this rate gives it. */
constexpr double kRefinementFps = 40;
/* So long a picture rests before it is sharpened: after motion, since what moves on would be sharpened for
   nothing, and after a change of few macroblocks. Microseconds. */
constexpr int64_t kRestUs = 120000, kSmallRestUs = 40000;

/* The quality that is asked for, 1 to 100, by default; and the quantiser that it stands for: the finest that
   is used, and what a picture that rests is sharpened to. Five points are a step of it, and six steps halve
   the error: 100 is 13, 85 is 16, 50 is 23. */
constexpr int kQuality = 85;
constexpr int finest_for(int quality) { return 33 - quality / 5; }

/* An encoder's clock runs at the rate it was opened with. When pictures come at another one, a bitrate
   scaled by the ratio gives each picture the bits it should have, with no reopening. */
inline int64_t scaled_bitrate(uint64_t bitrate_bps, double opened_fps, double fps) {
  return static_cast<int64_t>(static_cast<double>(bitrate_bps) * opened_fps / std::max(fps, 1.0));
}

/* Bits. The smaller the buffer, the less one picture can delay the next; a key frame still has to fit. */
inline int64_t vbv_bits(int64_t bitrate_bps, double opened_fps) {
  return static_cast<int64_t>(static_cast<double>(bitrate_bps) / opened_fps * 2.0);
}

/* Slices coded in parallel cut the latency of one picture, at some cost in bits and CPU. */
inline int slice_threads(const EncoderSettings& settings) {
  const int cores = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  if (settings.threads > 0) return std::min(settings.threads, 16);
  const int64_t pixels = static_cast<int64_t>(settings.size.width) * settings.size.height;
  const int wanted = pixels < 320 * 240 ? 1 : pixels <= 1280 * 800 ? 2 : pixels <= 1920 * 1200 ? 4 : 6;
  return std::min(wanted, cores);
}

}  // namespace pdc
