// What a source hands to the converter: the changed parts of one picture, as BGRA in the source's memory.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace pdc {

/* Pixels; right and bottom are x + width, y + height. */
struct Rect {
  int x = 0, y = 0, width = 0, height = 0;

  int64_t area() const { return static_cast<int64_t>(width) * height; }
  bool empty() const { return width <= 0 || height <= 0; }

  Rect clipped(int to_width, int to_height) const {
    const int left = std::max(x, 0), top = std::max(y, 0);
    return {left, top, std::min(x + width, to_width) - left, std::min(y + height, to_height) - top};
  }
  Rect united(const Rect& other) const {
    if (empty()) return other;
    if (other.empty()) return *this;
    const int left = std::min(x, other.x), top = std::min(y, other.y);
    return {left, top, std::max(x + width, other.x + other.width) - left,
            std::max(y + height, other.y + other.height) - top};
  }
  /* Grown to even edges, as 4:2:0 chroma wants it; the picture's own size is even. */
  Rect evened() const {
    const int left = x & ~1, top = y & ~1;
    return {left, top, ((x + width + 1) & ~1) - left, ((y + height + 1) & ~1) - top};
  }
};

/* A rectangle of the picture with its pixels. */
struct Part {
  Rect rect;
  const uint8_t* bgra = nullptr;
  int stride = 0; /* bytes */
};

/* One captured picture. `parts` cover all that changed since the previous one. */
struct Frame {
  static constexpr size_t kMaxParts = 8;

  int width = 0, height = 0; /* of the whole picture, both even */
  uint64_t id = 0;           /* +1 for each picture that the source produced */
  int64_t capture_time_us = 0;
  std::array<Part, kMaxParts> parts{};
  size_t part_count = 0;

  bool whole() const {
    return part_count == 1 && parts[0].rect.width == width && parts[0].rect.height == height;
  }
};

}  // namespace pdc
