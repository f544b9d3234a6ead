#include "inject/xtest_injector.h"

#include <xcb/xtest.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/error.h"
#include "base/text.h"
#include "clock/clock.h"
#include "inject/hid_keys.h"

namespace pdc {
namespace {

constexpr uint8_t kEvdevOffset = 8;
/* X buttons: left, middle, right, back, forward; 4 to 7 are the wheel. */
constexpr uint8_t kButtons[] = {1, 2, 3, 8, 9};
/* A client asks for the changed keyboard map when it sees the key; until then the keycode keeps its symbol.
 */
constexpr int64_t kReuseAfterUs = 60000;

/* 0 for what cannot be typed. X11 protocol, appendix A. */
uint32_t keysym_from(uint32_t code_point) {
  if (code_point == '\n' || code_point == '\r') return 0xff0d;
  if (code_point == '\t') return 0xff09;
  if (code_point < 0x20 || (code_point >= 0x7f && code_point < 0xa0)) return 0;
  return code_point < 0x100 ? code_point : 0x01000000 | code_point;
}

}  // namespace

XtestInjector::XtestInjector(const std::string& display) : x_(display) {
  x_.require(&xcb_test_id, "XTEST");
  const auto cookie = xcb_test_get_version(x_.get(), 2, 2);
  const XReply<xcb_test_get_version_reply_t> version(xcb_test_get_version_reply(x_.get(), cookie, nullptr));
  if (!version) throw Error(PD_ERR_UNAVAILABLE, "the X server's XTEST extension does not answer");
  // Input must go on while another client grabs the server (a menu, a screen saver).
  xcb_test_grab_control(x_.get(), 1);
  find_spares();
}

XtestInjector::~XtestInjector() {
  for (Spare& spare : spares_) {
    if (spare.keysym == 0) continue;
    spare.keysym = 0;
    map(spare);
  }
  xcb_flush(x_.get());
}

void XtestInjector::find_spares() {
  map_changed_ = false;
  spares_.clear();
  const xcb_setup_t* setup = xcb_get_setup(x_.get());
  const uint8_t low = setup->min_keycode, high = setup->max_keycode;
  const auto cookie = xcb_get_keyboard_mapping(x_.get(), low, static_cast<uint8_t>(high - low + 1));
  const XReply<xcb_get_keyboard_mapping_reply_t> reply(
      xcb_get_keyboard_mapping_reply(x_.get(), cookie, nullptr));
  if (!reply) return;
  per_keycode_ = reply->keysyms_per_keycode;
  const xcb_keysym_t* symbols = xcb_get_keyboard_mapping_keysyms(reply.get());
  // From the top: the low codes are those of real keys.
  for (int code = high; code >= low; --code) {
    const xcb_keysym_t* first = symbols + (code - low) * per_keycode_;
    if (std::all_of(first, first + per_keycode_, [](xcb_keysym_t s) { return s == 0; })) {
      spares_.push_back({static_cast<uint8_t>(code), 0, 0});
    }
  }
}

void XtestInjector::map(const Spare& spare) {
  // The same at every level, so that Shift and Caps Lock change nothing.
  const std::vector<xcb_keysym_t> symbols(per_keycode_, spare.keysym);
  xcb_change_keyboard_mapping(x_.get(), 1, spare.keycode, per_keycode_, symbols.data());
}

XtestInjector::Spare& XtestInjector::spare_for(uint32_t keysym) {
  const auto found =
      std::find_if(spares_.begin(), spares_.end(), [&](const Spare& s) { return s.keysym == keysym; });
  if (found != spares_.end()) return *found;
  Spare& oldest = *std::min_element(spares_.begin(), spares_.end(),
                                    [](const Spare& a, const Spare& b) { return a.used_at < b.used_at; });
  const int64_t wait = oldest.used_at == 0 ? 0 : oldest.used_at + kReuseAfterUs - now_us();
  if (wait > 0) {
    flush();
    std::this_thread::sleep_for(std::chrono::microseconds(wait));
  }
  oldest.keysym = keysym;
  map(oldest);
  return oldest;
}

void XtestInjector::fake(uint8_t type, uint8_t detail, int x, int y) {
  xcb_test_fake_input(x_.get(), type, detail, XCB_CURRENT_TIME,
                      type == XCB_MOTION_NOTIFY ? x_.root() : XCB_NONE, static_cast<int16_t>(x),
                      static_cast<int16_t>(y), 0);
}

void XtestInjector::click(uint8_t button, int times) {
  for (int i = 0; i < times; ++i) {
    fake(XCB_BUTTON_PRESS, button);
    fake(XCB_BUTTON_RELEASE, button);
  }
}

void XtestInjector::flush() {
  xcb_flush(x_.get());
  // Every client is told of changed keyboard maps, asked or not; unread, they would pile up in the socket.
  while (const XReply<xcb_generic_event_t> event{xcb_poll_for_event(x_.get())}) {
    if ((event->response_type & 0x7f) != XCB_MAPPING_NOTIFY) continue;
    const auto& e = reinterpret_cast<const xcb_mapping_notify_event_t&>(*event);
    const bool ours = e.count == 1 && std::any_of(spares_.begin(), spares_.end(), [&](const Spare& s) {
                        return s.keycode == e.first_keycode;
                      });
    // Another layout: what was spare may be a key now.
    if (e.request == XCB_MAPPING_KEYBOARD && !ours) map_changed_ = true;
  }
  if (x_.lost()) throw Error(PD_ERR_UNAVAILABLE, "the X server went away");
}

void XtestInjector::inject(std::span<const pd_input_event> events, const Rect& area) {
  const Rect on =
      area.empty() ? Rect{0, 0, x_.screen()->width_in_pixels, x_.screen()->height_in_pixels} : area;
  for (const pd_input_event& e : events) {
    switch (e.kind) {
      case PD_INPUT_KEY: {
        const auto code = static_cast<uint8_t>(evdev_from_usage(e.code) + kEvdevOffset);
        const bool down = e.value != 0;
        if (keys_[code] == down) break;  // X repeats held keys itself
        keys_[code] = down;
        fake(down ? XCB_KEY_PRESS : XCB_KEY_RELEASE, code);
        break;
      }
      case PD_INPUT_BUTTON: {
        const uint8_t button = kButtons[e.code];
        const bool down = e.value != 0;
        if (buttons_[button] == down) break;
        buttons_[button] = down;
        fake(down ? XCB_BUTTON_PRESS : XCB_BUTTON_RELEASE, button);
        break;
      }
      case PD_INPUT_POINTER:
        fake(XCB_MOTION_NOTIFY, 0, to_pixel(e.x, on.x, on.width), to_pixel(e.y, on.y, on.height));
        break;
      case PD_INPUT_MOTION:
        fake(XCB_MOTION_NOTIFY, 1, e.x, e.y);
        break;
      case PD_INPUT_WHEEL: {
        const int down = wheel_y_.add(e.y), right = wheel_x_.add(e.x);
        click(down > 0 ? 5 : 4, std::abs(down));
        click(right > 0 ? 7 : 6, std::abs(right));
        break;
      }
      default:
        break;
    }
  }
  flush();
}

void XtestInjector::text(std::string_view utf8) {
  flush();
  if (map_changed_) find_spares();
  if (spares_.empty()) throw Error(PD_ERR_UNAVAILABLE, "the keyboard has no unused key to type text with");
  for (size_t at = 0; at < utf8.size();) {
    const uint32_t keysym = keysym_from(next_code_point(utf8, at));
    if (keysym == 0) continue;
    Spare& spare = spare_for(keysym);
    spare.used_at = now_us();
    fake(XCB_KEY_PRESS, spare.keycode);
    fake(XCB_KEY_RELEASE, spare.keycode);
  }
  flush();
}

void XtestInjector::hold(std::span<const pd_input_event> events) {
  for (const pd_input_event& e : events) {
    if (e.kind == PD_INPUT_KEY) keys_.set(static_cast<uint8_t>(evdev_from_usage(e.code) + kEvdevOffset));
    if (e.kind == PD_INPUT_BUTTON) buttons_.set(kButtons[e.code]);
  }
}

int XtestInjector::release_all() {
  int count = 0;
  for (size_t code = 0; code < keys_.size(); ++code) {
    if (keys_[code]) fake(XCB_KEY_RELEASE, static_cast<uint8_t>(code)), ++count;
    if (buttons_[code]) fake(XCB_BUTTON_RELEASE, static_cast<uint8_t>(code)), ++count;
  }
  keys_.reset();
  buttons_.reset();
  flush();
  return count;
}

std::unique_ptr<Injector> open_xtest_injector(const std::string& display) {
  return std::make_unique<XtestInjector>(display);
}

}  // namespace pdc
