// Plain WebSocket routes in the lab. Of the options of the command line, "websocket_route" is an
// object of WebSocketRoute's members.
//
//   /feed/:room    echoes messages, text as text and binary as binary; a JSON text {"do": …} is a
//                  command: "close" (code, reason), "terminate", "thread" (answers with the
//                  thread's name), "fill" (bytes: a binary message of as many), "flood" (bytes:
//                  such messages until congested), "other" (text: sent from another thread),
//                  "other fill" (bytes: a binary message sent from another thread), "throw"
//   /refuse        answers 401
//   /broken        its upgrade handler throws
//   /early         sends "early" when it is opened
//   What the handlers saw is in /__log; "drained" also goes to the peer.
#include <sstream>
#include <thread>

#include "lab.hpp"

using socketio::BinaryView;
using socketio::HttpReply;
using socketio::HttpRequest;
using socketio::Value;
using socketio::WebSocket;
using socketio::WebSocketRoute;

namespace {

std::string this_thread() {
  std::ostringstream name;
  name << std::this_thread::get_id();
  return name.str();
}

// Runs on a thread that is none of the server's.
template <class F>
void elsewhere(F f) {
  std::thread(std::move(f)).detach();
}

void obey(const WebSocket& peer, const Value& command) {
  const std::string_view what = command["do"].to_string();
  const std::string bytes(static_cast<std::size_t>(command["bytes"].to_integer()), 'x');
  if (what == "close") {
    peer.close(static_cast<std::uint16_t>(command["code"].to_integer()),
               command["reason"].to_string());
  } else if (what == "terminate") {
    peer.terminate();
  } else if (what == "thread") {
    peer.send(this_thread());
  } else if (what == "fill") {
    peer.send(BinaryView{bytes});
  } else if (what == "flood") {
    while (!peer.congested() && peer.send(BinaryView{bytes})) {
    }
  } else if (what == "other") {
    elsewhere([peer, text = std::string(command["text"].to_string())] { peer.send(text); });
  } else if (what == "other fill") {
    elsewhere([peer, bytes] { peer.send(BinaryView{bytes}); });
  } else if (what == "throw") {
    throw std::runtime_error("as told");
  }
}

WebSocketRoute echo(ServerLog& log, const Value& given) {
  WebSocketRoute route;
  route.open = [&log](const WebSocket& peer) {
    log.add(Value::object({{"open", peer.request().param("room")},
                           {"protocol", peer.protocol()},
                           {"thread", this_thread()}}));
  };
  route.message = [](const WebSocket& peer, std::string_view bytes, bool binary) {
    if (binary) {
      peer.send(BinaryView{bytes});
    } else if (const auto command = Value::parse(bytes); command && !(*command)["do"].is_null()) {
      obey(peer, *command);
    } else {
      peer.send(bytes);
    }
  };
  route.drained = [&log](const WebSocket& peer) {
    log.add(Value::object({{"drained", peer.buffered_amount()}}));
    peer.send("drained");
  };
  route.error = [&log](const WebSocket&, std::string_view what) {
    log.add(Value::object({{"error", what}}));
  };
  route.close = [&log](const WebSocket& peer, std::uint16_t code, std::string_view reason,
                       bool clean) {
    log.add(Value::object({{"close", code},
                           {"reason", reason},
                           {"clean", clean},
                           {"open", peer.open()},
                           {"thread", this_thread()}}));
  };
  const auto size = [&given](std::string_view name, std::size_t& member) {
    if (!given[name].is_null()) member = static_cast<std::size_t>(given[name].to_integer());
  };
  size("max_message", route.max_message);
  size("send_queue_soft", route.send_queue_soft);
  size("send_queue_hard", route.send_queue_hard);
  if (!given["ping_interval"].is_null()) route.ping_interval = lab_duration(given["ping_interval"]);
  if (!given["ping_timeout"].is_null()) route.ping_timeout = lab_duration(given["ping_timeout"]);
  if (const auto* protocols = given["protocols"].get_if<socketio::Array>(); protocols != nullptr) {
    for (const Value& one : *protocols) route.protocols.emplace_back(one.to_string());
  }
  if (!given["allowed_origin"].is_null())
    route.allowed_origins = socketio::Origins({given["allowed_origin"].to_string()});
  return route;
}

void install(const Lab& lab) {
  socketio::HttpRoutes& http = lab.io.http();
  http.websocket("/feed/:room", echo(lab.log, lab.given["websocket_route"]));
  http.websocket("/refuse", {.upgrade = [](const HttpRequest&) {
                   return std::optional(HttpReply::text("who are you?", 401));
                 }});
  http.websocket("/broken", {.upgrade = [](const HttpRequest&) -> std::optional<HttpReply> {
                   throw std::runtime_error("broken");
                 }});
  http.websocket("/early", {.open = [](const WebSocket& peer) { peer.send("early"); }});
  http.get("/early", [](const HttpRequest&) { return HttpReply::text("a page"); });
}

const LabTopic topic({{"websocket_route", [](socketio::ServerOptions&, const Value&) {}}}, install);

}  // namespace
