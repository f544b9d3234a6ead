// How often pictures may be taken: a token bucket with headroom. A cap of exactly the screen's rate is a
// trap: a few paints more and every picture waits for its token, for good. So the bucket fills a little
// faster than the nominal rate, holds a few tokens for bursts (a click's repaint), and two pictures are
// never closer than a minimum spacing.
#pragma once

#include <algorithm>
#include <cstdint>

namespace pdc {

class RateLimiter {
 public:
  /* min_spacing_us 0: a fifth of the frame time, at most 4 ms. */
  explicit RateLimiter(double fps, int64_t min_spacing_us = 0) : asked_spacing_us_(min_spacing_us) {
    set_fps(fps);
  }

  void set_fps(double fps) {
    fps_ = std::clamp(fps, 1.0, 240.0);
    per_us_ = (fps_ * kHeadroom + kExtraPerSecond) / 1e6;
    spacing_us_ =
        asked_spacing_us_ > 0 ? asked_spacing_us_ : std::min<int64_t>(4000, static_cast<int64_t>(2e5 / fps_));
  }
  double fps() const { return fps_; }

  /* When the next picture may be taken, not before `now`. */
  int64_t ready_at(int64_t now) {
    refill(now);
    int64_t at = last_taken_ == kLongAgo ? now : std::max(now, last_taken_ + spacing_us_);
    if (tokens_ < 1) at = std::max(at, now + static_cast<int64_t>((1 - tokens_) / per_us_) + 1);
    return at;
  }

  /* A picture was taken. */
  void take(int64_t now) {
    refill(now);
    tokens_ = std::max(0.0, tokens_ - 1);
    last_taken_ = now;
  }

 private:
  static constexpr double kHeadroom = 1.08;
  static constexpr double kExtraPerSecond = 3;
  static constexpr double kBurst = 4;
  static constexpr int64_t kLongAgo = INT64_MIN;

  void refill(int64_t now) {
    if (filled_at_ != kLongAgo && now > filled_at_) {
      tokens_ = std::min(kBurst, tokens_ + static_cast<double>(now - filled_at_) * per_us_);
    }
    filled_at_ = std::max(now, filled_at_);
  }

  int64_t asked_spacing_us_;
  double fps_ = 60;
  double per_us_ = 0;
  int64_t spacing_us_ = 0;
  double tokens_ = kBurst;
  int64_t filled_at_ = kLongAgo;
  int64_t last_taken_ = kLongAgo;
};

}  // namespace pdc
