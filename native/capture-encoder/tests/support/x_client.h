// An X client with one window: paints known colours, and sees input.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/frame.h"
#include "x11/x11_connection.h"

namespace pdc::test {

struct XEvent {
  uint8_t type = 0;    /* XCB_KEY_PRESS and so on */
  uint32_t detail = 0; /* keycode or button */
  uint32_t keysym = 0; /* of key events: first level of the map as it is now */
  int x = 0, y = 0;    /* on the screen */
};

class XClient {
 public:
  XClient(const std::string& display, Rect area, uint32_t rgb, const std::string& wm_class = "");
  ~XClient();

  xcb_window_t window() const { return window_; }
  X11Connection& connection() { return x_; }
  std::string id() const;
  void fill(Rect area, uint32_t rgb);
  /* A patch that looks different for each seed, as text would. */
  void paint_noise(Rect area, uint32_t seed);
  void configure(Rect area);
  void unmap();
  void map();
  void destroy();
  /* Another pointer shape for the root window, which causes no damage. */
  void change_cursor(uint16_t glyph);
  void focus();
  /* Waits for the next input event; nothing after `timeout_ms`. */
  std::optional<XEvent> next_event(int timeout_ms = 10000);
  /* Returns when the server has done all that was asked. */
  void sync();

 private:
  X11Connection x_;
  xcb_window_t window_;
  xcb_gcontext_t gc_;
};

/* Makes the screen of the server smaller, through RandR. False if the server cannot. */
bool resize_screen(const std::string& display, int width, int height);

}  // namespace pdc::test
