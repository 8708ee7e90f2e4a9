#include "eio/sid.hpp"

#include <algorithm>
#include <bit>

#include "base/base64.hpp"

namespace socketio::eio {
namespace {

constexpr std::size_t kRandomBytes = 14;

// SipHash-2-4 of the random part: keyed and hard to invert, so that many ids do not give the key
// (and with it the shards) away.
class SipHash {
 public:
  explicit SipHash(const SidKey& key)
      : v0_(key.words[0] ^ 0x736f6d6570736575ULL),
        v1_(key.words[1] ^ 0x646f72616e646f6dULL),
        v2_(key.words[0] ^ 0x6c7967656e657261ULL),
        v3_(key.words[1] ^ 0x7465646279746573ULL) {}

  void word(std::uint64_t m) {
    v3_ ^= m;
    round();
    round();
    v0_ ^= m;
  }

  std::uint64_t finish() {
    v2_ ^= 0xFF;
    for (int i = 0; i < 4; ++i) round();
    return v0_ ^ v1_ ^ v2_ ^ v3_;
  }

 private:
  void round() {
    v0_ += v1_;
    v1_ = std::rotl(v1_, 13) ^ v0_;
    v0_ = std::rotl(v0_, 32);
    v2_ += v3_;
    v3_ = std::rotl(v3_, 16) ^ v2_;
    v0_ += v3_;
    v3_ = std::rotl(v3_, 21) ^ v0_;
    v2_ += v1_;
    v1_ = std::rotl(v1_, 17) ^ v2_;
    v2_ = std::rotl(v2_, 32);
  }

  std::uint64_t v0_, v1_, v2_, v3_;
};

std::uint64_t little_endian(base::Bytes bytes) {
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i)
    word |= std::uint64_t{static_cast<std::uint8_t>(bytes[i])} << (8 * i);
  return word;
}

std::uint8_t mask(base::Bytes random_part, const SidKey& key) {
  SipHash hash(key);
  hash.word(little_endian(random_part.substr(0, 8)));
  hash.word(little_endian(random_part.substr(8)) | std::uint64_t{kRandomBytes} << 56);
  return static_cast<std::uint8_t>(hash.finish());
}

constexpr std::array<bool, 256> kAlphabet = [] {
  std::array<bool, 256> letters{};
  for (const char c :
       base::Bytes("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"))
    letters[static_cast<unsigned char>(c)] = true;
  return letters;
}();

}  // namespace

SidKey make_sid_key(base::Random& random) {
  return {{random.u64(), random.u64()}};
}

Sid make_sid(base::Random& random, const SidKey& key, std::uint8_t shard) {
  std::array<char, kRandomBytes + 1> raw{};
  const base::Bytes random_part{raw.data(), kRandomBytes};
  random.fill({raw.data(), kRandomBytes});
  raw[kRandomBytes] = static_cast<char>(shard ^ mask(random_part, key));
  Sid sid;
  // 15 bytes are 20 characters without padding.
  base::base64_encode({raw.data(), raw.size()}, sid.chars.data());
  std::replace(sid.chars.begin(), sid.chars.end(), '+', '-');
  std::replace(sid.chars.begin(), sid.chars.end(), '/', '_');
  return sid;
}

std::optional<Sid> parse_sid(base::Bytes text) {
  if (text.size() != kSidSize) return std::nullopt;
  Sid sid;
  bool good = true;
  for (std::size_t i = 0; i < kSidSize; ++i) {
    sid.chars[i] = text[i];
    good &= kAlphabet[static_cast<unsigned char>(text[i])];
  }
  return good ? std::optional(sid) : std::nullopt;
}

std::uint8_t shard_of(const Sid& sid, const SidKey& key) {
  std::array<char, kSidSize> raw{};
  base::base64_decode(sid.view(), raw.data());
  const base::Bytes random_part{raw.data(), kRandomBytes};
  return static_cast<std::uint8_t>(static_cast<std::uint8_t>(raw[kRandomBytes]) ^
                                   mask(random_part, key));
}

}  // namespace socketio::eio
