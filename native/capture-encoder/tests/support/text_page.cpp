#include "support/text_page.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace pdc::test {
namespace {

constexpr int kPaper = 232, kGround = 90;
constexpr int kWide = 5, kHigh = 7;
/* a to z, a byte a row, the lowest bit on the right. */
constexpr uint8_t kFont[26][kHigh] = {
    {0, 0, 14, 1, 15, 17, 15},  {16, 16, 30, 17, 17, 17, 30}, {0, 0, 14, 16, 16, 17, 14},
    {1, 1, 15, 17, 17, 17, 15}, {0, 0, 14, 17, 31, 16, 14},   {6, 9, 8, 28, 8, 8, 8},
    {0, 15, 17, 17, 15, 1, 14}, {16, 16, 22, 25, 17, 17, 17}, {4, 0, 12, 4, 4, 4, 14},
    {2, 0, 6, 2, 2, 18, 12},    {16, 16, 18, 20, 24, 20, 18}, {12, 4, 4, 4, 4, 4, 14},
    {0, 0, 26, 21, 21, 17, 17}, {0, 0, 22, 25, 17, 17, 17},   {0, 0, 14, 17, 17, 17, 14},
    {0, 0, 30, 17, 30, 16, 16}, {0, 0, 13, 19, 15, 1, 1},     {0, 0, 22, 25, 16, 16, 16},
    {0, 0, 14, 16, 14, 1, 30},  {8, 8, 28, 8, 8, 9, 6},       {0, 0, 17, 17, 17, 19, 13},
    {0, 0, 17, 17, 17, 10, 4},  {0, 0, 17, 17, 21, 21, 10},   {0, 0, 17, 10, 4, 10, 17},
    {0, 0, 17, 17, 15, 1, 14},  {0, 0, 31, 2, 4, 8, 31},
};
/* Pixels that a letter is drawn in. */
constexpr int kGlyphWide = 7, kGlyphHigh = 12;

double dot(int letter, int x, int y) {
  if (x < 0 || x >= kWide || y < 0 || y >= kHigh) return 0;
  return kFont[letter][y] >> (kWide - 1 - x) & 1;
}

/* Ink at a pixel, 0 to 1: the letter enlarged, with soft edges. */
double ink_at(int letter, int x, int y) {
  const double fx = (x + 0.5) * kWide / kGlyphWide - 0.5, fy = (y + 0.5) * kHigh / kGlyphHigh - 0.5;
  const int left = static_cast<int>(std::floor(fx)), top = static_cast<int>(std::floor(fy));
  const double right_share = fx - left, low_share = fy - top;
  const double high = dot(letter, left, top) * (1 - right_share) + dot(letter, left + 1, top) * right_share;
  const double low =
      dot(letter, left, top + 1) * (1 - right_share) + dot(letter, left + 1, top + 1) * right_share;
  return high * (1 - low_share) + low * low_share;
}

}  // namespace

TextPage::TextPage(int width, int height, const Rect& window) : window_(window), picture_(width, height) {
  std::memset(picture_.uv(), 128, static_cast<size_t>(picture_.stride()) * static_cast<size_t>(height) / 2);
  fill({0, 0, width, height}, kGround);
  turn_to(1);
}

uint32_t TextPage::random(uint32_t below) {
  return (state_ = state_ * 1664525u + 1013904223u) / 65536 % below;
}

void TextPage::turn_to(uint32_t seed) {
  state_ = seed;
  fill(window_, kPaper);
  for (written_to_ = 10; written_to_ + kLine <= window_.height; written_to_ += kLine) write_line(written_to_);
}

void TextPage::scroll(int pixels) {
  const Rect& w = window_;
  for (int y = w.y; y < w.y + w.height - pixels; ++y) {
    uint8_t* row = picture_.y() + y * picture_.stride() + w.x;
    std::memcpy(row, row + pixels * picture_.stride(), static_cast<size_t>(w.width));
  }
  fill({w.x, w.y + w.height - pixels, w.width, pixels}, kPaper);
  for (written_to_ -= pixels; written_to_ + kLine <= w.height; written_to_ += kLine) write_line(written_to_);
}

Rect TextPage::type(int column, int line) {
  const Rect rect{window_.x + 10 + column * kCell, window_.y + 10 + line * kLine, kCell, 16};
  fill(rect, kPaper);
  glyph(rect.x, rect.y, static_cast<int>(random(26)), 30);
  return rect;
}

void TextPage::fill(const Rect& rect, int luma) {
  for (int y = rect.y; y < rect.y + rect.height; ++y)
    std::memset(picture_.y() + y * picture_.stride() + rect.x, luma, static_cast<size_t>(rect.width));
}

/* Words of some letters, to a ragged edge; now and then a blank line, or a heading in another colour. */
void TextPage::write_line(int top) {
  const uint32_t kind = random(12);
  if (kind == 0) return;
  const int ink = kind == 1 ? 110 : 30;
  const int end = window_.x + window_.width - 40 - static_cast<int>(random(200));
  for (int x = window_.x + 10; x < end; x += kCell) {
    for (auto left = 2 + random(8); left > 0 && x < end; --left, x += kCell)
      glyph(x, window_.y + top, static_cast<int>(random(26)), ink);
  }
}

void TextPage::glyph(int x, int y, int letter, int ink) {
  for (int row = 0; row < kGlyphHigh; ++row) {
    for (int column = 0; column < kGlyphWide; ++column) {
      const double share = ink_at(letter, column, row);
      picture_.y()[(y + 2 + row) * picture_.stride() + x + column] =
          static_cast<uint8_t>(std::lround(kPaper + (ink - kPaper) * share));
    }
  }
}

}  // namespace pdc::test
