#include "base/base64.hpp"

#include <gtest/gtest.h>

namespace socketio::base {
namespace {

std::string decode(Bytes in) {
  std::string out(in.size() / 4 * 3 + 3, '\0');
  const auto n = base64_decode(in, out.data());
  if (n < 0) return "<bad>";
  out.resize(static_cast<std::size_t>(n));
  return out;
}

TEST(Base64, KnowsTheVectorsOfRfc4648) {
  const std::pair<const char*, const char*> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, coded] : vectors) {
    EXPECT_EQ(base64_encode(plain), coded);
    EXPECT_EQ(decode(coded), plain);
  }
}

TEST(Base64, AcceptsUnpaddedAndUrlSafe) {
  EXPECT_EQ(decode("Zg"), "f");
  EXPECT_EQ(decode("-_8"), decode("+/8="));
}

// As the official Java client writes it: 76 characters to the line, and a break behind the last.
TEST(Base64, AcceptsLines) {
  std::string bytes;
  for (int i = 0; i < 1'000; ++i) bytes += static_cast<char>(i);
  for (std::size_t n = 0; n < bytes.size(); n += 7) {
    const std::string whole = base64_encode(Bytes(bytes).substr(0, n));
    for (const char* const line_break : {"\n", "\r\n"}) {
      std::string lines;
      for (std::size_t i = 0; i < whole.size(); i += 76)
        lines.append(whole, i, 76).append(line_break);
      std::string out(lines.size() / 4 * 3 + 3, '\0');
      const std::ptrdiff_t size = base64_decode(lines, out.data());
      ASSERT_EQ(size, static_cast<std::ptrdiff_t>(n));
      EXPECT_EQ(out.substr(0, n), bytes.substr(0, n));
    }
  }
  std::string out(8, '\0');
  EXPECT_EQ(base64_decode("\n", out.data()), 0);
  EXPECT_EQ(base64_decode("YQ=\n=", out.data()), -1);
  EXPECT_EQ(base64_decode("Y\nQ= =", out.data()), -1);
  EXPECT_EQ(base64_decode("Y\n", out.data()), -1);
}

TEST(Base64, RefusesTheRest) {
  for (const char* bad : {"Z", "Zg=", "=", "====", "Zg==Zg==", "Z!==", "Zm9v ", "Zm9vY"})
    EXPECT_EQ(decode(bad), "<bad>") << bad;
}

TEST(Base64, DecodesInPlace) {
  std::string text = base64_encode("any bytes \x01\x02");
  const auto n = base64_decode(text, text.data());
  EXPECT_EQ(text.substr(0, static_cast<std::size_t>(n)), "any bytes \x01\x02");
}

}  // namespace
}  // namespace socketio::base
