// An injector that outlives its backend: one that is gone (its X connection was closed, the desktop was
// locked) is opened anew, after a pause that grows to a second, and what was held is released. Input between
// two tries is lost. Failures are told as events.
#pragma once

#include <functional>
#include <memory>

#include "base/fault.h"
#include "inject/injector.h"

namespace pdc {

class RenewingInjector final : public Injector {
 public:
  using Open = std::function<std::unique_ptr<Injector>()>;
  /* Opens the first one: throws what that throws. */
  RenewingInjector(Open open, EventQueue& events, int64_t handle);

  const char* name() const override { return name_; }
  /* Throws Error when a try failed; between two tries nothing happens. */
  void inject(std::span<const pd_input_event> events, const Rect& area) override;
  void text(std::string_view utf8) override;
  int release_all() override;
  void hold(std::span<const pd_input_event> events) override;

 private:
  template <typename Act>
  void act(Act&& act);
  void renew();
  void note(std::span<const pd_input_event> events);

  const Open open_;
  Fault fault_;
  std::unique_ptr<Injector> real_; /* null while it is gone */
  const char* name_;
  int64_t retry_at_ = 0;
  std::vector<pd_input_event> held_; /* down events, for whoever comes after */
};

}  // namespace pdc
