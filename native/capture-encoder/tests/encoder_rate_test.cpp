// x264 with our rate control on pages of text: what a picture costs against what the rate gives it, and what
// it is worth. Real encoding and decoding, in a time of its own.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "support/rate_run.h"
#include "support/text_page.h"

namespace pdc {
namespace {

using test::RateRun;
using test::TextPage;

constexpr int64_t kFrameUs = 16667;
constexpr int64_t kSecond = 1000000;
/* Of a desktop, which is not all text. */
constexpr Rect kWindow{200, 60, 800, 600};

EncoderSettings at(uint64_t bps, int quality = 85) { return {{1280, 720}, 60, bps, 0, quality}; }

class EncoderRate : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    for (const Availability& one : probe_encoders()) available_ |= one.name == "x264" && one.available;
  }
  void SetUp() override {
    if (!available_) GTEST_SKIP() << "x264 is not built in";
  }
  static inline bool available_ = false;
};

TEST_F(EncoderRate, AScrollAfterTypingHasItsWholeBudget) {
  TextPage page(1280, 720);
  RateRun run(page.picture(), at(2000000));
  run.run(4 * kSecond);
  for (int i = 0; i < 60; ++i) {
    run.change(page.type(20 + i, 10));
    run.run(4 * kFrameUs);
  }
  const size_t from = run.sent().size();
  double psnr = 0;
  for (int i = 0; i < 60; ++i) {
    page.scroll(6);
    run.change_all();
    run.run(kFrameUs);
    psnr += run.psnr() / 60;
  }
  EXPECT_LT(run.sent()[from].qp, 42);
  EXPECT_GT(psnr, 42);
  EXPECT_LT(static_cast<double>(run.bits_since(from)), run.frame_bits() * 60);
}

TEST_F(EncoderRate, AMouseWheelsStepsAreMotionNotNewPages) {
  TextPage page(1280, 720, kWindow);
  RateRun run(page.picture(), at(2000000));
  run.run(4 * kSecond);
  const size_t from = run.sent().size();
  double psnr = 0;
  for (int i = 0; i < 20; ++i) {
    page.scroll(53);
    run.change(kWindow);
    run.run(6 * kFrameUs);
    psnr += run.psnr(kWindow) / 20;
  }
  EXPECT_GT(psnr, 36);
  EXPECT_LT(static_cast<double>(run.largest_since(from)), run.frame_bits() * 4);
}

TEST_F(EncoderRate, ALetterOnACoarsePageDoesNotBringThePageWithIt) {
  for (const uint64_t bps : {2000000, 6000000}) {
    TextPage page(1280, 720);
    RateRun run(page.picture(), at(bps));
    run.run(3 * kSecond);
    page.turn_to(77);
    run.change_all();
    run.run(2 * kFrameUs);
    const size_t typed = run.sent().size();
    run.change(page.type(20, 10));
    run.run(kFrameUs);
    ASSERT_EQ(run.sent().size(), typed + 1);
    EXPECT_LT(static_cast<double>(run.sent().back().bits), run.frame_bits() * 0.5) << bps;
    run.forget_most_queued();
    for (int i = 1; i < 40; ++i) {
      run.change(page.type(20 + i, 10));
      run.run(4 * kFrameUs);
    }
    // What the letters leave of the rate goes to the page, which so becomes sharp while somebody types.
    EXPECT_LT(static_cast<double>(run.largest_since(typed)), run.frame_bits() * 4) << bps;
    EXPECT_LT(run.most_queued(), static_cast<double>(bps) * 0.1) << bps;
    EXPECT_GT(run.psnr(), 38) << bps;
  }
}

TEST_F(EncoderRate, APageBecomesSharpBesideAVideo) {
  for (const uint64_t bps : {2000000, 6000000}) {
    TextPage page(1280, 720);
    const Rect video{880, 80, 320, 240}, text{0, 400, 1280, 320};
    RateRun run(page.picture(), at(bps));
    run.run(3 * kSecond);
    page.turn_to(5);
    run.change_all();
    run.run(2 * kFrameUs);
    const double before = run.psnr(text);
    const size_t from = run.sent().size();
    for (int i = 0; i < 120; ++i) {
      // A texture that moves, with something new in each picture.
      for (int y = video.y; y < video.y + video.height; ++y) {
        for (int x = video.x; x < video.x + video.width; ++x) {
          page.picture().y()[y * page.picture().stride() + x] =
              static_cast<uint8_t>(128 + 60 * std::sin((x + i * 5) / 9.0) * std::cos((y - i * 3) / 7.0) +
                                   (x * 7 + y * 13 + i * 29) % 17);
        }
      }
      run.change(video);
      run.run(2 * kFrameUs);
    }
    EXPECT_GT(run.psnr(text), before + 8) << bps << ' ' << run.sent().back().qp;
    // At half of the pictures that the rate is for, each within its share.
    EXPECT_LT(static_cast<double>(run.bits_since(from)), static_cast<double>(bps) * 4) << bps;
  }
}

TEST_F(EncoderRate, TheFirstKeyFrameIsAtMostThreeFramesWorth) {
  TextPage text(1280, 720), window(1280, 720, kWindow);
  Picture noise(1280, 720);
  uint32_t state = 1;
  for (int i = 0; i < noise.stride() * 720 * 3 / 2; ++i)
    noise.y()[i] = static_cast<uint8_t>((state = state * 1664525u + 1013904223u) >> 24);
  for (const Picture* picture : {&text.picture(), &window.picture(), static_cast<const Picture*>(&noise)}) {
    for (const uint64_t bps : {500000, 1000000, 2000000, 6000000, 20000000}) {
      RateRun run(*picture, at(bps));
      run.run(kFrameUs / 2);
      ASSERT_EQ(run.sent().size(), 1u);
      EXPECT_TRUE(run.sent()[0].keyframe);
      EXPECT_LE(static_cast<double>(run.sent()[0].bits), run.frame_bits() * 3)
          << bps << ' ' << run.sent()[0].qp;
    }
  }
}

TEST_F(EncoderRate, AStillPictureIsSharpWithinThreeSecondsAndThenRests) {
  TextPage page(1280, 720, kWindow);
  RateRun run(page.picture(), at(500000));
  run.run(2 * kSecond);
  for (int i = 0; i < 60; ++i) {
    page.scroll(6);
    run.change(page.window());
    run.run(kFrameUs);
  }
  const size_t from = run.sent().size();
  run.run(kSecond / 4);  // what the motion left in front of the link is gone
  run.forget_most_queued();
  run.run(3 * kSecond - kSecond / 4);
  EXPECT_GE(run.psnr(), 40);
  EXPECT_GE(run.psnr(page.window()), 40);
  EXPECT_LT(static_cast<double>(run.bits_since(from)), 500000 * 3.1);
  EXPECT_LT(run.most_queued(), 500000 * 0.1);
  run.run(3 * kSecond);
  const size_t then = run.sent().size();
  run.run(10 * kSecond);
  EXPECT_EQ(run.sent().size(), then);
}

TEST_F(EncoderRate, AFullPageOfTextBecomesReadableFirst) {
  TextPage page(1280, 720);
  RateRun run(page.picture(), at(500000));
  run.run(3 * kSecond);
  // The last line too, though all of it in full would take four seconds.
  EXPECT_GT(run.psnr({0, 640, 1280, 80}), 24);
  run.run(5 * kSecond);
  EXPECT_GT(run.psnr(), 45);
}

TEST_F(EncoderRate, WhatQualityMeans) {
  double still[3], motion[3];
  size_t which = 0;
  for (const int quality : {40, 85, 100}) {
    TextPage page(1280, 720, kWindow);
    RateRun run(page.picture(), at(20000000, quality));
    run.run(2 * kSecond);
    still[which] = run.psnr(kWindow);
    motion[which] = 0;
    for (int i = 0; i < 60; ++i) {
      page.scroll(6);
      run.change(kWindow);
      run.run(kFrameUs);
      motion[which] += run.psnr(kWindow) / 60;
    }
    ++which;
  }
  EXPECT_GT(still[0], 35);
  EXPECT_GT(still[1], still[0] + 5);
  EXPECT_GT(still[2], still[1] + 1);
  EXPECT_GT(motion[1], motion[0] + 5);
  EXPECT_GT(motion[2], motion[1] + 0.5);
}

TEST_F(EncoderRate, NoUnitTellsOfItsEncoder) {
  TextPage page(320, 180);
  const auto encoder = open_encoder("x264", {{320, 180}, 60, 4000000});
  EncodedUnit unit;
  EncodeInput input;
  input.picture = &page.picture();
  input.keyframe = true;
  ASSERT_EQ(encoder->encode(input, unit), EncodeResult::ok);
  EXPECT_EQ(std::string(unit.data, unit.data + unit.size).find("x264"), std::string::npos);
}

}  // namespace
}  // namespace pdc
