// The lab's parsers: "parser" is "message_pack", or "prefixed", a user's own (a text that is "!"
// and the packet as JSON; a packet with binary is followed by its bytes, one message each).
//
//   typed (int, text, binary, {x, tags?})   acknowledged with the same, read into C++ types
//   raw (value, …)                          acknowledged with the JSON text of the first, of all of
//                                           them, and the first again as Raw
//   numbers                                 acknowledged with numbers that JSON cannot show
//   ask (…)                                 asks the client "question" and answers with its reply
//   ask room (room, value)                  the same of a room, answered with a list
//   news (…)                                to everybody, from another thread
//   outgoing                                from now on the log shows what is sent to this socket
//   auth ()                                 acknowledged with the CONNECT's; with a parser given,
//                                           /refusing refuses with it as the error's data
//   late (…)                                acknowledged from a coroutine that waits on another
//                                           thread
//   guarded (…)                             seen by a packet middleware, which adds one argument
#include <limits>
#include <optional>
#include <thread>

#include "lab.hpp"

using socketio::Ack;
using socketio::Args;
using socketio::Array;
using socketio::Binary;
using socketio::EventView;
using socketio::Object;
using socketio::Raw;
using socketio::Socket;
using socketio::Spread;
using socketio::Value;
namespace parser = socketio::parser;
using namespace std::chrono_literals;

namespace {

// Takes the binary out of a value: its place gets the number of the message that has it.
Value without_binary(const Value& value, std::vector<parser::Message>& parts) {
  if (const auto* binary = value.get_if<Binary>()) {
    parts.push_back({std::string(binary->view()), true});
    return Value::object({{"part", parts.size() - 1}});
  }
  if (const auto* array = value.get_if<Array>()) {
    Array out;
    for (const Value& item : *array) out.push_back(without_binary(item, parts));
    return out;
  }
  if (const auto* object = value.get_if<Object>()) {
    Object out;
    for (const auto& [name, item] : *object) out[name] = without_binary(item, parts);
    return out;
  }
  return value;
}

Value with_binary(const Value& value, const std::vector<std::string>& parts) {
  if (const auto* array = value.get_if<Array>()) {
    Array out;
    for (const Value& item : *array) out.push_back(with_binary(item, parts));
    return out;
  }
  const auto* object = value.get_if<Object>();
  if (object == nullptr) return value;
  const auto part = static_cast<std::size_t>(value["part"].to_integer(-1));
  if (object->size() == 1 && part < parts.size()) return Binary(parts[part]);
  Object out;
  for (const auto& [name, item] : *object) out[name] = with_binary(item, parts);
  return out;
}

class PrefixEncoder final : public parser::Encoder {
 public:
  std::vector<parser::Message> encode(const parser::Packet& packet) override {
    std::vector<parser::Message> parts;
    Object head{{"type", static_cast<int>(packet.type)}, {"nsp", packet.nsp}};
    if (packet.id) head["id"] = *packet.id;
    if (packet.data) head["data"] = without_binary(*packet.data, parts);
    head["parts"] = parts.size();
    parts.insert(parts.begin(), {"!" + Value(head).to_json(), false});
    return parts;
  }
};

class PrefixDecoder final : public parser::Decoder {
 public:
  parser::Decoded add(parser::MessageView message) override {
    if (message.binary != (missing_ > 0)) return parser::Error{"not its turn"};
    if (message.binary) {
      parts_.emplace_back(message.bytes);
      return --missing_ > 0 ? parser::Decoded(parser::Incomplete{}) : packet();
    }
    if (!message.bytes.starts_with('!')) return parser::Error{"no prefix"};
    std::optional<Value> head = Value::parse(message.bytes.substr(1));
    if (!head || head->get_if<Object>() == nullptr) return parser::Error{"no object"};
    head_ = std::move(*head);
    parts_.clear();
    missing_ = head_["parts"].to_integer();
    return missing_ > 0 ? parser::Decoded(parser::Incomplete{}) : packet();
  }

 private:
  parser::Decoded packet() const {
    const Object& head = *head_.get_if<Object>();
    parser::Packet out;
    out.type = static_cast<parser::PacketType>(head_["type"].to_integer());
    out.nsp = head_["nsp"].to_string();
    if (head.contains("id")) out.id = static_cast<std::uint64_t>(head_["id"].to_integer());
    if (head.contains("data")) out.data = with_binary(head_["data"], parts_);
    return out;
  }

  Value head_;
  std::vector<std::string> parts_;
  std::int64_t missing_ = 0;
};

void set_parser(socketio::ServerOptions& options, const Value& value) {
  if (value.to_string() == "message_pack") options.parser = parser::message_pack();
  if (value.to_string() == "prefixed")
    options.parser = parser::custom<PrefixEncoder, PrefixDecoder>();
}

struct Point {
  double x = 0;
  std::optional<std::vector<std::string>> tags;
};
SOCKETIO_FIELDS(Point, x, tags)

void ask(socketio::Server& io) {
  io.on_event("ask", [](Socket socket, const Args& args, Ack ack) {
    socket.timeout(60s).emit("question", Spread(args), [ack](socketio::Result<Value> reply) {
      ack(reply ? *reply : Value("no answer"));
    });
  });
  io.on_event("ask room", [&io](const std::string& room, const Value& value, Ack ack) {
    io.to(room).timeout(60s).emit("question", value,
                                  [ack](std::error_code error, const std::vector<Value>& replies) {
                                    ack(error ? Value("no answers") : Value(replies));
                                  });
  });
}

void install(const Lab& lab) {
  socketio::Server& io = lab.io;
  ServerLog& log = lab.log;
  io.on_event(
      "typed", [](int number, std::string_view text, const Binary& binary, const Point& point) {
        return Value::array(
            {number, text, binary,
             Value::object(
                 {{"x", point.x},
                  {"tags", point.tags ? static_cast<std::int64_t>(point.tags->size()) : -1}})});
      });
  io.on_event("raw", [](EventView event, Ack ack) {
    std::string_view first;
    event[0].as_raw_view(first);
    Raw again;
    event.get(0, again);
    ack(first, event.raw(), again);
  });
  io.on_event("numbers", [](Ack ack) {
    ack(std::numeric_limits<double>::quiet_NaN(), -std::numeric_limits<double>::infinity(),
        std::numeric_limits<std::int64_t>::min(), std::uint64_t{1} << 53, 3.0, 0.1F);
  });
  ask(io);
  io.on_event("news", [&io](const Args& args) {
    std::thread([&io, args] { io.emit("news", Spread(args)); }).join();
  });
  io.on_event("outgoing", [&log](Socket socket) {
    socket.on_any_outgoing([&log](EventView event) {
      log.add(Value::object({{"outgoing", event.name()},
                             {"raw", event.raw()},
                             {"n", static_cast<std::int64_t>(event.size())}}));
    });
    return true;
  });
  io.on_event("auth", [](Socket socket) { return socket.handshake().auth; });
  if (!lab.given["parser"].is_null()) {
    io.of("/refusing").use([](const Socket& socket) {
      return std::optional(socketio::ConnectError{"not you", socket.handshake().auth});
    });
  }
  io.on_event("late", [](const Args& args, Ack ack) {
    std::thread([args, ack] { ack(Spread(args)); }).join();
  });
  io.on_connection([](Socket socket) {
    if (!socket.handshake().auth["guarded"].to_bool()) return;
    socket.use([](socketio::Packet& packet, socketio::Next next) {
      packet.args.emplace_back("guarded");
      next();
    });
  });
}

const LabTopic topic({{"parser", set_parser}}, install);

}  // namespace
