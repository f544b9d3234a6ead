#include "inject/hid_keys.h"

#include <array>

namespace pdc {
namespace {

// Rows of 16, from usage 0x00. linux/input-event-codes.h has the names.
constexpr std::array<uint8_t, 0x99> kKeys = {
    0,   0,   0,   0,   30,  48,  46,  32,  18,
    33,  34,  35,  23,  36,  37,  38,  // A..L
    50,  49,  24,  25,  16,  19,  31,  20,  22,
    47,  17,  45,  21,  44,  2,   3,  // M..Z, 1, 2
    4,   5,   6,   7,   8,   9,   10,  11,  28,
    1,   14,  15,  57,  12,  13,  26,  // 3..0, Enter.. [
    27,  43,  43,  39,  40,  41,  51,  52,  53,
    58,  59,  60,  61,  62,  63,  64,  // ].. CapsLock, F1..F6
    65,  66,  67,  68,  87,  88,  99,  70,  119,
    110, 102, 104, 111, 107, 109, 106,  // F7..F12, PrintScreen.. Right
    105, 108, 103, 69,  98,  55,  74,  78,  96,
    79,  80,  81,  75,  76,  77,  71,  // Left.. NumLock, keypad
    72,  73,  82,  83,  86,  127, 0,   117, 183,
    184, 185, 186, 187, 188, 189, 190,  // keypad, Menu, KP=, F13..F20
    191, 192, 193, 194, 134, 138, 130, 132, 128,
    129, 131, 137, 133, 135, 136, 113,  // F21..F24, Undo.., Mute
    115, 114, 0,   0,   0,   121, 0,   89,  93,
    124, 92,  94,  95,  0,   0,   0,            // volume, KP comma, international
    122, 123, 90,  91,  85,  0,   0,   0,   0,  // languages
};
constexpr std::array<uint8_t, 8> kModifiers = {29, 42, 56, 125, 97, 54, 100, 126};  // from usage 0xe0

}  // namespace

uint8_t evdev_from_usage(uint16_t usage) {
  if (usage < kKeys.size()) return kKeys[usage];
  if (usage >= 0xe0 && usage < 0xe0 + kModifiers.size()) return kModifiers[usage - 0xe0u];
  return 0;
}

}  // namespace pdc
