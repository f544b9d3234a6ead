#include "base/json.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "base/error.h"

namespace pdc {
namespace {

constexpr size_t kMaxBytes = 64 * 1024;
constexpr int kMaxDepth = 16;

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Json document() {
    Json value = any(0);
    space();
    if (at_ != text_.size()) fail("unexpected text after the value");
    return value;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw Error(PD_ERR_INVALID_ARGUMENT,
                "options: " + what + " at byte " + std::to_string(at_) + "; pass one JSON object in UTF-8");
  }
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void space() {
    while (at_ < text_.size() && (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r')) ++at_;
  }
  void expect(char c) {
    if (peek() != c) fail(std::string("expected '") + c + "'");
    ++at_;
  }
  bool word(std::string_view w) {
    if (text_.substr(at_, w.size()) != w) return false;
    at_ += w.size();
    return true;
  }

  Json any(int depth) {
    if (depth > kMaxDepth) fail("nested too deep");
    space();
    Json value;
    if (peek() == '{') return object(depth);
    if (peek() == '[') return array(depth);
    if (peek() == '"') {
      value.type = Json::Type::string;
      value.string = quoted();
    } else if (word("true") || word("false")) {
      value.type = Json::Type::boolean;
      value.boolean = text_[at_ - 2] == 'u';
    } else if (!word("null")) {
      value.type = Json::Type::number;
      value.number = digits();
    }
    return value;
  }

  Json object(int depth) {
    Json value;
    value.type = Json::Type::object;
    expect('{');
    space();
    if (peek() == '}') return ++at_, value;
    while (true) {
      space();
      std::string key = quoted();
      space();
      expect(':');
      if (value.object.count(key) != 0) fail("key '" + key + "' appears twice");
      value.object.emplace(std::move(key), any(depth + 1));
      space();
      if (peek() == '}') return ++at_, value;
      expect(',');
    }
  }

  Json array(int depth) {
    Json value;
    value.type = Json::Type::array;
    expect('[');
    space();
    if (peek() == ']') return ++at_, value;
    while (true) {
      value.array.push_back(any(depth + 1));
      space();
      if (peek() == ']') return ++at_, value;
      expect(',');
    }
  }

  double digits() {
    const size_t start = at_;
    if (peek() == '-') ++at_;
    if (peek() < '0' || peek() > '9') fail("expected a value");
    while ((peek() >= '0' && peek() <= '9') || peek() == '.' || peek() == 'e' || peek() == 'E' ||
           peek() == '+' || peek() == '-')
      ++at_;
    const std::string text(text_.substr(start, at_ - start));
    double number = 0;
    // Not strtod: the process may have set a locale with a decimal comma.
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) fail("bad number");
    return number;
  }

  uint32_t hex4() {
    uint32_t code = 0;
    for (int i = 0; i < 4; ++i, ++at_) {
      const char c = peek();
      const int digit = c >= '0' && c <= '9'   ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : -1;
      if (digit < 0) fail("bad \\u escape");
      code = code * 16 + static_cast<uint32_t>(digit);
    }
    return code;
  }

  void escape(std::string& out) {
    const char c = peek();
    ++at_;
    switch (c) {
      case '"':
      case '\\':
      case '/':
        out += c;
        return;
      case 'b':
        out += '\b';
        return;
      case 'f':
        out += '\f';
        return;
      case 'n':
        out += '\n';
        return;
      case 'r':
        out += '\r';
        return;
      case 't':
        out += '\t';
        return;
      case 'u':
        break;
      default:
        fail("bad escape");
    }
    uint32_t code = hex4();
    if (code >= 0xd800 && code < 0xdc00) {
      if (!word("\\u")) fail("half a surrogate pair");
      const uint32_t low = hex4();
      if (low < 0xdc00 || low > 0xdfff) fail("half a surrogate pair");
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    if (code < 0x80) {
      out += static_cast<char>(code);
    } else if (code < 0x800) {
      out += static_cast<char>(0xc0 | code >> 6);
      out += static_cast<char>(0x80 | (code & 63));
    } else if (code < 0x10000) {
      out += static_cast<char>(0xe0 | code >> 12);
      out += static_cast<char>(0x80 | (code >> 6 & 63));
      out += static_cast<char>(0x80 | (code & 63));
    } else {
      out += static_cast<char>(0xf0 | code >> 18);
      out += static_cast<char>(0x80 | (code >> 12 & 63));
      out += static_cast<char>(0x80 | (code >> 6 & 63));
      out += static_cast<char>(0x80 | (code & 63));
    }
  }

  std::string quoted() {
    expect('"');
    std::string out;
    while (true) {
      if (at_ >= text_.size()) fail("text without its closing quote");
      const char c = text_[at_++];
      if (c == '"') return out;
      if (static_cast<unsigned char>(c) < 0x20) fail("control character in text");
      if (c == '\\') {
        escape(out);
      } else {
        out += c;
      }
    }
  }

  std::string_view text_;
  size_t at_ = 0;
};

[[noreturn]] void invalid(const std::string& text) { throw Error(PD_ERR_INVALID_ARGUMENT, text); }

std::string plain(double number) {
  char buffer[48];
  const auto [end, error] =
      std::to_chars(buffer, buffer + sizeof buffer, number, std::chars_format::general, 10);
  return error == std::errc() ? std::string(buffer, end) : "0";
}

}  // namespace

Json Json::parse(std::string_view text) {
  if (text.size() > kMaxBytes) throw Error(PD_ERR_TOO_LARGE, "options: more than 64 KiB");
  if (text.empty()) return {};
  return Parser(text).document();
}

OptionReader::OptionReader(const Json& value, std::string path) : value_(value), path_(std::move(path)) {
  if (value.type != Json::Type::object && value.type != Json::Type::null) {
    invalid((path_.empty() ? std::string("options") : path_) + " must be a JSON object");
  }
}

bool OptionReader::has(const std::string& key) const {
  const auto it = value_.object.find(key);
  return it != value_.object.end() && it->second.type != Json::Type::null;
}

const Json* OptionReader::find(const std::string& key, Json::Type type, const char* expected) {
  known_.push_back(key);
  const auto it = value_.object.find(key);
  if (it == value_.object.end() || it->second.type == Json::Type::null) return nullptr;
  if (it->second.type != type) invalid(name(key) + " must be " + expected);
  return &it->second;
}

std::string OptionReader::text(const std::string& key, const std::string& fallback) {
  const Json* found = find(key, Json::Type::string, "text");
  return found ? found->string : fallback;
}

bool OptionReader::flag(const std::string& key, bool fallback) {
  const Json* found = find(key, Json::Type::boolean, "true or false");
  return found ? found->boolean : fallback;
}

double OptionReader::number(const std::string& key, double fallback, double low, double high) {
  const Json* found = find(key, Json::Type::number, "a number");
  if (!found) return fallback;
  if (found->number < low || found->number > high) {
    invalid(name(key) + " must be between " + plain(low) + " and " + plain(high) + ", not " +
            plain(found->number));
  }
  return found->number;
}

int64_t OptionReader::integer(const std::string& key, int64_t fallback, int64_t low, int64_t high) {
  const double value =
      number(key, static_cast<double>(fallback), static_cast<double>(low), static_cast<double>(high));
  if (value != std::floor(value)) invalid(name(key) + " must be a whole number");
  return static_cast<int64_t>(value);
}

OptionReader OptionReader::child(const std::string& key) {
  static const Json kNothing;
  const Json* found = find(key, Json::Type::object, "a JSON object");
  return {found ? *found : kNothing, name(key)};
}

std::string OptionReader::choice(const std::string& key, const std::string& fallback,
                                 const std::vector<std::string>& allowed) {
  const std::string value = text(key, fallback);
  std::string list;
  for (const std::string& one : allowed) {
    if (one == value) return value;
    list += (list.empty() ? "" : ", ") + one;
  }
  invalid(name(key) + " must be one of " + list + ", not '" + value + "'");
}

void OptionReader::finish() const {
  for (const auto& [key, ignored] : value_.object) {
    if (std::find(known_.begin(), known_.end(), key) == known_.end()) {
      std::string list;
      for (const std::string& one : known_) list += (list.empty() ? "" : ", ") + one;
      invalid(name(key) + " is not an option; known here: " + list);
    }
  }
}

void JsonWriter::separate() {
  if (comma_) text_ += ',';
  comma_ = true;
}

JsonWriter& JsonWriter::open(char bracket) {
  separate();
  text_ += bracket;
  comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::close(char bracket) {
  text_ += bracket;
  comma_ = true;
  return *this;
}

JsonWriter& JsonWriter::key(std::string_view name) {
  value(name);
  text_ += ':';
  comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::value(std::string_view text) {
  separate();
  text_ += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      text_ += '\\';
      text_ += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char buffer[8];
      std::snprintf(buffer, sizeof buffer, "\\u%04x", static_cast<unsigned>(c));
      text_ += buffer;
    } else {
      text_ += c;
    }
  }
  text_ += '"';
  return *this;
}

JsonWriter& JsonWriter::value(bool flag) {
  separate();
  text_ += flag ? "true" : "false";
  return *this;
}

JsonWriter& JsonWriter::value(double number) {
  separate();
  text_ += std::isfinite(number) ? plain(number) : "null";
  return *this;
}

JsonWriter& JsonWriter::value(int64_t number) {
  separate();
  text_ += std::to_string(number);
  return *this;
}

JsonWriter& JsonWriter::value(uint64_t number) {
  separate();
  text_ += std::to_string(number);
  return *this;
}

}  // namespace pdc
