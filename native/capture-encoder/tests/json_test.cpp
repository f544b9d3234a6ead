#include "base/json.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/text.h"

namespace pdc {
namespace {

std::string problem(const std::string& text) {
  try {
    Json::parse(text);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), PD_ERR_INVALID_ARGUMENT);
    return error.what();
  }
  return "";
}

TEST(Json, ReadsEveryKindOfValue) {
  const Json j = Json::parse(R"( {"a":[1,-2.5e2,true,null],"b":{"c":"x\n\u00e9\ud83d\ude00\\"}} )");
  const Json& a = j.object.at("a");
  EXPECT_EQ(a.array.at(0).number, 1);
  EXPECT_EQ(a.array.at(1).number, -250);
  EXPECT_TRUE(a.array.at(2).boolean);
  EXPECT_EQ(a.array.at(3).type, Json::Type::null);
  EXPECT_EQ(j.object.at("b").object.at("c").string, "x\né😀\\");
  EXPECT_FALSE(Json::parse("false").boolean);
}

TEST(Json, RefusesWhatIsNotJson) {
  for (const char* text : {"{", "[1,]", "{\"a\" 1}", "{'a':1}", "tru", "01x", "1e999", "\"a", "\"\\q\"",
                           "\"\\ud800x\"", "{\"a\":1}}", "{\"a\":1,\"a\":2}", "-", "\"\x01\""}) {
    EXPECT_NE(problem(text), "") << text;
  }
  EXPECT_NE(problem(std::string(40, '[')).find("too deep"), std::string::npos);
}

TEST(Json, OptionsNameTheFieldAndTheRemedy) {
  const Json j = Json::parse(R"({"fps":900,"kind":"vhs","extra":1,"half":1.5})");
  OptionReader r(j, "encoder");
  EXPECT_THROW(r.number("fps", 60, 1, 240), Error);
  EXPECT_THROW(r.integer("half", 0, 0, 9), Error);
  try {
    r.choice("kind", "auto", {"auto", "x264"});
    FAIL();
  } catch (const Error& e) {
    EXPECT_STREQ(e.what(), "encoder.kind must be one of auto, x264, not 'vhs'");
  }
  try {
    r.finish();
    FAIL();
  } catch (const Error& e) {
    EXPECT_STREQ(e.what(), "encoder.extra is not an option; known here: fps, half, kind");
  }
}

TEST(Json, WritesWhatItReads) {
  JsonWriter w;
  w.open('{')
      .field("a", "q\"\\\n")
      .field("b", 1.5)
      .field("c", true)
      .key("d")
      .open('[')
      .value(1)
      .value(-2)
      .close(']');
  w.close('}');
  EXPECT_EQ(w.text(), R"({"a":"q\"\\\u000a","b":1.5,"c":true,"d":[1,-2]})");
  EXPECT_EQ(Json::parse(w.text()).object.at("a").string, "q\"\\\n");
}

TEST(Text, ReplacesWhatIsNotUtf8) {
  EXPECT_EQ(valid_utf8("ok é 😀"), "ok é 😀");
  EXPECT_EQ(valid_utf8("a\xff\xc3"), "a??");
  EXPECT_EQ(valid_utf8("\xed\xa0\x80"), "???");  // a surrogate
  EXPECT_EQ(valid_utf8("\xc0\x80"), "??");       // overlong
}

}  // namespace
}  // namespace pdc
