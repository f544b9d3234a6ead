#include "pipeline/thread_priority.h"

#if defined(_WIN32)
#include <windows.h>

#include <avrt.h>
#else
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace pdc {

#if defined(_WIN32)

ThreadPriority::ThreadPriority(bool enable, int level) {
  if (!enable) return;
  DWORD index = 0;
  task_ = AvSetMmThreadCharacteristicsW(L"Games", &index);
  if (task_ == nullptr) return;
  raised_ = true;
  AvSetMmThreadPriority(task_, static_cast<AVRT_PRIORITY>(level));
}

ThreadPriority::~ThreadPriority() {
  if (raised_) AvRevertMmThreadCharacteristics(task_);
}

#else

namespace {

/* Nice values are per thread on Linux, though POSIX says per process; new threads inherit them. */
id_t this_thread() { return static_cast<id_t>(syscall(SYS_gettid)); }

}  // namespace

ThreadPriority::ThreadPriority(bool enable, int level) {
  if (!enable) return;
  before_ = getpriority(PRIO_PROCESS, this_thread());
  raised_ = setpriority(PRIO_PROCESS, this_thread(), -8 - 2 * level) == 0;
}

ThreadPriority::~ThreadPriority() {
  if (raised_) setpriority(PRIO_PROCESS, this_thread(), before_);
}

#endif

}  // namespace pdc
