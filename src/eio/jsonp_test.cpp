#include "eio/jsonp.hpp"

#include <gtest/gtest.h>

#include "eio/test_peer.hpp"

namespace socketio::eio {
namespace {

std::string decoded(base::Bytes form) {
  test::Input input(form);
  const auto payload = decode_jsonp_form(input.view());
  return payload ? std::string(base::as_bytes(*payload)) : "(nothing)";
}

TEST(Jsonp, AScriptCallsThePagesFunction) {
  EXPECT_EQ(jsonp_script("0", "6:4hello"), "___eio[0](\"6:4hello\");");
  EXPECT_EQ(jsonp_script("12", ""), "___eio[12](\"\");");
}

TEST(Jsonp, P44TheIndexIsDigitsAndNothingElse) {
  EXPECT_EQ(jsonp_script("0;alert(1)", "x"), "___eio[01](\"x\");");
  EXPECT_EQ(jsonp_script("](alert)//\xF0\x9D\x9F\x98\n", "x"), "___eio[](\"x\");");
}

TEST(Jsonp, ThePayloadIsOneString) {
  EXPECT_EQ(jsonp_script("0", "a\"b\\c"), R"(___eio[0]("a\"b\\c");)");
  EXPECT_EQ(jsonp_script("0", "\n\r\t\b\f\x01\x1f\x7f"),
            "___eio[0](\"\\n\\r\\t\\b\\f\\u0001\\u001f\x7f\");");
  EXPECT_EQ(jsonp_script("0", base::Bytes("\0", 1)), R"(___eio[0]("\u0000");)");
  // They end a line, and so a string, of JavaScript, but not of JSON.
  EXPECT_EQ(jsonp_script("0", "\xE2\x80\xA8|\xE2\x80\xA9|\xE2\x80\xAA"),
            "___eio[0](\"\\u2028|\\u2029|\xE2\x80\xAA\");");
  EXPECT_EQ(jsonp_script("0", "\xE2\x80"), "___eio[0](\"\xE2\x80\");");
}

TEST(Jsonp, AFormsFieldIsThePayload) {
  EXPECT_EQ(decoded("d=6%3A4hello"), "6:4hello");
  EXPECT_EQ(decoded("d=a+b%20c%C3%A9"), "a b c\xC3\xA9");
  EXPECT_EQ(decoded("x=1&d=2%3A4a&y=%00"), "2:4a");
  EXPECT_EQ(decoded("d="), "");
  EXPECT_EQ(decoded("d"), "");
  EXPECT_EQ(decoded("d=a=b"), "a=b");
  EXPECT_EQ(decoded("d=%"), "%");
  EXPECT_EQ(decoded("d=%4"), "%4");
  EXPECT_EQ(decoded("d=%zz%41"), "%zzA");
}

TEST(Jsonp, WithoutOneFieldThereIsNoPayload) {
  EXPECT_EQ(decoded(""), "(nothing)");
  EXPECT_EQ(decoded("&&"), "(nothing)");
  EXPECT_EQ(decoded("6:4hello"), "(nothing)");
  EXPECT_EQ(decoded("D=6%3A4hello"), "(nothing)");
  EXPECT_EQ(decoded("dd=1"), "(nothing)");
  EXPECT_EQ(decoded("d=1&d=2"), "(nothing)");
}

// The client escapes newlines, which a browser would send as CR LF, and what looks like such an
// escape.
TEST(Jsonp, NewlinesComeBack) {
  EXPECT_EQ(decoded(R"(d=a\nb)"), "a\nb");
  EXPECT_EQ(decoded(R"(d=a\\nb)"), R"(a\nb)");
  EXPECT_EQ(decoded(R"(d=a\\\nb)"), R"(a\\nb)");
  EXPECT_EQ(decoded(R"(d=\n\n\\n\n)"), "\n\n\\n\n");
  EXPECT_EQ(decoded(R"(d=\t\\)"), R"(\t\\)");
  EXPECT_EQ(decoded("d=%5Cn%5C%5Cn"), "\n\\n");
}

}  // namespace
}  // namespace socketio::eio
