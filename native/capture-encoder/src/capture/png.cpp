#include "capture/png.h"

#include <array>

namespace pdc {
namespace {

/* DEFLATE (RFC 1951) with the fixed Huffman code. Matches are looked for at two distances only: the pixel
   before and the row above, which is where a cursor repeats itself. */
class Deflater {
 public:
  Deflater(const std::vector<uint8_t>& data, size_t row) : data_(data), distances_{4, row} {}

  std::vector<uint8_t> run() {
    bits(1, 1);  // last block
    bits(1, 2);  // fixed Huffman
    for (size_t at = 0; at < data_.size();) {
      const auto [length, distance] = match(at);
      if (length >= 4) {
        put_length(length);
        put_distance(distance);
        at += length;
      } else {
        symbol(data_[at++]);
      }
    }
    symbol(256);
    if (used_ > 0) out_.push_back(static_cast<uint8_t>(buffer_));
    return std::move(out_);
  }

 private:
  struct Match {
    size_t length, distance;
  };

  Match match(size_t at) const {
    Match best{0, 0};
    for (const size_t distance : distances_) {
      if (distance > at) continue;
      size_t length = 0;
      while (length < 258 && at + length < data_.size() &&
             data_[at + length] == data_[at + length - distance])
        ++length;
      if (length > best.length) best = {length, distance};
    }
    return best;
  }

  void bits(uint32_t value, int count) {
    buffer_ |= static_cast<uint64_t>(value) << used_;
    for (used_ += count; used_ >= 8; used_ -= 8, buffer_ >>= 8) out_.push_back(static_cast<uint8_t>(buffer_));
  }
  /* Huffman codes go most significant bit first. */
  void code(uint32_t value, int count) {
    for (int i = count; i-- > 0;) bits(value >> i & 1, 1);
  }
  /* RFC 1951, 3.2.6 */
  void symbol(uint32_t s) {
    if (s < 144) {
      code(0x30 + s, 8);
    } else if (s < 256) {
      code(0x190 + s - 144, 9);
    } else if (s < 280) {
      code(s - 256, 7);
    } else {
      code(0xc0 + s - 280, 8);
    }
  }
  /* RFC 1951, 3.2.5 */
  void put_length(size_t length) {
    static constexpr std::array<uint16_t, 29> kBase = {3,  4,  5,  6,   7,   8,   9,   10,  11, 13,
                                                       15, 17, 19, 23,  27,  31,  35,  43,  51, 59,
                                                       67, 83, 99, 115, 131, 163, 195, 227, 258};
    size_t i = kBase.size() - 1;
    while (kBase[i] > length) --i;
    symbol(static_cast<uint32_t>(257 + i));
    const int extra = i < 8 || i == 28 ? 0 : static_cast<int>(i / 4 - 1);
    bits(static_cast<uint32_t>(length - kBase[i]), extra);
  }
  void put_distance(size_t distance) {
    uint32_t i = 0, base = 1;
    while (base + (1u << (i < 4 ? 0 : i / 2 - 1)) <= distance) {
      base += 1u << (i < 4 ? 0 : i / 2 - 1);
      ++i;
    }
    code(i, 5);
    bits(static_cast<uint32_t>(distance) - base, i < 4 ? 0 : static_cast<int>(i / 2 - 1));
  }

  const std::vector<uint8_t>& data_;
  std::array<size_t, 2> distances_;
  std::vector<uint8_t> out_;
  uint64_t buffer_ = 0;
  int used_ = 0;
};

void put32(std::vector<uint8_t>& out, uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<uint8_t>(value >> shift));
}

uint32_t crc32(const uint8_t* bytes, size_t size) {
  uint32_t crc = ~0u;
  for (size_t i = 0; i < size; ++i) {
    crc ^= bytes[i];
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (0xedb88320u & (0u - (crc & 1)));
  }
  return ~crc;
}

void chunk(std::vector<uint8_t>& out, const char* type, const std::vector<uint8_t>& data) {
  put32(out, static_cast<uint32_t>(data.size()));
  const size_t start = out.size();
  out.insert(out.end(), type, type + 4);
  out.insert(out.end(), data.begin(), data.end());
  put32(out, crc32(out.data() + start, out.size() - start));
}

}  // namespace

std::vector<uint8_t> encode_png(const uint8_t* rgba, int width, int height) {
  const size_t row = static_cast<size_t>(width) * 4;
  std::vector<uint8_t> raw;
  raw.reserve((row + 1) * static_cast<size_t>(height));
  for (int y = 0; y < height; ++y) {
    raw.push_back(0);  // filter: none
    raw.insert(raw.end(), rgba + static_cast<size_t>(y) * row, rgba + static_cast<size_t>(y + 1) * row);
  }

  std::vector<uint8_t> out = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
  std::vector<uint8_t> header;
  put32(header, static_cast<uint32_t>(width));
  put32(header, static_cast<uint32_t>(height));
  header.insert(header.end(), {8, 6, 0, 0, 0});  // 8 bits, RGBA, deflate, adaptive, not interlaced
  chunk(out, "IHDR", header);

  // zlib (RFC 1950): header, deflate, Adler-32
  std::vector<uint8_t> data = {0x78, 0x01};
  const std::vector<uint8_t> packed = Deflater(raw, row + 1).run();
  data.insert(data.end(), packed.begin(), packed.end());
  uint32_t a = 1, b = 0;
  for (const uint8_t byte : raw) {
    a = (a + byte) % 65521;
    b = (b + a) % 65521;
  }
  put32(data, b << 16 | a);
  chunk(out, "IDAT", data);
  chunk(out, "IEND", {});
  return out;
}

std::string base64(const std::vector<uint8_t>& bytes) {
  static constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t left = bytes.size() - i;
    const uint32_t group = static_cast<uint32_t>(bytes[i]) << 16 |
                           (left > 1 ? static_cast<uint32_t>(bytes[i + 1]) << 8 : 0u) |
                           (left > 2 ? bytes[i + 2] : 0u);
    out += kDigits[group >> 18];
    out += kDigits[group >> 12 & 63];
    out += left > 1 ? kDigits[group >> 6 & 63] : '=';
    out += left > 2 ? kDigits[group & 63] : '=';
  }
  return out;
}

}  // namespace pdc
