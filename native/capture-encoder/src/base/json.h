// Just enough JSON (RFC 8259) for options and results at the C boundary.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace pdc {

/* One parsed value. Objects keep their keys sorted. */
class Json {
 public:
  enum class Type { null, boolean, number, string, array, object };

  /* Throws Error(PD_ERR_INVALID_ARGUMENT) with the position. Depth is bounded by 16, size by 64 KiB. */
  static Json parse(std::string_view text);

  Type type = Type::null;
  bool boolean = false;
  double number = 0;
  std::string string;
  std::vector<Json> array;
  std::map<std::string, Json> object;
};

/* Reads an options object key by key, and complains about those that nobody read. */
class OptionReader {
 public:
  /* `path` is how errors name this object, "" for the top. A null value reads as empty. */
  OptionReader(const Json& value, std::string path);

  bool has(const std::string& key) const;
  std::string text(const std::string& key, const std::string& fallback);
  bool flag(const std::string& key, bool fallback);
  double number(const std::string& key, double fallback, double low, double high);
  int64_t integer(const std::string& key, int64_t fallback, int64_t low, int64_t high);
  OptionReader child(const std::string& key);
  /* One of `allowed`. */
  std::string choice(const std::string& key, const std::string& fallback,
                     const std::vector<std::string>& allowed);
  /* Throws for each key that was not asked for. */
  void finish() const;

 private:
  const Json* find(const std::string& key, Json::Type type, const char* expected);
  std::string name(const std::string& key) const { return path_.empty() ? key : path_ + "." + key; }

  const Json& value_;
  std::string path_;
  std::vector<std::string> known_;
};

/* Builds JSON text. Commas are set by the writer; nesting is the caller's job. */
class JsonWriter {
 public:
  JsonWriter& open(char bracket);
  JsonWriter& close(char bracket);
  JsonWriter& key(std::string_view name);
  JsonWriter& value(std::string_view text);
  JsonWriter& value(const char* text) { return value(std::string_view(text)); }
  JsonWriter& value(const std::string& text) { return value(std::string_view(text)); }
  JsonWriter& value(bool flag);
  JsonWriter& value(double number);
  JsonWriter& value(int64_t number);
  JsonWriter& value(uint64_t number);
  JsonWriter& value(int number) { return value(static_cast<int64_t>(number)); }
  template <typename T>
  JsonWriter& field(std::string_view name, const T& content) {
    return key(name).value(content);
  }
  const std::string& text() const { return text_; }

 private:
  void separate();
  std::string text_;
  bool comma_ = false;
};

}  // namespace pdc
