#include "capture/gdi_source.h"

#include <cstring>

#include "base/error.h"

namespace pdc {
namespace {

Size screen_size() {
  return {GetSystemMetrics(SM_CXVIRTUALSCREEN) & ~1, GetSystemMetrics(SM_CYVIRTUALSCREEN) & ~1};
}

}  // namespace

GdiSource::GdiSource(const SourceOptions& source, const CaptureOptions& capture, double fps)
    : RingSource(screen_size(), capture.max_queue_depth, capture.frame_pool_buffers),
      left_(GetSystemMetrics(SM_XVIRTUALSCREEN)),
      top_(GetSystemMetrics(SM_YVIRTUALSCREEN)),
      interval_us_(static_cast<int64_t>(1e6 / fps)) {
  if (!source.window.empty() || !source.process.empty()) {
    throw Error(PD_ERR_UNSUPPORTED,
                "source.kind 'gdi' captures the whole desktop only; leave out window and process");
  }
  const auto [width, height] = size();
  BITMAPINFO info{};
  info.bmiHeader.biSize = sizeof info.bmiHeader;
  info.bmiHeader.biWidth = width;
  info.bmiHeader.biHeight = -height;  // top row first
  info.bmiHeader.biPlanes = 1;
  info.bmiHeader.biBitCount = 32;
  void* pixels = nullptr;
  screen_ = GetDC(nullptr);
  memory_ = CreateCompatibleDC(screen_);
  bitmap_ = CreateDIBSection(screen_, &info, DIB_RGB_COLORS, &pixels, nullptr, 0);
  if (memory_ == nullptr || bitmap_ == nullptr) {
    if (bitmap_ != nullptr) DeleteObject(bitmap_);
    if (memory_ != nullptr) DeleteDC(memory_);
    ReleaseDC(nullptr, screen_);
    throw Error(PD_ERR_UNAVAILABLE, "gdi: the desktop cannot be read from this session");
  }
  previous_ = SelectObject(memory_, bitmap_);
  pixels_ = static_cast<uint8_t*>(pixels);
  start();
}

GdiSource::~GdiSource() {
  stop();
  SelectObject(memory_, previous_);
  DeleteObject(bitmap_);
  DeleteDC(memory_);
  ReleaseDC(nullptr, screen_);
}

int64_t GdiSource::produce(uint8_t* bgra, int stride, uint64_t, int64_t now) {
  const auto [width, height] = size();
  if (BitBlt(memory_, 0, 0, width, height, screen_, left_, top_, SRCCOPY | CAPTUREBLT) == 0) {
    throw Error(PD_ERR_UNAVAILABLE, "gdi: the desktop cannot be read now (locked?)");
  }
  GdiFlush();
  std::memcpy(bgra, pixels_, static_cast<size_t>(stride) * static_cast<size_t>(height));
  next_ = next_ == 0 || now - next_ > interval_us_ * 4 ? now + interval_us_ : next_ + interval_us_;
  return next_;
}

}  // namespace pdc
