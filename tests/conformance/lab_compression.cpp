// The lab's compression: the two options, and emits that do without.
//
//   plain (event, ...args)       back to the sender with compress(false)
//   all plain (event, ...args)   to everybody with compress(false)
//   by engine (compress, text)   a message of the session below
//   GET /__compression           {contexts: bytes kept by connections with context takeover}
#include "lab.hpp"

using socketio::Args;
using socketio::ServerOptions;
using socketio::Socket;
using socketio::Spread;
using socketio::Value;

namespace {

// The members of a JSON object, where it has them.
class Members {
 public:
  explicit Members(const Value& object) : object_(object) {}
  void read(std::string_view name, bool& to) const {
    if (const Value& v = object_[name]; !v.is_null()) to = v.to_bool();
  }
  template <class Number>
  void read(std::string_view name, Number& to) const {
    if (const Value& v = object_[name]; !v.is_null()) to = static_cast<Number>(v.to_integer());
  }
  void read(std::string_view name, std::optional<int>& to) const {
    if (const Value& v = object_[name]; !v.is_null()) to = static_cast<int>(v.to_integer());
  }

 private:
  const Value& object_;
};

void set_deflate(ServerOptions& options, const Value& given) {
  options.per_message_deflate.reset();
  if (given == Value(false)) return;
  socketio::PerMessageDeflate& d = options.per_message_deflate.emplace();
  const Members members(given);
  members.read("threshold", d.threshold);
  members.read("server_no_context_takeover", d.server_no_context_takeover);
  members.read("client_no_context_takeover", d.client_no_context_takeover);
  members.read("server_max_window_bits", d.server_max_window_bits);
  members.read("client_max_window_bits", d.client_max_window_bits);
  members.read("level", d.level);
  members.read("mem_level", d.mem_level);
  members.read("max_context_bytes", d.max_context_bytes);
  members.read("max_inflate_rate", d.max_inflate_rate);
}

void set_http(ServerOptions& options, const Value& given) {
  options.http_compression.reset();
  if (given == Value(false)) return;
  socketio::HttpCompression& h = options.http_compression.emplace();
  const Members members(given);
  members.read("threshold", h.threshold);
  members.read("level", h.level);
}

Args behind_the_name(const Args& args) {
  return {args.begin() + 1, args.end()};
}

void install(const Lab& lab) {
  socketio::Server& io = lab.io;
  io.on_event("by engine", [](Socket socket, bool compress, const std::string& text) {
    socket.engine().send(text, {}, compress);
  });
  io.on_event("plain", [](Socket socket, const Args& args) {
    if (args.empty()) return;
    socket.compress(false).emit(args[0].to_string(), Spread(behind_the_name(args)));
  });
  io.on_event("all plain", [&io](const Args& args) {
    if (args.empty()) return;
    io.compress(false).emit(args[0].to_string(), Spread(behind_the_name(args)));
  });
  io.http().get("/__compression", [&io](const socketio::HttpRequest&) {
    return socketio::HttpReply::json(
        Value::object({{"contexts", io.stats().deflate_context_bytes}}));
  });
}

const LabTopic topic({{"per_message_deflate", set_deflate}, {"http_compression", set_http}},
                     install);

}  // namespace
