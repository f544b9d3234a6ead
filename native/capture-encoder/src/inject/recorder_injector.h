// Keeps what it is told instead of doing it, for tests and for machines without a screen.
#pragma once

#include <array>
#include <bitset>

#include "inject/injector.h"

namespace pdc {

class RecorderInjector final : public Injector {
 public:
  const char* name() const override { return "recorder"; }
  void inject(std::span<const pd_input_event> events, const Rect& area) override;
  void text(std::string_view utf8) override { text_.assign(utf8.substr(0, 4096)); }
  int release_all() override;
  void hold(std::span<const pd_input_event> events) override;

  /* The newest events, at most 1024; older ones are forgotten. */
  const std::vector<pd_input_event>& events() const { return events_; }
  const std::string& last_text() const { return text_; }

 private:
  std::vector<pd_input_event> events_;
  std::string text_;
  std::bitset<65536> keys_;
  std::bitset<8> buttons_;
};

}  // namespace pdc
