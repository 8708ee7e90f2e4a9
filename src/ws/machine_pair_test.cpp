// A client and a server machine joined in memory: what one sends is what the other receives, in any
// pieces, in both directions at once.
#include <gtest/gtest.h>

#include "ws/testing.hpp"

namespace socketio::ws::testing {
namespace {

// Bytes on their way, arriving in random pieces.
class Wire {
 public:
  Wire(Peer& to, SeededRandom& random) : to_(to), random_(random) {}
  void put(const std::string& bytes) { bytes_ += bytes; }
  void deliver(bool all) {
    do {
      const std::size_t n = all ? bytes_.size() : random_.below(bytes_.size() + 1);
      to_.feed(std::string_view(bytes_).substr(0, n));
      bytes_.erase(0, n);
    } while (all && !bytes_.empty());
  }

 private:
  Peer& to_;
  SeededRandom& random_;
  std::string bytes_;
};

std::string random_text(SeededRandom& random) {
  static constexpr std::string_view kPieces[] = {"a", "\xce\xba", "\xe2\x82\xac",
                                                 "\xf0\x9f\x98\x80", "plain text "};
  std::string out;
  for (std::size_t n = random.below(60); n > 0; --n) out += kPieces[random.below(5)];
  return out;
}

std::string random_bytes(SeededRandom& random, std::size_t most) {
  std::string out(random.below(most), '\0');
  random.fill(out);
  return out;
}

// Sends one random thing and says what should arrive for it. Fragmented messages are written by
// hand, since the machine sends whole ones.
void send_random(Peer& from, Wire& wire, SeededRandom& random, bool client,
                 std::vector<Record>& expected) {
  const std::size_t choice = random.below(5);
  if (choice == 0) {
    const std::string payload = random_text(random);
    ASSERT_TRUE(from.machine().send_text(payload, from.env()));
    expected.push_back({EventKind::text, payload, 0, "", false});
  } else if (choice == 1) {
    const std::string payload = random_bytes(random, 3000);
    ASSERT_TRUE(from.machine().send_binary(payload, from.env()));
    expected.push_back({EventKind::binary, payload, 0, "", false});
  } else if (choice == 2) {
    const std::string payload = random_bytes(random, 126);
    ASSERT_TRUE(from.machine().ping(payload, from.env()));
    expected.push_back({EventKind::ping, payload, 0, "", false});
  } else if (choice == 3) {
    wire.put(from.output());
    const std::string payload = random_text(random);
    std::string frames;
    std::size_t at = 0;
    do {
      const std::size_t n = std::min(random.below(20), payload.size() - at);
      const bool fin = at + n == payload.size();
      frames += frame(at == 0 && frames.empty() ? 1 : 0, payload.substr(at, n),
                      {.fin = fin, .masked = client});
      at += n;
      if (fin) break;
      if (random.below(3) == 0) {
        frames += frame(10, "between", {.masked = client});
        expected.push_back({EventKind::pong, "between", 0, "", false});
      }
    } while (true);
    wire.put(frames);
    expected.push_back({EventKind::text, payload, 0, "", false});
  }
  wire.put(from.output());
}

std::vector<Record> without_answers(const std::vector<Record>& events) {
  std::vector<Record> out;
  for (const Record& e : events) {
    if (e.kind != EventKind::pong || e.payload == "between") out.push_back(e);
  }
  return out;
}

TEST(MachinePair, RandomConversations) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(seed);
    SeededRandom random(seed);
    Peer server(Role::server, {}, seed);
    Peer client(Role::client, {}, seed + 1000);
    server.keep_often = seed % 3 == 0;
    Wire up(server, random);
    Wire down(client, random);
    std::vector<Record> to_server;
    std::vector<Record> to_client;
    for (int round = 0; round < 60; ++round) {
      ASSERT_NO_FATAL_FAILURE(send_random(client, up, random, true, to_server));
      ASSERT_NO_FATAL_FAILURE(send_random(server, down, random, false, to_client));
      up.deliver(false);
      down.put(server.output());
      down.deliver(false);
      up.put(client.output());
    }
    up.deliver(true);
    down.put(server.output());
    down.deliver(true);
    up.put(client.output());
    up.deliver(true);
    ASSERT_EQ(without_answers(server.events), to_server);
    ASSERT_EQ(without_answers(client.events), to_client);
    EXPECT_EQ(server.held() + client.held(), 0);

    const bool server_closes = seed % 2 == 0;
    Peer& closer = server_closes ? server : client;
    closer.machine().close(4000, "enough", closer.env(), closer.now());
    down.put(server.output());
    down.deliver(true);
    up.put(client.output());
    up.deliver(true);
    down.put(server.output());
    down.deliver(true);
    const Record closed{EventKind::closed, "", 4000, "enough", false};
    ASSERT_EQ(server.events.back(), closed);
    ASSERT_EQ(client.events.back(), closed);
  }
}

TEST(MachinePair, ClosingAtTheSameTime) {
  Peer server;
  Peer client(Role::client);
  server.machine().close(1001, "", server.env(), server.now());
  client.machine().close(1000, "", client.env(), client.now());
  const std::string down = server.output();
  const std::string up = client.output();
  server.feed(up);
  client.feed(down);
  EXPECT_EQ(server.events.back(), (Record{EventKind::closed, "", 1000, "", false}));
  EXPECT_EQ(client.events.back(), (Record{EventKind::closed, "", 1001, "", false}));
  EXPECT_EQ(server.output() + client.output(), "");
}

}  // namespace
}  // namespace socketio::ws::testing
