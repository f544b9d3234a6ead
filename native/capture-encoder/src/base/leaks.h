// What is open right now, for pdc_leaks: tests read it last.
#pragma once

#include <atomic>
#include <cstdint>

namespace pdc {

struct Leaks {
  std::atomic<int64_t> threads{0};
  std::atomic<int64_t> displays{0};
};

inline Leaks& leaks() {
  static Leaks counters;
  return counters;
}

/* Counts one while it lives. */
class Counted {
 public:
  explicit Counted(std::atomic<int64_t>& counter) : counter_(counter) { ++counter_; }
  ~Counted() { --counter_; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;

 private:
  std::atomic<int64_t>& counter_;
};

}  // namespace pdc
