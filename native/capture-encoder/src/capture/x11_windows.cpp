#include "capture/x11_windows.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <fstream>
#include <set>

#include "base/error.h"
#include "base/text.h"

namespace pdc {
namespace {

bool viewable(const X11Connection& x, xcb_window_t window) {
  const auto cookie = xcb_get_window_attributes(x.get(), window);
  const XReply<xcb_get_window_attributes_reply_t> reply(
      xcb_get_window_attributes_reply(x.get(), cookie, nullptr));
  return reply && reply->map_state == XCB_MAP_STATE_VIEWABLE &&
         reply->_class == XCB_WINDOW_CLASS_INPUT_OUTPUT;
}

std::vector<xcb_window_t> children(const X11Connection& x, xcb_window_t window) {
  const XReply<xcb_query_tree_reply_t> reply(
      xcb_query_tree_reply(x.get(), xcb_query_tree(x.get(), window), nullptr));
  if (!reply) return {};
  const xcb_window_t* first = xcb_query_tree_children(reply.get());
  return {first, first + xcb_query_tree_children_length(reply.get())};
}

std::string process_name(uint32_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/comm");
  std::string name;
  std::getline(file, name);
  return name;
}

WindowInfo describe(const X11Connection& x, xcb_window_t window) {
  WindowInfo info;
  info.id = window;
  info.title = x.bytes(window, x.atom("_NET_WM_NAME"));
  if (info.title.empty()) info.title = x.bytes(window, XCB_ATOM_WM_NAME);
  info.title = valid_utf8(info.title);
  const auto pid = x.numbers(window, x.atom("_NET_WM_PID"), XCB_ATOM_CARDINAL);
  if (!pid.empty()) info.pid = pid[0];
  // WM_CLASS is two strings, each ended by NUL: instance and class (ICCCM 4.1.2.5).
  const std::string both = x.bytes(window, XCB_ATOM_WM_CLASS);
  const size_t split = both.find('\0');
  if (split != std::string::npos) {
    info.instance = valid_utf8(both.substr(0, split));
    info.window_class = valid_utf8(both.substr(split + 1, both.find('\0', split + 1) - split - 1));
  }
  if (info.pid != 0) info.process = valid_utf8(process_name(info.pid));
  if (info.process.empty()) info.process = info.instance;
  info.area = window_area(x, window);
  return info;
}

std::string plain_name(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
  if (name.size() > 4 && name.ends_with(".exe")) name.resize(name.size() - 4);
  return name;
}

}  // namespace

Rect window_area(const X11Connection& x, xcb_window_t window) {
  const auto geometry_cookie = xcb_get_geometry(x.get(), window);
  const auto position_cookie = xcb_translate_coordinates(x.get(), window, x.root(), 0, 0);
  const XReply<xcb_get_geometry_reply_t> geometry(xcb_get_geometry_reply(x.get(), geometry_cookie, nullptr));
  const XReply<xcb_translate_coordinates_reply_t> position(
      xcb_translate_coordinates_reply(x.get(), position_cookie, nullptr));
  if (!geometry || !position) return {};
  return {position->dst_x, position->dst_y, geometry->width, geometry->height};
}

std::vector<WindowInfo> x11_windows(const X11Connection& x) {
  std::vector<WindowInfo> windows;
  for (const xcb_window_t client : x.numbers(x.root(), x.atom("_NET_CLIENT_LIST"), XCB_ATOM_WINDOW)) {
    if (viewable(x, client)) windows.push_back(describe(x, client));
  }
  if (!windows.empty()) return windows;
  for (const xcb_window_t child : children(x, x.root())) {
    if (!viewable(x, child)) continue;
    WindowInfo info = describe(x, child);
    // A frame of a window manager has no name of its own: the client is below it.
    if (info.title.empty() && info.instance.empty()) {
      for (const xcb_window_t inner : children(x, child)) {
        if (!x.bytes(inner, XCB_ATOM_WM_CLASS).empty() && viewable(x, inner)) info = describe(x, inner);
      }
    }
    if (info.area.width >= 16 && info.area.height >= 16) windows.push_back(std::move(info));
  }
  return windows;
}

xcb_window_t find_window_by_id(const X11Connection& x, const std::string& id) {
  const bool hex = id.starts_with("0x") || id.starts_with("0X");
  xcb_window_t window = 0;
  const char* first = id.data() + (hex ? 2 : 0);
  const char* last = id.data() + id.size();
  const auto [end, error] = std::from_chars(first, last, window, hex ? 16 : 10);
  if (error != std::errc() || end != last) {
    throw Error(PD_ERR_INVALID_ARGUMENT,
                "source.window must be a window id such as \"0x1e00003\", not '" + id + "'");
  }
  if (window_area(x, window).empty()) {
    throw Error(PD_ERR_NOT_FOUND,
                "source.window: there is no window " + id + "; list the windows to see their ids");
  }
  return window;
}

xcb_window_t find_window_by_process(const X11Connection& x, const std::string& process) {
  const std::string wanted = plain_name(process);
  const std::vector<WindowInfo> windows = x11_windows(x);
  const WindowInfo* best = nullptr;
  std::set<std::string> names;
  for (const WindowInfo& w : windows) {
    const std::string name = plain_name(w.process);
    // The kernel keeps 15 characters of a process's name.
    const bool match = name == wanted || (name.size() == 15 && wanted.starts_with(name)) ||
                       plain_name(w.instance) == wanted || plain_name(w.window_class) == wanted;
    if (match && (best == nullptr || w.area.area() > best->area.area())) best = &w;
    if (!w.process.empty()) names.insert(w.process);
  }
  if (best != nullptr) return best->id;
  std::string candidates;
  for (const std::string& name : names) candidates += (candidates.empty() ? "" : ", ") + name;
  throw Error(PD_ERR_NOT_FOUND,
              "source.process: no visible window belongs to '" + process + "'; " +
                  (names.empty() ? "no window is open" : "windows are open of: " + candidates));
}

}  // namespace pdc
