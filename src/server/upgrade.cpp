#include "server/upgrade.hpp"

#include "ws/handshake.hpp"

namespace socketio::server {
namespace {

void join(std::string& list, base::Bytes more) {
  if (!list.empty()) list += ", ";
  list += more;
}

}  // namespace

Upgrade::Upgrade(const http::Request& request) {
  ws::UpgradeRequest asked{.method = request.method,
                           .upgrade = {},
                           .key = {},
                           .key_count = 0,
                           .version = {},
                           .protocols = {},
                           .extensions = {},
                           .http_1_1 = request.minor == 1};
  std::size_t versions = 0;
  std::size_t upgrades = 0;
  for (const auto& [name, value] : request.headers) {
    const auto is = [&name = name](base::Bytes other) { return http::iequals(name, other); };
    switch (name.size()) {  // of several lines the first counts
      case 7:
        if (is("upgrade") && upgrades++ == 0) asked.upgrade = value;
        break;
      case 17:
        if (is("sec-websocket-key") && asked.key_count++ == 0) asked.key = value;
        break;
      case 21:
        if (is("sec-websocket-version") && versions++ == 0) asked.version = value;
        break;
      case 22:
        if (is("sec-websocket-protocol")) join(protocols, value);
        break;
      case 24:
        if (is("sec-websocket-extensions")) join(extensions, value);
        break;
      default:
        break;
    }
  }
  asked.protocols = protocols;
  asked.extensions = extensions;
  if (const std::optional<ws::Refusal> no = ws::check_upgrade(asked)) {
    refusal.emplace(
        http::Response{no->status, {{"Content-Type", "text/html"}}, std::string(no->message)});
    if (no->send_version) refusal->set("Sec-WebSocket-Version", "13, 8");
  } else {
    accept_ = ws::accept_key(asked.key);
  }
}

std::string Upgrade::head(base::Bytes protocol) const {
  constexpr base::Bytes kStart =
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: "
      "Upgrade\r\nSec-WebSocket-Accept: ";
  std::string lines;
  lines.reserve(kStart.size() + 128);  // most have no more
  lines.append(kStart).append(accept_).append("\r\n");
  if (!protocol.empty()) lines.append("Sec-WebSocket-Protocol: ").append(protocol).append("\r\n");
  return lines;
}

}  // namespace socketio::server
