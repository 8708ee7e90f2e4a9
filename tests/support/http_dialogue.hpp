// A driver for http::ServerMachine in tests: feeds bytes in any pieces, each piece in memory of its
// own that dies afterwards, answers by a rule, and notes events and output.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "http/server_machine.hpp"

namespace socketio::test {

class HttpDialogue {
 public:
  using App = std::function<void(HttpDialogue&, const http::Event&)>;

  explicit HttpDialogue(App app = echo(), const http::Limits& given = {})
      : limits(given), machine(limits, now), app_(std::move(app)) {}

  // Answers every complete request with its method, path and body.
  static App echo() {
    return [](HttpDialogue& self, const http::Event& event) {
      if (event.kind != http::EventKind::complete) return;
      std::string body(event.request->method);
      body.append(" ").append(event.request->path).append(" ");
      body.append(base::as_bytes(event.body));
      self.respond(200, body);
    };
  }

  void respond(int status, base::Bytes body, bool close = false) {
    machine.respond(status, {}, body, env(), now, close);
  }

  void feed(base::Bytes bytes) {
    const auto memory = std::make_unique<char[]>(bytes.size() + base::kPadding);
    bytes.copy(memory.get(), bytes.size());
    machine.feed({memory.get(), bytes.size()}, now);
    drain();
  }
  void eof() {
    machine.on_eof();
    drain();
  }
  void wait(base::Duration duration) {
    now += duration;
    machine.on_deadline(now, env());
    drain();
  }
  void drain() {
    for (;;) {
      const http::Event event = machine.next(env(), now);
      if (event.kind == http::EventKind::none) break;
      note(event);
      app_(*this, event);
    }
    collect();
  }
  // What is queued goes to `output`, as if it had been sent.
  void collect() {
    std::array<base::Bytes, 16> parts;
    while (!out.empty()) {
      std::size_t n = 0;
      for (std::size_t i = 0, count = out.gather(parts); i < count; ++i) {
        output += parts[i];
        n += parts[i].size();
        ++spans;
      }
      out.consume(n);
    }
    if (sending) machine.on_progress(now, true);
  }

  // "200 404 c": the final statuses in `output`, and whether the connection is to be closed.
  std::string summary() const {
    std::string text;
    std::size_t at = 0;
    while (at < output.size() && output.compare(at, 9, "HTTP/1.1 ") == 0) {
      const std::size_t end = output.find("\r\n\r\n", at) + 4;
      const std::string head = output.substr(at, end - at);
      const std::size_t length = head.find("Content-Length: ");
      text += (text.empty() ? "" : " ") + head.substr(9, 3);
      at = end + (length == std::string::npos ? 0 : std::stoul(head.substr(length + 16)));
    }
    if (at != output.size()) text += " ?";
    if (closed) text += " c";
    return text;
  }

  http::Env env() { return {out, arena, ledger}; }

  base::Ledger ledger;
  base::Arena arena{nullptr};
  base::OutQueue out;
  base::Time now{std::chrono::hours(1)};
  http::Limits limits;
  http::ServerMachine machine;
  std::string events;  // one line each
  std::string output;
  int spans = 0;
  bool closed = false;
  bool sending = true;  // false: the peer does not read

 private:
  void note(const http::Event& event) {
    switch (event.kind) {
      case http::EventKind::head:
        events.append("head ").append(event.request->method).append(" ");
        events.append(event.request->target).append("\n");
        break;
      case http::EventKind::complete:
        events.append("complete ").append(base::as_bytes(event.body)).append("\n");
        break;
      case http::EventKind::failed:
        events.append("failed ").append(std::to_string(event.status)).append("\n");
        closed = true;
        break;
      case http::EventKind::closed:
        events.append("closed\n");
        closed = true;
        break;
      case http::EventKind::none:
        break;
    }
  }

  App app_;
};

}  // namespace socketio::test
