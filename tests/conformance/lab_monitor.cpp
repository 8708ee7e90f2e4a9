// Monitoring in the lab:
//
//   GET /metrics, /healthz, /readyz
//   GET /ready/:state              set_ready: "yes" or "no"
//   log_lines: true                GET /__lines has the log's lines as JSON objects
//   measure_turns
//   throw, mismatch,               events: a handler that throws; one that takes a number;
//   ask nobody, ask all            an acknowledgement asked for that nobody waits for long, of this
//                                  client or of all ("answers" tells how many came)
#include <memory>
#include <mutex>

#include "lab.hpp"

using socketio::HttpReply;
using socketio::HttpRequest;
using socketio::LogLine;
using socketio::ServerOptions;
using socketio::Socket;
using socketio::Value;

namespace {

// The lines of all threads; the sink is made before the server is.
struct Lines {
  std::mutex mutex;
  socketio::Array all;
};
Lines& lines() {
  static Lines kept;
  return kept;
}

void keep_lines(ServerOptions& options, const Value& wanted) {
  if (!wanted.to_bool()) return;
  options.log_level = socketio::LogLevel::debug;
  options.log = [](const LogLine& line) {
    const std::lock_guard lock(lines().mutex);
    lines().all.push_back(Value::parse(to_json(line)).value_or(Value("not JSON")));
  };
}

void install(const Lab& lab) {
  socketio::Server& io = lab.io;
  io.http().metrics().health().ready();
  io.http().get("/ready/:state", [&io](const HttpRequest& request) {
    io.set_ready(request.param("state") == "yes");
    return HttpReply::text("set");
  });
  io.http().get("/__lines", [](const HttpRequest&) {
    const std::lock_guard lock(lines().mutex);
    return HttpReply::json(std::exchange(lines().all, {}));
  });
  io.on_event("throw", [](const std::string& text) { throw std::runtime_error(text); });
  io.on_event("mismatch", [](int) {});
  io.on_event("ask nobody", [](Socket socket, std::int64_t ms) {
    socket.timeout(std::chrono::milliseconds(ms))
        .emit("question", [socket](const socketio::Result<Value>& answer) {
          socket.emit("answer", answer ? *answer : Value(answer.error().message()));
        });
  });
  io.on_event("ask all", [&io](Socket socket, std::int64_t ms) {
    io.timeout(std::chrono::milliseconds(ms))
        .emit("question", [socket](std::error_code, const std::vector<Value>& answers) {
          socket.emit("answers", answers.size());
        });
  });
}

const LabTopic topic({{"log_lines", keep_lines},
                      {"measure_turns",
                       [](ServerOptions& options, const Value& value) {
                         options.measure_turns = value.to_bool();
                       }}},
                     install);

}  // namespace
