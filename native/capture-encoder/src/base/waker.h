// Wakes one waiting thread from any other. Flags gather until the waiter takes them, so no wake is lost.
#pragma once

#include <atomic>
#include <cstdint>

#if defined(_WIN32)
#include <condition_variable>
#include <mutex>
#endif

namespace pdc {

class Waker {
 public:
  Waker();
  ~Waker();
  Waker(const Waker&) = delete;
  Waker& operator=(const Waker&) = delete;

  /* Adds flags and wakes the waiter. Any thread; never blocks. */
  void wake(uint32_t flags);
  /* Takes all flags that have gathered, and arms the waker again. The waiting thread only. */
  uint32_t take();
  /* Waits for a wake or for the deadline (now_us() scale). */
  void wait_until(int64_t deadline_us);
#if !defined(_WIN32)
  /* Readable while a wake is pending: for poll() beside other descriptors. */
  int fd() const { return fd_; }
#endif

 private:
  std::atomic<uint32_t> flags_{0};
#if defined(_WIN32)
  std::mutex mutex_;
  std::condition_variable signal_;
#else
  int fd_;
#endif
};

}  // namespace pdc
