#include "encode/rate_control.h"

#include <algorithm>
#include <cmath>

namespace pdc {
namespace {

/* What is new mostly has something alike nearby. */
constexpr double kNewContent = 0.7;
/* A picture may be that much larger than the recent ones before its content counts as new. */
constexpr double kGrowth = 1.5;
constexpr double kSlackBlocks = 40;
/* Even a flat macroblock has some bits. */
constexpr double kLeastActivity = 0.2;

/* Frames' worth of bits: what a key frame aims at, and what it may not exceed if any coarser one is possible.
   The whole of a good one would hold up everything behind it; refinements follow. */
constexpr double kKeyAim = 2.3, kKeyMost = 3;
/* Of its bits a picture may spend this much on being better than good enough. */
constexpr double kLuxury = 0.25;

/* Seconds. Where even the coarsest pictures are too much, there are fewer of them. */
constexpr double kLongestBacklogS = 0.1;
constexpr double kIdleBacklogS = 0.005;

}  // namespace

RateControl::RateControl(uint64_t bitrate_bps, double fps, int all_blocks, int finest_qp)
    : all_blocks_(all_blocks),
      small_blocks_(std::max(16, all_blocks / 50)),
      finest_qp_(finest_qp),
      easy_qp_(std::max(kEasyQp, finest_qp)) {
  set_rate(bitrate_bps, fps);
}

void RateControl::set_rate(uint64_t bitrate_bps, double fps) {
  bitrate_ = static_cast<double>(bitrate_bps);
  fps_ = std::max(fps, 1.0);
}

void RateControl::drain(int64_t now_us) {
  if (drained_at_ != INT64_MIN && now_us > drained_at_) {
    const double carried = bitrate_ * static_cast<double>(now_us - drained_at_) / 1e6;
    idle_ = std::max(0.0, carried - backlog_);
    backlog_ = std::max(0.0, backlog_ - carried);
  }
  drained_at_ = std::max(drained_at_, now_us);
}

double RateControl::recent_blocks(int64_t now_us) const {
  if (last_at_ == INT64_MIN) return 0;
  return recent_blocks_ * std::exp(-static_cast<double>(now_us - last_at_) / 500000);
}

bool RateControl::wants_activity(const Plan& plan) const {
  return plan.kind == Kind::key ||
         (!small(plan) && plan.blocks > recent_blocks(plan.now_us) * kGrowth + kSlackBlocks);
}

double RateControl::target_bits(const Plan& plan) const {
  const double frame = bitrate_ / fps_;
  if (plan.kind == Kind::key) return std::max(frame * kKeyAim - backlog_, frame);
  // In steady motion half a picture is still on its way when the next one comes. After a pause there is
  // room for more.
  const bool paused = last_at_ == INT64_MIN || static_cast<double>(plan.now_us - last_at_) > 3e6 / fps_;
  const double target = frame + (frame / 2 - backlog_) / 2 + (paused ? frame * 0.75 : 0);
  return std::max(target, frame * 0.3);
}

double RateControl::predicted_bits(const Plan& plan, int qp) const {
  const double blocks = std::max(plan.blocks, 1);
  const double activity = std::max(activity_, kLeastActivity);
  if (plan.kind == Kind::key) return fixed_ + blocks * activity * intra_.bits(qp);
  if (small(plan)) return fixed_ + blocks * few_.bits(qp);
  double known = blocks;
  if (wants_activity(plan)) {
    known = std::min(blocks, recent_blocks(plan.now_us) * kGrowth + kSlackBlocks);
    known += (blocks - known) * moved_;
  }
  return fixed_ + known * many_.bits(qp) + (blocks - known) * kNewContent * activity * intra_.bits(qp);
}

int RateControl::choose(const Plan& plan, double activity, double moved) {
  drain(plan.now_us);
  activity_ = activity;
  moved_ = moved;
  const double target = target_bits(plan);
  int best = easy_qp_, worst = kWorstQp;
  if (plan.kind == Kind::key) {
    worst = CostCurve::kSteps - 1;
  } else if (small(plan)) {
    best = finest_qp_;
  } else {
    // In motion, quality comes back by a little each time: what was coarse costs as if it were new.
    best = std::max(finest_qp_, last_qp_ - 4);
  }
  for (int qp = best; qp < worst; ++qp) {
    const double most = qp < easy_qp_ ? std::min(target, bitrate_ / fps_ * kLuxury) : target;
    if (predicted_bits(plan, qp) <= most) return qp;
  }
  return worst;
}

bool RateControl::refuses(const Plan& plan, int qp, int64_t bits) {
  if (plan.kind != Kind::key || qp >= CostCurve::kSteps - 1) return false;
  if (static_cast<double>(bits) <= bitrate_ / fps_ * kKeyMost) return false;
  const double units = std::max(plan.blocks, 1) * std::max(activity_, kLeastActivity);
  intra_.learn(qp, (static_cast<double>(bits) - fixed_) / units);
  return true;
}

void RateControl::on_encoded(const Plan& plan, int qp, int64_t bits, int screen_qp) {
  const double blocks = std::max(plan.blocks, 1);
  const double activity = std::max(activity_, kLeastActivity);
  const double seen = std::max(0.0, static_cast<double>(bits) - fixed_);
  switch (plan.kind) {
    case Kind::key:
      intra_.learn(qp, seen / blocks / activity, 1);
      last_qp_ = qp;
      break;
    case Kind::refinement:
      if (plan.refined > 0) refinement_.learn(qp, seen / plan.refined, 0.5);
      last_qp_ = screen_qp;
      break;
    case Kind::delta: {
      // Which part of it was the dearer cannot be told: both were by the same ratio.
      const double own = predicted_bits(plan, qp) - fixed_, along = plan.refined * refinement_.bits(qp);
      const double share = own / (own + along);
      if (plan.refined > 0) refinement_.learn(qp, seen * (1 - share) / plan.refined, 0.5);
      if (!small(plan)) {
        many_.learn(qp, seen * share / blocks);
      } else if (plan.refined <= 0) {
        const auto all = static_cast<double>(bits);
        fixed_ = std::clamp(all < fixed_ ? all : fixed_ + (all - fixed_) * 0.02, 100.0, 2000.0);
        few_.learn(qp, seen / blocks);
      }
      if (!small(plan)) last_qp_ = qp;
      rested_at_ = std::max(rested_at_, plan.now_us + (small(plan) ? kSmallRestUs : kRestUs));
      recent_blocks_ = std::max<double>(plan.blocks, recent_blocks(plan.now_us));
      break;
    }
  }
  last_at_ = plan.now_us;
  // Not without end: what is known of the link may be wrong, and then the past must not weigh for ever.
  backlog_ = std::min(backlog_ + static_cast<double>(bits), bitrate_ * kLongestBacklogS * 4);
}

double RateControl::refinement_room(int64_t now_us) {
  drain(now_us);
  return std::max(bitrate_ * (0.97 / kRefinementFps + kIdleBacklogS) - backlog_, 2000.0);
}

double RateControl::spare(const Plan& plan, int qp) const {
  const double frame = bitrate_ / fps_;
  return std::min(target_bits(plan), frame) - predicted_bits(plan, qp);
}

int64_t RateControl::when_backlog_is(double seconds) const {
  if (last_at_ == INT64_MIN) return 0;
  const double over = backlog_ - bitrate_ * seconds;
  return over <= 0 ? last_at_ : last_at_ + static_cast<int64_t>(over / bitrate_ * 1e6);
}

int64_t RateControl::room_at() const { return when_backlog_is(kLongestBacklogS); }
int64_t RateControl::refine_at() const { return std::max(when_backlog_is(kIdleBacklogS), rested_at_); }

}  // namespace pdc
