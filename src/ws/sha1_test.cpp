#include "ws/sha1.hpp"

#include <string>

#include <gtest/gtest.h>

namespace socketio::ws {
namespace {

std::string hex(base::Bytes text) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const char c : sha1(text)) {
    out += kDigits[static_cast<unsigned char>(c) >> 4];
    out += kDigits[static_cast<unsigned char>(c) & 15];
  }
  return out;
}

TEST(Sha1, PassesTheTestsOfRfc3174) {
  EXPECT_EQ(hex("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
  EXPECT_EQ(hex(std::string(1'000'000, 'a')), "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
  std::string eighty;
  for (int i = 0; i < 80; ++i) eighty += "01234567";
  EXPECT_EQ(hex(eighty), "dea356a2cddd90c7a7ecedc5ebb563934f460452");
}

// Python's hashlib says what is right; the lengths are those at which the padding changes.
TEST(Sha1, PadsEveryLength) {
  struct Row {
    int length;
    const char* digest;
  };
  const Row rows[] = {
      {0, "da39a3ee5e6b4b0d3255bfef95601890afd80709"},
      {1, "bf8b4530d8d246dd74ac53a13471bba17941dff7"},
      {3, "4201de9f98cb0a9b8cf52398be7802b55d45266a"},
      {20, "e268fedef6a92518c93eaf5dcc5c38ed07b65b93"},
      {55, "63ac9708fb581dd150d3647549f9e0cb51dcf1df"},
      {56, "5a0c4d0eb2f15e05bbbff6b8dada9ae767fc03f0"},
      {57, "4e77d3077d2ab5167db3434c31cac3d15a3afc12"},
      {60, "d7e650ba4354d622ad7739885081b6e56d28ebf3"},
      {63, "d94ff3ad53f9b9327704b812ee9c1f3abbba3d48"},
      {64, "5f55a35e13f1865e7ffc22dca1275b1a49b0ff56"},
      {65, "d7f8931010f8342a97383e1410a58c47d057708b"},
      {119, "774001b5ad1f46b40c48e1b94cb092c593ead25b"},
      {120, "6ebf3111dc761f11b13f29df0484848785385973"},
      {127, "82d007f6e7e5672722c0717b6bea2ba6f17cd35c"},
      {128, "0a44ac02432f6ead67d86fcb70a4d8ce589e50ec"},
      {1000, "7461968a9edb9b418224f1acb305d2feeaa10ba5"},
  };
  for (const Row& row : rows) {
    std::string text;
    for (int i = 0; i < row.length; ++i) text += static_cast<char>((i * 7 + row.length) % 256);
    EXPECT_EQ(hex(text), row.digest) << row.length;
  }
}

}  // namespace
}  // namespace socketio::ws
