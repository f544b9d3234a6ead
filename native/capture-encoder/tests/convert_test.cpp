#include <gtest/gtest.h>

#include <random>

#include "convert/converter.h"

namespace pdc {

std::unique_ptr<Converter> make_portable_converter();

namespace {

class Convert : public testing::Test {
 protected:
  Convert() : bgra(static_cast<size_t>(kWidth * kHeight * 4)) {
    std::mt19937 random(3);
    for (uint8_t& byte : bgra) byte = static_cast<uint8_t>(random());
  }
  Frame frame(std::initializer_list<Rect> rects) {
    Frame f;
    f.width = kWidth;
    f.height = kHeight;
    for (const Rect& r : rects) {
      f.parts[f.part_count++] = {r, bgra.data() + (r.y * kWidth + r.x) * 4, kWidth * 4};
    }
    return f;
  }
  static constexpr int kWidth = 64, kHeight = 48;
  std::vector<uint8_t> bgra;
};

int largest_difference(const Picture& a, const Picture& b, Rect r) {
  int largest = 0;
  for (int y = r.y; y < r.y + r.height; ++y) {
    for (int x = r.x; x < r.x + r.width; ++x) {
      largest = std::max(largest, std::abs(a.y()[y * a.stride() + x] - b.y()[y * b.stride() + x]));
      largest = std::max(largest, std::abs(a.uv()[y / 2 * a.stride() + x] - b.uv()[y / 2 * b.stride() + x]));
    }
  }
  return largest;
}

TEST_F(Convert, BackendsAgree) {
  Picture fast(kWidth, kHeight), plain(kWidth, kHeight);
  make_converter()->convert(frame({{0, 0, kWidth, kHeight}}), fast);
  make_portable_converter()->convert(frame({{0, 0, kWidth, kHeight}}), plain);
  EXPECT_LE(largest_difference(fast, plain, {0, 0, kWidth, kHeight}), 2);
}

TEST_F(Convert, PartsGoToTheirPlacesOnly) {
  const auto converter = make_converter();
  Picture whole(kWidth, kHeight), parts(kWidth, kHeight);
  converter->convert(frame({{0, 0, kWidth, kHeight}}), whole);
  std::fill_n(parts.y(), parts.stride() * kHeight * 3 / 2, uint8_t{7});
  converter->convert(frame({{2, 4, 10, 6}, {40, 30, 24, 18}}), parts);
  EXPECT_LE(largest_difference(whole, parts, {2, 4, 10, 6}), 0);
  EXPECT_LE(largest_difference(whole, parts, {40, 30, 24, 18}), 0);
  EXPECT_EQ(parts.y()[0], 7);
  EXPECT_EQ(parts.y()[4 * parts.stride() + 12], 7);
  EXPECT_EQ(parts.uv()[14 * parts.stride() + 40], 7);
}

TEST_F(Convert, ScalingKeepsAFlatColour) {
  std::fill(bgra.begin(), bgra.end(), uint8_t{90});
  for (const auto& converter : {make_converter(), make_portable_converter()}) {
    Picture full(kWidth, kHeight), half(kWidth / 2, kHeight / 2);
    converter->convert(frame({{0, 0, kWidth, kHeight}}), full);
    converter->scale(full, half);
    for (int y = 0; y < half.height(); ++y) {
      for (int x = 0; x < half.width(); ++x) {
        ASSERT_EQ(half.y()[y * half.stride() + x], full.y()[0]) << converter->name();
        ASSERT_EQ(half.uv()[y / 2 * half.stride() + x], full.uv()[x & 1]) << converter->name();
      }
    }
  }
}

}  // namespace
}  // namespace pdc
