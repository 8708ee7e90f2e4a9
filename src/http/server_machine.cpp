// The reading half of the machine, its deadlines and its ends; the writing half is in
// server_response.cpp.
#include "http/server_machine.hpp"

#include <algorithm>

#include "http/head_check.hpp"
#include "http/server_machine_state.hpp"
#include "http/writer.hpp"

namespace socketio::http {

Event ServerMachine::State::next(Env env, base::Time now) {
  if (reading == Reading::done && (!body_kept || writing == Writing::sent)) body.clear();
  input.release();
  if (pending.kind != EventKind::none) {
    drop_everything();
    return std::exchange(pending, Event{});
  }
  Event event;
  for (;;) {
    bool stop = true;
    switch (reading) {
      case Reading::head:
        stop = read_head(env, now, event);
        break;
      case Reading::decide:
        stop = decide(env, event);
        break;
      case Reading::body:
        stop = read_body(env, event);
        break;
      case Reading::done:
        stop = finish_exchange(env, now, event);
        break;
      case Reading::over:
        input.clear();
        return event;
    }
    if (stop) return event;
  }
}

bool ServerMachine::State::read_head(Env env, base::Time now, Event& event) {
  base::MutBytes in = input.front(env.ledger);
  // RFC 9112 §2.2: an empty line before the request line is ignored; one, not any number. It
  // neither begins a head nor ends the idling.
  if (!empty_line_skipped && base::as_bytes(in).starts_with("\r\n")) {
    empty_line_skipped = true;
    input.consume(2);
    in = in.subspan(2);
  }
  const bool half_line = !empty_line_skipped && base::as_bytes(in) == "\r";
  if (!in.empty() && !head_started && !half_line) {
    head_started = true;
    phase_deadline = base::after(now, limits->head_timeout);
  }
  const HeadScan::Result found = scan.scan(base::as_bytes(in), *limits);
  switch (found.state) {
    case HeadScan::State::found:
      return accept_head(found.size, env, now, event);
    case HeadScan::State::failed:
      event = fail(found.verdict.status, found.verdict.detail, env);
      return true;
    case HeadScan::State::more:
      break;
  }
  exchange.reset();
  starved = true;
  if (eof) {
    event = close();
  } else {
    input.keep(env.ledger);
    input.release();
  }
  return true;
}

bool ServerMachine::State::accept_head(std::size_t size, Env env, base::Time now, Event& event) {
  const base::Bytes head = base::as_bytes(input.front(env.ledger)).substr(0, size);
  exchange = Exchange::make(head, scan.header_lines(), env.ledger, std::move(exchange));
  input.consume(size);
  const HeadVerdict verdict = check_head(exchange->head(), exchange->room(), exchange->request);
  if (verdict.status != 0) {
    event = fail(verdict.status, verdict.detail, env);
    return true;
  }
  if (!verdict.plain) {
    RequestParser parser;
    const RequestParser::Step step = parser.execute(exchange->head());
    if (step.stop != RequestParser::Stop::head_end) {
      event = fail(step.unknown_method ? 501 : 400, "refused by llhttp", env);
      return true;
    }
    if (request().chunked)
      chunks =
          std::make_unique<ChunkedBody>(parser, limits->max_head - std::min(limits->max_head, size),
                                        limits->max_headers, limits->max_chunk_extensions);
  }
  reading = Reading::decide;
  writing = Writing::none;
  body_kept = false;
  body_max = limits->max_body;
  body_left = request().content_length.value_or(0);
  body_seen = 0;
  phase_deadline = base::after(now, limits->body_timeout);
  event.kind = EventKind::head;
  event.request = &exchange->request;
  return true;
}

bool ServerMachine::State::decide(Env env, Event& event) {
  reading = Reading::body;
  if (writing != Writing::none) return false;
  if (body_left > body_max) {
    event = fail(413, "body too large", env);
    return true;
  }
  // RFC 9110 §10.1.1. Sent also when the body is already here: then the peer ignores it.
  if (request().expects_continue && request().has_body())
    env.out.append(env.arena, "HTTP/1.1 100 Continue\r\n\r\n");
  return false;
}

bool ServerMachine::State::read_body(Env env, Event& event) {
  if (writing == Writing::sent && closing) {
    event = close();
    return true;
  }
  return request().chunked ? read_chunked(env, event) : read_sized(env, event);
}

bool ServerMachine::State::read_sized(Env env, Event& event) {
  const base::MutBytes in = input.front(env.ledger);
  const auto take = static_cast<std::size_t>(std::min<std::uint64_t>(in.size(), body_left));
  const base::MutBytes part = in.first(take);
  const bool whole = take == body_left;
  input.consume(take);
  body_left -= take;
  if (writing != Writing::none) return whole ? finish_body({}, event) : ended_in_body(env, event);
  if (whole && body.empty()) return finish_body(part, event);
  // The promised length is not allocated before it comes: at most as much again as is there.
  constexpr std::size_t kFirst = 64 * 1024;
  const std::uint64_t expected = body.size() + take + body_left;
  const std::size_t ahead = std::max(kFirst, 2 * (body.size() + take));
  body.append(base::as_bytes(part), env.ledger,
              static_cast<std::size_t>(std::min<std::uint64_t>(expected, ahead)));
  return whole ? finish_body(body.view(), event) : ended_in_body(env, event);
}

bool ServerMachine::State::read_chunked(Env env, Event& event) {
  for (;;) {
    const base::MutBytes in = input.front(env.ledger);
    if (in.empty()) return ended_in_body(env, event);
    const ChunkedBody::Step step = chunks->step(base::as_bytes(in));
    if (step.verdict.status != 0) {
      event = fail(step.verdict.status, step.verdict.detail, env);
      return true;
    }
    const std::uint64_t max = writing == Writing::none ? body_max : kMaxDroppedBody;
    if (step.announced > max || body_seen > max - step.announced) {
      event = fail(413, "body too large", env);
      return true;
    }
    body_seen += step.announced;
    if (writing == Writing::none) body.append(step.data, env.ledger);
    input.consume(step.consumed);
    if (step.done) {
      chunks.reset();
      return finish_body(body.view(), event);
    }
  }
}

bool ServerMachine::State::finish_body(base::MutBytes body_bytes, Event& event) {
  reading = Reading::done;
  phase_deadline = base::kNever;
  if (writing != Writing::none) return false;
  event.kind = EventKind::complete;
  event.request = &exchange->request;
  event.body = body_bytes;
  return true;
}

bool ServerMachine::State::ended_in_body(Env env, Event& event) {
  starved = true;
  if (!eof) return true;
  event = writing == Writing::sent ? close() : fail(0, "connection ended inside a body", env);
  return true;
}

bool ServerMachine::State::finish_exchange(Env env, base::Time now, Event& event) {
  if (writing != Writing::sent) {
    input.keep(env.ledger);
    return true;
  }
  if (closing) {
    event = close();
    return true;
  }
  reading = Reading::head;
  writing = Writing::none;
  head_started = empty_line_skipped = false;
  served = true;
  scan.reset();
  phase_deadline = base::after(now, limits->idle_timeout);
  return false;
}

Event ServerMachine::State::fail(int status, base::Bytes detail, Env env) {
  // Once a response has begun, or was sent, nothing more can be said about this request.
  const bool due = status != 0 && writing == Writing::none;
  if (due) {
    ResponseHead head;
    head.status = status;
    head.connection = "close";
    if (status == 405)
      head.header_lines = "Allow: GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH\r\n";
    write_response(head, {}, env);
  }
  const bool answered_before = writing == Writing::sent;
  drop_everything();
  Event event;
  event.kind = answered_before ? EventKind::closed : EventKind::failed;
  event.status = due ? status : 0;
  event.detail = detail;
  return event;
}

Event ServerMachine::State::close() {
  drop_everything();
  Event event;
  event.kind = EventKind::closed;
  return event;
}

void ServerMachine::State::drop_everything() {
  reading = Reading::over;
  exchange.reset();
  chunks.reset();
  body.clear();
  input.clear();
  phase_deadline = send_deadline = base::kNever;
}

base::Time ServerMachine::State::deadline() const {
  // A response that is still leaving keeps an otherwise idle connection.
  const bool idle = reading == Reading::head && !head_started;
  if (idle && send_deadline != base::kNever) return send_deadline;
  return std::min(phase_deadline, send_deadline);
}

ServerMachine::ServerMachine(const Limits& limits, base::Time now)
    : state_(std::make_unique<State>(limits, now)) {}

ServerMachine::~ServerMachine() = default;

void ServerMachine::feed(base::MutBytes bytes, base::Time) {
  State& s = *state_;
  if (s.reading == State::Reading::over || s.eof || bytes.empty()) return;
  s.input.feed(bytes);
  s.starved = false;
}

void ServerMachine::on_eof() {
  state_->eof = true;
  state_->starved = false;
}

Event ServerMachine::next(Env env, base::Time now) {
  return state_->next(env, now);
}

void ServerMachine::keep(base::Ledger& ledger) {
  state_->input.keep(ledger);
}

std::size_t ServerMachine::held() const {
  const State& s = *state_;
  return s.input.held() + s.body.capacity() + (s.exchange ? s.exchange->held() : 0);
}

bool ServerMachine::has_input() const {
  const State& s = *state_;
  if (s.pending.kind != EventKind::none) return true;
  switch (s.reading) {
    case State::Reading::head:
      return !s.starved;
    case State::Reading::decide:
      return true;
    case State::Reading::body:
      return !s.starved || (s.closing && s.writing == State::Writing::sent);
    case State::Reading::done:
      return s.writing == State::Writing::sent;
    case State::Reading::over:
      break;
  }
  return false;
}

bool ServerMachine::has_request() const {
  return state_->pending.kind == EventKind::none && state_->input.size() > 0 && has_input();
}

bool ServerMachine::has_room() const {
  const State& s = *state_;
  return s.reading != State::Reading::done || s.writing == State::Writing::sent ||
         s.input.size() < s.limits->max_pipelined;
}

void ServerMachine::accept_body(std::size_t max) {
  state_->body_max = max;
}

void ServerMachine::keep_body(base::MutBytes body, base::Ledger& ledger) {
  State& s = *state_;
  s.body_kept = true;
  if (s.body.empty()) s.body.append(base::as_bytes(body), ledger, body.size());  // lay in the input
}

base::InBuffer ServerMachine::take_body() {
  state_->body_kept = false;
  return std::exchange(state_->body, base::InBuffer{});
}

base::InBuffer ServerMachine::take_rest(base::Ledger& ledger) {
  base::InBuffer rest = state_->input.take(ledger);
  state_->drop_everything();
  return rest;
}

base::InBuffer ServerMachine::take_request(base::Ledger& ledger) {
  State& s = *state_;
  SIO_CHECK(s.reading == State::Reading::decide && s.writing == State::Writing::none);
  base::InBuffer all;
  base::InBuffer rest = s.input.take(ledger);
  all.append(s.exchange->head(), ledger, s.exchange->head().size() + rest.size());
  all.append(base::as_bytes(rest.view()), ledger);
  s.drop_everything();
  return all;
}

const Request& ServerMachine::request() const {
  return state_->request();
}

bool ServerMachine::answering() const {
  return state_->unanswered();
}

base::Time ServerMachine::deadline() const {
  return state_->deadline();
}

void ServerMachine::on_progress(base::Time now, bool drained) {
  State& s = *state_;
  if (s.reading == State::Reading::over) return;
  s.send_deadline = drained ? base::kNever : base::after(now, s.limits->send_timeout);
  if (drained && s.reading == State::Reading::head && !s.head_started && s.served)
    s.phase_deadline = base::after(now, s.limits->idle_timeout);
}

void ServerMachine::on_deadline(base::Time now, Env env) {
  State& s = *state_;
  if (s.reading == State::Reading::over || now < s.deadline()) return;
  if (s.send_deadline <= now) {
    s.pending = s.close();
  } else if (s.reading == State::Reading::head) {
    // T01: who has said nothing gets no answer.
    s.pending = s.head_started ? s.fail(408, "head took too long", env) : s.close();
  } else {
    s.pending = s.fail(408, "body took too long", env);
  }
}

}  // namespace socketio::http
