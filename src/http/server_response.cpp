// The writing half of ServerMachine: responses, and what they mean for the connection (RFC 9112
// §9.3).
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
  head.length = head_only ? head_length.value_or(body_bytes.size()) : body_bytes.size();
  head.connection = connection_value(close_wanted);
  write_response(head, head_only || has_no_body(status) ? Bytes{} : body_bytes, env);
  arm_send(env, now);
  response_sent(now);
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
  respond(response, response.body, env, now, close);
}

void ServerMachine::respond(const Response& response, Bytes body, Env env, base::Time now,
                            bool close) {
  std::optional<std::uint64_t> length;
  const std::optional<std::string> lines = header_lines_of(response, length);
  if (!lines) return state_->respond(500, {}, {}, {}, env, now, close);
  state_->respond(response.status, *lines, body, length, env, now, close);
}

void ServerMachine::respond(int status, Bytes header_lines, Bytes body, Env env, base::Time now,
                            bool close) {
  state_->respond(status, header_lines, body, {}, env, now, close);
}

}  // namespace socketio::http
