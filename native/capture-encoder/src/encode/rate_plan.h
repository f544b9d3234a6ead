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

/* Quality that is aimed at when the rate allows (x264's CRF), and the best quantiser that is worth its bits.
 */
constexpr int kQuality = 20;
constexpr int kBestQp = 14;
constexpr int kWorstQp = 51;
/* How far the quantiser may move from one picture to the next. */
constexpr int kQpStep = 16;
/* How many refinements a second FramePolicy makes; each may have the bits that this rate gives it. */
constexpr double kRefinementFps = 25;

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
