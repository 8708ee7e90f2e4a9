// permessage-deflate without a connection: streams, what they may write, the pool and the budget.
#include "ws/deflate.hpp"

#include <gtest/gtest.h>

#include "ws/testing.hpp"

namespace socketio::ws::testing {
namespace {

using base::Bytes;
using namespace std::string_literals;

const DeflateOptions kOptions;
constexpr DeflateParams kNoContext{true, true, 15, 15};
constexpr DeflateParams kContext{false, false, 15, 15};

std::string compress(Deflate& deflate, Bytes message) {
  const std::optional<Bytes> out = deflate.compress({&message, 1});
  return out ? std::string(*out) : "as it is";
}

struct Result {
  Inflated outcome;
  std::string message;
  bool operator==(const Result&) const = default;
};

Result inflate(Deflate& deflate, Bytes payload, std::size_t max = 1'000'000) {
  base::Ledger ledger;
  const Inflated outcome = deflate.inflate(payload, max, ledger);
  Result result{outcome, std::string(base::as_bytes(deflate.message()))};
  deflate.clear();
  EXPECT_EQ(ledger.input(), 0);
  return result;
}

Result whole(std::string message) {
  return {Inflated::whole, std::move(message)};
}
const Result kInvalid{Inflated::invalid, ""};

// RFC 7692 §7.2.3: every example there is, in its order.
TEST(Deflate, ExamplesOfTheRfc) {
  DeflatePool pool(kOptions);
  Deflate server(Role::server, kContext, pool);
  EXPECT_EQ(inflate(server, "\xf2\x48\xcd\xc9\xc9\x07\x00"s), whole("Hello"));
  EXPECT_EQ(inflate(server, "\xf2\x00\x11\x00\x00"s), whole("Hello")) << "refers to the first";
  EXPECT_EQ(inflate(server, "\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00"s), whole("Hello"));
  EXPECT_EQ(inflate(server, "\xf3\x48\xcd\xc9\xc9\x07\x00\x00"s), whole("Hello")) << "BFINAL";
  EXPECT_EQ(inflate(server, "\xf2\x00\x11\x00\x00"s), whole("Hello")) << "the window was kept";
  EXPECT_EQ(inflate(server, "\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"s),
            whole("Hello"));
  EXPECT_EQ(inflate(server, "\x00"s), whole(""));
}

// What is inflated in a second is limited, and 0.4 s of it may come at once.
TEST(Deflate, RestsWhenItHasInflatedItsShare) {
  using std::chrono::milliseconds;
  DeflateOptions options;
  options.inflate_rate = 10'000;
  DeflatePool pool(options);
  Deflate server(Role::server, kNoContext, pool);
  const std::string packed = compress(server, std::string(4'000, 'x'));
  const base::Time start{milliseconds(5'000)};
  EXPECT_FALSE(server.must_rest(start));
  EXPECT_EQ(server.rested_at(), base::kNever);
  inflate(server, packed);
  EXPECT_FALSE(server.must_rest(start)) << "exactly that";
  inflate(server, packed);
  EXPECT_TRUE(server.must_rest(start));
  EXPECT_TRUE(server.resting());
  EXPECT_EQ(server.rested_at(), start + milliseconds(400));
  EXPECT_TRUE(server.must_rest(start + milliseconds(399)));
  EXPECT_FALSE(server.must_rest(start + milliseconds(400)));
  EXPECT_EQ(server.rested_at(), base::kNever);
  // Empty blocks are work, and what could not be inflated ends the connection anyway.
  std::string blocks;
  for (int i = 0; i < 1200; ++i) blocks += "\0\0\0\xff\xff"s;
  inflate(server, blocks + '\0');
  EXPECT_TRUE(server.must_rest(start + milliseconds(400)));
  EXPECT_FALSE(server.must_rest(start + milliseconds(10'000))) << "time heals";
  inflate(server, "\x07"s);
  EXPECT_FALSE(server.must_rest(start + milliseconds(20'000)));
}

TEST(Deflate, WritesAnEmptyMessageAsOneByte) {
  DeflatePool pool(kOptions);
  Deflate server(Role::server, kContext, pool);
  EXPECT_EQ(compress(server, ""), "\0"s);
  EXPECT_EQ(compress(server, ""), "\0"s);
  Deflate client(Role::client, kContext, pool);
  EXPECT_EQ(inflate(client, "\0"s), whole(""));
}

TEST(Deflate, LevelsAndMemoryDecideHowShort) {
  std::string message;
  for (int i = 0; i < 5'000; ++i) message += std::to_string(i * i % 7919) + ",";
  const auto size = [&message](int level, int mem_level) {
    DeflateOptions options;
    options.level = level;
    options.mem_level = mem_level;
    DeflatePool pool(options);
    Deflate server(Role::server, kNoContext, pool);
    const std::string compressed = compress(server, message);
    Deflate client(Role::client, kNoContext, pool);
    EXPECT_EQ(inflate(client, compressed), whole(message));
    return compressed.size();
  };
  EXPECT_LT(size(9, 8), size(1, 8));
  EXPECT_LT(size(6, 9), size(6, 1));
}

TEST(Deflate, TheContextShortensARepeatedMessage) {
  DeflatePool pool(kOptions);
  Deflate server(Role::server, kContext, pool);
  Deflate client(Role::client, kContext, pool);
  const std::string message(compress(server, "[\"news\",{\"id\":1}] and nothing else"));
  const std::string again(compress(server, "[\"news\",{\"id\":1}] and nothing else"));
  EXPECT_LT(again.size() * 3, message.size());
  EXPECT_EQ(inflate(client, message), whole("[\"news\",{\"id\":1}] and nothing else"));
  EXPECT_EQ(inflate(client, again), whole("[\"news\",{\"id\":1}] and nothing else"));
}

TEST(Deflate, WithoutContextEveryMessageStandsAlone) {
  DeflatePool pool(kOptions);
  Deflate server(Role::server, kNoContext, pool);
  Deflate client(Role::client, kNoContext, pool);
  const std::string text(500, 'a');
  const std::string one = compress(server, text);
  EXPECT_EQ(compress(server, text), one);
  EXPECT_EQ(inflate(client, one), whole(text));
  EXPECT_EQ(inflate(client, one), whole(text));
}

// What would be longer compressed goes out as it is, unless a context has seen it.
TEST(Deflate, NoiseIsNotCompressedWithoutContext) {
  DeflatePool pool(kOptions);
  SeededRandom random(4);
  std::string noise(2000, '\0');
  random.fill(noise);
  Deflate server(Role::server, kNoContext, pool);
  EXPECT_EQ(compress(server, noise), "as it is");
  Deflate keeping(Role::server, kContext, pool);
  EXPECT_NE(compress(keeping, noise), "as it is");
}

// reliability.md D02, D07, D11, D12, D17, D18
TEST(Deflate, RefusesWhatIsNoDeflate) {
  struct Row {
    const char* id;
    std::string payload;
    const char* why;
  };
  const Row rows[] = {
      {"D02 block type 3", "\x07"s, "invalid block type"},
      {"D07 truncated", "\xf2\x48\xcd"s, "unexpected end of file"},
      {"D11 LEN is not ~NLEN", "\x00\x05\x00\x05\x00Hello"s, "invalid stored block lengths"},
      {"D12 zlib header", "\x78\x9c\xf2\x48\xcd\xc9\xc9\x07\x00"s, "invalid stored block lengths"},
      {"D17 before the beginning", "\xf2\x00\x11\x00\x00"s, "invalid distance too far back"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.id);
    DeflatePool pool(kOptions);
    for (const DeflateParams& params : {kNoContext, kContext}) {
      Deflate server(Role::server, params, pool);
      EXPECT_EQ(inflate(server, row.payload), kInvalid);
      EXPECT_EQ(server.why(), row.why);
    }
    // The pool's stream is as new for the next connection.
    Deflate next(Role::server, kNoContext, pool);
    EXPECT_EQ(inflate(next, "\xf2\x48\xcd\xc9\xc9\x07\x00"s), whole("Hello"));
  }
  DeflatePool pool(kOptions);
  Deflate server(Role::server, kNoContext, pool);
  EXPECT_EQ(inflate(server, "\xf2\x48\xcd\xc9\xc9\x07\x00"s), whole("Hello"));
  EXPECT_EQ(inflate(server, "\xf2\x00\x11\x00\x00"s), kInvalid) << "D18: there is no old window";
}

// A message that refers further back than the window that was agreed on.
TEST(Deflate, TheWindowIsTheNegotiatedOne) {
  DeflatePool pool(kOptions);
  SeededRandom random(5);
  std::string noise(1500, '\0');
  random.fill(noise);
  Deflate client(Role::client, {true, false, 15, 15}, pool);
  const std::string first = compress(client, noise);
  const std::string second = compress(client, noise);
  Deflate wide(Role::server, {true, false, 15, 15}, pool);
  EXPECT_EQ(inflate(wide, first), whole(noise));
  EXPECT_EQ(inflate(wide, second), whole(noise));
  Deflate narrow(Role::server, {true, false, 15, 9}, pool);
  EXPECT_EQ(inflate(narrow, first), whole(noise));
  EXPECT_EQ(inflate(narrow, second), kInvalid);
}

TEST(Deflate, EveryWindowBothWays) {
  SeededRandom random(6);
  std::string message;
  for (int i = 0; i < 400; ++i) message += "word " + std::to_string(random.below(90));
  for (int bits = kMinWindowBits; bits <= kMaxWindowBits; ++bits) {
    SCOPED_TRACE(bits);
    for (const bool alone : {true, false}) {
      const DeflateParams params{alone, alone, bits, bits};
      DeflatePool pool(kOptions);
      Deflate server(Role::server, params, pool);
      Deflate client(Role::client, params, pool);
      for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(inflate(client, compress(server, message)), whole(message));
        EXPECT_EQ(inflate(server, compress(client, message)), whole(message));
      }
    }
  }
}

// reliability.md D03, D15, D16: what comes out is counted while it comes out.
TEST(Deflate, ABombStopsAtTheLimit) {
  DeflatePool pool(kOptions);
  Deflate client(Role::client, kNoContext, pool);
  const std::string bomb = compress(client, std::string(50'000'000, 'a'));
  EXPECT_LT(bomb.size(), 60'000u);
  Deflate server(Role::server, kNoContext, pool);

  base::Ledger ledger;
  EXPECT_EQ(server.inflate(bomb, 1'000'000, ledger), Inflated::too_big);
  EXPECT_EQ(ledger.input(), 0) << "given back at once";
  Inflater inflater(kMaxWindowBits);
  base::InBuffer out;
  EXPECT_EQ(inflater.inflate(bomb, 1'000'000, out, ledger), Inflated::too_big);
  EXPECT_LE(out.size(), 1'000'000u);
  EXPECT_LE(out.capacity(), 1'500'000u + Inflater::kStep);

  for (const std::size_t size : {std::size_t{999'999}, std::size_t{1'000'000}}) {
    const std::string text(size, 'b');
    EXPECT_EQ(inflate(server, compress(client, text)), whole(text));
  }
  EXPECT_EQ(inflate(server, compress(client, std::string(1'000'001, 'b'))),
            (Result{Inflated::too_big, ""}));
}

TEST(Deflate, TheBudgetIsTakenAndGivenBack) {
  DeflateBudget budget;
  const std::size_t one = Deflate::context_bytes(kContext, kOptions);
  EXPECT_GT(one, 256u * 1024);
  EXPECT_LE(one, 320u * 1024) << "reliability.md D20";
  EXPECT_EQ(Deflate::context_bytes(kNoContext, kOptions), 0u);
  EXPECT_LT(Deflate::context_bytes({false, false, 9, 9}, kOptions), one / 2);
  DeflatePool pool(kOptions);
  ASSERT_TRUE(budget.take(one, one));
  {
    const Deflate server(Role::server, kContext, pool, &budget, one);
    EXPECT_FALSE(budget.take(1, one));
    EXPECT_EQ(budget.used(), one);
  }
  EXPECT_EQ(budget.used(), 0u);
}

// Several parts are one message, wherever it was cut.
TEST(Deflate, PartsAreOneMessage) {
  DeflatePool pool(kOptions);
  const std::string message = "42[\"message\",\"message\",\"message\"]";
  Deflate client(Role::client, kContext, pool);
  Deflate server(Role::server, kContext, pool);
  for (std::size_t i = 0; i <= message.size(); ++i) {
    const Bytes parts[] = {Bytes(message).substr(0, i), "", Bytes(message).substr(i)};
    const std::optional<Bytes> out = server.compress(parts);
    ASSERT_TRUE(out);
    ASSERT_EQ(inflate(client, *out), whole(message)) << i;
  }
}

TEST(Deflate, ThePoolGoesOnAfterGivingItsMemoryBack) {
  DeflatePool pool(kOptions);
  Deflate client(Role::client, kNoContext, pool);
  Deflate server(Role::server, kNoContext, pool);
  for (int i = 0; i < 2; ++i) {
    const std::string message = "a message that is longer when it is not compressed, compressed";
    EXPECT_EQ(inflate(client, compress(server, message)), whole(message));
    pool.release();
  }
}

}  // namespace
}  // namespace socketio::ws::testing
