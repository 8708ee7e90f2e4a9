#include "eio/sid.hpp"

#include <array>
#include <set>
#include <string>

#include <gtest/gtest.h>

namespace socketio::eio {
namespace {

class Counting : public base::Random {
 public:
  void fill(base::MutBytes out) override {
    for (char& c : out) {
      state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL;
      c = static_cast<char>(state_ >> 56);
    }
  }

 private:
  std::uint64_t state_ = 42;
};

TEST(Sid, TwentyCharactersThatParse) {
  Counting random;
  const SidKey key = make_sid_key(random);
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const Sid sid = make_sid(random, key, static_cast<std::uint8_t>(i));
    EXPECT_EQ(parse_sid(sid.view()), sid);
    EXPECT_EQ(shard_of(sid, key), static_cast<std::uint8_t>(i));
    EXPECT_TRUE(seen.insert(std::string(sid.view())).second);
  }
}

TEST(Sid, AnotherKeySeesOtherShards) {
  Counting random;
  const SidKey key = make_sid_key(random);
  const SidKey other = make_sid_key(random);
  std::array<int, 256> shards{};
  for (int i = 0; i < 4096; ++i) ++shards[shard_of(make_sid(random, key, 3), other)];
  // Uniform would be 16 each.
  for (const int n : shards) EXPECT_LT(n, 64);
}

TEST(Sid, TheLastByteTellsNothing) {
  Counting random;
  const SidKey key = make_sid_key(random);
  std::set<std::string> endings;
  for (int i = 0; i < 4096; ++i)
    endings.insert(std::string(make_sid(random, key, 0).view().substr(18)));
  EXPECT_GT(endings.size(), 1000U);
}

TEST(Sid, OnlyTwentyOfTheAlphabetParse) {
  EXPECT_TRUE(parse_sid("abcdefghijKLMN0189-_"));
  for (const char* text : {"", "abcdefghijKLMN0189-", "abcdefghijKLMN0189-__",
                           "abcdefghijKLMN0189+_", "abcdefghijKLMN0189/_", "abcdefghijKLMN0189=_",
                           "abcdefghijKLMN0189 _", "__proto__", "constructor"})
    EXPECT_FALSE(parse_sid(text)) << text;
  EXPECT_FALSE(parse_sid(base::Bytes("abcdefghijKLMN0189-\0", 20)));
}

}  // namespace
}  // namespace socketio::eio
