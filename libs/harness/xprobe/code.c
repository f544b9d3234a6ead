#include "code.h"

static uint8_t crc8(const uint8_t *bytes, int count) {
  uint8_t crc = 0xff;
  for (int i = 0; i < count; i++) {
    crc ^= bytes[i];
    for (int bit = 0; bit < 8; bit++) crc = (uint8_t)((crc & 0x80) ? (crc << 1) ^ 0x07 : crc << 1);
  }
  return crc;
}

uint32_t code_bits(uint16_t paints, uint8_t clicks) {
  const uint8_t low = clicks & 0x0f;
  const uint8_t bytes[3] = {(uint8_t)(paints >> 8), (uint8_t)paints, low};
  return 0xa0000000u | (uint32_t)paints << 12 | (uint32_t)low << 8 | crc8(bytes, 3);
}
