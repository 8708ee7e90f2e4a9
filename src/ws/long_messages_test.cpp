// Messages that are compressed in pieces: the same bytes in the same order, whatever lies between.
#include "ws/long_messages.hpp"

#include <gtest/gtest.h>

#include "ws/testing.hpp"

namespace socketio::ws::testing {
namespace {

using base::Bytes;

constexpr std::size_t kPiece = 1000;
constexpr DeflateParams kNoContext{true, true, 15, 15};
constexpr DeflateParams kContext{false, false, 15, 15};

const DeflateOptions& in_pieces() {
  static const DeflateOptions options = [] {
    DeflateOptions o;
    o.threshold = 0;
    o.sent_piece = kPiece;
    return o;
  }();
  return options;
}

std::string numbers(int n) {
  std::string text;
  for (int i = 0; text.size() < static_cast<std::size_t>(n); ++i)
    text += std::to_string(i * i % 7919) + ",";
  text.resize(static_cast<std::size_t>(n));
  return text;
}

std::string noise(std::size_t n) {
  SeededRandom random(1);
  std::string bytes(n, '\0');
  for (char& c : bytes) c = static_cast<char>(random.u64());
  return bytes;
}

struct Pair {
  explicit Pair(const DeflateParams& params) {
    server.use(params, in_pieces());
    client.use(params, in_pieces());
  }
  void text(Bytes payload) { EXPECT_TRUE(server.machine().send_text(payload, server.env())); }
  // What the client has read by now; how many pieces that took.
  std::vector<std::string> take(int* pieces = nullptr) {
    for (; server.compress_more(); pieces != nullptr ? ++*pieces : 0) out += server.output();
    out += server.output();
    client.feed(out);
    std::vector<std::string> got;
    for (const Record& event : std::exchange(client.events, {})) got.push_back(event.payload);
    return got;
  }
  Peer server;
  Peer client{Role::client};
  std::string out;
};

class LongMessage : public ::testing::TestWithParam<bool> {
 protected:
  static DeflateParams params() { return GetParam() ? kContext : kNoContext; }
};
std::string context(const ::testing::TestParamInfo<bool>& given) {
  return given.param ? "context" : "none";
}
INSTANTIATE_TEST_SUITE_P(Contexts, LongMessage, ::testing::Bool(), context);

TEST_P(LongMessage, IsCompressedInPieces) {
  Pair pair(params());
  const std::string message = numbers(10 * kPiece);
  pair.text(message);
  int pieces = 0;
  EXPECT_EQ(pair.take(&pieces), std::vector{message});
  EXPECT_EQ(pieces, 10);
  EXPECT_EQ(pair.out[0], '\xc1') << "one frame, compressed";
  EXPECT_LT(pair.out.size(), message.size() / 2);
  EXPECT_FALSE(pair.server.compress_more());
}

TEST_P(LongMessage, OfAPieceIsNone) {
  Pair pair(params());
  const std::string message = numbers(kPiece);
  pair.text(message);
  EXPECT_FALSE(pair.server.compress_more());
  EXPECT_EQ(pair.take(), std::vector{message});
}

TEST_P(LongMessage, KeepsTheOrder) {
  Pair pair(params());
  const std::vector<std::string> messages{
      numbers(5 * kPiece), numbers(100), numbers(3 * kPiece), "", numbers(10), numbers(2 * kPiece)};
  for (const std::string& message : messages) {
    pair.text(message);
    pair.server.machine().ping("between", pair.server.env());
  }
  std::vector<std::string> expected;
  for (const std::string& message : messages) {
    expected.push_back(message);
    expected.emplace_back("between");
  }
  EXPECT_EQ(pair.take(), expected);
}

// All of a connection's streams are used by others meanwhile.
TEST_P(LongMessage, OthersAreSentBetween) {
  Pair pair(params());
  const std::string message = numbers(5 * kPiece);
  pair.text(message);
  DeflatePool pool(in_pieces());
  EXPECT_TRUE(pair.server.compress_more());
  const Bytes other = message;
  const std::optional<Bytes> packed = pool.compress({&other, 1}, kMaxWindowBits);
  EXPECT_TRUE(packed);
  pair.text("behind");
  EXPECT_EQ(pair.take(), (std::vector{message, std::string("behind")}));
}

TEST_P(LongMessage, ThatIsNoShorterGoesAsItIs) {
  Pair pair(params());
  const std::string message = noise(5 * kPiece);
  EXPECT_TRUE(pair.server.machine().send_binary(message, pair.server.env()));
  EXPECT_EQ(pair.take(), std::vector{message});
  EXPECT_EQ(pair.out[0], GetParam() ? '\xc2' : '\x82') << "with a context later ones refer to it";
}

TEST_P(LongMessage, CountsWhatWaits) {
  base::Ledger ledger;
  {
    DeflatePool pool(in_pieces());
    Deflate deflate(Role::server, params(), pool);
    base::OutQueue out;
    const base::Chunk frame = make_frame(Opcode::text, numbers(3 * kPiece), &ledger);
    const std::size_t size = frame.capacity();
    deflate.put_off(frame, ledger);
    EXPECT_EQ(deflate.put_off_bytes(), size);
    deflate.tail(out).push(frame);
    deflate.put_off(frame, ledger);
    deflate.tail(out).push(frame);
    EXPECT_EQ(deflate.put_off_bytes(), 4 * size);
    EXPECT_EQ(pool.compressing().front(), &deflate);
    const std::int64_t before = ledger.output();
    EXPECT_EQ(deflate.go_on_compressing(out), kPiece);
    EXPECT_EQ(deflate.put_off_bytes(), 4 * size) << "as it was pushed";
    EXPECT_GT(ledger.output(), before) << "what has been compressed";
    while (deflate.put_off_bytes() > 2 * size) deflate.go_on_compressing(out);
    EXPECT_EQ(deflate.put_off_bytes(), 2 * size);
    while (deflate.compressing()) deflate.go_on_compressing(out);
    EXPECT_EQ(deflate.put_off_bytes(), 0U);
    deflate.put_off(frame, ledger);
    deflate.go_on_compressing(out);  // and ends in the middle of it
  }
  EXPECT_EQ(ledger.output(), 0);
}

// Who comes first compresses for all; when he goes, the next begins.
TEST(SharedFrame, IsMadeOnce) {
  base::Ledger ledger;
  DeflatePool pool(in_pieces());
  const std::string message = numbers(3 * kPiece);
  const base::Chunk frame = make_frame(Opcode::text, message, &ledger);
  const auto shared = std::make_shared<SharedFrame>();
  auto first = std::make_unique<Deflate>(Role::server, kNoContext, pool);
  Deflate second(Role::server, kNoContext, pool);
  Deflate third(Role::server, kNoContext, pool);
  for (Deflate* one : {first.get(), &second, &third}) one->put_off(frame, ledger, shared);
  base::OutQueue out;
  EXPECT_EQ(first->go_on_compressing(out), kPiece);
  EXPECT_EQ(second.go_on_compressing(out), 0U);
  EXPECT_EQ(third.go_on_compressing(out), 0U);
  first.reset();
  std::size_t compressed = 0;
  while (second.compressing()) compressed += second.go_on_compressing(out);
  EXPECT_EQ(compressed, message.size());
  base::OutQueue others;
  EXPECT_EQ(third.go_on_compressing(others), 0U);
  EXPECT_FALSE(third.compressing());
  EXPECT_EQ(others.front().data(), out.front().data());
}

// Another pool is another shard's, which does not wait for this one; nor is anything made twice
// once it is there.
TEST(SharedFrame, OfAnotherPoolIsNotWaitedFor) {
  base::Ledger ledger;
  DeflatePool here(in_pieces());
  DeflatePool there(in_pieces());
  const std::string message = numbers(3 * kPiece);
  const base::Chunk frame = make_frame(Opcode::text, message, &ledger);
  const auto shared = std::make_shared<SharedFrame>();
  Deflate slow(Role::server, kNoContext, here);
  Deflate fast(Role::server, kNoContext, there);
  Deflate third(Role::server, kNoContext, there);
  for (Deflate* one : {&slow, &fast, &third}) one->put_off(frame, ledger, shared);
  base::OutQueue outs[3];
  EXPECT_EQ(slow.go_on_compressing(outs[0]), kPiece);
  EXPECT_EQ(fast.go_on_compressing(outs[1]), kPiece);
  EXPECT_EQ(third.go_on_compressing(outs[2]), 0U) << "its shard's is at it";
  EXPECT_EQ(slow.go_on_compressing(outs[0]), kPiece);
  while (fast.compressing()) EXPECT_EQ(fast.go_on_compressing(outs[1]), kPiece);
  EXPECT_EQ(slow.go_on_compressing(outs[0]), 0U) << "there was a piece left";
  EXPECT_EQ(third.go_on_compressing(outs[2]), 0U);
  EXPECT_FALSE(slow.compressing() || third.compressing());
  for (const base::OutQueue& out : outs)
    EXPECT_EQ(out.front().data(), shared->made()->data()) << "one for all";
}

}  // namespace
}  // namespace socketio::ws::testing
