// Emits of all shards at once, a mailbox that takes no more, and a long message for many shards.
#include <semaphore>
#include <thread>

#include "net/seeded_random.hpp"
#include "support/shards_fixture.hpp"
#include "support/upgrade_request.hpp"
#include "ws/testing.hpp"

namespace socketio {
namespace {

using std::chrono::seconds;
using test::Client;

class Emits : public test::ShardsTest {};
INSTANTIATE_TEST_SUITE_P(All, Emits, ::testing::ValuesIn(test::backends_here()),
                         test::backend_named);

// From whichever thread, every receiver sees each emitter's numbers in order.
TEST_P(Emits, KeepEachEmittersOrder) {
  constexpr int kBursts = 20;
  constexpr int kOfOne = 10;  // emits in one burst
  constexpr int kForeign = 2;
  world_.io.on_event("burst", [this](int from, int n) {
    for (int i = 0; i < kOfOne; ++i) {
      world_.io.emit("b", from, n * kOfOne + i);
      world_.io.volatile_().emit("v", from, n * kOfOne + i);
    }
  });
  world_.start();
  const auto clients = join(12);
  std::vector<std::jthread> foreign;
  for (int t = 0; t < kForeign; ++t) {
    foreign.emplace_back([this, t] {
      for (int n = 0; n < kBursts * kOfOne; ++n) {
        world_.io.emit("b", 100 + t, n);
        world_.io.volatile_().emit("v", 100 + t, n);
      }
    });
  }
  for (int n = 0; n < kBursts; ++n) {
    for (std::size_t i = 0; i < clients.size(); ++i)
      clients[i]->send(R"(2["burst",)" + std::to_string(i) + "," + std::to_string(n) + "]");
  }
  for (const auto& client : clients) {
    std::map<int, int> next;
    std::map<int, int> last;
    int left = (static_cast<int>(clients.size()) + kForeign) * kBursts * kOfOne;
    while (left > 0) {
      const std::string packet = client->next();
      ASSERT_TRUE(packet.starts_with("2[\"")) << packet << left;
      const int from = std::stoi(packet.substr(6));
      const int n = std::stoi(packet.substr(packet.find(',', 6) + 1));
      if (packet[3] == 'b') {
        ASSERT_EQ(n, next[from]++) << from;
        --left;
      } else {  // may be dropped, not reordered or doubled
        ASSERT_GT(n + 1, std::exchange(last[from], n + 1)) << from;
      }
    }
  }
}

// A shard whose thread is held up by a handler, and its mailbox.
class FullMailbox : public test::ShardsTest {
 protected:
  explicit FullMailbox(ServerOptions options = {}) : ShardsTest(std::move(options), 2) {
    world_.io.on_event("block", [this] {
      blocked_.release();
      go_on_.acquire();
    });
    world_.start();
    clients_ = join(2);
    clients_[1]->send(R"(2["block"])");
    EXPECT_TRUE(world_.until([this] { return blocked_.try_acquire(); }));
  }
  ~FullMailbox() override {
    go_on_.release();
    clients_.clear();
    world_.stop();
  }

  Socket other() { return socket(ids_[1]); }
  // Until nothing goes; what went.
  int fill() {
    int sent = 0;
    while (sent < 100'000 && other().emit("x", sent)) ++sent;
    return sent;
  }

  std::counting_semaphore<> blocked_{0};
  std::counting_semaphore<> go_on_{0};
  std::vector<std::unique_ptr<Client>> clients_;
};
INSTANTIATE_TEST_SUITE_P(All, FullMailbox, ::testing::ValuesIn(test::backends_here()),
                         test::backend_named);

TEST_P(FullMailbox, RefusesEmits) {
  int dropped_after = 0;
  while (other().volatile_().emit("v")) ++dropped_after;
  EXPECT_EQ(dropped_after, 8'192);
  EXPECT_TRUE(other().emit("x"));
  fill();
  EXPECT_FALSE(other().emit("x"));
  EXPECT_FALSE(world_.io.emit("to some"));  // the first shard's get it
  EXPECT_EQ(clients_[0]->next(), R"(2["to some"])");
  EXPECT_FALSE(other().post([] {}));
  EXPECT_FALSE(other().disconnect());
  EXPECT_FALSE(world_.io.sockets().sockets_join("r"));
}

// What one shard lacked could not be taken back from the others.
TEST_P(FullMailbox, TakesWhatIsRegistered) {
  while (hub()->post(other().shard(), [](server::Shard&) {})) continue;
  std::binary_semaphore done{0};
  socket(ids_[0]).post([&] {
    EXPECT_NE(world_.io.on_event("kept", [] { return 1; }), 0U);
    const ListenerId gone = world_.io.on_event("gone", [] { return 1; });
    EXPECT_NE(gone, 0U);
    EXPECT_TRUE(world_.io.off(gone));
    done.release();
  });
  EXPECT_TRUE(world_.until([&] { return done.try_acquire(); }));
  go_on_.release();
  for (const auto& client : clients_) {
    client->send(R"(21["gone"])");
    client->send(R"(22["kept"])");
    EXPECT_EQ(client->next(), "32[1]");
  }
}

TEST_P(FullMailbox, LosesNoneThatItTook) {
  const int sent = fill();
  EXPECT_GE(sent, 65'536);
  go_on_.release();
  for (int n = 0; n < sent; ++n)
    ASSERT_EQ(clients_[1]->next(), "2[\"x\"," + std::to_string(n) + "]");
}

// The receiver of an acknowledgement ends with the refusal, and may emit in its turn.
TEST_P(FullMailbox, EndsAcknowledgements) {
  fill();
  int ended = 0;
  EXPECT_FALSE(other().emit("ask", [&](const Result<int>& reply) {
    EXPECT_EQ(reply.error(), Errc::too_many);
    EXPECT_FALSE(other().emit("again"));
    ++ended;
  }));
  EXPECT_EQ(ended, 1);
  EXPECT_EQ(other().emit_with_ack<int>("ask").get().error(), Errc::too_many);
  EXPECT_EQ(world_.io.fetch_sockets().get().error(), Errc::too_many);
  // One that throws does so at its caller, as on a thread that is no loop's it always may.
  EXPECT_THROW(other().emit("ask", [](const Result<int>&) { throw std::runtime_error("oops"); }),
               std::runtime_error);
  // To many: who could be reached has answered, and the error tells that some could not.
  Pending<std::vector<int>> both;
  const auto all = world_.io.timeout(seconds(10));
  all.emit("all", [&](std::error_code error, std::vector<int> replies) {
    EXPECT_EQ(error, Errc::too_many);
    other().emit("again");
    both.state()->finish(std::move(replies));
  });
  EXPECT_EQ(clients_[0]->next(), R"(20["all"])");
  clients_[0]->send("30[1]");
  ASSERT_TRUE(world_.until([&] { return both.ready(); }));
  EXPECT_EQ(both.get().value(), std::vector<int>{1});
}

// What was asked for on the blocked shard comes back there, however full its mailbox is.
TEST_P(FullMailbox, BringsAnswersHome) {
  go_on_.release();
  std::counting_semaphore<> asked{0};
  Pending<std::vector<int>> replies;
  const std::thread::id home = [&] {
    Pending<std::thread::id> id;
    other().post([id] { id.state()->finish(std::this_thread::get_id()); });
    return id.get().value();
  }();
  other().post([&] {
    world_.io.to(ids_[0])
        .timeout(seconds(10))
        .emit("ask", [&, home](std::error_code error, const std::vector<int>& all) {
          EXPECT_FALSE(error);
          EXPECT_EQ(std::this_thread::get_id(), home);
          replies.state()->finish(all);
        });
    asked.release();
    blocked_.release();
    go_on_.acquire();
  });
  asked.acquire();
  EXPECT_EQ(clients_[0]->next(), R"(20["ask"])");
  fill();
  clients_[0]->send("30[4]");
  clients_[0]->rest();  // it has been taken
  go_on_.release();
  ASSERT_TRUE(world_.until([&] { return replies.ready(); }));
  EXPECT_EQ(replies.get().value(), std::vector<int>{4});
}

ServerOptions recovering() {
  ServerOptions options;
  options.connection_state_recovery.emplace();
  return options;
}

// The same with a queue beside the mailbox, for emits and commands.
class TwoQueues : public FullMailbox {
 protected:
  TwoQueues() : FullMailbox(recovering()) {}
};
INSTANTIATE_TEST_SUITE_P(All, TwoQueues, ::testing::ValuesIn(test::backends_here()),
                         test::backend_named);

// A thread's posts follow what it has called before. What it calls behind one may overtake it, for
// what waits in one queue cannot wait for the other's; rooms are joined by commands.
TEST_P(TwoQueues, PostsFollowWhatWasCalledBefore) {
  const Socket there = other();
  const Broadcast it = world_.io.in(there.id());
  EXPECT_TRUE(there.emit("one"));
  EXPECT_TRUE(it.sockets_join("r"));
  EXPECT_TRUE(world_.io.to("r").emit("two"));
  EXPECT_TRUE(it.sockets_leave("r"));
  EXPECT_TRUE(world_.io.to("r").emit("lost"));
  EXPECT_TRUE(there.post([there] { there.emit("three"); }));
  const auto found = world_.io.in("r").fetch_sockets();
  go_on_.release();
  for (const char* name : {"one", "two", "three"})
    EXPECT_TRUE(clients_[1]->next().starts_with(R"(2[")" + std::string(name) + R"(",)"));
  EXPECT_TRUE(found.get().value().empty());
}

// close() is no job among others: a full mailbox takes it.
TEST_P(FullMailbox, ClosesAllTheSame) {
  fill();
  Pending<void> closed = world_.io.close();
  go_on_.release();
  EXPECT_TRUE(world_.until([&] { return closed.ready(); }));
  EXPECT_EQ(disconnects_, 2);
  EXPECT_TRUE(clients_[0]->wait_closed());
  EXPECT_TRUE(clients_[1]->wait_closed());
}

// A client that takes what is compressed.
class Inflating final : public test::Peer {
 public:
  explicit Inflating(test::World& world) : Peer(world) {
    client_.use({true, true}, options_);
    write(test::upgrade_request(test::kEngineSocket,
                                "Sec-WebSocket-Extensions: permessage-deflate\r\n"));
    EXPECT_TRUE(next().starts_with("0{"));
    client_.machine().send_text("40", client_.env());
    write(client_.output());
    id = next().substr(10, 20);
  }
  std::string id;
  bool has_more() const { return client_.events.size() > taken_; }
  std::string next() {
    if (!world().until([this] { return has_more(); })) return "(none)";
    return client_.events[taken_++].payload;
  }

 private:
  void on_bytes(char* bytes, std::size_t size) override {
    std::string_view in(bytes, size);
    if (!upgraded_) {
      head_ += in;
      const std::size_t end = head_.find("\r\n\r\n");
      if (end == std::string::npos) return;
      upgraded_ = true;
      in = std::string_view(head_).substr(end + 4);
    }
    client_.feed(in);
  }
  bool upgraded_ = false;
  std::string head_;
  ws::DeflateOptions options_;
  ws::testing::Peer client_{ws::Role::client};
  std::size_t taken_ = 0;
};

class LongBroadcast : public test::ShardsTest {
 protected:
  LongBroadcast() : ShardsTest(deflating(), 2) { world_.start(); }
  static ServerOptions deflating() {
    ServerOptions options;
    options.per_message_deflate.emplace();
    return options;
  }
  static std::string digits(std::size_t n) {
    net::SeededRandom random(1);
    std::string text;
    while (text.size() < n) text += std::to_string(random.next());
    return text;
  }
};
INSTANTIATE_TEST_SUITE_P(All, LongBroadcast, ::testing::ValuesIn(test::backends_here()),
                         test::backend_named);

// The first shard has begun to compress it, and is held up by a handler then.
TEST_P(LongBroadcast, DoesNotMakeAShardWaitForAnother) {
  Inflating first(world_);
  Inflating second(world_);
  const std::string text = digits(900'000);
  std::counting_semaphore<> held{0};
  std::counting_semaphore<> first_goes_on{0};
  std::counting_semaphore<> second_goes_on{0};
  socket(second.id).post([&] {
    held.release();
    second_goes_on.acquire();
  });
  held.acquire();
  world_.io.post([&] {
    world_.io.emit("long", text);
    world_.io.post([&] {  // a turn later
      held.release();
      first_goes_on.acquire();
    });
  });
  held.acquire();
  second_goes_on.release();
  const std::string packet = "42[\"long\",\"" + text + "\"]";
  EXPECT_TRUE(second.next() == packet);
  EXPECT_FALSE(first.has_more());
  first_goes_on.release();
  EXPECT_TRUE(first.next() == packet);
}

}  // namespace
}  // namespace socketio
