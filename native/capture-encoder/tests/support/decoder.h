// Reads access units as a browser would.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

struct AVCodecContext;
struct AVFrame;
struct AVPacket;

namespace pdc::test {

struct Rgb {
  int r = 0, g = 0, b = 0;
};

class Decoder {
 public:
  Decoder();
  ~Decoder();
  /* False: no picture came of it at once. */
  bool decode(const std::vector<uint8_t>& unit);
  int width() const;
  int height() const;
  /* By the colour description in the stream (BT.601 or BT.709, limited or full range). */
  Rgb pixel(int x, int y) const;
  int luma(int x, int y) const;
  /* H.273 numbers: matrix, primaries, transfer; and whether the range is full. */
  int matrix() const;
  int primaries() const;
  int transfer() const;
  bool full_range() const;
  int profile() const; /* with the constraint flags of FF_PROFILE_H264_* */
  /* Pictures that the stream allows to come out of order. */
  int reorder() const;

 private:
  AVCodecContext* context_;
  AVFrame* frame_;
  AVPacket* packet_;
};

/* Decodes a PNG to RGBA; empty if it is none. */
std::vector<uint8_t> decode_png(const std::vector<uint8_t>& png, int& width, int& height);

}  // namespace pdc::test
