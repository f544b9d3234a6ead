// The failures of one part of a pipeline or injector: how many in a row, when to try again, and what is
// told of them. One thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

#include "base/event_queue.h"
#include "base/json.h"

namespace pdc {

class Fault {
 public:
  Fault(EventQueue& events, int64_t handle, const char* part)
      : events_(events), handle_(handle), part_(part) {}

  /* Notes a failure and gives the time to try again: after 10 ms, then twice as long each time, at most a
     second. The first of a row is told at once, all others together once a second, so that a part that
     fails at every picture does not flood the queue. */
  int64_t failed(int64_t now, const std::string& reason) {
    reason_ = reason;
    ++untold_;
    const int64_t wait = std::min(kFirstWaitUs << std::min(row_, 16), kLongestWaitUs);
    ++row_;
    if (now - told_at_ >= kTellEveryUs) {
      told_at_ = now;
      tell("failing");
      told_ = true;
      untold_ = 0;
    }
    return now + wait;
  }
  void worked() {
    if (row_ == 0) return;
    row_ = 0;
    if (told_) tell("recovered");
    told_ = false;
    untold_ = 0;
  }
  /* It does not come back, as its owner wished. */
  void ended(const std::string& reason) {
    reason_ = reason;
    tell("ended");
  }

  bool failing() const { return row_ > 0; }
  /* So often in a row (some four seconds) that whoever owns the whole should build it anew. */
  bool hopeless() const { return row_ >= kHopeless; }
  const std::string& reason() const { return reason_; }
  const char* part() const { return part_; }

  static constexpr int64_t kFirstWaitUs = 10000, kLongestWaitUs = 1000000, kTellEveryUs = 1000000;
  static constexpr int kHopeless = 10;

 private:
  void tell(const char* state) {
    JsonWriter json;
    json.open('{').field("part", part_).field("state", state);
    json.field("times", static_cast<int64_t>(untold_)).field("reason", reason_).close('}');
    events_.post(PD_EVENT_FAULT, handle_, json.text());
  }

  EventQueue& events_;
  const int64_t handle_;
  const char* const part_;
  std::string reason_;
  int row_ = 0, untold_ = 0;
  bool told_ = false;
  int64_t told_at_ = -kTellEveryUs;
};

}  // namespace pdc
