#include "capture/ring_source.h"

#include <utility>

#include "base/error.h"
#include "base/leaks.h"
#include "clock/clock.h"

namespace pdc {
namespace {

enum ProducerFlags : uint32_t { kStop = 1, kLook = 2 };

}  // namespace

RingSource::RingSource(Size size, int depth, int buffers)
    : size_(size), ring_(static_cast<size_t>(depth), static_cast<size_t>(buffers)) {
  const size_t bytes = static_cast<size_t>(size.width) * static_cast<size_t>(size.height) * 4;
  for (RingFrame& frame : ring_.buffers()) frame.bgra.resize(bytes);
}

void RingSource::start() {
  thread_ = std::thread([this] { run(); });
}

void RingSource::stop() {
  producer_.wake(kStop);
  if (thread_.joinable()) thread_.join();
}

void RingSource::rest(bool resting) {
  resting_.store(resting);
  producer_.wake(kLook);
}

void RingSource::run() {
  const Counted counted(leaks().threads);
  uint64_t id = 0;
  int64_t due = now_us();
  int failures = 0; /* in a row */
  while (true) {
    producer_.wait_until(resting_.load() ? kNever : due);
    if ((producer_.take() & kStop) != 0) return;
    const int64_t now = now_us();
    if (resting_.load() || now < due) continue;
    RingFrame& frame = ring_.back();
    frame.id = ++id;
    frame.capture_time_us = now;
    try {
      due = std::max(produce(frame.bgra.data(), size_.width * 4, id, now), due);
      failures = 0;
      ring_.publish();
    } catch (const std::exception& error) {
      due = now + std::min(int64_t{10000} << std::min(failures++, 16), int64_t{1000000});
      const std::lock_guard lock(failure_mutex_);
      failure_ = error.what();
    }
    if (Waker* consumer = consumer_.load()) consumer->wake(kWakeSource);
  }
}

uint32_t RingSource::wait(Waker& waker, int64_t deadline_us) {
  consumer_.store(&waker);
  if (ring_.depth() == 0) waker.wait_until(deadline_us);
  {
    const std::lock_guard lock(failure_mutex_);
    if (!failure_.empty()) throw Error(PD_ERR_UNAVAILABLE, std::exchange(failure_, {}));
  }
  return ring_.depth() > 0 ? static_cast<uint32_t>(kSourceChanged) : 0u;
}

bool RingSource::grab(Frame& frame, bool) {
  ring_.release();
  const RingFrame* taken = ring_.take();
  if (taken == nullptr) return false;
  frame.width = size_.width;
  frame.height = size_.height;
  frame.id = taken->id;
  frame.capture_time_us = taken->capture_time_us;
  frame.parts[0] = {{0, 0, size_.width, size_.height}, taken->bgra.data(), size_.width * 4};
  frame.part_count = 1;
  return true;
}

size_t RingSource::discard() {
  size_t count = 0;
  for (ring_.release(); ring_.take() != nullptr; ring_.release()) ++count;
  return count;
}

}  // namespace pdc
