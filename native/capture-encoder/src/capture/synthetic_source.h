// A moving pattern at a fixed rate, for machines without a screen and for tests. The top left corner carries
// the frame's number as 32 squares of 16 x 16 pixels, two rows of 16, most significant bit first, white is 1.
#pragma once

#include "capture/ring_source.h"

namespace pdc {

class SyntheticSource final : public RingSource {
 public:
  SyntheticSource(const SourceOptions& source, const CaptureOptions& capture, double fps);
  ~SyntheticSource() override;
  const char* name() const override { return "synthetic"; }

 protected:
  int64_t produce(uint8_t* bgra, int stride, uint64_t id, int64_t now) override;

 private:
  int64_t interval_us_;
  int64_t next_ = 0;
  std::vector<uint8_t> row_; /* twice the width, so that any shift of it is one copy */
};

}  // namespace pdc
