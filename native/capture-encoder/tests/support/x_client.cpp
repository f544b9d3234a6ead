#include "support/x_client.h"

#include <poll.h>
#include <xcb/randr.h>

#include <cstdio>
#include <vector>

#include "clock/clock.h"

namespace pdc::test {

XClient::XClient(const std::string& display, Rect area, uint32_t rgb, const std::string& wm_class)
    : x_(display) {
  window_ = xcb_generate_id(x_.get());
  const uint32_t values[] = {rgb, 1,
                             XCB_EVENT_MASK_KEY_PRESS | XCB_EVENT_MASK_KEY_RELEASE |
                                 XCB_EVENT_MASK_BUTTON_PRESS | XCB_EVENT_MASK_BUTTON_RELEASE |
                                 XCB_EVENT_MASK_POINTER_MOTION | XCB_EVENT_MASK_EXPOSURE};
  xcb_create_window(x_.get(), XCB_COPY_FROM_PARENT, window_, x_.root(), static_cast<int16_t>(area.x),
                    static_cast<int16_t>(area.y), static_cast<uint16_t>(area.width),
                    static_cast<uint16_t>(area.height), 0, XCB_WINDOW_CLASS_INPUT_OUTPUT,
                    x_.screen()->root_visual,
                    XCB_CW_BACK_PIXEL | XCB_CW_OVERRIDE_REDIRECT | XCB_CW_EVENT_MASK, values);
  if (!wm_class.empty()) {
    const std::string both = wm_class + '\0' + wm_class + '\0';
    xcb_change_property(x_.get(), XCB_PROP_MODE_REPLACE, window_, XCB_ATOM_WM_CLASS, XCB_ATOM_STRING, 8,
                        static_cast<uint32_t>(both.size()), both.data());
    xcb_change_property(x_.get(), XCB_PROP_MODE_REPLACE, window_, XCB_ATOM_WM_NAME, XCB_ATOM_STRING, 8,
                        static_cast<uint32_t>(wm_class.size()), wm_class.data());
  }
  gc_ = xcb_generate_id(x_.get());
  xcb_create_gc(x_.get(), gc_, window_, 0, nullptr);
  map();
  // Mapped and exposed: what is painted from here on stays.
  while (const XReply<xcb_generic_event_t> event{xcb_wait_for_event(x_.get())}) {
    if ((event->response_type & 0x7f) == XCB_EXPOSE) break;
  }
}

XClient::~XClient() = default;

std::string XClient::id() const {
  char text[16];
  std::snprintf(text, sizeof text, "0x%x", window_);
  return text;
}

void XClient::sync() {
  const XReply<xcb_get_input_focus_reply_t> reply(
      xcb_get_input_focus_reply(x_.get(), xcb_get_input_focus(x_.get()), nullptr));
}

void XClient::fill(Rect area, uint32_t rgb) {
  xcb_change_gc(x_.get(), gc_, XCB_GC_FOREGROUND, &rgb);
  const xcb_rectangle_t rectangle{static_cast<int16_t>(area.x), static_cast<int16_t>(area.y),
                                  static_cast<uint16_t>(area.width), static_cast<uint16_t>(area.height)};
  xcb_poly_fill_rectangle(x_.get(), window_, gc_, 1, &rectangle);
  xcb_flush(x_.get());
}

void XClient::paint_noise(Rect area, uint32_t seed) {
  constexpr int kCell = 6;
  std::vector<xcb_rectangle_t> cells;
  fill(area, 0xffffff);
  const uint32_t black = 0;
  xcb_change_gc(x_.get(), gc_, XCB_GC_FOREGROUND, &black);
  uint32_t state = seed * 2654435761u + 1;
  for (int y = 0; y + kCell <= area.height; y += kCell) {
    for (int x = 0; x + kCell <= area.width; x += kCell) {
      state = state * 1664525u + 1013904223u;
      if ((state >> 24 & 1) != 0) {
        cells.push_back({static_cast<int16_t>(area.x + x), static_cast<int16_t>(area.y + y), kCell, kCell});
      }
    }
  }
  xcb_poly_fill_rectangle(x_.get(), window_, gc_, static_cast<uint32_t>(cells.size()), cells.data());
  xcb_flush(x_.get());
}

void XClient::configure(Rect area) {
  const uint32_t values[] = {static_cast<uint32_t>(area.x), static_cast<uint32_t>(area.y),
                             static_cast<uint32_t>(area.width), static_cast<uint32_t>(area.height)};
  xcb_configure_window(
      x_.get(), window_,
      XCB_CONFIG_WINDOW_X | XCB_CONFIG_WINDOW_Y | XCB_CONFIG_WINDOW_WIDTH | XCB_CONFIG_WINDOW_HEIGHT, values);
  sync();
}

void XClient::map() {
  xcb_map_window(x_.get(), window_);
  sync();
}

void XClient::unmap() {
  xcb_unmap_window(x_.get(), window_);
  sync();
}

void XClient::destroy() {
  xcb_destroy_window(x_.get(), window_);
  sync();
}

void XClient::change_cursor(uint16_t glyph) {
  const xcb_font_t font = xcb_generate_id(x_.get());
  xcb_open_font(x_.get(), font, 6, "cursor");
  const xcb_cursor_t cursor = xcb_generate_id(x_.get());
  xcb_create_glyph_cursor(x_.get(), cursor, font, font, glyph, static_cast<uint16_t>(glyph + 1), 0xffff, 0, 0,
                          0, 0, 0xffff);
  for (const xcb_window_t window : {x_.root(), window_}) {
    xcb_change_window_attributes(x_.get(), window, XCB_CW_CURSOR, &cursor);
  }
  sync();
}

void XClient::focus() {
  xcb_set_input_focus(x_.get(), XCB_INPUT_FOCUS_POINTER_ROOT, window_, XCB_CURRENT_TIME);
  sync();
}

std::optional<XEvent> XClient::next_event(int timeout_ms) {
  const int64_t deadline = now_us() + timeout_ms * int64_t{1000};
  while (true) {
    while (const XReply<xcb_generic_event_t> event{xcb_poll_for_event(x_.get())}) {
      const uint8_t type = event->response_type & 0x7f;
      if (type < XCB_KEY_PRESS || type > XCB_MOTION_NOTIFY) continue;
      // Keys, buttons and motion share their layout.
      const auto* input = reinterpret_cast<const xcb_key_press_event_t*>(event.get());
      XEvent found{type, input->detail, 0, input->root_x, input->root_y};
      if (type <= XCB_KEY_RELEASE) {
        const auto cookie = xcb_get_keyboard_mapping(x_.get(), input->detail, 1);
        const XReply<xcb_get_keyboard_mapping_reply_t> map(
            xcb_get_keyboard_mapping_reply(x_.get(), cookie, nullptr));
        if (map && map->keysyms_per_keycode > 0)
          found.keysym = xcb_get_keyboard_mapping_keysyms(map.get())[0];
      }
      return found;
    }
    const int64_t left = deadline - now_us();
    if (left <= 0 || x_.lost()) return std::nullopt;
    pollfd item{xcb_get_file_descriptor(x_.get()), POLLIN, 0};
    poll(&item, 1, static_cast<int>(left / 1000) + 1);
  }
}

bool resize_screen(const std::string& display, int width, int height) {
  const X11Connection x(display);
  const auto cookie = xcb_randr_get_screen_resources(x.get(), x.root());
  const XReply<xcb_randr_get_screen_resources_reply_t> resources(
      xcb_randr_get_screen_resources_reply(x.get(), cookie, nullptr));
  if (!resources) return false;
  // A screen must hold its monitors, so they are turned off first.
  for (int i = 0; i < xcb_randr_get_screen_resources_crtcs_length(resources.get()); ++i) {
    const auto off = xcb_randr_set_crtc_config(
        x.get(), xcb_randr_get_screen_resources_crtcs(resources.get())[i], XCB_CURRENT_TIME,
        resources->config_timestamp, 0, 0, XCB_NONE, XCB_RANDR_ROTATION_ROTATE_0, 0, nullptr);
    const XReply<xcb_randr_set_crtc_config_reply_t> reply(
        xcb_randr_set_crtc_config_reply(x.get(), off, nullptr));
  }
  const XReply<xcb_generic_error_t> error(xcb_request_check(
      x.get(), xcb_randr_set_screen_size_checked(x.get(), x.root(), static_cast<uint16_t>(width),
                                                 static_cast<uint16_t>(height), 300, 200)));
  return !error;
}

}  // namespace pdc::test
