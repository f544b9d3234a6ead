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
      rate.on_encoded(plan, qp, bits, qp);
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
    rate.on_encoded(plan, qp, bits_of(kBlocks, cost, qp), qp);
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

TEST_F(Rate, EasyMotionIsGoodAndBetterYetWhereThatCostsLittle) {
  RateControl tight(6000000, 60, kBlocks);
  key(tight, 50, 4);
  EXPECT_EQ(motion(tight, 120, 4).last_qp, 20);
  RateControl ample(60000000, 60, kBlocks);
  key(ample, 50, 4);
  EXPECT_EQ(motion(ample, 120, 4).last_qp, finest_for(kQuality));
  RateControl modest(60000000, 60, kBlocks, finest_for(30));
  key(modest, 50, 4);
  EXPECT_EQ(motion(modest, 120, 4).last_qp, finest_for(30));
}

TEST_F(Rate, ALettersCostIsNotAScrolls) {
  RateControl rate(2000000, 60, kBlocks);
  key(rate, 100, 10);
  motion(rate, 30, 10);
  const double before = motion(rate, 1, 10).last_qp;
  // All that a letter changes is new: two hundred times what a macroblock costs that moves.
  motion(rate, 60, 2000, 1, 4 * kFrameUs);
  now += kFrameUs;
  const RateControl::Plan plan{Kind::delta, now, kBlocks};
  EXPECT_LE(rate.choose(plan, 10, 1), before + 4);
}

TEST_F(Rate, WhatOnlyMovedIsNotTakenForNew) {
  RateControl rate(2000000, 60, kBlocks);
  key(rate, 500, 14);
  now += 1000000;
  rate.on_encoded({Kind::refinement, now, 0, 1000}, 16, 1000, 16);
  now += 1000000;
  const RateControl::Plan plan{Kind::delta, now, kBlocks};
  const int fresh = rate.choose(plan, 14, 0);
  EXPECT_LT(rate.choose(plan, 14, 1), fresh - 6);
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
  EXPECT_LT(bits_of(kBlocks, 900, qp), 6000000 / 60 * 3);
  EXPECT_GT(bits_of(kBlocks, 900, qp), 6000000 / 60);
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
    rate.on_encoded(plan, qp, 60000, qp);
  }
  EXPECT_LT(static_cast<double>(sum) * 1e6 / static_cast<double>(now - start), 1000000 * 1.1);
}

TEST_F(Rate, AKeyFrameThatIsTooLargeIsRefusedWhileACoarserOneIsPossible) {
  RateControl rate(6000000, 60, kBlocks);
  const RateControl::Plan plan{Kind::key, now, kBlocks};
  const int first = rate.choose(plan, 5);
  EXPECT_FALSE(rate.refuses(plan, first, 300000));
  ASSERT_TRUE(rate.refuses(plan, first, 600000));
  EXPECT_GT(rate.choose(plan, 5), first);
  EXPECT_FALSE(rate.refuses(plan, CostCurve::kSteps - 1, 600000));
  EXPECT_FALSE(rate.refuses({Kind::delta, now, kBlocks}, 30, 600000));
}

TEST_F(Rate, RefinementsKeepToTheRateAndWaitUntilAMotionIsOver) {
  RateControl rate(1000000, 60, kBlocks);
  key(rate, 100, 10);
  motion(rate, 2, 60);
  EXPECT_GE(rate.refine_at(), now + kRestUs);
  const int64_t start = now += kRestUs;
  double sum = 0;
  for (int i = 0; i < 80; ++i) {
    now = std::max<int64_t>(now + static_cast<int64_t>(1e6 / kRefinementFps), rate.refine_at());
    const double bits = rate.refinement_room(now);
    rate.on_encoded({Kind::refinement, now, 0, bits / rate.refinement_cost(24)}, 24,
                    static_cast<int64_t>(bits), 51);
    sum += bits;
    EXPECT_LT(rate.backlog_bits(), 1000000 * 0.04);
  }
  const double used = sum / static_cast<double>(now - start) * 1e6;
  EXPECT_GT(used, 1000000 * 0.85);
  EXPECT_LT(used, 1000000 * 1.05);
}

TEST(Costs, AreLearnedWhereTheyAreSeenMostAndNeverFallWithQuality) {
  CostCurve curve(100, 6, 6);
  EXPECT_NEAR(curve.bits(26), 100, 0.1);
  EXPECT_NEAR(curve.bits(32), 50, 0.1);
  curve.learn(32, 200);
  EXPECT_NEAR(curve.bits(32), 200, 0.1);
  EXPECT_GT(curve.bits(51), 5.6 * 1.9);
  EXPECT_LT(curve.bits(51), 5.6 * 4);
  curve.learn(32, 50, 0.5);
  EXPECT_NEAR(curve.bits(32), 100, 0.1);
  curve.learn(40, 1e6);
  for (int qp = 1; qp < CostCurve::kSteps; ++qp) EXPECT_LE(curve.bits(qp), curve.bits(qp - 1)) << qp;
}

}  // namespace
}  // namespace pdc
