// One monotonic clock for the whole library: CLOCK_MONOTONIC on Linux, QPC on Windows, so that times
// can be compared with those of other processes on the same machine.
#pragma once

#include <cstdint>

namespace pdc {

/* Microseconds since an arbitrary start; any thread. */
int64_t now_us();

/* A deadline that never comes. */
constexpr int64_t kNever = INT64_MAX;

}  // namespace pdc
