// A PNG (ISO/IEC 15948) writer for small pictures such as cursors, and base64 (RFC 4648, section 4).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace pdc {

/* RGBA, 8 bits, straight alpha, rows without padding. */
std::vector<uint8_t> encode_png(const uint8_t* rgba, int width, int height);

std::string base64(const std::vector<uint8_t>& bytes);

}  // namespace pdc
