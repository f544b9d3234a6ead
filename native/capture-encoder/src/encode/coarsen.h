// Makes a picture cheaper than the coarsest quantiser would.
#pragma once

#include <algorithm>
#include <cstddef>

#include "convert/picture.h"

namespace pdc {

/* Each square of `side` pixels (even) becomes its mean. Both pictures have the same size. */
inline void coarsen(const Picture& in, Picture& out, int side) {
  /* step: bytes from one sample to the next of the same kind. */
  const auto plane = [&](const uint8_t* from, uint8_t* to, int width, int height, int square, int step) {
    for (int top = 0; top < height; top += square) {
      const int high = std::min(square, height - top);
      for (int left = 0; left < width; left += square) {
        const int wide = std::min(square, width - left);
        const ptrdiff_t corner = static_cast<ptrdiff_t>(top) * in.stride() + left * step;
        int sum = 0;
        for (int y = 0; y < high; ++y) {
          for (int x = 0; x < wide; ++x)
            sum += from[corner + static_cast<ptrdiff_t>(y) * in.stride() + x * step];
        }
        const auto mean = static_cast<uint8_t>(sum / (wide * high));
        for (int y = 0; y < high; ++y) {
          for (int x = 0; x < wide; ++x)
            to[corner + static_cast<ptrdiff_t>(y) * in.stride() + x * step] = mean;
        }
      }
    }
  };
  plane(in.y(), out.y(), in.width(), in.height(), side, 1);
  for (const int kind : {0, 1})
    plane(in.uv() + kind, out.uv() + kind, in.width() / 2, in.height() / 2, side / 2, 2);
}

}  // namespace pdc
