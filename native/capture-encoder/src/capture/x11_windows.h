// Top-level windows of an X display: listing them, and finding one by id or process name.
#pragma once

#include <string>
#include <vector>

#include "base/frame.h"
#include "x11/x11_connection.h"

namespace pdc {

struct WindowInfo {
  xcb_window_t id = 0;
  std::string title, process, instance, window_class; /* the last two: WM_CLASS */
  uint32_t pid = 0;                                   /* 0: unknown */
  Rect area;                                          /* on the screen */
};

/* Windows a user would name as such: those of _NET_CLIENT_LIST, or all visible top-level ones. */
std::vector<WindowInfo> x11_windows(const X11Connection& x);

/* By "0x…" (or decimal) id. Throws PD_ERR_INVALID_ARGUMENT or PD_ERR_NOT_FOUND. */
xcb_window_t find_window_by_id(const X11Connection& x, const std::string& id);

/* By the process's name or WM_CLASS, without regard to case or a trailing ".exe"; the largest if several
   match. Throws PD_ERR_NOT_FOUND with the candidates. */
xcb_window_t find_window_by_process(const X11Connection& x, const std::string& process);

/* Position of the window's inside on the screen, and its size; empty if it is gone. */
Rect window_area(const X11Connection& x, xcb_window_t window);

}  // namespace pdc
