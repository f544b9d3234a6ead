// Lets the capture and encode thread go before others, where the system allows it.
#pragma once

namespace pdc {

/* Raises the calling thread's priority while it lives. Windows: MMCSS, task "Games", with `level` (-2 to 2)
   as its relative priority. Linux: a nice value of -4 to -12, if the process may (root, CAP_SYS_NICE, or a
   limit that allows it); without leave nothing happens. */
class ThreadPriority {
 public:
  ThreadPriority(bool enable, int level);
  ~ThreadPriority();
  ThreadPriority(const ThreadPriority&) = delete;
  ThreadPriority& operator=(const ThreadPriority&) = delete;

 private:
  bool raised_ = false;
#if defined(_WIN32)
  void* task_ = nullptr;
#else
  int before_ = 0;
#endif
};

}  // namespace pdc
