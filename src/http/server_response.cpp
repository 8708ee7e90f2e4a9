// The writing half of ServerMachine: responses whole and in pieces, and what they mean for the
// connection (RFC 9112 §9.3).
#include "http/server_machine_state.hpp"
#include "http/writer.hpp"

namespace socketio::http {

using base::Bytes;

Bytes ServerMachine::State::connection_value(bool close_wanted) {
  const bool unread_body = reading == Reading::decide || reading == Reading::body;
  // RFC 9110 §10.1.1: who asked for a 100 and gets a final answer may send the body or not.
  const bool in_doubt =
      reading == Reading::decide && request().expects_continue && request().has_body();
  closing = close_wanted || closing || !request().keep_alive || in_doubt ||
            (unread_body && body_left > kMaxDroppedBody);
  if (closing) return "close";
  return request().minor == 0 ? Bytes("keep-alive") : Bytes{};
}

void ServerMachine::State::respond(int status, Bytes header_lines, Bytes body_bytes,
                                   std::optional<std::uint64_t> head_length, Env env,
                                   base::Time now, bool close_wanted) {
  if (!can_respond()) return;
  const bool head_only = request().method == "HEAD";
  ResponseHead head;
  head.status = status;
  head.header_lines = header_lines;
  head.framing = has_no_body(status) ? Framing::none : Framing::length;
  head.length = head_only ? head_length.value_or(body_bytes.size()) : body_bytes.size();
  head.connection = connection_value(close_wanted);
  write_response(head, head_only || has_no_body(status) ? Bytes{} : body_bytes, env);
  arm_send(env, now);
  response_sent(now);
}

void ServerMachine::State::begin_stream(const Response& response, Env env, base::Time now) {
  if (!can_respond()) return;
  std::optional<std::uint64_t> length;
  const std::optional<std::string> lines = header_lines_of(response, length);
  if (!lines) return respond(500, {}, {}, {}, env, now, false);
  ResponseHead head;
  head.status = response.status;
  head.header_lines = *lines;
  stream_form = StreamForm::plain;
  stream_counted = length.has_value();
  stream_left = head.length = length.value_or(0);
  bool until_close = false;
  if (has_no_body(response.status)) {
    head.framing = Framing::none;
    stream_form = StreamForm::discarded;
  } else if (!stream_counted && request().minor == 1) {
    head.framing = Framing::chunked;
    stream_form = StreamForm::chunked;
  } else if (!stream_counted) {
    head.framing = Framing::until_close;  // RFC 9112 §6.3: HTTP/1.0 has no chunked coding
    until_close = true;
  }
  if (request().method == "HEAD") stream_form = StreamForm::discarded;
  head.connection = connection_value(until_close);
  write_response(head, {}, env);
  writing = Writing::streaming;
  arm_send(env, now);
}

void ServerMachine::State::arm_send(Env env, base::Time now) {
  // Not again while an earlier response waits: sending more requests is no progress in reading.
  if (send_deadline == base::kNever && !env.out.empty())
    send_deadline = base::after(now, limits->send_timeout);
}

void ServerMachine::State::response_sent(base::Time now) {
  writing = Writing::sent;
  if (reading == Reading::done) phase_deadline = base::after(now, limits->idle_timeout);
}

void ServerMachine::respond(const Response& response, Env env, base::Time now, bool close) {
  std::optional<std::uint64_t> length;
  const std::optional<std::string> lines = header_lines_of(response, length);
  if (!lines) return state_->respond(500, {}, {}, {}, env, now, close);
  state_->respond(response.status, *lines, response.body, length, env, now, close);
}

void ServerMachine::respond(int status, Bytes header_lines, Bytes body, Env env, base::Time now,
                            bool close) {
  state_->respond(status, header_lines, body, {}, env, now, close);
}

void ServerMachine::begin_stream(const Response& response, Env env, base::Time now) {
  state_->begin_stream(response, env, now);
}

void ServerMachine::write_stream(Bytes piece, Env env, base::Time now) {
  State& s = *state_;
  if (s.writing != State::Writing::streaming) return;
  switch (s.stream_form) {
    case State::StreamForm::discarded:
      return;
    case State::StreamForm::chunked:
      write_chunk(piece, env);
      break;
    case State::StreamForm::plain:
      if (s.stream_counted) {  // more than was promised would be read as the next response
        piece = piece.substr(0, s.stream_left);
        s.stream_left -= piece.size();
      }
      env.out.append(env.arena, piece);
      break;
  }
  s.arm_send(env, now);
}

void ServerMachine::end_stream(Env env, base::Time now) {
  State& s = *state_;
  if (s.writing != State::Writing::streaming) return;
  if (s.stream_form == State::StreamForm::chunked) env.out.append(env.arena, "0\r\n\r\n");
  // Less than was promised: only closing tells the peer.
  if (s.stream_form == State::StreamForm::plain && s.stream_counted && s.stream_left > 0)
    s.closing = true;
  s.arm_send(env, now);
  s.response_sent(now);
}

}  // namespace socketio::http
