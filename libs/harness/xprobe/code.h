/*
 * The painted code: a row of black and white cells that survives scaling and H.264, so that a
 * viewer can tell which paint a picture shows.
 *
 *   cells 0-3    white black white black: proves that the row is there at all
 *   cells 4-19   counter of paints, most significant bit first
 *   cells 20-23  counter of clicks, modulo 16
 *   cells 24-31  CRC-8 (polynomial 0x07, start 0xff) over the three bytes above
 */
#ifndef XPROBE_CODE_H
#define XPROBE_CODE_H

#include <stdint.h>

enum { CODE_CELLS = 32 };

/* Bit 31 is cell 0, the leftmost; 1 is white. */
uint32_t code_bits(uint16_t paints, uint8_t clicks);

#endif
