#include "encode/encoder.h"

#include <gtest/gtest.h>

#include <cstring>

#include "base/error.h"
#include "support/decoder.h"
#include "support/rate_run.h"
#include "support/text_page.h"

namespace pdc {
namespace {

using test::Decoder;

/* A grey ground with blocks that move with `step`. */
void draw(Picture& picture, int step) {
  std::memset(picture.uv(), 128, static_cast<size_t>(picture.stride() * picture.height() / 2));
  for (int y = 0; y < picture.height(); ++y) {
    for (int x = 0; x < picture.width(); ++x) {
      picture.y()[y * picture.stride() + x] =
          static_cast<uint8_t>(((x + step * 5) / 16 + (y + step) / 16) % 2 * 150 + 50);
    }
  }
}

class Encode : public testing::TestWithParam<const char*> {
 protected:
  std::unique_ptr<Encoder> open(EncoderSettings settings = {{640, 360}, 60, 4000000, 0}) {
    return open_encoder(GetParam(), settings);
  }
  static std::vector<uint8_t> bytes(const EncodedUnit& unit) { return {unit.data, unit.data + unit.size}; }
};

/* Types of the NAL units of an Annex B stream (H.264, 7.3.1). */
std::vector<int> nal_types(const std::vector<uint8_t>& data) {
  std::vector<int> types;
  for (size_t i = 0; i + 3 < data.size(); ++i) {
    if (data[i] == 0 && data[i + 1] == 0 && data[i + 2] == 1) types.push_back(data[i + 3] & 31);
  }
  return types;
}

TEST_P(Encode, EachPictureComesOutAtOnceAndOnlyTheFirstIsAnIdr) {
  const auto encoder = open();
  Picture picture(640, 360);
  Decoder decoder;
  for (int i = 0; i < 130; ++i) {
    draw(picture, i);
    EncodedUnit unit;
    EncodeInput input;
    input.picture = &picture;
    input.now_us = i * int64_t{16667};
    input.keyframe = i == 0;
    ASSERT_EQ(encoder->encode(input, unit), EncodeResult::ok);
    EXPECT_EQ(unit.keyframe, i == 0) << i;
    ASSERT_TRUE(decoder.decode(bytes(unit))) << i;
    // What was just sent is what comes out: the pattern of this step, not of the one before.
    if (i > 20) {
      int wrong = 0;
      for (int x = 8; x < 640; x += 16)
        wrong += std::abs(decoder.luma(x, 100) - picture.y()[100 * picture.stride() + x]) > 40;
      EXPECT_LE(wrong, 2) << i;
    }
  }
  EXPECT_EQ(decoder.reorder(), 0);
}

TEST_P(Encode, KeyFramesAreWholeAndRestartADecoder) {
  const auto encoder = open();
  Picture picture(640, 360);
  for (int i = 0; i < 10; ++i) {
    draw(picture, i);
    EncodedUnit unit;
    EncodeInput input;
    input.picture = &picture;
    input.now_us = i * int64_t{16667};
    input.keyframe = i == 0 || i == 7;
    ASSERT_EQ(encoder->encode(input, unit), EncodeResult::ok);
    EXPECT_EQ(unit.keyframe, input.keyframe);
    const auto types = nal_types(bytes(unit));
    if (!input.keyframe) {
      for (const int type : types) EXPECT_TRUE(type == 1 || type == 6) << type;
      continue;
    }
    EXPECT_EQ(types.at(0), 7);
    EXPECT_EQ(types.at(1), 8);
    EXPECT_EQ(types.back(), 5);
    Decoder fresh;
    EXPECT_TRUE(fresh.decode(bytes(unit)));
    EXPECT_EQ(fresh.profile(), 66 | 1 << 9);  // constrained baseline
    EXPECT_EQ(fresh.matrix(), 6);
    EXPECT_EQ(fresh.primaries(), 1);
    EXPECT_EQ(fresh.transfer(), 1);
    EXPECT_FALSE(fresh.full_range());
    EXPECT_EQ(fresh.reorder(), 0);
  }
}

TEST_P(Encode, BitrateChangesWithoutAKeyFrame) {
  const auto encoder = open({{640, 360}, 60, 8000000, 0});
  Picture picture(640, 360);
  int64_t now = 0;
  const auto run = [&](int from, int64_t interval_us) {
    size_t total = 0;
    for (int i = from; i < from + 120; ++i) {
      // Noise, so that there is always more to code than the rate allows.
      uint32_t state = static_cast<uint32_t>(i) * 2654435761u;
      for (int at = 0; at < picture.stride() * 360; ++at)
        picture.y()[at] = static_cast<uint8_t>(110 + ((state = state * 1664525u + 1013904223u) >> 27));
      EncodedUnit unit;
      EncodeInput input;
      input.picture = &picture;
      input.now_us = now += interval_us;
      input.keyframe = i == 0;
      EXPECT_EQ(encoder->encode(input, unit), EncodeResult::ok);
      EXPECT_EQ(unit.keyframe, i == 0);
      if (i >= from + 60) total += unit.size;
    }
    return static_cast<double>(total) * 8;  // bits of 60 pictures
  };
  std::memset(picture.uv(), 128, static_cast<size_t>(picture.stride() * 180));
  const double high = run(0, 16667);
  encoder->set_rate(3000000, 60);
  const double low = run(120, 16667);
  encoder->set_rate(8000000, 60);
  const double again = run(240, 16667);
  EXPECT_LT(low, high * 0.6);
  EXPECT_GT(again, high * 0.7);
  // At half the pictures a second each one may have twice the bits.
  encoder->set_rate(8000000, 30);
  EXPECT_GT(run(360, 33333), high * 1.4);
}

TEST_P(Encode, RefinementSharpensARestingPicture) {
  const auto encoder = open({{640, 360}, 60, 1000000, 0});
  Picture picture(640, 360);
  draw(picture, 3);
  int first = 0, last = 0;
  for (int i = 0; i < 60; ++i) {
    EncodedUnit unit;
    EncodeInput input;
    Rect none;
    input.picture = &picture;
    input.now_us = i * int64_t{25000};
    input.keyframe = i == 0;
    input.refinement = i > 0;
    if (i > 0) input.changed = &none;
    ASSERT_EQ(encoder->encode(input, unit), EncodeResult::ok);
    (i == 0 ? first : last) = unit.qp;
  }
  EXPECT_LT(last, first);
  EXPECT_LE(last, 18);
}

TEST_P(Encode, AStillPageOfTextBecomesSharpAtALowRate) {
  test::TextPage page(1280, 720);
  // One thread: with several, which of them is first decides what libavcodec's rate control leaves to the
  // others.
  test::RateRun run(page.picture(), {{1280, 720}, 60, 2000000, 1}, GetParam());
  run.run(8000000);
  EXPECT_GT(run.psnr(), 42);
  run.run(8000000);
  const size_t then = run.sent().size();
  run.run(4000000);
  EXPECT_EQ(run.sent().size(), then);
}

TEST_P(Encode, OddShapesAndManyThreads) {
  for (const Size size : {Size{16, 16}, Size{18, 34}, Size{1366, 768}, Size{3840, 2160}}) {
    const auto encoder = open({size, 60, 4000000, size.width > 1000 ? 4 : 0});
    Picture picture(size.width, size.height);
    draw(picture, 1);
    Decoder decoder;
    for (int i = 0; i < 3; ++i) {
      EncodedUnit unit;
      EncodeInput input;
      input.picture = &picture;
      input.now_us = i * int64_t{16667};
      input.keyframe = i == 0;
      ASSERT_EQ(encoder->encode(input, unit), EncodeResult::ok);
      ASSERT_TRUE(decoder.decode(bytes(unit)));
      EXPECT_EQ(decoder.width(), size.width);
      EXPECT_EQ(decoder.height(), size.height);
    }
  }
}

std::vector<const char*> built_in() {
  std::vector<const char*> names;
  for (const char* name : {"libx264", "x264"}) {
    for (const Availability& one : probe_encoders()) {
      if (one.name == name && one.available) names.push_back(name);
    }
  }
  return names;
}

INSTANTIATE_TEST_SUITE_P(Backends, Encode, testing::ValuesIn(built_in()),
                         [](const auto& backend) { return std::string(backend.param); });

TEST(EncoderFactory, SaysWhyNothingWorks) {
  try {
    open_encoder("nvenc", {});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), PD_ERR_UNAVAILABLE);
    EXPECT_NE(std::string(error.what()).find("nvenc: not built into"), std::string::npos);
  }
}

}  // namespace
}  // namespace pdc
