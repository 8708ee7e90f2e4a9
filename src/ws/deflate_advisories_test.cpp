// Bugs that others had with deflate, or deflate itself, each test named after them: what was sent
// there goes through our streams. Those of the sanitizers' builds are the ones that count.
#include <array>
#include <cstdlib>
#include <string>

#include <gtest/gtest.h>
#include <zlib.h>

#include "ws/deflate.hpp"
#include "ws/testing.hpp"

namespace socketio::ws::testing {
namespace {

using base::Bytes;
using namespace std::string_literals;

constexpr DeflateParams params(int window_bits, bool alone = false) {
  return {alone, alone, window_bits, window_bits};
}

// The message; nothing when it is no good.
std::optional<std::string> inflate(Deflate& deflate, Bytes payload) {
  constexpr std::size_t kMost = 4'000'000;
  base::Ledger ledger;
  Inflated outcome = deflate.inflate(payload, kMost, ledger);
  while (outcome == Inflated::more) outcome = deflate.go_on(kMost, ledger);
  std::string message(base::as_bytes(deflate.message()));
  deflate.clear();
  EXPECT_EQ(ledger.input(), 0);
  if (outcome != Inflated::whole) return std::nullopt;
  return message;
}

// As a peer with a zlib of its own sends it.
std::string packed(Bytes message, int strategy, int window_bits, int mem_level, int level = 9) {
  z_stream z{};
  EXPECT_EQ(deflateInit2(&z, level, Z_DEFLATED, -window_bits, mem_level, strategy), Z_OK);
  std::string out(deflateBound(&z, message.size()) + 16, '\0');
  std::string in(message);
  z.next_in = reinterpret_cast<Bytef*>(in.data());
  z.avail_in = static_cast<uInt>(in.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(::deflate(&z, Z_SYNC_FLUSH), Z_OK);
  out.resize(out.size() - z.avail_out);
  deflateEnd(&z);
  EXPECT_TRUE(out.ends_with("\0\0\xff\xff"s));
  return out.substr(0, out.size() - 4);
}

// Matches of few bytes that lie as far back as the window allows: each takes as many bits as there
// are, three bytes and more for what is four in memory.
std::string distant_matches(int window_bits, std::size_t size) {
  SeededRandom random(25032);
  const std::size_t window = std::size_t{1} << window_bits;
  std::string text(window, '\0');
  random.fill({text.data(), text.size()});
  while (text.size() < size) {
    // deflate looks no further back than this.
    const std::size_t far = text.size() - (window - 262) + random.below(window / 16);
    text += text.substr(far, 4 + random.below(3));
    if (random.below(40) == 0) text += static_cast<char>(random.below(256));
  }
  return text;
}

TEST(DeflateAdvisories, TheZlibThatIsLoadedIsNewEnough) {
  const auto numbers = [](const char* at) {
    std::array<long, 3> parts{};
    for (long& part : parts) {
      char* end = nullptr;
      part = std::strtol(at, &end, 10);
      at = *end == '.' ? end + 1 : end;
    }
    return parts;
  };
  // The one it was built with is, or the build had been told otherwise.
  EXPECT_GE(numbers(zlibVersion()), numbers(ZLIB_VERSION))
      << "CVE-2018-25032, CVE-2016-9840: zlib " << zlibVersion();
}

// CVE-2018-25032, and Beast's pull request 2489: distances overwrote symbols that had not been
// written out yet.
TEST(DeflateAdvisories, CVE_2018_25032_DistantMatches) {
  for (int bits = 9; bits <= 15; ++bits) {
    const std::string text = distant_matches(bits, 100'000);
    for (const int mem_level : {1, 8, 9}) {
      DeflateOptions options;
      options.mem_level = mem_level;
      options.level = 9;
      DeflatePool pool(options);
      Deflate server(Role::server, params(bits), pool);
      Deflate client(Role::client, params(bits), pool);
      for (int i = 0; i < 2; ++i) {
        const Bytes message = text;
        const std::optional<Bytes> sent = server.compress({&message, 1});
        ASSERT_TRUE(sent);
        EXPECT_EQ(inflate(client, *sent), text) << bits << " " << mem_level;
      }
      // A peer may have chosen fixed codes, for which it was easiest.
      Deflate receiver(Role::server, params(bits, true), pool);
      EXPECT_EQ(inflate(receiver, packed(text, Z_FIXED, bits, mem_level)), text);
    }
  }
}

// CVE-2016-9840, CVE-2016-9841: tables of codes that are not complete, or have one code only, and
// matches near the end of what has come.
TEST(DeflateAdvisories, CVE_2016_9840_TablesOfAllKinds) {
  const DeflateOptions options;
  DeflatePool pool(options);
  Deflate server(Role::server, params(15, true), pool);
  SeededRandom random(9840);
  for (std::size_t letters = 1; letters <= 256; letters += letters < 8 ? 1 : 31) {
    std::string text;
    for (int i = 0; i < 3'000; ++i) {
      // Few of most, so that some codes are long.
      const std::size_t letter = random.below(1 + random.below(letters));
      text += static_cast<char>(letter);
    }
    for (const int strategy : {Z_DEFAULT_STRATEGY, Z_FILTERED, Z_HUFFMAN_ONLY, Z_RLE, Z_FIXED}) {
      const std::string sent = packed(text, strategy, 15, 8);
      EXPECT_EQ(inflate(server, sent), text) << letters << " " << strategy;
      for (std::size_t cut = 1; cut < 60 && cut < sent.size(); ++cut)
        EXPECT_NE(inflate(server, Bytes(sent).substr(0, sent.size() - cut)), text);
      for (std::size_t bit = 0; bit < 400 && bit / 8 < sent.size(); ++bit) {
        std::string broken = sent;
        broken[bit / 8] = static_cast<char>(broken[bit / 8] ^ (1 << bit % 8));
        inflate(server, broken);  // whatever it says, it does no harm
      }
    }
  }
}

// Beast issue 923: a last block (BFINAL) that is not the message's end.
TEST(DeflateAdvisories, Beast_923_ALastBlockInTheMiddle) {
  const DeflateOptions options;
  DeflatePool pool(options);
  const std::string last = "\xf3\x48\xcd\xc9\xc9\x07\x00"s;  // "Hello", BFINAL
  for (const bool alone : {true, false}) {
    Deflate server(Role::server, params(15, alone), pool);
    EXPECT_EQ(inflate(server, last + '\0'), "Hello");
    // What follows it is no part of the stream (RFC 7692 §7.2.3.5 lets only the end follow); it
    // must be neither taken for text nor break what comes next.
    const std::optional<std::string> twice = inflate(server, last + last + '\0');
    EXPECT_TRUE(!twice || *twice == "Hello" || *twice == "HelloHello") << *twice;
    Deflate next(Role::server, params(15, alone), pool);
    EXPECT_EQ(inflate(next, "\xf2\x48\xcd\xc9\xc9\x07\x00"s), "Hello");
  }
}

// Beast issue 3028: the end of a message was put behind it when there was still something to come
// out, so that messages of certain lengths were refused ("invalid stored block lengths"). Around
// every size of a piece that we inflate, with and without context, stored and not.
TEST(DeflateAdvisories, Beast_3028_MessagesThatEndWhereAPieceDoes) {
  SeededRandom random(3028);
  for (const std::size_t piece :
       {std::size_t{1} << 10, std::size_t{1} << 14, std::size_t{1} << 15}) {
    DeflateOptions options;
    options.piece = piece;
    DeflatePool pool(options);
    for (const bool alone : {true, false}) {
      Deflate server(Role::server, params(15, alone), pool);
      for (const std::size_t pieces : {1U, 2U, 3U, 5U}) {
        for (std::size_t size = pieces * piece - 9; size <= pieces * piece + 9; ++size) {
          std::string text(size, 'x');
          EXPECT_EQ(inflate(server, packed(text, Z_DEFAULT_STRATEGY, 15, 8)), text);
          for (char& c : text) c = static_cast<char>(random.below(256));
          EXPECT_EQ(inflate(server, packed(text, Z_DEFAULT_STRATEGY, 15, 8)), text);
          EXPECT_EQ(inflate(server, packed(text, Z_DEFAULT_STRATEGY, 15, 8, 0)), text);
        }
      }
    }
  }
}

}  // namespace
}  // namespace socketio::ws::testing
