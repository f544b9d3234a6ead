// Keyboard and pointer of the host. One backend per file; the factory in injector_factory.cpp knows them all.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/frame.h"
#include "capture/source.h"
#include "capture_encoder.h"

namespace pdc {

/* One call at a time. */
class Injector {
 public:
  virtual ~Injector() = default;
  virtual const char* name() const = 0;
  /* Events that check_events() let through, in order, then one flush. `area` is what absolute positions
     refer to, in screen pixels; empty: the whole screen. Throws Error(PD_ERR_UNAVAILABLE) if it is gone. */
  virtual void inject(std::span<const pd_input_event> events, const Rect& area) = 0;
  /* Valid or not, any UTF-8; control characters other than tab and newline are left out. */
  virtual void text(std::string_view utf8) = 0;
  /* Returns how many keys and buttons were held. */
  virtual int release_all() = 0;
  /* Takes what these press for held, without pressing it: an injector before this one did. */
  virtual void hold(std::span<const pd_input_event> events) = 0;
};

/* Throws Error(PD_ERR_INVALID_ARGUMENT) that names the first event that is not one of pd_input_kind with
   values in range. */
void check_events(std::span<const pd_input_event> events);

/* Throws Error. */
std::unique_ptr<Injector> open_injector(const std::string& kind, const std::string& display);
std::vector<Availability> probe_injectors(const std::string& display);

/* Gathers 1/120 notches and gives whole ones back, with their sign. */
class WheelAccumulator {
 public:
  int add(int amount) {
    // Turning back starts anew: half a notch down must not eat half a notch up.
    if ((amount < 0) != (rest_ < 0)) rest_ = 0;
    rest_ += amount;
    const int notches = rest_ / 120;
    rest_ -= notches * 120;
    return notches;
  }

 private:
  int rest_ = 0;
};

/* 0..65535 over `size` pixels from `start`; the last pixel is reached. */
inline int to_pixel(int value, int start, int size) {
  return start + static_cast<int>(static_cast<int64_t>(value) * size / 65536);
}

}  // namespace pdc
