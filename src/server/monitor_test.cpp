// Statistics, the routes that tell them, readiness, and structured log lines.
#include <future>

#include <gtest/gtest.h>

#include "server/metrics_text.hpp"
#include "support/shards_fixture.hpp"
#include "support/sio_client.hpp"

namespace socketio {
namespace {

using std::chrono::milliseconds;
using test::Client;
using test::http_get;
using test::HttpAnswer;
using test::HttpPeer;
using test::PollingClient;
using test::World;

// -- What is counted

TEST(Stats, ClientsByTransportAndUpgrades) {
  World world;
  {
    Client client(world);
    PollingClient polling(world);
    ASSERT_TRUE(polling.join());
    client.join();
    world.settle();
    const Stats s = world.io.stats();
    EXPECT_EQ(s.clients, 2U);
    EXPECT_EQ(s.websocket_clients, 1U);
    EXPECT_EQ(s.websocket_opened, 1U);
    EXPECT_EQ(s.polling_opened, 1U);
    EXPECT_EQ(s.upgrades, 0U);
    EXPECT_EQ(s.sockets, 2U);
    EXPECT_GE(s.accepted_connections, 3U);
    EXPECT_EQ(polling.post("1"), 200);
    client.close();
    client.wait_closed();
  }
  ASSERT_TRUE(world.until([&] { return world.io.stats().connections == 0; }));
  const Stats s = world.io.stats();
  EXPECT_EQ(s.clients, 0U);
  EXPECT_EQ(s.websocket_clients, 0U);
  EXPECT_EQ(s.sockets, 0U);
  EXPECT_EQ(s.disconnects[static_cast<std::size_t>(DisconnectReason::transport_close)], 2U);
}

// A session is counted as one of a WebSocket before it is counted among all.
TEST(Stats, ThereAreNeverLessThanNoPollingClients) {
  World world;
  std::optional<Stats> then;
  world.io.engine().on_connection([&](const EngineSocket&) { then = world.io.stats(); });
  Client client(world);
  client.join();
  ASSERT_TRUE(then);
  EXPECT_LT(then->clients, then->websocket_clients);
  EXPECT_EQ(server::polling_clients(*then), 0U);
}

TEST(Stats, EventsBytesAndRooms) {
  World world;
  world.io.on_event("join", [](Socket socket, std::string_view room) { socket.join(room); });
  world.io.on_event("all", [&world](int n) { world.io.emit("n", n); });
  world.io.on_event("mine", [](Socket socket, int n) { socket.emit("n", n); });
  Client a(world);
  Client b(world);
  a.join();
  b.join();
  a.rest();
  const Stats before = world.io.stats();
  a.send(R"(2["join","x"])");
  b.send(R"(2["join","x"])");
  a.send(R"(2["join","y"])");
  a.send(R"(2["all",1])");
  a.send(R"(2["mine",2])");
  a.rest();
  b.rest();
  const Stats s = world.io.stats();
  EXPECT_EQ(s.rooms, 2U);
  EXPECT_EQ(s.namespaces, 1U);
  EXPECT_EQ(s.events_in - before.events_in, 5U);
  EXPECT_EQ(s.events_out - before.events_out, 3U);  // two receivers, and one
  EXPECT_GT(s.bytes_in, before.bytes_in + 5 * 12);
  EXPECT_GE(s.bytes_out, before.bytes_out + 3 * 8);
  a.close();
  ASSERT_TRUE(world.until([&] { return world.io.stats().rooms == 1; }));
  b.close();
  ASSERT_TRUE(world.until([&] { return world.io.stats().rooms == 0; }));
}

TEST(Stats, AcknowledgementsPendingAndTimedOut) {
  World world;
  std::vector<std::error_code> ends;
  Client client(world);
  client.join();
  world.io.on_event("ask", [&ends](Socket socket, int ms) {
    socket.timeout(milliseconds(ms)).emit("question", [&ends](const Result<int>& answer) {
      ends.push_back(answer ? std::error_code() : answer.error());
    });
  });
  world.io.on_event("ask all", [&world, &ends] {
    world.io.timeout(milliseconds(600'000))
        .emit("question",
              [&ends](std::error_code error, const std::vector<int>&) { ends.push_back(error); });
  });
  client.send(R"(2["ask",600000])");
  client.send(R"(2["ask all"])");
  EXPECT_EQ(client.rest(), (std::vector<std::string>{R"(20["question"])", R"(21["question"])"}));
  EXPECT_EQ(world.io.stats().acks_pending, 2U);
  client.send("30[1]");
  client.rest();
  EXPECT_EQ(world.io.stats().acks_pending, 1U);
  EXPECT_EQ(world.io.stats().acks_timed_out, 0U);
  client.send(R"(2["ask",1])");
  ASSERT_TRUE(world.until([&] { return ends.size() == 2; }));
  EXPECT_EQ(world.io.stats().acks_timed_out, 1U);
  EXPECT_EQ(world.io.stats().acks_pending, 1U);
  client.send("31[2]");
  ASSERT_TRUE(world.until([&] { return ends.size() == 3; }));
  EXPECT_EQ(world.io.stats().acks_pending, 0U);
  EXPECT_EQ(world.io.stats().acks_timed_out, 1U);
}

TEST(Stats, EndsByReason) {
  World world;
  const auto ended = [&](std::uint64_t n) {
    const auto reasons = world.io.stats().closed_clients;
    return reasons[0] + reasons[1] + reasons[2] + reasons[3] + reasons[4] == n;
  };
  Client leaves(world);
  leaves.send_engine("1");
  ASSERT_TRUE(world.until([&] { return ended(1); }));
  Client pings(world);
  pings.send_engine("2");
  ASSERT_TRUE(world.until([&] { return ended(2); }));
  Client stammers(world);
  stammers.send_engine("9");
  ASSERT_TRUE(world.until([&] { return ended(3); }));
  Client breaks(world);
  breaks.join();
  breaks.send("9");
  ASSERT_TRUE(world.until([&] { return ended(4); }));
  EXPECT_EQ(world.io.stats().closed_clients, (std::array<std::uint64_t, 5>{1, 1, 0, 1, 1}));
}

TEST(Stats, RefusalsByReason) {
  World world({.max_connections = 3});
  EXPECT_EQ(http_get(world, "/socket.io/?EIO=4&transport=tls").status, 400);
  EXPECT_EQ(http_get(world, "/socket.io/?EIO=4&transport=polling&sid=nobody").status, 400);
  EXPECT_EQ(http_get(world, "/socket.io/?EIO=9&transport=polling").status, 400);
  EXPECT_EQ(http_get(world, "/socket.io/?EIO=9&transport=polling").status, 400);
  HttpPeer broken(world);
  broken.write("NOT HTTP\r\n\r\n");
  broken.wait_closed();
  ASSERT_TRUE(world.until([&] { return world.io.stats().connections == 0; }));
  Stats s = world.io.stats();
  EXPECT_EQ(s.rejects, (std::array<std::uint64_t, 6>{1, 1, 0, 0, 0, 2}));
  EXPECT_EQ(s.rejected_requests, 4U);
  EXPECT_EQ(s.http_errors, 1U);
  EXPECT_EQ(s.http_requests, 4U);
  EXPECT_EQ(s.refused_connections, 0U);
  HttpPeer first(world);
  HttpPeer second(world);
  HttpPeer third(world);
  ASSERT_TRUE(world.until([&] { return world.io.stats().connections == 3; }));
  HttpPeer one_too_many(world);
  EXPECT_TRUE(one_too_many.wait_closed());
  s = world.io.stats();
  EXPECT_EQ(s.refused_connections, 1U);
  EXPECT_EQ(s.connections, 3U);
}

TEST(Stats, TurnsAreTimedOnlyWhenAskedFor) {
  {
    World world;
    http_get(world, "/");
    EXPECT_EQ(world.io.stats().turns.count(), 0U);
    world.io.http().metrics();
    http_get(world, "/");
    EXPECT_GT(world.io.stats().turns.count(), 0U);
  }
  World world({.measure_turns = true});
  // A handler that takes long shows in the buckets behind its time.
  world.io.http().get("/slow", [](const HttpRequest&) {
    const auto end = std::chrono::steady_clock::now() + milliseconds(12);
    while (std::chrono::steady_clock::now() < end) {
    }
    return HttpReply::text("done");
  });
  http_get(world, "/slow");
  const Histogram turns = world.io.stats().turns;
  EXPECT_GE(turns.sum, milliseconds(12));
  EXPECT_GE(world.io.stats().uptime, milliseconds(12));
  std::uint64_t slow = 0;
  for (std::size_t i = 0; i < turns.counts.size(); ++i) {
    if (i == Histogram::kBounds.size() || Histogram::kBounds[i] > milliseconds(12))
      slow += turns.counts[i];
  }
  EXPECT_GE(slow, 1U);
}

TEST(Stats, TellBackendThreadsAndWaitingJobs) {
  World world({.threads = 3, .backend = Backend::epoll});
  const Stats s = world.io.stats();
  EXPECT_EQ(s.backend, "epoll");
  EXPECT_EQ(s.threads, 3U);
  std::promise<void> go;
  std::shared_future<void> gate = go.get_future().share();
  bool done = false;
  EXPECT_TRUE(world.io.offload([gate] { gate.wait(); }, [] {}));
  EXPECT_TRUE(world.io.offload([] {}, [] {}));
  EXPECT_TRUE(world.io.offload([] {}, [&done] { done = true; }));
  EXPECT_GE(world.io.stats().offload_jobs, 2U);  // the first may have begun
  go.set_value();
  EXPECT_TRUE(world.until([&] { return done; }));
  EXPECT_EQ(world.io.stats().offload_jobs, 0U);
  EXPECT_TRUE(world.io.post([] {}));
  EXPECT_EQ(world.io.stats().mailbox_jobs, 1U);
  world.turn();
  EXPECT_EQ(world.io.stats().mailbox_jobs, 0U);
}

class ShardsStats : public test::ShardsTest {};

TEST_P(ShardsStats, AreAddedUpFromAnyThread) {
  world_.io.on_event("n", [](int n) { return n; });
  world_.start();
  const auto clients = join(8);
  for (const auto& client : clients) {
    client->send(R"(20["n",1])");
    EXPECT_EQ(client->next(), "30[1]");
  }
  const Stats s = world_.io.stats();
  EXPECT_EQ(s.events_in, 8U);
  EXPECT_EQ(s.sockets, 8U);
  EXPECT_EQ(s.websocket_opened, 8U);
  EXPECT_EQ(s.threads, kThreads);
  EXPECT_EQ(s.backend, GetParam() == Backend::epoll ? "epoll" : "io_uring");
}

INSTANTIATE_TEST_SUITE_P(Backends, ShardsStats, ::testing::ValuesIn(test::backends_here()),
                         test::backend_named);

// -- The routes

std::string value(const std::string& text, const std::string& sample) {
  const std::size_t at = text.find("\n" + sample + " ");
  if (at == std::string::npos) return "(none)";
  const std::size_t from = at + sample.size() + 2;
  return text.substr(from, text.find('\n', from) - from);
}

TEST(Metrics, AreServedToGetAndHeadOnly) {
  World world;
  world.io.http().metrics().health().ready();
  Client client(world);
  client.join();
  HttpPeer peer(world);
  const HttpAnswer answer = peer.request("GET", "/metrics");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.header("Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_EQ(answer.header("Cache-Control"), "no-store");
  EXPECT_EQ(value(answer.body, "socketio_clients{transport=\"websocket\"}"), "1");
  EXPECT_EQ(value(answer.body, "socketio_sockets"), "1");
  EXPECT_EQ(peer.request("GET", "/healthz").body, "ok\n");
  EXPECT_EQ(peer.request("GET", "/readyz").body, "ready\n");
  EXPECT_EQ(peer.request("GET", "/readyz").header("Cache-Control"), "no-store");
  EXPECT_EQ(peer.request("HEAD", "/metrics").status, 200);
  for (const char* method : {"POST", "PUT", "DELETE"}) {
    for (const char* path : {"/metrics", "/healthz", "/readyz"}) {
      const HttpAnswer refused = peer.request(method, path, "", "x");
      EXPECT_EQ(refused.status, 405) << method << path;
      EXPECT_EQ(refused.header("Allow"), "GET, HEAD");
    }
  }
  for (const char* path : {"/metrics/", "/metrics/..;/", "/metrics/x", "/metrics%2f", "/Metrics"})
    EXPECT_EQ(http_get(world, path).status, 404) << path;
}

TEST(Metrics, AreOneSnapshotForAllWhoAskWithinASecond) {
  World world;
  world.io.http().metrics();
  HttpPeer peer(world);
  const std::string first = peer.request("GET", "/metrics").body;
  std::size_t same = 0;
  std::string last = first;
  std::size_t made = 0;
  for (int i = 0; i < 100; ++i) {
    const std::string next = peer.request("GET", "/metrics").body;
    next == last ? ++same : ++made;  // every one of them is counted, so a new one differs
    last = next;
  }
  EXPECT_GT(same, made);
}

TEST(Metrics, HaveNothingOfAClientInThem) {
  World world;
  world.io.of([](std::string_view, const Value&) { return true; });
  world.io.on_event("join", [](Socket socket, const std::string& room) { socket.join(room); });
  world.io.on_event("secret-event", [](int) {});
  world.io.http().metrics("/m");
  Client client(world);
  const std::string id = client.join();
  client.join("/secret-namespace\"}1\n");
  client.send(R"(2["join","secret-room\"} 1\n"])");
  client.send(R"(2["secret-event","secret"])");
  client.rest();
  const std::string text = http_get(world, "/m", "X-Secret: secret\r\n").body;
  EXPECT_EQ(value(text, "socketio_payload_mismatches_total"), "1");
  EXPECT_EQ(value(text, "socketio_rooms"), "1");
  EXPECT_EQ(text.find("secret"), std::string::npos);
  EXPECT_EQ(text.find("127.0.0.1"), std::string::npos);
  EXPECT_EQ(text.find(id), std::string::npos);
}

TEST(Metrics, AreSmallWithTheGreatestNumbers) {
  Stats s;
  constexpr std::uint64_t kMost = ~std::uint64_t{0};
  s.backend = "io_uring";
  s.clients = s.bytes_in = s.events_in = s.input_bytes = kMost;
  s.rejects.fill(kMost);
  s.disconnects.fill(kMost);
  s.closed_clients.fill(kMost);
  s.turns.counts.fill(kMost / 100);
  s.turns.sum = std::chrono::nanoseconds::max();
  EXPECT_LT(server::metrics_text(s).size(), 16U * 1024);
}

TEST(Metrics, MayBeForSomeOnly) {
  World world;
  world.io.http().metrics("/metrics", [](const HttpRequest& request) {
    return request.header("authorization") == "Bearer right";
  });
  EXPECT_EQ(http_get(world, "/metrics").status, 403);
  EXPECT_EQ(http_get(world, "/metrics").body, "");
  EXPECT_EQ(http_get(world, "/metrics", "Authorization: Bearer wrong\r\n").status, 403);
  EXPECT_EQ(http_get(world, "/metrics", "Authorization: Bearer right\r\n").status, 200);
}

// A server whose requests all lie there before it looks: what they are told does not depend on
// time.
TEST(Readiness, EndsWithTheFirstMomentOfClosing) {
  World world;
  world.io.http().ready().health().get("/stop", [&world](const HttpRequest&) {
    world.io.close();
    return HttpReply::text("closing");
  });
  EXPECT_EQ(http_get(world, "/readyz").status, 200);
  HttpPeer stop(world);
  ASSERT_TRUE(world.until([&] { return world.io.stats().connections == 1; }));
  stop.send("GET", "/stop", "", "");
  // In the turn of the close, behind it on the same connection.
  stop.send("GET", "/readyz", "", "");
  EXPECT_EQ(stop.answer().body, "closing");
  const HttpAnswer after = stop.answer();
  EXPECT_EQ(after.status, 503);
  EXPECT_EQ(after.body, "not ready\n");
}

TEST(Readiness, CanBeTakenBackBeforehand) {
  World world;
  world.io.http().ready().health();
  world.io.set_ready(false);
  EXPECT_EQ(http_get(world, "/readyz").status, 503);
  EXPECT_EQ(http_get(world, "/healthz").status, 200);
  Client client(world);
  EXPECT_NE(client.join(), "");  // everything else goes on
  world.io.set_ready(true);
  EXPECT_EQ(http_get(world, "/readyz").status, 200);
}

// -- Log lines

struct Kept {
  LogLevel level;
  LogKind kind;
  std::string text;
  std::vector<std::pair<std::string, std::string>> fields;
  std::string as_text;
  std::string as_json;
};

struct Lines {
  std::vector<Kept> all;
  LogSink sink() {
    return [this](const LogLine& line) {
      Kept kept{line.level, line.kind, std::string(line.text), {}, to_text(line), to_json(line)};
      for (const LogField& field : line.fields) kept.fields.emplace_back(field.name, field.value);
      all.push_back(std::move(kept));
    };
  }
};

TEST(LogLines, SayWhatTheyAreAbout) {
  Lines lines;
  World world({.log = lines.sink()});
  world.io.on_event("bad \x1b[2J\n", [] { throw std::runtime_error("oops \"x\"\r\n\x1b[31m"); });
  http_get(world, "/socket.io/?EIO=4&transport=tls");
  Client client(world);
  client.join();
  client.send("2[\"bad \\u001b[2J\\n\"]");
  client.rest();
  ASSERT_EQ(lines.all.size(), 2U);
  EXPECT_EQ(lines.all[0].kind, LogKind::protocol);
  EXPECT_EQ(lines.all[0].text, "Transport unknown");
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(lines.all[0].fields, (Pairs{{"code", "0"}, {"name", ""}}));
  EXPECT_EQ(lines.all[1].kind, LogKind::handler);
  EXPECT_EQ(lines.all[1].level, LogLevel::warn);
  EXPECT_EQ(lines.all[1].text, R"(oops "x"\r\n\x1b[31m)");
  EXPECT_EQ(lines.all[1].fields, (Pairs{{"event", R"(bad \x1b[2J\n)"}}));
  const std::string& text = lines.all[1].as_text;
  EXPECT_EQ(text.substr(text.find("Z ")),
            R"(Z warn handler: oops "x"\r\n\x1b[31m event="bad \x1b[2J\n")");
  const std::optional<Value> json = Value::parse(lines.all[1].as_json);
  ASSERT_TRUE(json);
  EXPECT_EQ((*json)["level"].to_string(), "warn");
  EXPECT_EQ((*json)["kind"].to_string(), "handler");
  EXPECT_EQ((*json)["fields"]["event"].to_string(), R"(bad \x1b[2J\n)");
  EXPECT_EQ((*json)["suppressed"].to_integer(), 0);
}

TEST(LogLines, ASinkThatThrowsEndsNothing) {
  World world({.log = [](const LogLine&) { throw std::runtime_error("disk full"); }});
  world.io.on_event("bad", [] { throw std::runtime_error("oops"); });
  world.io.on_event("good", [] { return 1; });
  Client client(world);
  client.join();
  client.send(R"(2["bad"])");
  client.send(R"(21["good"])");
  EXPECT_EQ(client.next(), "31[1]");
  EXPECT_EQ(world.errors.size(), 1U);
  EXPECT_EQ(world.io.stats().suppressed_log_lines, 1U);
}

TEST(LogLines, AreWrittenAsTextAndAsJson) {
  const LogField fields[] = {{"peer", "::1"}, {"say", "\"hi\""}};
  LogLine line{LogLevel::error, LogKind::accept, "no", {}, fields, 3};
  EXPECT_EQ(to_text(line),
            "1970-01-01T00:00:00.000Z error accept: no peer=\"::1\" say=\"\\\"hi\\\"\" "
            "(3 suppressed)");
  line.fields = {};
  EXPECT_EQ(to_json(line),
            R"({"time":"1970-01-01T00:00:00.000Z","level":"error","kind":"accept","text":"no",)"
            R"("fields":{},"suppressed":3})");
}

TEST(LogLines, AFloodIsCountedNotWritten) {
  Lines lines;
  World world({.log = lines.sink()});
  HttpPeer peer(world);
  for (int i = 0; i < 100; ++i) peer.request("GET", "/socket.io/?transport=no");
  EXPECT_EQ(lines.all.size() + world.io.stats().suppressed_log_lines, 100U);
  EXPECT_GT(world.io.stats().suppressed_log_lines, 0U);
}

}  // namespace
}  // namespace socketio
