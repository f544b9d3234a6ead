#include "inject/recorder_injector.h"

namespace pdc {

void RecorderInjector::inject(std::span<const pd_input_event> events, const Rect&) {
  for (const pd_input_event& e : events) {
    if (events_.size() == 1024) events_.erase(events_.begin(), events_.begin() + 512);
    events_.push_back(e);
    hold({&e, 1});
  }
}

void RecorderInjector::hold(std::span<const pd_input_event> events) {
  for (const pd_input_event& e : events) {
    if (e.kind == PD_INPUT_KEY) keys_[e.code] = e.value != 0;
    if (e.kind == PD_INPUT_BUTTON) buttons_[e.code] = e.value != 0;
  }
}

int RecorderInjector::release_all() {
  const int held = static_cast<int>(keys_.count() + buttons_.count());
  keys_.reset();
  buttons_.reset();
  return held;
}

}  // namespace pdc
