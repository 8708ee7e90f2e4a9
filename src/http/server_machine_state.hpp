// The inside of ServerMachine. Two independent halves meet in one exchange:
//
//   reading:  head -> decide -> body -> done   (decide: the head was reported; is the body wanted?)
//   writing:  none -> sent
//
// The exchange is over when reading is done and the response sent; then the next head is read. An
// idle connection owns this object and nothing else.
#pragma once

#include <memory>

#include "http/chunked_body.hpp"
#include "http/exchange.hpp"
#include "http/head_scan.hpp"
#include "http/input.hpp"
#include "http/server_machine.hpp"

namespace socketio::http {

// What is read and thrown away of a body nobody waits for; beyond it the connection is closed.
inline constexpr std::size_t kMaxDroppedBody = 64 * 1024;

struct ServerMachine::State {
  enum class Reading : std::uint8_t { head, decide, body, done, over };
  enum class Writing : std::uint8_t { none, sent };

  State(const Limits& given, base::Time now)
      : limits(&given), phase_deadline(base::after(now, given.head_timeout)) {}

  Event next(Env env, base::Time now);
  // One step; false: go on with the next phase.
  bool read_head(Env env, base::Time now, Event& event);
  bool decide(Env env, Event& event);
  bool read_body(Env env, Event& event);
  bool read_sized(Env env, Event& event);
  bool read_chunked(Env env, Event& event);
  bool accept_head(std::size_t size, Env env, base::Time now, Event& event);
  bool finish_body(base::MutBytes body_bytes, Event& event);
  bool finish_exchange(Env env, base::Time now, Event& event);
  bool ended_in_body(Env env, Event& event);

  // Answers if an answer is due, and ends the connection.
  Event fail(int status, base::Bytes detail, Env env);
  Event close();
  void drop_everything();

  const Request& request() const { return exchange->request; }
  bool unanswered() const {
    return reading != Reading::head && reading != Reading::over && writing != Writing::sent;
  }
  bool can_respond() const { return unanswered(); }
  // Decides how the connection goes on after this response; the value of its Connection header.
  base::Bytes connection_value(bool close_wanted);
  void respond(int status, base::Bytes header_lines, base::Bytes body_bytes,
               std::optional<std::uint64_t> head_length, Env env, base::Time now, bool close_wanted,
               base::Span apart = {});
  void arm_send(Env env, base::Time now);
  void response_sent(base::Time now);
  base::Time deadline() const;

  const Limits* limits;
  Input input;
  HeadScan scan;
  Exchange::Ptr exchange;
  std::unique_ptr<ChunkedBody> chunks;
  base::InBuffer body;
  std::uint64_t body_left = 0;  // of a body with Content-Length
  std::uint64_t body_seen = 0;  // chunked: announced so far
  std::uint64_t body_max = 0;
  base::Time phase_deadline;  // head, idle or body
  base::Time send_deadline = base::kNever;
  Event pending{};  // made by on_deadline
  Reading reading = Reading::head;
  Writing writing = Writing::none;
  bool head_started = false;  // a byte of this head has come
  bool empty_line_skipped = false;
  bool starved = true;  // nothing to find without more bytes
  bool served = false;  // an exchange is behind us: waiting is idling
  bool eof = false;
  bool closing = false;    // after this response
  bool body_kept = false;  // see keep_body()
};

}  // namespace socketio::http
