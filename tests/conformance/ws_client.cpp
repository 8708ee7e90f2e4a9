// Suite ws-client: a WebSocket client that echoes. It connects to the port given, one connection
// after the other, until it is answered 410 or not at all.
#include <charconv>

#include "http/message.hpp"
#include "ws_echo.hpp"

namespace {

using namespace socketio;

constexpr std::size_t kMaxHead = 16 * 1024;

// The headers of an answer; repeated ones are joined.
struct Answer {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;

  base::Bytes header(base::Bytes name) const {
    for (const auto& [key, value] : headers) {
      if (http::iequals(key, name)) return value;
    }
    return {};
  }
};

base::Bytes trimmed(base::Bytes text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == base::Bytes::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

Answer parse(base::Bytes head) {
  Answer answer;
  const base::Bytes first = head.substr(0, head.find("\r\n"));
  if (!first.starts_with("HTTP/1.1 ")) return answer;
  const base::Bytes status = first.substr(9, 3);
  std::from_chars(status.data(), status.data() + status.size(), answer.status);
  head.remove_prefix(first.size() + 2);
  while (!head.starts_with("\r\n")) {
    const base::Bytes line = head.substr(0, head.find("\r\n"));
    head.remove_prefix(line.size() + 2);
    const std::size_t colon = line.find(':');
    if (colon == base::Bytes::npos) return {};
    const base::Bytes name = line.substr(0, colon);
    std::string value(trimmed(line.substr(colon + 1)));
    for (auto& [key, before] : answer.headers) {
      if (http::iequals(key, name)) value.insert(0, std::exchange(before, {}) + ", ");
    }
    std::erase_if(answer.headers, [&](const auto& one) { return http::iequals(one.first, name); });
    answer.headers.emplace_back(name, std::move(value));
  }
  return answer;
}

class ClientDriver final : public EchoDriver {
 public:
  explicit ClientDriver(const SuiteOptions& options)
      : EchoDriver(ws::Role::client, options),
        server_(*net::Address::parse("127.0.0.1", options.port)) {}

  void dial() {
    auto [id, peer] = peers_.emplace();
    peer->stream = loop_.backend().connect(server_, id.packed());
  }

  void on_connected(net::StreamId stream, net::Owner owner, std::error_code error) override {
    if (error) return loop_.stop();
    Peer& peer = *peers_.get(base::Id<Peer>::unpack(owner));
    peer.key = ws::make_key(random_);
    peer.out.append(
        arena_,
        "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: "
        "Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " +
            peer.key + "\r\n" +
            (deflate_ ? "Sec-WebSocket-Extensions: " + ws::offer_deflate(deflate_options_) + "\r\n"
                      : "") +
            "\r\n");
    loop_.backend().recv_start(stream);
    touch(owner);
  }

 private:
  void shake(Peer& peer, base::MutBytes bytes) override {
    peer.head += base::as_bytes(bytes);
    const std::size_t end = peer.head.find("\r\n\r\n");
    if (end == std::string::npos) {
      // What is no HTTP/1.1 at all need not be waited for.
      const base::Bytes begin = base::Bytes("HTTP/1.1 ").substr(0, peer.head.size());
      if (!peer.head.starts_with(begin) || peer.head.size() > kMaxHead) give_up(peer);
      return;
    }
    const Answer answer = parse(base::Bytes(peer.head).substr(0, end + 4));
    if (answer.status == 410) return loop_.stop();
    if (!acceptable(peer, answer)) return give_up(peer);
    base::InBuffer early;
    early.append(base::Bytes(peer.head).substr(end + 4), ledger_);
    begin(peer, early.view());
  }

  bool acceptable(Peer& peer, const Answer& answer) {
    const ws::UpgradeResponse response{
        answer.status, answer.header("upgrade"), answer.header("sec-websocket-accept"),
        answer.header("sec-websocket-protocol"), answer.header("sec-websocket-extensions")};
    if (!http::list_contains(answer.header("connection"), "upgrade") ||
        ws::check_response(response, peer.key, {}, deflate_))
      return false;
    if (!deflate_) return true;
    const auto agreed = ws::check_deflate(response.extensions, deflate_options_);
    if (!agreed) return false;
    if (agreed->kind == ws::DeflateAnswer::Kind::accepted)
      peer.deflate = std::make_unique<ws::Deflate>(ws::Role::client, agreed->params, pool());
    return true;
  }

  void give_up(Peer& peer) {
    peer.closing = true;
    loop_.backend().close(peer.stream);
  }
  void gone() override { dial(); }

  const net::Address server_;
};

}  // namespace

void run_ws_client(const SuiteOptions& options) {
  ClientDriver driver(options);
  driver.dial();
  driver.loop().run(driver);
}
