// Collects access units, and waits for them.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "peerdeck_abi.h"

namespace pdc::test {

struct Unit {
  std::vector<uint8_t> data;
  uint32_t flags = 0;
  uint64_t frame_id = 0;
  int64_t capture_time_us = 0;

  bool keyframe() const { return (flags & PD_AU_KEYFRAME) != 0; }
  bool refinement() const { return (flags & PD_AU_REFINEMENT) != 0; }
};

class Sink {
 public:
  static constexpr std::chrono::seconds kPatience{30};

  uint64_t user() { return reinterpret_cast<uintptr_t>(this); }
  static int32_t receive(uint64_t user, const pd_access_unit* unit) {
    return reinterpret_cast<Sink*>(static_cast<uintptr_t>(user))->take(*unit);
  }
  static uint64_t address() { return reinterpret_cast<uintptr_t>(&receive); }

  void answer(int32_t flags) {
    const std::lock_guard lock(mutex_);
    answer_ = flags;
  }
  size_t count() const {
    const std::lock_guard lock(mutex_);
    return units_.size();
  }
  Unit at(size_t index) const {
    const std::lock_guard lock(mutex_);
    return units_.at(index);
  }
  std::vector<Unit> all() const {
    const std::lock_guard lock(mutex_);
    return units_;
  }
  /* Waits until there are `count` units. */
  bool wait_count(size_t count) {
    std::unique_lock lock(mutex_);
    return more_.wait_for(lock, kPatience, [&] { return units_.size() >= count; });
  }
  /* Index of the first unit at or after `from` that fits; waits for it. -1 if it never comes. */
  int wait_for(const std::function<bool(const Unit&)>& fits, size_t from = 0) {
    std::unique_lock lock(mutex_);
    int found = -1;
    more_.wait_for(lock, kPatience, [&] {
      for (; from < units_.size(); ++from) {
        if (fits(units_[from])) return found = static_cast<int>(from), true;
      }
      return false;
    });
    return found;
  }

 private:
  int32_t take(const pd_access_unit& unit) {
    const std::lock_guard lock(mutex_);
    units_.push_back({{unit.data, unit.data + unit.size}, unit.flags, unit.frame_id, unit.capture_time_us});
    more_.notify_all();
    return answer_;
  }

  mutable std::mutex mutex_;
  std::condition_variable more_;
  std::vector<Unit> units_;
  int32_t answer_ = PD_SINK_OK;
};

/* Waits until `condition` holds, looking again every few ms; false after the patience of Sink. For states
   that nobody signals. */
bool eventually(const std::function<bool()>& condition);

/* The value of a number in flat JSON text; -1 without it. */
double number_in(const std::string& json, const std::string& key);

}  // namespace pdc::test
