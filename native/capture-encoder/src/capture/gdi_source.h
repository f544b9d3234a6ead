// The whole Windows desktop by BitBlt: works everywhere, and costs the most. It has no change
// notification, so it runs at the frame rate on a thread of its own.
#pragma once

#include <windows.h>

#include "capture/ring_source.h"

namespace pdc {

class GdiSource final : public RingSource {
 public:
  GdiSource(const SourceOptions& source, const CaptureOptions& capture, double fps);
  ~GdiSource() override;
  const char* name() const override { return "gdi"; }
  Rect placement() const override { return {left_, top_, size().width, size().height}; }

 protected:
  int64_t produce(uint8_t* bgra, int stride, uint64_t id, int64_t now) override;

 private:
  int left_, top_;
  int64_t interval_us_;
  int64_t next_ = 0;
  HDC screen_ = nullptr, memory_ = nullptr;
  HBITMAP bitmap_ = nullptr;
  HGDIOBJ previous_ = nullptr;
  uint8_t* pixels_ = nullptr; /* of the bitmap, top row first */
};

}  // namespace pdc
