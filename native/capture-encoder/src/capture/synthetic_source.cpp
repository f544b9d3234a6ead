#include "capture/synthetic_source.h"

#include <cstring>

namespace pdc {
namespace {

constexpr int kSquare = 16;
constexpr int kBits = 32;

}  // namespace

SyntheticSource::SyntheticSource(const SourceOptions& source, const CaptureOptions& capture, double fps)
    : RingSource({source.width & ~1, source.height & ~1}, capture.max_queue_depth,
                 capture.frame_pool_buffers),
      interval_us_(static_cast<int64_t>(1e6 / fps)) {
  const int width = size().width;
  row_.resize(static_cast<size_t>(width) * 8);
  for (int x = 0; x < width * 2; ++x) {
    uint8_t* pixel = &row_[static_cast<size_t>(x) * 4];
    const int at = x % width;
    pixel[0] = static_cast<uint8_t>(255 * at / width);
    pixel[1] = static_cast<uint8_t>(at / 32 % 2 * 160 + 40);
    pixel[2] = static_cast<uint8_t>(255 - 255 * at / width);
    pixel[3] = 255;
  }
  start();
}

SyntheticSource::~SyntheticSource() { stop(); }

int64_t SyntheticSource::produce(uint8_t* bgra, int stride, uint64_t id, int64_t now) {
  const auto [width, height] = size();
  for (int y = 0; y < height; ++y) {
    const size_t shift = (id * 4 + static_cast<uint64_t>(y) / 16 * 24) % static_cast<uint64_t>(width);
    std::memcpy(bgra + static_cast<ptrdiff_t>(y) * stride, &row_[shift * 4], static_cast<size_t>(stride));
  }
  for (int bit = 0; bit < kBits; ++bit) {
    const int left = bit % 16 * kSquare, top = bit / 16 * kSquare;
    if (left + kSquare > width || top + kSquare > height) continue;
    const int value = (id >> (kBits - 1 - bit) & 1) != 0 ? 255 : 0;
    for (int y = top; y < top + kSquare; ++y) {
      std::memset(bgra + static_cast<ptrdiff_t>(y) * stride + left * 4, value, kSquare * 4);
    }
  }
  // Behind by more than a few pictures (a suspended machine): start a new row instead of catching up.
  if (next_ == 0 || now - next_ > interval_us_ * 4) next_ = now;
  next_ += interval_us_;
  return next_;
}

}  // namespace pdc
