#include "clock/clock.h"

#if defined(_WIN32)
#include <windows.h>
#else
#include <ctime>
#endif

namespace pdc {

#if defined(_WIN32)
int64_t now_us() {
  static const int64_t frequency = [] {
    LARGE_INTEGER f;
    QueryPerformanceFrequency(&f);
    return static_cast<int64_t>(f.QuadPart);
  }();
  LARGE_INTEGER t;
  QueryPerformanceCounter(&t);
  // Split, so that the product cannot overflow.
  return t.QuadPart / frequency * 1000000 + t.QuadPart % frequency * 1000000 / frequency;
}
#else
int64_t now_us() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<int64_t>(t.tv_sec) * 1000000 + t.tv_nsec / 1000;
}
#endif

}  // namespace pdc
