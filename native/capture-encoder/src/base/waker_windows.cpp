#include <chrono>

#include "base/waker.h"
#include "clock/clock.h"

namespace pdc {

Waker::Waker() = default;
Waker::~Waker() = default;

void Waker::wake(uint32_t flags) {
  {
    const std::lock_guard lock(mutex_);
    flags_.fetch_or(flags);
  }
  signal_.notify_one();
}

uint32_t Waker::take() { return flags_.exchange(0); }

void Waker::wait_until(int64_t deadline_us) {
  std::unique_lock lock(mutex_);
  const auto woken = [this] { return flags_.load() != 0; };
  if (deadline_us == kNever) {
    signal_.wait(lock, woken);
    return;
  }
  signal_.wait_for(lock, std::chrono::microseconds(deadline_us - now_us()), woken);
}

}  // namespace pdc
