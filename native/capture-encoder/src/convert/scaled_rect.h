// Where a change shows in a picture that is scaled.
#pragma once

#include <algorithm>

#include "base/frame.h"

namespace pdc {

/* How far from a pixel, in pixels of the source, a scaler's filter looks: two samples of chroma, which lie
   two pixels apart. */
constexpr int kFilterReach = 4;

/* All of `to` that a change within `r` of `from` can alter, rounded outward to even edges. `to` is no larger
   than `from`. */
inline Rect scaled_rect(const Rect& r, int from_width, int from_height, int to_width, int to_height) {
  const auto low = [](int at, int from, int to) {
    return static_cast<int>(static_cast<int64_t>(std::max(0, at - kFilterReach)) * to / from);
  };
  const auto high = [](int at, int from, int to) {
    return static_cast<int>((static_cast<int64_t>(at + kFilterReach) * to + from - 1) / from);
  };
  const int left = low(r.x, from_width, to_width), top = low(r.y, from_height, to_height);
  const int right = high(r.x + r.width, from_width, to_width);
  const int bottom = high(r.y + r.height, from_height, to_height);
  return Rect{left, top, right - left, bottom - top}.evened().clipped(to_width, to_height);
}

}  // namespace pdc
