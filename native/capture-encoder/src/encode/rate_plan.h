// Numbers that all software encoders share.
#pragma once

#include <algorithm>
#include <cstdint>
#include <thread>

#include "encode/encoder.h"

namespace pdc {

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
