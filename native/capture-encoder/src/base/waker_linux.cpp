#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <ctime>

#include "base/error.h"
#include "base/waker.h"
#include "clock/clock.h"

namespace pdc {

Waker::Waker() : fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (fd_ < 0)
    throw Error(PD_ERR_INTERNAL, "eventfd failed: too many open files? Raise the limit (ulimit -n)");
}

Waker::~Waker() { close(fd_); }

void Waker::wake(uint32_t flags) {
  // The system call is needed only by the first wake since the last take().
  if (flags_.fetch_or(flags, std::memory_order_acq_rel) == 0) {
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = write(fd_, &one, sizeof one);
  }
}

uint32_t Waker::take() {
  // Drain first: a wake that comes between the two steps writes the descriptor again, so at worst the
  // next wait ends early with no flag. (Never skip the read when the flags are 0: the writer may be
  // between its two steps, and the descriptor would stay readable for ever.)
  uint64_t count = 0;
  [[maybe_unused]] const ssize_t got = read(fd_, &count, sizeof count);
  return flags_.exchange(0, std::memory_order_acq_rel);
}

void Waker::wait_until(int64_t deadline_us) {
  pollfd item{fd_, POLLIN, 0};
  if (deadline_us == kNever) {
    poll(&item, 1, -1);
    return;
  }
  const int64_t left = deadline_us - now_us();
  if (left <= 0) return;
  const timespec timeout{static_cast<time_t>(left / 1000000), static_cast<long>(left % 1000000 * 1000)};
  ppoll(&item, 1, &timeout, nullptr);
}

}  // namespace pdc
