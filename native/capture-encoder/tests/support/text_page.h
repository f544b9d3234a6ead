// Pages of small text, as desktops show them: what is hard about them for an encoder is many sharp edges.
#pragma once

#include <cstdint>

#include "base/frame.h"
#include "convert/picture.h"

namespace pdc::test {

class TextPage {
 public:
  static constexpr int kLine = 20, kCell = 8; /* pixels; a line's height and a character's width */

  /* The text is in this part, on a ground without any. */
  TextPage(int width, int height, const Rect& window);
  TextPage(int width, int height) : TextPage(width, height, {0, 0, width, height}) {}
  const Picture& picture() const { return picture_; }
  const Rect& window() const { return window_; }
  /* Another text all over. */
  void turn_to(uint32_t seed);
  /* Moves the text up, and writes what comes from below. */
  void scroll(int pixels);
  /* One character; returns where. */
  Rect type(int column, int line);

 private:
  void fill(const Rect& rect, int luma);
  void write_line(int top);
  void glyph(int x, int y, int letter, int ink);
  uint32_t random(uint32_t below);

  const Rect window_;
  Picture picture_;
  uint32_t state_ = 1;
  int written_to_ = 0; /* where the next line begins, from the window's top */
};

}  // namespace pdc::test
