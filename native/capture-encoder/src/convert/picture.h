// What encoders take: NV12 (a plane of Y, a plane of interleaved U and V at half size), BT.601 matrix,
// limited range.
#pragma once

#include <cstdint>
#include <memory>
#include <new>

namespace pdc {

class Picture {
 public:
  Picture() = default;
  /* Both even. Memory is uninitialised: the first conversion into it must be a whole one. */
  Picture(int width, int height)
      : width_(width), height_(height), stride_((width + 63) & ~63), memory_(allocate(size())) {}

  int width() const { return width_; }
  int height() const { return height_; }
  int stride() const { return stride_; } /* bytes, of both planes */
  uint8_t* y() const { return memory_.get(); }
  uint8_t* uv() const { return memory_.get() + static_cast<size_t>(stride_) * static_cast<size_t>(height_); }

 private:
  static constexpr std::align_val_t kAlign{64};
  struct Deleter {
    void operator()(uint8_t* p) const { ::operator delete(p, kAlign); }
  };
  static uint8_t* allocate(size_t bytes) { return static_cast<uint8_t*>(::operator new(bytes, kAlign)); }
  /* 64 bytes more, for what vector code reads past the end. */
  size_t size() const { return static_cast<size_t>(stride_) * static_cast<size_t>(height_) * 3 / 2 + 64; }

  int width_ = 0, height_ = 0, stride_ = 0;
  std::unique_ptr<uint8_t[], Deleter> memory_;
};

}  // namespace pdc
