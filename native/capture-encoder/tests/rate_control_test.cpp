#include "encode/rate_control.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

namespace pdc {
namespace {

using Kind = RateControl::Kind;

constexpr int kBlocks = 3600;  // 1280 x 720
constexpr int64_t kFrameUs = 16667;

/* A picture's bits as an encoder would have them: `cost` a macroblock at quantiser 26. */
int64_t bits_of(int blocks, double cost, int qp) {
  return static_cast<int64_t>(blocks * cost * std::exp2((26.0 - qp) / 6)) + 500;
}

struct Result {
  double bits_per_second = 0;
  int64_t largest = 0;
  int last_qp = 0;
};

class Rate : public testing::Test {
 protected:
  /* `count` pictures in motion, one each `interval`. */
  Result motion(RateControl& rate, int count, double cost, int blocks = kBlocks,
                int64_t interval = kFrameUs) {
    Result result;
    int64_t sum = 0;
    for (int i = 0; i < count; ++i) {
      now += interval;
      now = std::max(now, rate.room_at());
      const RateControl::Plan plan{Kind::delta, now, blocks};
      const int qp = rate.choose(plan, 10);
      const int64_t bits = bits_of(blocks, cost, qp);
      rate.on_encoded(plan, qp, bits);
      sum += bits;
      result.largest = std::max(result.largest, bits);
      result.last_qp = qp;
    }
    result.bits_per_second = static_cast<double>(sum) / count * 1e6 / static_cast<double>(interval);
    return result;
  }
  int key(RateControl& rate, double cost, double activity) {
    const RateControl::Plan plan{Kind::key, now, kBlocks};
    const int qp = rate.choose(plan, activity);
    rate.on_encoded(plan, qp, bits_of(kBlocks, cost, qp));
    return qp;
  }
  int64_t now = 1000000;
};

TEST_F(Rate, MotionThatIsTooMuchIsHeldNearTheBitrate) {
  for (const double cost : {60.0, 150.0, 400.0}) {
    RateControl rate(6000000, 60, kBlocks);
    key(rate, 300, 20);
    motion(rate, 60, cost);
    const Result steady = motion(rate, 300, cost);
    EXPECT_GT(steady.bits_per_second, 6000000 * 0.8) << cost;
    EXPECT_LT(steady.bits_per_second, 6000000 * 1.05) << cost;
    EXPECT_LT(rate.backlog_bits(), 6000000 * 0.05) << cost;
  }
}

TEST_F(Rate, EasyMotionStopsAtGoodQuality) {
  RateControl rate(6000000, 60, kBlocks);
  key(rate, 50, 4);
  EXPECT_EQ(motion(rate, 120, 2).last_qp, 20);
}

TEST_F(Rate, AChangeOfBitrateShowsWithinAFewPictures) {
  RateControl rate(8000000, 60, kBlocks);
  key(rate, 300, 20);
  motion(rate, 120, 150);
  rate.set_rate(2000000, 60);
  motion(rate, 30, 150);
  EXPECT_LT(motion(rate, 60, 150).bits_per_second, 2000000 * 1.1);
  rate.set_rate(8000000, 60);
  motion(rate, 30, 150);
  EXPECT_GT(motion(rate, 60, 150).bits_per_second, 8000000 * 0.75);
}

TEST_F(Rate, FewerPicturesMayBeLarger) {
  RateControl rate(6000000, 60, kBlocks);
  key(rate, 300, 20);
  motion(rate, 60, 150);
  const double at60 = motion(rate, 60, 150).bits_per_second / 60;
  rate.set_rate(6000000, 30);
  motion(rate, 60, 150, kBlocks, 2 * kFrameUs);
  const double at30 = motion(rate, 60, 150, kBlocks, 2 * kFrameUs).bits_per_second / 30;
  EXPECT_GT(at30, at60 * 1.6);
}

TEST_F(Rate, AWindowThatOpensAfterRestIsNotOneHugePicture) {
  RateControl rate(6000000, 60, kBlocks);
  key(rate, 300, 20);
  motion(rate, 60, 2, 30);  // a blinking cursor
  now += 2000000;
  const RateControl::Plan plan{Kind::delta, now, kBlocks};
  ASSERT_TRUE(rate.wants_activity(plan));
  const int qp = rate.choose(plan, 20);
  // As new as the key frame was: 300 bits a macroblock.
  EXPECT_LT(bits_of(kBlocks, 300, qp), 6000000 / 60 * 6);
}

TEST_F(Rate, KeyFramesAreBoundedAndLearnFromEachOther) {
  RateControl rate(6000000, 60, kBlocks);
  key(rate, 900, 20);
  now += 1000000;
  const int qp = key(rate, 900, 20);
  EXPECT_LT(bits_of(kBlocks, 900, qp), 6000000 / 60 * 5);
  EXPECT_GT(bits_of(kBlocks, 900, qp), 6000000 / 60 * 2);
}

TEST_F(Rate, WhereNothingHelpsThereAreFewerPictures) {
  RateControl rate(1000000, 60, kBlocks);
  key(rate, 3000, 80);
  const int64_t start = now;
  int64_t sum = 0;
  for (int i = 0; i < 100; ++i) {
    now = std::max(now + kFrameUs, rate.room_at());
    const RateControl::Plan plan{Kind::delta, now, kBlocks};
    const int qp = rate.choose(plan, 80);
    sum += 60000;  // whatever the quantiser
    rate.on_encoded(plan, qp, 60000);
  }
  EXPECT_LT(static_cast<double>(sum) * 1e6 / static_cast<double>(now - start), 1000000 * 1.1);
}

TEST_F(Rate, RefinementGoesDownStepByStepAtTheLinksPace) {
  RateControl rate(1000000, 60, kBlocks);
  int qp = key(rate, 400, 20);
  const int64_t start = now;
  int64_t sum = 0;
  while (qp > 18) {
    now = std::max(now + 40000, rate.refine_at());
    const RateControl::Plan plan{Kind::refinement, now, kBlocks};
    const int next = rate.choose(plan, 0);
    ASSERT_LT(next, qp);
    EXPECT_GE(next, qp - 6);
    const int64_t bits = bits_of(kBlocks, 30, next);
    rate.on_encoded(plan, next, bits);
    sum += bits;
    qp = rate.screen_qp();
  }
  EXPECT_LT(static_cast<double>(sum) / (static_cast<double>(now - start) / 1e6), 1000000 * 2);
}

TEST_F(Rate, TheScreenIsAsCoarseAsItsCoarsestPart) {
  RateControl rate(6000000, 60, kBlocks);
  rate.on_encoded({Kind::key, now, kBlocks}, 30, 1000);
  rate.on_encoded({Kind::delta, now, 100}, 22, 1000);
  EXPECT_EQ(rate.screen_qp(), 30);
  rate.on_encoded({Kind::delta, now, 100}, 40, 1000);
  EXPECT_EQ(rate.screen_qp(), 40);
  rate.on_encoded({Kind::refinement, now, kBlocks}, 34, 1000);
  EXPECT_EQ(rate.screen_qp(), 34);
  rate.on_encoded({Kind::delta, now, kBlocks}, 25, 1000);
  EXPECT_EQ(rate.screen_qp(), 25);
}

}  // namespace
}  // namespace pdc
