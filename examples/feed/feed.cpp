// A feed of prices for two kinds of clients at once: browsers with Socket.IO, and devices that
// speak plain WebSocket. Both read the same numbers; the page at http://localhost:3000, which shows
// the newest, uses Socket.IO. Its client is served from SOCKETIO_CLIENT_DIST (the client-dist
// folder of npm's socket.io).
//
//   feed [--port N]      then for instance: npx wscat -c ws://localhost:3000/feed
//
// A plain peer that reads too slowly misses prices instead of piling them up: it is told the newest
// one when its queue has drained.
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <list>
#include <mutex>

#include <socketio/server.hpp>

using namespace std::chrono_literals;
using socketio::HttpReply;
using socketio::HttpRequest;
using socketio::Value;
using socketio::WebSocket;

namespace {

constexpr const char* kPage = R"(<!doctype html><title>feed</title>
<h1 id="price">waiting …</h1>
<script src="/socket.io/socket.io.js"></script>
<script>
  io().on("price", (price) => { document.getElementById("price").textContent = price; });
</script>)";

// The plain peers. A lock, because with several threads each has some of them.
class Peers {
 public:
  void add(WebSocket peer) {
    const std::lock_guard lock(mutex_);
    peers_.push_back(std::move(peer));
  }
  void remove(const WebSocket& peer) {
    const std::lock_guard lock(mutex_);
    peers_.remove(peer);
  }
  void send(std::string_view text) {
    const std::lock_guard lock(mutex_);
    newest_ = text;
    for (const WebSocket& peer : peers_) {
      if (!peer.congested()) peer.send(text);
    }
  }
  std::string newest() {
    const std::lock_guard lock(mutex_);
    return newest_;
  }

 private:
  std::mutex mutex_;
  std::list<WebSocket> peers_;
  std::string newest_;
};

std::uint16_t port_of(int argc, char** argv) {
  for (int i = 1; i + 1 < argc; ++i) {
    if (std::strcmp(argv[i], "--port") == 0)
      return static_cast<std::uint16_t>(std::strtoul(argv[i + 1], nullptr, 10));
  }
  return 3000;
}

}  // namespace

int main(int argc, char** argv) try {
  Peers peers;
  socketio::ServerOptions options;
  if (const char* dist = std::getenv("SOCKETIO_CLIENT_DIST")) options.client_dist = dist;
  socketio::Server io(options);

  io.http().get("/", [](const HttpRequest&) { return HttpReply::html(kPage); }).metrics().health();
  io.http().websocket("/feed",
                      {.open =
                           [&peers](const WebSocket& peer) {
                             peers.add(peer);
                             if (const std::string newest = peers.newest(); !newest.empty())
                               peer.send(newest);
                           },
                       .drained = [&peers](const WebSocket& peer) { peer.send(peers.newest()); },
                       .close = [&peers](const WebSocket& peer, std::uint16_t, std::string_view,
                                         bool) { peers.remove(peer); },
                       .protocols = {"feed.v1"}});
  // Whoever knows a price: curl -d '{"price": 42}' http://localhost:3000/price
  io.http().post("/price", [&io, &peers](const HttpRequest& request) {
    const std::optional<Value> body = Value::parse(request.body());
    if (!body || (*body)["price"].is_null()) return HttpReply::text("no price\n", 400);
    io.emit("price", (*body)["price"]);
    peers.send(body->to_json());
    return HttpReply::text("sent\n");
  });

  io.listen(port_of(argc, argv));
  std::cout << "listening on http://localhost:" << io.port() << '\n' << std::flush;
  io.run();
} catch (const std::exception& e) {
  std::cerr << "feed: " << e.what() << '\n';
  return 1;
}
