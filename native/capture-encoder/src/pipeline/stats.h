// What a pipeline measures. Written by its thread, read by any.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

namespace pdc {

/* The newest values of one stage, in microseconds. */
class Samples {
 public:
  void add(int64_t us) { values_[count_++ % values_.size()] = static_cast<int32_t>(us); }
  /* 0 if there are none. */
  int percentile(double p) const;

 private:
  std::array<int32_t, 240> values_{};
  size_t count_ = 0;
};

/* The durations of one picture's way, microseconds; and what came out. */
struct Passage {
  int64_t now_us = 0;
  int64_t grab_us = 0, convert_us = 0, encode_us = 0, push_us = 0, total_us = 0;
  size_t bytes = 0;
  bool captured = false; /* else a repetition or refinement of the previous picture */
  bool keyframe = false;
};

class Stats {
 public:
  struct Counters {
    uint64_t frames_captured = 0, frames_encoded = 0, unchanged = 0, keyframes = 0, bytes = 0;
    uint64_t backpressure_skips = 0, congested_skips = 0, out_of_order = 0;
    uint64_t wakes = 0, refinements = 0;
  };
  struct Now { /* what the pipeline adds */
    size_t queue_depth = 0;
    uint64_t overwritten = 0;
    uint64_t target_bitrate_bps = 0;
    int width = 0, height = 0;
    const char* state = "stopped";
  };

  void add(const Passage& passage);
  template <typename Change>
  void change(Change&& change) {
    const std::lock_guard lock(mutex_);
    change(counters_);
  }
  Counters counters() const {
    const std::lock_guard lock(mutex_);
    return counters_;
  }
  std::string json(const Now& now, int64_t now_us) const;

 private:
  struct Sent {
    int64_t at;
    size_t bytes;
  };
  mutable std::mutex mutex_;
  Counters counters_;
  Samples grab_, convert_, encode_, push_, total_;
  std::array<Sent, 300> sent_{}; /* of the last second, for the rates */
  size_t sent_count_ = 0;
};

}  // namespace pdc
