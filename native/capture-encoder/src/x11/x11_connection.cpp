#include "x11/x11_connection.h"

#include <cstring>

#include "base/error.h"

namespace pdc {
namespace {

std::string shown(const std::string& display) {
  if (!display.empty()) return "'" + display + "'";
  const char* environment = std::getenv("DISPLAY");
  return environment ? "'" + std::string(environment) + "' ($DISPLAY)" : "$DISPLAY (not set)";
}

}  // namespace

X11Connection::X11Connection(const std::string& display) : counted_(leaks().displays) {
  int number = 0;
  connection_ = xcb_connect(display.empty() ? nullptr : display.c_str(), &number);
  if (xcb_connection_has_error(connection_) != 0) {
    xcb_disconnect(connection_);
    throw Error(PD_ERR_UNAVAILABLE, "display " + shown(display) +
                                        " cannot be opened; is an X server running there, and may this user "
                                        "connect (XAUTHORITY)?");
  }
  auto screens = xcb_setup_roots_iterator(xcb_get_setup(connection_));
  for (; screens.rem > 0 && number > 0; --number) xcb_screen_next(&screens);
  screen_ = screens.data;
}

X11Connection::~X11Connection() { xcb_disconnect(connection_); }

uint8_t X11Connection::require(xcb_extension_t* extension, const char* name) const {
  const xcb_query_extension_reply_t* data = xcb_get_extension_data(connection_, extension);
  if (data == nullptr || !data->present) {
    throw Error(PD_ERR_UNAVAILABLE, std::string("the X server lacks the ") + name + " extension");
  }
  return data->first_event;
}

xcb_atom_t X11Connection::atom(const char* name) const {
  const auto cookie = xcb_intern_atom(connection_, 0, static_cast<uint16_t>(std::strlen(name)), name);
  const XReply<xcb_intern_atom_reply_t> reply(xcb_intern_atom_reply(connection_, cookie, nullptr));
  return reply ? reply->atom : static_cast<xcb_atom_t>(XCB_ATOM_NONE);
}

std::vector<uint32_t> X11Connection::numbers(xcb_window_t window, xcb_atom_t property,
                                             xcb_atom_t type) const {
  const auto cookie = xcb_get_property(connection_, 0, window, property, type, 0, 4096);
  const XReply<xcb_get_property_reply_t> reply(xcb_get_property_reply(connection_, cookie, nullptr));
  if (!reply || reply->format != 32) return {};
  const auto* first = static_cast<const uint32_t*>(xcb_get_property_value(reply.get()));
  return {first, first + xcb_get_property_value_length(reply.get()) / 4};
}

std::string X11Connection::bytes(xcb_window_t window, xcb_atom_t property) const {
  const auto cookie = xcb_get_property(connection_, 0, window, property, XCB_GET_PROPERTY_TYPE_ANY, 0, 1024);
  const XReply<xcb_get_property_reply_t> reply(xcb_get_property_reply(connection_, cookie, nullptr));
  if (!reply || reply->format != 8) return {};
  const auto* first = static_cast<const char*>(xcb_get_property_value(reply.get()));
  return {first, static_cast<size_t>(xcb_get_property_value_length(reply.get()))};
}

}  // namespace pdc
