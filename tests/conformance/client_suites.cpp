// Suite client: the server that the tests of the package socket.io-client expect, started in place
// of theirs.
#include <ctime>
#include <string>
#include <thread>

#include <socketio/server.hpp>

#include "suites.hpp"
#include "support/on_signal.hpp"

using socketio::Binary;
using socketio::Namespace;
using socketio::Server;
using socketio::ServerOptions;
using socketio::Socket;
using socketio::Value;
using namespace std::chrono_literals;

namespace {

// As JSON.stringify writes a Date.
std::string iso_date() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S.000Z", &utc);
  return text;
}

Value handshake_of(const Socket& socket) {
  const socketio::Handshake handshake = socket.handshake();
  socketio::Object headers;
  for (const auto& [name, value] : handshake.headers) headers[name] = value;
  socketio::Object query;
  for (const auto& [name, value] : handshake.query) query[name] = value;
  return Value::object({{"headers", headers},
                        {"address", handshake.address},
                        {"xdomain", handshake.xdomain},
                        {"secure", handshake.secure},
                        {"issued", handshake.issued},
                        {"url", handshake.url},
                        {"query", query},
                        {"auth", handshake.auth}});
}

bool is_binary(const Value& value) {
  return value.get_if<Binary>() != nullptr;
}

bool is_mixed(const Value& value) {
  return value["hello"].to_string() == "lol" && is_binary(value["message"]) &&
         value["goodbye"].to_string() == "gotcha";
}

// What came before, of the tests that send several packets in order.
struct Seen {
  bool buffer = false;
  bool blob1 = false;
  bool blob2 = false;
};

void answer_texts(const Namespace& nsp) {
  nsp.on_event("hi", [](Socket socket) { socket.emit("hi"); });
  nsp.on_event("echo", [](const Value& argument) { return argument; });
  nsp.on_event("ack", [](Socket socket) {
    socket.emit("ack", [socket](int a, const Value& b) {
      if (a == 5 && b["test"].to_bool()) socket.emit("got it");
    });
  });
  nsp.on_event("getAckDate", [](const Value&) { return iso_date(); });
  nsp.on_event("getDate", [](Socket socket) { socket.emit("takeDate", iso_date()); });
  nsp.on_event("getDateObj", [](Socket socket) {
    socket.emit("takeDateObj", Value::object({{"date", iso_date()}}));
  });
  nsp.on_event("getUtf8", [](Socket socket) {
    for (const char* text :
         {"てすと", "Я Б Г Д Ж Й", "Ä ä Ü ü ß", "utf8 — string", "utf8 — string"})
      socket.emit("takeUtf8", text);
  });
  nsp.on_event("false", [](Socket socket) { socket.emit("false", false); });
  nsp.on_event("getHandshake", [](Socket socket) { return handshake_of(socket); });
  nsp.on_event("getId", [](Socket socket) { return std::string(socket.id()); });
}

void answer_binaries(const Namespace& nsp) {
  const Binary bytes(std::string("asdfasdf"));
  nsp.on_event("doge", [bytes](Socket socket) { socket.emit("doge", bytes); });
  nsp.on_event("getbin", [bytes](Socket socket) { socket.emit("takebin", bytes); });
  const auto acknowledge = [&nsp](std::string_view name, const char* answer, auto accepts) {
    nsp.on_event(name, [answer, accepts](Socket socket, const Value& value) {
      if (accepts(socket.data<Seen>(), value)) socket.emit(answer);
    });
  };
  acknowledge("buffa", "buffack", [](Seen&, const Value& v) { return is_binary(v); });
  acknowledge("jsonbuff", "jsonbuff-ack", [](Seen&, const Value& v) { return is_mixed(v); });
  acknowledge("abuff1", "", [](Seen& seen, const Value& v) {
    seen.buffer = is_binary(v);
    return false;
  });
  acknowledge("abuff2", "abuff2-ack", [](Seen& seen, const Value&) { return seen.buffer; });
  acknowledge("blob", "back", [](Seen&, const Value& v) { return is_binary(v); });
  acknowledge("jsonblob", "jsonblob-ack", [](Seen&, const Value& v) { return is_mixed(v); });
  acknowledge("blob1", "", [](Seen& seen, const Value& v) {
    seen.blob1 = is_binary(v);
    return false;
  });
  acknowledge("blob2", "", [](Seen& seen, const Value& v) {
    seen.blob2 = seen.blob1 && v.to_string() == "second";
    return false;
  });
  acknowledge("blob3", "blob3-ack",
              [](Seen& seen, const Value& v) { return seen.blob2 && is_binary(v); });
}

}  // namespace

void run_client(const SuiteOptions& given) {
  ServerOptions options;
  options.threads = given.threads;
  options.backend = given.backend;
  options.ping_interval = 2s;
  options.connection_state_recovery.emplace();
  // The suite tests the client's time-out with a server that takes its time.
  options.engine.allow_request = [](const socketio::HttpRequest&, const socketio::Decide& decide) {
    std::thread([decide] {
      std::this_thread::sleep_for(10ms);
      decide(true);
    }).detach();
  };
  Server io(options);
  for (const char* name : {"/timeout_socket", "/valid", "/asd"}) io.of(name);
  io.of("/foo").on_event("getId", [](Socket socket) { return std::string(socket.id()); });
  io.of("/abc").on_connection(
      [](Socket socket) { socket.emit("handshake", handshake_of(socket)); });
  io.use([](const Socket& socket) -> std::optional<socketio::ConnectError> {
    const auto query = socket.handshake().query;
    if (const auto fail = query.find("fail"); fail != query.end() && !fail->second.empty())
      return socketio::ConnectError{"Auth failed (main namespace)"};
    return std::nullopt;
  });
  io.of("/no").use([](const Socket&) -> std::optional<socketio::ConnectError> {
    return socketio::ConnectError{"Auth failed (custom namespace)"};
  });
  answer_texts(io.sockets());
  answer_binaries(io.sockets());
  io.listen(given.port);
  announce(io.port());
  const OnSignal stop([&io] { io.close(); });
  io.run();
}
