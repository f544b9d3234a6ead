// BGRA to the encoder's NV12, only where the picture changed; and scaling. One backend per file.
#pragma once

#include <memory>

#include "base/frame.h"
#include "convert/picture.h"

namespace pdc {

class Converter {
 public:
  virtual ~Converter() = default;
  virtual const char* name() const = 0;
  /* Each part of the frame into its place in `out`, which has the frame's size. */
  virtual void convert(const Frame& frame, Picture& out) = 0;
  /* The whole of `in` into the whole of `out`. */
  virtual void scale(const Picture& in, Picture& out) = 0;
};

/* The fastest that is built in. */
std::unique_ptr<Converter> make_converter();

}  // namespace pdc
