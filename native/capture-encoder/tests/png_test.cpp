#include "capture/png.h"

#include <gtest/gtest.h>

#include <random>

#include "support/decoder.h"

namespace pdc {
namespace {

TEST(Png, DecodesToThePixelsThatWentIn) {
  std::mt19937 random(1);
  for (const int size : {1, 2, 7, 24, 48, 96}) {
    for (const int kind : {0, 1, 2}) {
      std::vector<uint8_t> rgba(static_cast<size_t>(size * size * 4));
      for (size_t i = 0; i < rgba.size(); ++i) {
        rgba[i] = kind == 0   ? 0
                  : kind == 1 ? static_cast<uint8_t>(i / 4 * 3)
                              : static_cast<uint8_t>(random());
      }
      int width = 0, height = 0;
      EXPECT_EQ(test::decode_png(encode_png(rgba.data(), size, size), width, height), rgba)
          << size << " " << kind;
      EXPECT_EQ(width, size);
      EXPECT_EQ(height, size);
    }
  }
}

TEST(Png, EmptySpaceCostsLittle) {
  const std::vector<uint8_t> rgba(96 * 96 * 4);
  EXPECT_LT(encode_png(rgba.data(), 96, 96).size(), 600u);
}

TEST(Base64, KnownAnswers) {  // RFC 4648, section 10
  const auto of = [](const std::string& text) { return base64({text.begin(), text.end()}); };
  EXPECT_EQ(of(""), "");
  EXPECT_EQ(of("f"), "Zg==");
  EXPECT_EQ(of("fo"), "Zm8=");
  EXPECT_EQ(of("foobar"), "Zm9vYmFy");
}

}  // namespace
}  // namespace pdc
