#include "server/plain_websocket.hpp"

#include <algorithm>
#include <stdexcept>

#include "http/chars.hpp"
#include "server/engine_options.hpp"

namespace socketio::server {
namespace {

[[noreturn]] void refuse_member(const char* member, const char* why) {
  throw std::invalid_argument(std::string("socketio::WebSocketRoute::") + member + " " + why);
}

}  // namespace

PlainRoute::PlainRoute(WebSocketRoute given) : route(std::move(given)) {
  if (route.max_message == 0 || route.max_message > 0x7fffffff)
    refuse_member("max_message", "must be between 1 and 2^31-1 bytes");
  if (route.send_queue_hard == 0) refuse_member("send_queue_hard", "must be positive");
  if (route.send_queue_soft > route.send_queue_hard)
    refuse_member("send_queue_soft", "must not exceed send_queue_hard");
  check_duration(route.ping_interval, "socketio::WebSocketRoute::ping_interval");
  check_duration(route.ping_timeout, "socketio::WebSocketRoute::ping_timeout");
  for (const std::string& protocol : route.protocols) {
    if (!http::is_token(protocol)) refuse_member("protocols", "must be tokens");
  }
  limits.max_message = route.max_message;
}

std::string agreed_protocol(const std::vector<std::string>& ours, base::Bytes offered) {
  for (const std::string& one : ours) {
    for (base::Bytes rest = offered; !rest.empty();) {
      const std::size_t end = std::min(rest.find(','), rest.size());
      base::Bytes item = rest.substr(0, end);
      while (!item.empty() && (item.front() == ' ' || item.front() == '\t')) item.remove_prefix(1);
      while (!item.empty() && (item.back() == ' ' || item.back() == '\t')) item.remove_suffix(1);
      if (item == one) return one;  // RFC 6455 §4.2.2: case counts
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  return {};
}

}  // namespace socketio::server
