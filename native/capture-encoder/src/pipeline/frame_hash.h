// Of the pixels and places of a frame; equal pictures give equal numbers, others nearly always different
// ones.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/frame.h"

namespace pdc {

inline uint32_t frame_hash(const Frame& frame) {
  uint64_t hash = 0xcbf29ce484222325u;
  const auto mix = [&hash](uint64_t value) {
    hash = (hash ^ value) * 0x9e3779b97f4a7c15u, hash ^= hash >> 29;
  };
  for (size_t i = 0; i < frame.part_count; ++i) {
    const Part& part = frame.parts[i];
    mix(static_cast<uint64_t>(part.rect.x) << 32 | static_cast<uint32_t>(part.rect.y));
    for (int y = 0; y < part.rect.height; ++y) {
      const uint8_t* row = part.bgra + static_cast<ptrdiff_t>(y) * part.stride;
      for (int x = 0; x < part.rect.width; x += 2) {  // even widths: two pixels at a time
        uint64_t pair;
        std::copy_n(row + static_cast<ptrdiff_t>(x) * 4, sizeof pair, reinterpret_cast<uint8_t*>(&pair));
        mix(pair);
      }
    }
  }
  return static_cast<uint32_t>(hash ^ hash >> 32);
}

}  // namespace pdc
