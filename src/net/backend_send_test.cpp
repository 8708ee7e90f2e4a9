// The conformance test of the I/O seam: sending. Every backend passes it unchanged.
#include <algorithm>
#include <chrono>
#include <functional>

#include "net/backend_test_places.hpp"

namespace socketio::net::testing {
namespace {

using std::chrono::milliseconds;

class SendTest : public BackendTest {
 protected:
  // Ends when the reader has got everything.
  void read_all(Push& push, const Fd& client, const std::function<void()>& again) {
    sink_.sent = [&](StreamId, Owner, std::size_t n) { push.sent(n); };
    std::string got;
    EXPECT_TRUE(until([&] { return got.size() >= push.text().size(); },
                      [&] {
                        again();
                        for (int i = 0; i < 16; ++i) got += read_some(client, nullptr, 30'000);
                      }));
    EXPECT_TRUE(got == push.text());
    EXPECT_EQ(push.taken(), push.text().size());
    EXPECT_LE(idle_wakes(), kAHandful);  // not kept awake by being writable
  }
};
INSTANTIATE_TEST_SUITE_P(All, SendTest, ::testing::ValuesIn(all_backends()), backend_name);

// Ten megabytes through a tiny buffer to a reader that takes a little at a time.
TEST_P(SendTest, ShortSendsLoseNothing) {
  constexpr std::size_t kAll = 10'000'000;
  for (const std::size_t parts : {std::size_t{1}, std::size_t{2}}) {
    auto [client, id] = stream(parts, true);
    settle();
    Push push(*backend_, id, pattern(kAll));
    push.push(kAll, parts);
    EXPECT_TRUE(push.in_flight());
    read_all(push, client, [&] { push.push(kAll, parts); });
    EXPECT_GT(seen(parts).sents, 10);
  }
}

TEST_P(SendTest, SmallSendsToAFullPeerKeepTheirOrder) {
  for (const std::size_t piece : {std::size_t{100}, std::size_t{1500}, std::size_t{40'000}}) {
    auto [client, id] = stream(piece, true);
    settle();
    Push push(*backend_, id, pattern(std::min<std::size_t>(1'000'000, 3000 * piece)));
    sink_.sent = [&](StreamId, Owner, std::size_t n) { push.sent(n); };
    for (int i = 0; i < 1000; ++i) {  // far more than fits, nobody reads
      push.push(piece);
      backend_->wait(base::Time::min(), sink_);
    }
    read_all(push, client, [&] { push.push(piece); });
  }
}

TEST_P(SendTest, OneSendATurnFillsAPeerInOrder) {
  auto [client, id] = stream(1, true);
  settle();
  Push push(*backend_, id, pattern(300'000));
  sink_.sent = [&](StreamId, Owner, std::size_t n) { push.sent(n); };
  for (int i = 0; i < 2000; ++i) {  // far more than fits, nobody reads
    const base::Bytes rest = base::Bytes(push.text()).substr(push.taken(), 700);
    if (!push.in_flight() && !rest.empty()) push.push(700, 3);
    backend_->wait(base::Time::min(), sink_);
  }
  EXPECT_TRUE(push.in_flight());
  read_all(push, client, [&] { push.push(700, 3); });
}

TEST_P(SendTest, OneTurnSendsToHundredsOfStreams) {
  constexpr Owner kStreams = 700;
  for (const std::size_t size : {std::size_t{60}, std::size_t{3000}}) {
    const std::string text = pattern(size);
    std::vector<Fd> clients;
    std::vector<StreamId> ids;
    for (Owner i = 0; i < kStreams; ++i) {
      auto [client, id] = stream(size * 1000 + i);
      clients.push_back(std::move(client));
      ids.push_back(id);
    }
    settle();
    std::size_t taken = 0;
    sink_.sent = [&](StreamId, Owner, std::size_t n) { taken += n; };
    for (int round = 0; round < 3; ++round) {
      for (const StreamId id : ids) taken += send(id, text);
      EXPECT_TRUE(until([&] { return taken == size * kStreams; }, [] {}));
      backend_->wait(place_->soon(), sink_);
      for (const Fd& client : clients) ASSERT_EQ(read_some(client), text);
      taken = 0;
    }
    for (const StreamId id : ids) backend_->close(id);
    EXPECT_TRUE(until([&] { return backend_->streams() == 0; }));
  }
}

TEST_P(SendTest, TheMemoryOfASendIsFreeAfterTheNextWait) {
  auto [peer, id] = stream(1, 4096);
  const Fd& client = peer;
  settle();
  const std::string text = pattern(3'000'000);
  std::string expected;
  std::string got;
  std::size_t taken = 0;
  bool in_flight = false;
  sink_.sent = [&](StreamId, Owner, std::size_t n) {
    taken += n;
    in_flight = false;
  };
  for (int round = 0; round < 200; ++round) {
    const std::size_t size = 2000 + static_cast<std::size_t>(round) * 100;
    std::string memory = text.substr(expected.size(), size);
    taken = send(id, memory);
    in_flight = taken < size;
    backend_->wait(base::Time::min(), sink_);
    memory.assign(size, '#');
    EXPECT_TRUE(until([&] { return !in_flight; }, [&] { got += read_some(client); }));
    expected += text.substr(expected.size(), taken);
  }
  EXPECT_TRUE(until([&] { return (got += read_some(client)).size() >= expected.size(); }, [] {}));
  EXPECT_TRUE(got == expected);
}

TEST_P(SendTest, ASecondSendInATurnComesSecond) {
  auto [peer, id] = stream(1);
  const Fd& client = peer;
  settle();
  std::string expected;
  std::string got;
  for (int round = 0; round < 100; ++round) {
    const std::string text = pattern(static_cast<std::size_t>(round) * 37 + 2);
    expected += text;
    Push push(*backend_, id, text);
    sink_.sent = [&](StreamId, Owner, std::size_t n) { push.sent(n); };
    const auto go_on = [&, half = text.size() / 2] { push.push(half); };
    go_on();
    EXPECT_TRUE(until([&] { return push.done(); }, go_on));
    sink_.sent = nullptr;
  }
  EXPECT_TRUE(until([&] { return (got += read_some(client)).size() == expected.size(); }, [] {}));
  EXPECT_TRUE(got == expected);
}

TEST_P(SendTest, TheEndComesBehindWhatWasTaken) {
  for (const std::size_t piece : {std::size_t{10}, std::size_t{900}, std::size_t{5000}}) {
    auto [peer, id] = stream(piece, true);
    const Fd& client = peer;
    settle();
    Push push(*backend_, id, pattern(200'000));
    sink_.sent = [&](StreamId, Owner, std::size_t n) { push.sent(n); };
    std::string got;
    EXPECT_TRUE(until([&] { return push.done(); },
                      [&] {
                        push.push(piece);
                        // Slower than we send, so that the end finds the peer full.
                        if (push.in_flight()) got += read_some(client, nullptr, 500);
                      }));
    backend_->shutdown_write(id);
    bool ended = false;
    EXPECT_TRUE(until([&] { return (got += read_some(client, &ended)), ended; }, [] {}));
    EXPECT_TRUE(got == push.text());
  }
}

TEST_P(SendTest, ClosingAtOnceStillDeliversWhatWasTaken) {
  auto [peer, id] = stream(1);
  const Fd& client = peer;
  settle();
  EXPECT_EQ(send(id, "farewell"), 8u);
  backend_->close(id);
  std::string got;
  bool ended = false;
  EXPECT_TRUE(until([&] { return (got += read_some(client, &ended)), ended; }, [] {}));
  EXPECT_EQ(got, "farewell");
}

// One of these finds just so much room that it is taken and does not fit.
TEST_P(SendTest, AnOrderlyEndLosesNothingThatWasTaken) {
  constexpr std::size_t kPiece = 700;
  bool full = false;
  for (std::size_t before = 0; !full; ++before) {
    auto [peer, handle] = stream(before, true);
    const Fd& client = peer;
    const StreamId id = handle;
    settle();
    const std::string text = pattern((before + 1) * kPiece);
    std::size_t taken = 0;
    for (std::size_t i = 0; i <= before && !full; ++i) {
      if (i > 0) backend_->wait(base::Time::min(), sink_);
      const std::size_t n = send(id, base::Bytes(text).substr(taken, kPiece));
      taken += n;
      full = n < kPiece;
    }
    bool flushed = false;
    sink_.sent = [&](StreamId, Owner, std::size_t) { flushed = true; };
    if (!full) flushed = backend_->flushed(id);
    std::string got;
    EXPECT_TRUE(until([&] { return flushed; }, [&] { got += read_some(client, nullptr, 100); }));
    backend_->shutdown_write(id);
    backend_->close(id);
    bool ended = false;
    EXPECT_TRUE(until([&] { return (got += read_some(client, &ended)), ended; }, [] {}));
    EXPECT_TRUE(got == base::Bytes(text).substr(0, taken)) << before;
  }
}

TEST_P(SendTest, DetachingLosesNothingThatWasTaken) {
  auto [peer, handle] = stream(1, true);
  const Fd& client = peer;
  const StreamId id = handle;
  settle();
  Push push(*backend_, id, pattern(3'000'000));
  sink_.sent = [&](StreamId, Owner, std::size_t n) { push.sent(n); };
  while (!push.in_flight()) {
    push.push(800);
    backend_->wait(base::Time::min(), sink_);
    backend_->wait(base::Time::min(), sink_);
  }
  backend_->detach(id);
  std::string got;
  EXPECT_TRUE(until([&] { return seen(1).detached_fd >= 0; }, [&] { got += read_some(client); }));
  const Fd moved = own(seen(1).detached_fd);
  EXPECT_FALSE(push.in_flight());
  bool ended = false;
  end_writing(moved);
  EXPECT_TRUE(until([&] { return (got += read_some(client, &ended)), ended; }, [] {}));
  EXPECT_EQ(got.size(), push.taken());
  EXPECT_TRUE(got == push.text().substr(0, push.taken()));
}

TEST_P(SendTest, ResetsWhileSendingEndTheStreamOnce) {
  constexpr Owner kStreams = 50;
  const std::string text = pattern(5000);
  std::vector<Fd> clients;
  std::vector<StreamId> ids;
  for (Owner i = 0; i < kStreams; ++i) {
    auto [client, id] = stream(i, true);
    clients.push_back(std::move(client));
    ids.push_back(id);
  }
  settle();
  std::vector<bool> waits(kStreams, false);
  sink_.sent = [&](StreamId, Owner owner, std::size_t) { waits[owner] = false; };
  std::size_t round = 0;
  EXPECT_TRUE(until([&] { return backend_->streams() == 0; },
                    [&] {
                      if (round < kStreams) reset_connection(clients[round]);
                      ++round;
                      for (Owner i = 0; i < kStreams; ++i) {
                        const std::size_t size = i % 2 == 0 ? 300 : text.size();
                        if (seen(i).closes == 0 && !waits[i])
                          waits[i] = send(ids[i], base::Bytes(text).substr(0, size)) < size;
                      }
                    }));
  for (Owner i = 0; i < kStreams; ++i) EXPECT_TRUE(seen(i).close_error);
}

}  // namespace
}  // namespace socketio::net::testing
