// XTEST. Keys are named by their place (X keycode = evdev code + 8), so the host's keyboard layout decides
// what they type; text is typed by lending its characters to keycodes that nobody uses.
#pragma once

#include <bitset>

#include "inject/injector.h"
#include "x11/x11_connection.h"

namespace pdc {

class XtestInjector final : public Injector {
 public:
  explicit XtestInjector(const std::string& display);
  ~XtestInjector() override;

  const char* name() const override { return "xtest"; }
  void inject(std::span<const pd_input_event> events, const Rect& area) override;
  void text(std::string_view utf8) override;
  int release_all() override;
  void hold(std::span<const pd_input_event> events) override;

 private:
  struct Spare {
    uint8_t keycode;
    uint32_t keysym;
    int64_t used_at;
  };
  void fake(uint8_t type, uint8_t detail, int x = 0, int y = 0);
  void click(uint8_t button, int times);
  void flush();
  void find_spares();
  Spare& spare_for(uint32_t keysym);
  void map(const Spare& spare);

  X11Connection x_;
  std::bitset<256> keys_, buttons_; /* held, by X code */
  WheelAccumulator wheel_x_, wheel_y_;
  uint8_t per_keycode_ = 0;
  std::vector<Spare> spares_;
  bool map_changed_ = false;
};

/* Throws Error(PD_ERR_UNAVAILABLE). */
std::unique_ptr<Injector> open_xtest_injector(const std::string& display);

}  // namespace pdc
