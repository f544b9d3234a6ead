// One connection to an X server, by XCB: errors stay with the request that caused them, and a server that
// dies gives an error code. (Xlib has process-wide error handlers, and its default one calls exit().)
#pragma once

#include <xcb/xcb.h>

#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/leaks.h"

namespace pdc {

struct FreeDeleter {
  void operator()(void* p) const { std::free(p); }
};
/* A reply or event, which XCB allocates with malloc. */
template <typename T>
using XReply = std::unique_ptr<T, FreeDeleter>;

class X11Connection {
 public:
  /* "" is $DISPLAY. Throws Error(PD_ERR_UNAVAILABLE). */
  explicit X11Connection(const std::string& display);
  ~X11Connection();
  X11Connection(const X11Connection&) = delete;
  X11Connection& operator=(const X11Connection&) = delete;

  xcb_connection_t* get() const { return connection_; }
  const xcb_screen_t* screen() const { return screen_; }
  xcb_window_t root() const { return screen_->root; }
  bool lost() const { return xcb_connection_has_error(connection_) != 0; }

  /* First event number of an extension. Throws Error(PD_ERR_UNAVAILABLE) without it. */
  uint8_t require(xcb_extension_t* extension, const char* name) const;
  xcb_atom_t atom(const char* name) const;
  /* 32-bit items of a property; empty if there is none. */
  std::vector<uint32_t> numbers(xcb_window_t window, xcb_atom_t property, xcb_atom_t type) const;
  /* Bytes of a property, at most 4 KiB. */
  std::string bytes(xcb_window_t window, xcb_atom_t property) const;

 private:
  Counted counted_;
  xcb_connection_t* connection_;
  const xcb_screen_t* screen_ = nullptr;
};

}  // namespace pdc
