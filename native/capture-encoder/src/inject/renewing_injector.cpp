#include "inject/renewing_injector.h"

#include "base/error.h"
#include "clock/clock.h"

namespace pdc {

RenewingInjector::RenewingInjector(Open open, EventQueue& events, int64_t handle)
    : open_(std::move(open)), fault_(events, handle, "injector"), real_(open_()), name_(real_->name()) {}

template <typename Act>
void RenewingInjector::act(Act&& act) {
  if (!real_ && now_us() < retry_at_) return;
  try {
    if (real_) {
      try {
        act();
        fault_.worked();
        return;
      } catch (const Error& error) {
        if (error.code() != PD_ERR_UNAVAILABLE) throw;
        real_.reset();
        retry_at_ = fault_.failed(now_us(), error.what());
      }
    }
    renew();
    act();
    fault_.worked();
  } catch (const Error& error) {
    if (error.code() != PD_ERR_UNAVAILABLE) throw;
    real_.reset();
    retry_at_ = fault_.failed(now_us(), error.what());
    throw;
  }
}

void RenewingInjector::renew() {
  real_ = open_();
  // Nobody else can: the display keeps a key down for whoever pressed it, though its connection is gone.
  real_->hold(held_);
  held_.clear();
  real_->release_all();
}

void RenewingInjector::note(std::span<const pd_input_event> events) {
  for (const pd_input_event& e : events) {
    if (e.kind != PD_INPUT_KEY && e.kind != PD_INPUT_BUTTON) continue;
    std::erase_if(held_, [&](const pd_input_event& h) { return h.kind == e.kind && h.code == e.code; });
    if (e.value != 0) held_.push_back(e);
  }
}

void RenewingInjector::inject(std::span<const pd_input_event> events, const Rect& area) {
  act([&] { real_->inject(events, area); });
  if (real_) note(events);
}

void RenewingInjector::text(std::string_view utf8) {
  act([&] { real_->text(utf8); });
}

int RenewingInjector::release_all() {
  int count = 0;
  act([&] { count = real_->release_all(); });
  if (real_) held_.clear();
  return count;
}

void RenewingInjector::hold(std::span<const pd_input_event> events) {
  note(events);
  if (real_) real_->hold(events);
}

}  // namespace pdc
