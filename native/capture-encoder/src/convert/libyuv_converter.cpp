#include <libyuv.h>

#include "convert/converter.h"

namespace pdc {
namespace {

class LibyuvConverter final : public Converter {
 public:
  const char* name() const override { return "libyuv"; }

  void convert(const Frame& frame, Picture& out) override {
    for (size_t i = 0; i < frame.part_count; ++i) {
      const Part& part = frame.parts[i];
      const ptrdiff_t stride = out.stride();
      uint8_t* y = out.y() + part.rect.y * stride + part.rect.x;
      uint8_t* uv = out.uv() + part.rect.y / 2 * stride + part.rect.x;
      // libyuv names formats by the order in a little-endian word: its ARGB is BGRA in memory.
      libyuv::ARGBToNV12(part.bgra, part.stride, y, out.stride(), uv, out.stride(), part.rect.width,
                         part.rect.height);
    }
  }

  void scale(const Picture& in, Picture& out) override {
    libyuv::NV12Scale(in.y(), in.stride(), in.uv(), in.stride(), in.width(), in.height(), out.y(),
                      out.stride(), out.uv(), out.stride(), out.width(), out.height(), libyuv::kFilterBox);
  }
};

}  // namespace

std::unique_ptr<Converter> make_converter() { return std::make_unique<LibyuvConverter>(); }

}  // namespace pdc
