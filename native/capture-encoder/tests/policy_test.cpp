#include <gtest/gtest.h>

#include "pipeline/drop_window.h"
#include "pipeline/frame_policy.h"
#include "pipeline/rate_limiter.h"

namespace pdc {
namespace {

using Action = FramePolicy::Action;

/* Takes a picture at each paint that the limiter lets through; returns how many, and the longest wait. */
struct Painted {
  int taken = 0;
  int64_t longest_wait = 0;
};
Painted paint(RateLimiter& limiter, double rate, int count) {
  Painted run;
  int64_t free_at = 0;
  for (int i = 0; i < count; ++i) {
    const auto painted = static_cast<int64_t>(i * 1e6 / rate);
    if (painted < free_at) continue;  // falls together with the one that waits
    const int64_t at = limiter.ready_at(painted);
    run.longest_wait = std::max(run.longest_wait, at - painted);
    limiter.take(at);
    free_at = at;
    ++run.taken;
  }
  return run;
}

TEST(RateLimiter, ScreenSlightlyFasterThanNominalNeverWaits) {
  for (const double rate : {59.7, 60.0, 60.5, 63.0}) {
    RateLimiter limiter(60);
    const Painted run = paint(limiter, rate, 3000);
    EXPECT_EQ(run.taken, 3000) << rate;
    EXPECT_EQ(run.longest_wait, 0) << rate;
  }
}

TEST(RateLimiter, ClickBurstsPassWithoutALastingDelay) {
  RateLimiter limiter(60);
  int64_t now = 0;
  for (int i = 0; i < 60; ++i) limiter.take(now += 16667);
  limiter.take(now + 4000);  // a click repaints in between
  EXPECT_EQ(limiter.ready_at(now + 16667), now + 16667);
}

TEST(RateLimiter, HoldsTheRateAgainstAnEndlessPainter) {
  RateLimiter limiter(60);
  const Painted run = paint(limiter, 1000, 10000);  // ten seconds
  EXPECT_GT(run.taken, 600);
  EXPECT_LT(run.taken, 720);
}

TEST(RateLimiter, KeepsTheSpacingThatWasAskedFor) {
  RateLimiter limiter(60, 10000);
  limiter.take(1000);
  EXPECT_EQ(limiter.ready_at(2000), 11000);
}

TEST(DropWindow, DropsOnlyWhileEnoughPushesBack) {
  DropWindow window(200000, 2);
  window.on_backpressure(0);
  EXPECT_FALSE(window.dropping(1));
  window.on_backpressure(50000);
  EXPECT_TRUE(window.dropping(60000));
  EXPECT_FALSE(window.dropping(200000));
  window.on_backpressure(210000);
  EXPECT_TRUE(window.dropping(220000));
  DropWindow off(200000, 0);
  off.on_backpressure(0);
  EXPECT_FALSE(off.dropping(1));
}

class Policy : public testing::Test {
 protected:
  void encode(Action action, int64_t now, bool keyframe, int64_t coarse, int64_t refine_at = 0) {
    if (action == Action::capture) policy.on_captured(now);
    policy.on_encoded(now, action, keyframe, coarse, 0, refine_at);
  }
  FramePolicy policy{{}};
};

TEST_F(Policy, FirstPictureIsAKeyFrameAtOnce) {
  EXPECT_EQ(policy.next(0).action, Action::capture);
  EXPECT_TRUE(policy.keyframe_wanted());
}

TEST_F(Policy, RestingPictureSharpensThenNothing) {
  encode(Action::capture, 0, true, 300, 100000);
  int64_t now = 0, last = 0;
  int steps = 0;
  while (true) {
    const auto next = policy.next(now);
    if (next.action == Action::wait && next.at == kNever) break;
    if (next.action == Action::wait) {
      now = next.at;
      continue;
    }
    ASSERT_EQ(next.action, Action::refine);
    EXPECT_GE(now, 100000);
    EXPECT_GE(now, last + 25000);
    encode(Action::refine, last = now, false, 300 - ++steps);
  }
  EXPECT_EQ(steps, 300);
}

TEST_F(Policy, SharpeningEndsWithoutSuccessToo) {
  encode(Action::capture, 0, true, 51);
  int64_t now = 0;
  int steps = 0;
  for (auto next = policy.next(now); next.at != kNever; next = policy.next(now)) {
    if (next.action == Action::refine) encode(Action::refine, now, false, 51), ++steps;
    now = std::max(now, next.at);
  }
  EXPECT_GT(steps, 1);
  EXPECT_LT(steps, 40);
}

TEST_F(Policy, ChangeGoesBeforeSharpening) {
  encode(Action::capture, 0, true, 40);
  EXPECT_EQ(policy.on_changed(500000), FramePolicy::Fate::taken);
  EXPECT_EQ(policy.next(500000).action, Action::capture);
}

TEST_F(Policy, KeyFrameOnAStillPictureAtOnce) {
  encode(Action::capture, 0, true, 0);
  EXPECT_EQ(policy.next(1000000).at, kNever);
  policy.on_keyframe_wanted();
  EXPECT_EQ(policy.next(1000000).action, Action::repeat);
}

TEST_F(Policy, AFloodOfRequestsGivesFewKeyFrames) {
  encode(Action::capture, 0, true, 0);
  int keyframes = 0;
  for (int64_t now = 0; now < 1000000; now += 1000) {
    policy.on_keyframe_wanted();
    if (policy.next(now).action == Action::repeat) encode(Action::repeat, now, true, 0), ++keyframes;
  }
  EXPECT_LE(keyframes, 34);
  EXPECT_GE(keyframes, 20);
}

TEST_F(Policy, WaitsForTheEncodersRoomButNotWithAKeyFrame) {
  policy.on_captured(0);
  policy.on_encoded(0, Action::capture, true, 51, 90000);
  policy.on_changed(20000);
  const auto next = policy.next(20000);
  EXPECT_EQ(next.action, Action::wait);
  EXPECT_EQ(next.at, 90000);
  EXPECT_EQ(policy.next(90000).action, Action::capture);
  policy.on_keyframe_wanted();
  EXPECT_EQ(policy.next(20000).action, Action::capture);
}

TEST_F(Policy, NobodyWatchingMeansRest) {
  encode(Action::capture, 0, true, 40);
  policy.on_no_viewer();
  policy.on_changed(1000);
  policy.on_keyframe_wanted();
  EXPECT_EQ(policy.next(1000000).at, kNever);
  policy.on_viewers();
  EXPECT_EQ(policy.next(1000000).action, Action::capture);
}

TEST_F(Policy, CongestionHoldsUntilDrainedButNotForEver) {
  encode(Action::capture, 0, true, 40);
  policy.on_congested(0);
  EXPECT_EQ(policy.on_changed(1000), FramePolicy::Fate::congested);
  EXPECT_EQ(policy.next(1000).action, Action::wait);
  policy.on_drained();
  EXPECT_EQ(policy.next(20000).action, Action::capture);
  policy.on_congested(20000);
  const auto next = policy.next(20000);
  EXPECT_EQ(next.action, Action::wait);
  EXPECT_EQ(policy.next(next.at).action, Action::capture);
}

TEST_F(Policy, BackpressureTriesAgainThenDrops) {
  policy.on_captured(0);
  policy.on_backpressure(0);
  const auto next = policy.next(10000);
  EXPECT_EQ(next.action, Action::capture);
  policy.on_captured(10000);
  policy.on_backpressure(10000);
  EXPECT_EQ(policy.on_changed(20000), FramePolicy::Fate::backpressure);
  EXPECT_EQ(policy.next(20000).action, Action::wait);
  EXPECT_EQ(policy.next(300000).action, Action::capture);
}

}  // namespace
}  // namespace pdc
