#include "encode/rate_control.h"

#include <algorithm>
#include <cmath>

#include "encode/rate_plan.h"

namespace pdc {
namespace {

constexpr double kReferenceQp = 26;
/* A quarter of an intra macroblock's bits go to one that is new but has something alike nearby. */
constexpr double kNewContent = 0.5;
/* A picture may be that much larger than the recent ones before its content counts as new. */
constexpr double kGrowth = 1.5;
constexpr double kSlackBlocks = 40;

/* Seconds. Where even the coarsest pictures are too much, there are fewer of them. */
constexpr double kLongestBacklogS = 0.1;
constexpr double kIdleBacklogS = 0.01;

/* Bits halve with every six steps of the quantiser (H.264, 8.5.9: the step size doubles). */
double bits_factor(double qp) { return std::exp2((kReferenceQp - qp) / 6); }

/* Up at once, since a cost that is thought too low fills the link; down slowly. */
double learn(double known, double seen) { return seen > known ? seen : known * 0.7 + seen * 0.3; }

}  // namespace

RateControl::RateControl(uint64_t bitrate_bps, double fps, int all_blocks) : all_blocks_(all_blocks) {
  set_rate(bitrate_bps, fps);
}

void RateControl::set_rate(uint64_t bitrate_bps, double fps) {
  bitrate_ = static_cast<double>(bitrate_bps);
  fps_ = std::max(fps, 1.0);
}

void RateControl::drain(int64_t now_us) {
  if (drained_at_ != INT64_MIN && now_us > drained_at_) {
    backlog_ = std::max(0.0, backlog_ - bitrate_ * static_cast<double>(now_us - drained_at_) / 1e6);
  }
  drained_at_ = std::max(drained_at_, now_us);
}

double RateControl::recent_blocks(int64_t now_us) const {
  if (last_at_ == INT64_MIN) return 0;
  return recent_blocks_ * std::exp(-static_cast<double>(now_us - last_at_) / 500000);
}

bool RateControl::wants_activity(const Plan& plan) const {
  return plan.kind == Kind::key ||
         (plan.kind == Kind::delta && plan.blocks > recent_blocks(plan.now_us) * kGrowth + kSlackBlocks);
}

double RateControl::target_bits(const Plan& plan) const {
  const double frame = bitrate_ / fps_;
  switch (plan.kind) {
    case Kind::key:
      // Coarse first and sharpened after: a whole one would hold up everything behind it.
      return std::max(frame * 4 - backlog_, frame);
    default: {
      // In steady motion half a picture is still on its way when the next one comes. After a pause there is
      // room for more.
      const bool paused = last_at_ == INT64_MIN || static_cast<double>(plan.now_us - last_at_) > 3e6 / fps_;
      const double target = frame + (frame / 2 - backlog_) / 2 + (paused ? frame * 0.75 : 0);
      return std::max(target, frame * 0.3);
    }
  }
}

int RateControl::choose(const Plan& plan, double activity) {
  drain(plan.now_us);
  activity_ = activity;
  const double blocks = std::max(plan.blocks, 1);
  if (plan.kind == Kind::refinement) {
    // Always finer than what is there, or it would be for nothing; by how much, the one before tells.
    const double share = refinement_bits_ * kRefinementFps / bitrate_;
    const int step = share < 0.5 ? 6 : share > 1.5 ? 3 : 4;
    return std::max(kBestQp, screen_qp_ - step);
  }
  double predicted = 0; /* bits at the reference quantiser */
  if (plan.kind == Kind::key) {
    predicted = blocks * intra_cost_ * std::max(activity, 0.2);
  } else {
    const double known =
        wants_activity(plan) ? std::min(blocks, recent_blocks(plan.now_us) * kGrowth + kSlackBlocks) : blocks;
    predicted = known * delta_cost_ + (blocks - known) * intra_cost_ * kNewContent * std::max(activity, 0.2);
  }
  const double wanted = kReferenceQp - 6 * std::log2(target_bits(plan) / std::max(predicted, 1.0));
  // In motion, quality comes back by a little each time.
  const int best = plan.kind == Kind::delta ? std::max(kQuality, last_qp_ - 4) : kQuality;
  return std::clamp(static_cast<int>(std::ceil(wanted)), best, kWorstQp);
}

void RateControl::on_encoded(const Plan& plan, int qp, int64_t bits) {
  const double seen = static_cast<double>(bits) / std::max(plan.blocks, 1) / bits_factor(qp);
  switch (plan.kind) {
    case Kind::key:
      intra_cost_ = std::clamp(seen / std::max(activity_, 0.2), 1.0, 200.0);
      refinement_bits_ = 0;
      screen_qp_ = qp;
      break;
    case Kind::refinement:
      refinement_bits_ = static_cast<double>(bits);
      screen_qp_ = qp;
      break;
    case Kind::delta:
      delta_cost_ = std::clamp(learn(delta_cost_, seen), 1.0, 4000.0);
      screen_qp_ = plan.blocks >= all_blocks_ ? qp : std::max(screen_qp_, qp);
      recent_blocks_ = std::max<double>(plan.blocks, recent_blocks(plan.now_us));
      break;
  }
  last_at_ = plan.now_us;
  last_qp_ = qp;
  // Not without end: what is known of the link may be wrong, and then the past must not weigh for ever.
  backlog_ = std::min(backlog_ + static_cast<double>(bits), bitrate_ * kLongestBacklogS * 4);
}

int64_t RateControl::when_backlog_is(double seconds) const {
  if (last_at_ == INT64_MIN) return 0;
  const double over = backlog_ - bitrate_ * seconds;
  return over <= 0 ? last_at_ : last_at_ + static_cast<int64_t>(over / bitrate_ * 1e6);
}

int64_t RateControl::room_at() const { return when_backlog_is(kLongestBacklogS); }
int64_t RateControl::refine_at() const { return when_backlog_is(kIdleBacklogS); }

}  // namespace pdc
