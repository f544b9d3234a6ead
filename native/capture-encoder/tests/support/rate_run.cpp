#include "support/rate_run.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "base/frame.h"

namespace pdc::test {

using Action = FramePolicy::Action;

namespace {

FramePolicy::Settings policy_settings(double fps) {
  FramePolicy::Settings settings;
  settings.fps = fps;
  return settings;
}

}  // namespace

RateRun::RateRun(const Picture& picture, EncoderSettings settings, const std::string& kind)
    : picture_(picture),
      encoder_(open_encoder(kind, settings)),
      policy_(policy_settings(settings.fps)),
      bitrate_(static_cast<double>(settings.bitrate_bps)),
      fps_(settings.fps) {
  change_all();
}

void RateRun::change(const Rect& rect) {
  // The pipeline's frames have few parts too.
  if (changed_.size() < Frame::kMaxParts) {
    changed_.push_back(rect.evened());
  } else {
    changed_.back() = changed_.back().united(rect.evened());
  }
  policy_.on_changed(now_);
}

void RateRun::set_rate(uint64_t bitrate_bps, double fps) {
  bitrate_ = static_cast<double>(bitrate_bps);
  fps_ = fps;
  encoder_->set_rate(bitrate_bps, fps);
  policy_.set_fps(fps);
}

void RateRun::pass_to(int64_t at) {
  queued_ = std::max(0.0, queued_ - bitrate_ * static_cast<double>(at - now_) / 1e6);
  now_ = at;
}

void RateRun::run(int64_t us) {
  const int64_t end = now_ + us;
  while (true) {
    const FramePolicy::Next next = policy_.next(now_);
    if (next.action != Action::wait) {
      encode(next.action);
    } else if (next.at >= end) {
      return pass_to(end);
    } else {
      pass_to(next.at);
    }
  }
}

void RateRun::encode(Action action) {
  if (action == Action::capture) policy_.on_captured(now_);
  EncodeInput input;
  input.picture = &picture_;
  input.now_us = now_;
  input.keyframe = policy_.keyframe_wanted();
  input.refinement = action != Action::capture;
  Rect none;
  input.changed = input.refinement ? &none : changed_.data();
  input.changed_count = input.refinement ? 0 : changed_.size();
  EncodedUnit unit;
  const int64_t start = now_us();
  if (encoder_->encode(input, unit) != EncodeResult::ok) throw std::runtime_error("the encoder failed");
  const int64_t took = now_us() - start;
  if (!decoder_.decode({unit.data, unit.data + unit.size})) throw std::runtime_error("nothing was decoded");
  if (!input.refinement) changed_.clear();
  const auto bits = static_cast<int64_t>(unit.size) * 8;
  sent_.push_back({now_, bits, unit.keyframe, input.refinement, unit.qp, took});
  queued_ += static_cast<double>(bits);
  most_queued_ = std::max(most_queued_, queued_);
  policy_.on_encoded(now_, action, unit.keyframe, unit.coarse, unit.room_at, unit.refine_at);
}

int64_t RateRun::bits_since(size_t from) const {
  int64_t sum = 0;
  for (; from < sent_.size(); ++from) sum += sent_[from].bits;
  return sum;
}

int64_t RateRun::largest_since(size_t from) const {
  int64_t most = 0;
  for (; from < sent_.size(); ++from) most = std::max(most, sent_[from].bits);
  return most;
}

double RateRun::psnr() const { return psnr({0, 0, picture_.width(), picture_.height()}); }

double RateRun::psnr(const Rect& part) const {
  double sum = 0;
  for (int y = part.y; y < part.y + part.height; ++y) {
    for (int x = part.x; x < part.x + part.width; ++x) {
      const double off = decoder_.luma(x, y) - picture_.y()[y * picture_.stride() + x];
      sum += off * off;
    }
  }
  return sum == 0 ? 99 : 10 * std::log10(255.0 * 255.0 * static_cast<double>(part.area()) / sum);
}

}  // namespace pdc::test
