// The lab's limits, {"limits": {name: value}}, and events that reach those of the server's side:
//
//   ask (count)        emits "q" count times, each asking for an acknowledgement; acknowledged with
//                      how many of them were not sent
//   join many (count)  joins that many rooms; acknowledged with how many it could join
#include <algorithm>

#include "lab.hpp"

using socketio::Ack;
using socketio::LimitOptions;
using socketio::Result;
using socketio::ServerOptions;
using socketio::Socket;
using socketio::Value;

namespace {

struct Member {
  std::string_view name;
  std::function<void(LimitOptions&, const Value&)> set;
};

auto time(std::chrono::milliseconds LimitOptions::*member) {
  return [member](LimitOptions& o, const Value& v) { o.*member = lab_duration(v); };
}
template <class Number>
auto number(Number LimitOptions::*member) {
  return [member](LimitOptions& o, const Value& v) {
    o.*member = static_cast<Number>(v.to_integer());
  };
}

const std::vector<Member>& members() {
  static const std::vector<Member> all{
      {"max_head", number(&LimitOptions::max_head)},
      {"max_line", number(&LimitOptions::max_line)},
      {"max_headers", number(&LimitOptions::max_headers)},
      {"max_chunk_extensions", number(&LimitOptions::max_chunk_extensions)},
      {"max_packets_per_payload", number(&LimitOptions::max_packets_per_payload)},
      {"max_depth", number(&LimitOptions::max_depth)},
      {"max_attachment_bytes",
       [](LimitOptions& o, const Value& v) {
         o.max_attachment_bytes = static_cast<std::size_t>(v.to_integer());
       }},
      {"max_auth_bytes",
       [](LimitOptions& o, const Value& v) {
         o.max_auth_bytes = static_cast<std::size_t>(v.to_integer());
       }},
      {"max_pipelined", number(&LimitOptions::max_pipelined)},
      {"head_timeout", time(&LimitOptions::head_timeout)},
      {"body_timeout", time(&LimitOptions::body_timeout)},
      {"idle_timeout", time(&LimitOptions::idle_timeout)},
      {"send_timeout", time(&LimitOptions::send_timeout)},
      {"max_fragments", number(&LimitOptions::max_fragments)},
      {"message_timeout", time(&LimitOptions::message_timeout)},
      {"max_pending_pongs", number(&LimitOptions::max_pending_pongs)},
      {"max_namespace_length", number(&LimitOptions::max_namespace_length)},
      {"max_namespaces_per_client", number(&LimitOptions::max_namespaces_per_client)},
      {"packet_timeout", time(&LimitOptions::packet_timeout)},
      {"max_pending_acks", number(&LimitOptions::max_pending_acks)},
      {"max_rooms_per_socket", number(&LimitOptions::max_rooms_per_socket)}};
  return all;
}

void set_limits(ServerOptions& options, const Value& wanted) {
  for (const auto& [name, value] : *wanted.get_if<socketio::Object>()) {
    const auto found = std::find_if(members().begin(), members().end(),
                                    [&name = name](const Member& one) { return one.name == name; });
    if (found == members().end()) throw std::invalid_argument("no limit " + std::string(name));
    found->set(options.limits, value);
  }
}

void install(const Lab& lab) {
  lab.io.on_event("ask", [](Socket socket, int count, Ack ack) {
    int refused = 0;
    for (int i = 0; i < count; ++i)
      refused += !socket.timeout(std::chrono::minutes(10)).emit("q", i, [](Result<Value>) {});
    ack(refused);
  });
  lab.io.on_event("join many", [](Socket socket, int count, Ack ack) {
    int joined = 0;
    for (int i = 0; i < count; ++i) joined += socket.join("room" + std::to_string(i));
    ack(joined);
  });
}

const LabTopic topic({{"limits", set_limits}}, install);

}  // namespace
