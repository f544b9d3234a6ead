// Drops pictures before the encoder while it pushes back: when it answered "not now" at least
// `min_events` times within the last `window_us`, everything is dropped until the window has moved on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>

namespace pdc {

class DropWindow {
 public:
  /* min_events 0 turns it off. */
  DropWindow(int64_t window_us, size_t min_events) : window_us_(window_us), min_events_(min_events) {}

  /* The encoder had no room. */
  void on_backpressure(int64_t now) {
    if (min_events_ == 0) return;
    events_.push_back(now);
    if (events_.size() > min_events_) events_.pop_front();
  }

  bool dropping(int64_t now) {
    while (!events_.empty() && events_.front() <= now - window_us_) events_.pop_front();
    return min_events_ > 0 && events_.size() >= min_events_;
  }

 private:
  int64_t window_us_;
  size_t min_events_;
  std::deque<int64_t> events_; /* at most min_events_ */
};

}  // namespace pdc
