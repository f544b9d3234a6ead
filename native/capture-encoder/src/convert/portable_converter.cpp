// Plain C++, for builds without libyuv. The compiler vectorises the inner loops.
#include "convert/converter.h"

namespace pdc {
namespace {

/* ITU-R BT.601, limited range, 8 bits of fraction. */
uint8_t luma(const uint8_t* bgra) {
  return static_cast<uint8_t>((66 * bgra[2] + 129 * bgra[1] + 25 * bgra[0] + 0x1080) >> 8);
}

void chroma(const uint8_t* top, const uint8_t* bottom, uint8_t* uv) {
  int sum[3];
  for (int c = 0; c < 3; ++c) sum[c] = (top[c] + top[c + 4] + bottom[c] + bottom[c + 4] + 2) >> 2;
  uv[0] = static_cast<uint8_t>((112 * sum[0] - 74 * sum[1] - 38 * sum[2] + 0x8080) >> 8);
  uv[1] = static_cast<uint8_t>((112 * sum[2] - 94 * sum[1] - 18 * sum[0] + 0x8080) >> 8);
}

/* One plane of `channels` interleaved bytes, by averaging the source box of each pixel. */
void scale_plane(const uint8_t* in, int in_stride, int in_width, int in_height, uint8_t* out, int out_stride,
                 int out_width, int out_height, int channels) {
  for (int y = 0; y < out_height; ++y) {
    const int top = y * in_height / out_height;
    const int bottom = std::max(top + 1, (y + 1) * in_height / out_height);
    for (int x = 0; x < out_width; ++x) {
      const int left = x * in_width / out_width;
      const int right = std::max(left + 1, (x + 1) * in_width / out_width);
      for (int c = 0; c < channels; ++c) {
        int sum = 0;
        for (int sy = top; sy < bottom; ++sy) {
          for (int sx = left; sx < right; ++sx)
            sum += in[static_cast<ptrdiff_t>(sy) * in_stride + sx * channels + c];
        }
        const int count = (bottom - top) * (right - left);
        out[static_cast<ptrdiff_t>(y) * out_stride + x * channels + c] =
            static_cast<uint8_t>((sum + count / 2) / count);
      }
    }
  }
}

class PortableConverter final : public Converter {
 public:
  const char* name() const override { return "portable"; }

  void convert(const Frame& frame, Picture& out) override {
    const ptrdiff_t stride = out.stride();
    for (size_t i = 0; i < frame.part_count; ++i) {
      const Part& part = frame.parts[i];
      const Rect& r = part.rect;
      for (int y = 0; y < r.height; y += 2) {
        const uint8_t* top = part.bgra + static_cast<ptrdiff_t>(y) * part.stride;
        const uint8_t* bottom = top + part.stride;
        uint8_t* luma_top = out.y() + (r.y + y) * stride + r.x;
        uint8_t* uv = out.uv() + (r.y + y) / 2 * stride + r.x;
        for (int x = 0; x < r.width; ++x) luma_top[x] = luma(top + x * 4);
        for (int x = 0; x < r.width; ++x) luma_top[stride + x] = luma(bottom + x * 4);
        for (int x = 0; x < r.width; x += 2) chroma(top + x * 4, bottom + x * 4, uv + x);
      }
    }
  }

  void scale(const Picture& in, Picture& out) override {
    scale_plane(in.y(), in.stride(), in.width(), in.height(), out.y(), out.stride(), out.width(),
                out.height(), 1);
    scale_plane(in.uv(), in.stride(), in.width() / 2, in.height() / 2, out.uv(), out.stride(),
                out.width() / 2, out.height() / 2, 2);
  }
};

}  // namespace

#if !defined(PDC_HAVE_LIBYUV)
std::unique_ptr<Converter> make_converter() { return std::make_unique<PortableConverter>(); }
#endif
std::unique_ptr<Converter> make_portable_converter() { return std::make_unique<PortableConverter>(); }

}  // namespace pdc
