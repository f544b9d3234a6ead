// USB HID usages of the keyboard page (HID Usage Tables 1.5, section 10) as Linux evdev key codes.
#pragma once

#include <cstdint>

namespace pdc {

/* 0: no such key, or one that a remote user has no business with (power). */
uint8_t evdev_from_usage(uint16_t usage);

}  // namespace pdc
