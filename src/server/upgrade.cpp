#include "server/upgrade.hpp"

#include <fmt/format.h>

#include "ws/handshake.hpp"

namespace socketio::server {
namespace {

std::string joined(const http::Request& request, base::Bytes name) {
  std::string all;
  for (const http::Header& header : request.headers) {
    if (!http::iequals(header.name, name)) continue;
    if (!all.empty()) all += ", ";
    all += header.value;
  }
  return all;
}

}  // namespace

Upgrade::Upgrade(const http::Request& request)
    : protocols(joined(request, "sec-websocket-protocol")),
      extensions(joined(request, "sec-websocket-extensions")) {
  const base::Bytes key = request.header("sec-websocket-key");
  const ws::UpgradeRequest asked{request.method,
                                 request.header("upgrade"),
                                 key,
                                 request.count("sec-websocket-key"),
                                 request.header("sec-websocket-version"),
                                 protocols,
                                 extensions,
                                 request.minor == 1};
  if (const std::optional<ws::Refusal> no = ws::check_upgrade(asked)) {
    refusal.emplace(
        http::Response{no->status, {{"Content-Type", "text/html"}}, std::string(no->message)});
    if (no->send_version) refusal->set("Sec-WebSocket-Version", "13, 8");
  } else {
    accept_ = ws::accept_key(key);
  }
}

std::string Upgrade::head(base::Bytes protocol) const {
  std::string lines = fmt::format(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: "
      "Upgrade\r\nSec-WebSocket-Accept: {}\r\n",
      accept_);
  if (!protocol.empty()) lines += fmt::format("Sec-WebSocket-Protocol: {}\r\n", protocol);
  return lines;
}

}  // namespace socketio::server
