// UTF-8 (RFC 3629).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace pdc {

/* The next code point at `at`, which moves on; 0xfffd for bytes that are not UTF-8. */
inline uint32_t next_code_point(std::string_view text, size_t& at) {
  const auto byte = [&](size_t i) { return i < text.size() ? static_cast<uint8_t>(text[i]) : 0u; };
  const uint32_t first = byte(at++);
  if (first < 0x80) return first;
  const int more = first >= 0xf0 && first < 0xf5   ? 3
                   : first >= 0xe0 && first < 0xf0 ? 2
                   : first >= 0xc2 && first < 0xe0 ? 1
                                                   : 0;
  if (more == 0) return 0xfffd;
  uint32_t code = first & (0x3fu >> more);
  for (int i = 0; i < more; ++i) {
    if ((byte(at + static_cast<size_t>(i)) & 0xc0) != 0x80) return 0xfffd;
    code = code << 6 | (byte(at + static_cast<size_t>(i)) & 0x3f);
  }
  static constexpr uint32_t kLowest[] = {0, 0x80, 0x800, 0x10000};
  if (code < kLowest[more] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return 0xfffd;
  at += static_cast<size_t>(more);
  return code;
}

/* The text with every byte that is not UTF-8 replaced by '?'. */
inline std::string valid_utf8(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const size_t start = at;
    if (next_code_point(text, at) == 0xfffd && at == start + 1) {
      out += '?';
    } else {
      out.append(text.substr(start, at - start));
    }
  }
  return out;
}

}  // namespace pdc
