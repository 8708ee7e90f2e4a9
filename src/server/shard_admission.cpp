// Who may connect, and which headers answers get: CORS, allowed origins, middlewares,
// allow_request, generate_id and the header hooks, for requests below the path. Requests that wait
// for an answer of the user's are in admission (admission.hpp). Nothing here runs unless one of
// these is in use.
#include "http/url.hpp"
#include "http/writer.hpp"
#include "server/admission.hpp"
#include "server/engine_options.hpp"
#include "server/shard.hpp"

namespace socketio::server {
namespace {

constexpr eio::Reject kTooManyClients{eio::ErrorCode::forbidden, "Too many clients", {}};
constexpr eio::Reject kTooManyHandshakes{eio::ErrorCode::forbidden, "Too many handshakes", {}};
constexpr eio::Reject kNotIdentified{eio::ErrorCode::bad_request, {}, "ID_GENERATION_ERROR"};

http::Response dressed(http::Response response, const AnswerHeaders& headers) {
  std::erase_if(response.headers, [&headers](const auto& own) {
    return !http::adds_up(own.first) && headers.contains(own.first);
  });
  response.headers.insert(response.headers.end(), headers.list().begin(), headers.list().end());
  return response;
}

}  // namespace

HttpSide::HttpSide(const http::Limits& limits, base::Time now, net::Address from)
    : machine(limits, now), peer(std::move(from)) {}
HttpSide::~HttpSide() = default;

// -- Headers of answers.

AnswerHeaders& Shard::answer_headers(Connection& c) {
  if (c.http->headers == nullptr) c.http->headers = std::make_unique<AnswerHeaders>();
  return *c.http->headers;
}

void Shard::respond(Connection& c, const http::Response& response, bool close, base::Span body) {
  mark_dirty(c);
  const std::unique_ptr<AnswerHeaders> headers = std::move(c.http->headers);
  c.http->machine.respond(headers ? dressed(response, *headers) : response, http_env(c), now(),
                          close || closing_, std::move(body));
}

void Shard::answer_with_headers(Connection& c, base::Bytes type, base::Bytes body) {
  const http::Response response{
      200, {{"Content-Type", std::string(type)}, {"Cache-Control", "no-store"}}, {}};
  const std::unique_ptr<AnswerHeaders> headers = std::move(c.http->headers);
  std::optional<std::uint64_t> length;
  const auto lines = http::header_lines_of(dressed(response, *headers), length);
  c.http->machine.respond(200, lines.value_or(std::string()), body, http_env(c), now(), closing_);
}

std::string Shard::upgrade_headers(Connection& c) {
  std::string lines;
  if (c.http->headers == nullptr) return lines;
  for (const auto& [name, value] : c.http->headers->list())
    lines.append(name).append(": ").append(value).append("\r\n");
  return lines;
}

void Shard::run_header_hooks(Connection& c, bool initial) {
  const EngineHooks& hooks = hub_->engine;
  if (hooks.headers.empty() && hooks.initial_headers.empty()) return;
  const HttpRequest request = shown(c, *c.http->admission->request);
  const auto run = [&](const Engine::HeadersHook& hook) {
    dispatcher_.guarded(request.path(), [&] { hook(answer_headers(c), request); });
  };
  if (initial) each_hook(hooks.initial_headers, run);
  each_hook(hooks.headers, run);
}

// True when the request was a preflight and is answered.
bool Shard::answer_cors(Connection& c, const http::Request& request) {
  if (!settings_.options.cors) return false;
  const CorsOptions* options = &*settings_.options.cors;
  std::optional<http::CorsRules> rules = settings_.cors;
  CorsOptions changed;
  const bool good = dispatcher_.guarded(request.path, [&] {
    if (!options->for_request) return;
    changed = *options;
    options->for_request(shown(c, request), changed);
    check_cors(changed);
    options = &changed;
    rules = cors_rules(changed);
  });
  if (!good || !rules) return false;
  bool allowed = options->origin.kind() == CorsOrigin::Kind::reflect;
  if (options->origin.kind() == CorsOrigin::Kind::match)
    dispatcher_.guarded(request.path, [&] {
      allowed = options->origin.origins().contains(request.header("origin"));
    });
  const http::CorsAnswer answer = http::cors_answer(*rules, request, allowed);
  for (const auto& [name, value] : answer.headers) answer_headers(c).set(name, value);
  if (answer.over) respond(c, http::Response{rules->success_status, {}, {}});
  return answer.over;
}

bool Shard::origin_allowed(const http::Request& request, const Origins& origins) {
  const std::optional<base::Bytes> origin = request.find("origin");
  if (origins.empty() || !origin) return true;
  bool allowed = false;
  dispatcher_.guarded(request.path, [&] { allowed = origins.contains(*origin); });
  return allowed;
}

bool Shard::full() const {
  return hub_->sessions.load(std::memory_order_relaxed) >= settings_.max_clients;
}

const eio::Reject* Shard::too_many(const Connection& c, const http::Request& request) {
  if (full()) return &kTooManyClients;
  const bool allowed =
      hub_->peers == nullptr || hub_->peers->shake_hands(c.http->peer, request, now());
  return allowed ? nullptr : &kTooManyHandshakes;
}

// -- Requests that wait for an answer of the user's.

Admission& Shard::begin_admission(Connection& c, const http::Request& request) {
  c.http->exchange = Exchange::admission;
  c.http->admission = std::make_unique<Admission>(request, eio::asks_for_websocket(request));
  return *c.http->admission;
}

std::unique_ptr<Admission> Shard::end_admission(Connection& c) {
  c.http->exchange = Exchange::none;
  c.http->patience = base::kNever;
  return std::move(c.http->admission);
}

// The connection whose request still waits.
Connection* Shard::in_admission(ConnectionId id, std::uint32_t request) {
  Connection* c = connections_.get(id);
  return c != nullptr && c->http && c->http->exchange == Exchange::admission &&
                 c->http->request == request && c->waiting != Connection::Waiting::never
             ? c
             : nullptr;
}

// The request as user code sees it; copied once.
HttpRequest Shard::shown(Connection& c, const http::Request& request) {
  Admission* a = c.http->admission.get();
  if (a != nullptr && a->shown) return *a->shown;
  auto content =
      copy_request(request, http::normalise_path(request.path).value_or(std::string()), {});
  show_connection(c, *content);
  const HttpRequest copy(std::move(content));
  if (a != nullptr) a->shown = copy;
  return copy;
}

template <class Request, class T>
void Shard::ask(Connection& c, const Question<Request, T>& question, const Request& request,
                void (Shard::*then)(Connection&, std::optional<T>)) {
  const ConnectionId id = c.self;
  const std::uint32_t number = c.http->request;
  const Reply<T> reply([hub = std::weak_ptr(hub_), shard = index_, id, number, then](
                           std::optional<T> answer, const std::exception_ptr& error) {
    const auto alive = hub.lock();
    if (!alive) return;
    std::optional<ErrorReport> failure;
    if (error) failure = Dispatcher::failure_of(error, "engine");
    alive->run(
        shard, detail::Mail::always,
        [id, number, then, answer = std::move(answer), failure = std::move(failure)](Shard& on) {
          // Its caller, who catches what user code throws, knows nothing of the connection.
          on.spare(id, [&] {
            if (failure) on.dispatcher_.report_failure(*failure);
            Connection* waiting = on.in_admission(id, number);
            if (waiting == nullptr) return;
            (on.*then)(*waiting, answer);
            if (Connection* still = on.connections_.get(id); still != nullptr)
              on.revisit(*still);  // a pipelined request may wait behind this one
          });
        });
  });
  if (!dispatcher_.guarded(request.path(), [&] { question(request, reply); })) reply.fail();
  Connection* still = in_admission(id, number);
  if (still == nullptr || still->http->patience != base::kNever) return;
  still->http->patience = base::after(now(), settings_.options.engine.decision_timeout);
  arm(*still);
}

void Shard::on_out_of_patience(Connection& c) {
  const Admission& a = *c.http->admission;
  if (!a.asked_all) return on_middleware(c, std::nullopt);
  a.allowed ? on_identified(c, std::nullopt) : on_allowed(c, std::nullopt);
}

// -- The way in.

void Shard::on_gated_head(Connection& c, const http::Request& request, std::string_view path) {
  if (client_file(path)) return;  // served when it is complete
  admit(c, request);
}

int Shard::on_gated_request(Connection& c, const http::Request& request, std::string_view path,
                            base::MutBytes body) {
  if (c.http->exchange == Exchange::post) return on_engine_request(c, request, body);
  if (c.http->exchange == Exchange::admission) {  // a POST whose head is being decided upon
    c.http->admission->whole = true;
    c.http->admission->body.append(base::as_bytes(body), ledger_);
  } else if (!client_file(path)) {
    admit(c, request);
  } else if (!answer_cors(c, request)) {
    serve_client(c, request, path);
  }
  return 0;
}

void Shard::admit(Connection& c, const http::Request& request) {
  if (answer_cors(c, request)) return;
  begin_admission(c, request);
  if (!origin_allowed(request, settings_.options.engine.allowed_origins))
    return refuse(c, {eio::ErrorCode::forbidden, {}, {}});
  ask_middlewares(c);
}

void Shard::refuse(Connection& c, const eio::Reject& why) {
  const std::unique_ptr<Admission> a = end_admission(c);
  reject(c, *a->request, why, a->websocket);
}

void Shard::ask_middlewares(Connection& c) {
  Admission& a = *c.http->admission;
  if (a.next_middleware == hub_->engine.middlewares.size()) return verify(c);
  a.answer = std::make_shared<EngineRequest::Answer>();
  if (c.http->headers) a.answer->headers = *c.http->headers;
  ask(c, hub_->engine.middlewares[a.next_middleware++],
      EngineRequest(shown(c, *a.request), a.answer), &Shard::on_middleware);
}

void Shard::on_middleware(Connection& c, std::optional<std::optional<HttpReply>> said) {
  Admission& a = *c.http->admission;
  {
    const std::lock_guard lock(a.answer->mutex);
    a.answer->over = true;
    answer_headers(c) = std::move(a.answer->headers);
  }
  if (!said) return refuse(c, {eio::ErrorCode::bad_request, {}, "MIDDLEWARE_FAILURE"});
  if (!*said) return ask_middlewares(c);
  const std::unique_ptr<Admission> done = end_admission(c);
  respond(c, to_response(**said), done->websocket);
}

void Shard::verify(Connection& c) {
  Admission& a = *c.http->admission;
  a.asked_all = true;
  const auto decide = [&] { return eio::decide(*a.request, a.websocket, settings_.eio, *this); };
  a.decision = decide();
  using Kind = eio::Decision::Kind;
  if (a.decision.kind == Kind::open) {
    if (const eio::Reject* why = too_many(c, *a.request)) return refuse(c, *why);
    return ask_to_open(c);
  }
  if (a.decision.kind != Kind::reject && a.decision.kind != Kind::method_not_allowed) {
    run_header_hooks(c, false);
    a.decision = decide();  // they are the user's code: the session may be gone
  }
  const std::unique_ptr<Admission> done = end_admission(c);
  if (done->decision.kind != Kind::post)
    return carry_out(c, *done->request, done->websocket, std::move(done->decision));
  begin_post(c, *done->request, done->decision);
  if (done->whole && c.http && c.http->exchange == Exchange::post)
    on_engine_request(c, *done->request, done->body.view());
}

// -- Handshakes.

void Shard::open(Connection& c, const http::Request& request, eio::Decision decision) {
  const EngineOptions& options = settings_.options.engine;
  if (const eio::Reject* why = too_many(c, request))
    return reject(c, request, *why, eio::asks_for_websocket(request));
  if (options.allow_request || options.generate_id) [[unlikely]] {
    Admission& a = begin_admission(c, request);
    a.asked_all = true;
    a.decision = std::move(decision);
    return ask_to_open(c);
  }
  if (!decision.protocol_ok) {
    return reject(c, request, {eio::ErrorCode::unsupported_protocol, {}, {}},
                  eio::asks_for_websocket(request));
  }
  if (decision.transport == eio::Transport::websocket) {
    start_websocket(c, request, decision);
  } else {
    open_polling(c, request, decision);
  }
}

void Shard::open_polling(Connection& c, const http::Request& request,
                         const eio::Decision& decision) {
  SessionRecord& record = open_session(c, request, decision);
  if (const auto& cookie = settings_.options.engine.cookie) [[unlikely]]
    answer_headers(c).add("Set-Cookie",
                          session_cookie(*cookie, record.session.id()).value_or(std::string()));
  greet(record);
  if (record.session.v3()) join_root(record);
  on_poll(c, record);
}

// The initial packet comes first, whatever those who are told send; an empty text is none.
void Shard::greet(SessionRecord& record) {
  const Value& packet = settings_.options.engine.initial_packet;
  if (const std::string* text = packet.get_if<std::string>(); text != nullptr && !text->empty())
    record.session.send_text(*text, {});
  else if (const Binary* bytes = packet.get_if<Binary>(); bytes != nullptr)
    record.session.send_binary(bytes->view());
  if (engine_ != nullptr) engine_->opened(record.session);
  if (!hub_->engine.connection.empty()) tell_connection(record);
}

void Shard::ask_to_open(Connection& c) {
  const auto& allow_request = settings_.options.engine.allow_request;
  if (!allow_request) return on_allowed(c, Verdict(true));
  ask(c, allow_request, shown(c, *c.http->admission->request), &Shard::on_allowed);
}

void Shard::on_allowed(Connection& c, std::optional<Verdict> verdict) {
  Admission& a = *c.http->admission;
  if (!verdict || !verdict->allowed) {
    const std::string reason = verdict ? verdict->reason : std::string();
    return refuse(c, {eio::ErrorCode::forbidden, reason, {}});
  }
  a.allowed = true;
  if (!a.decision.protocol_ok) return refuse(c, {eio::ErrorCode::unsupported_protocol, {}, {}});
  const auto& generate_id = settings_.options.engine.generate_id;
  if (!generate_id) return open_admitted(c);
  ask(c, generate_id, shown(c, *a.request), &Shard::on_identified);
}

void Shard::on_identified(Connection& c, std::optional<std::string> id) {
  if (!id || !valid_custom_id(*id) || hub_->custom_ids.find(*id)) return refuse(c, kNotIdentified);
  c.http->admission->decision.sid = *std::move(id);
  open_admitted(c);
}

void Shard::open_admitted(Connection& c) {
  run_header_hooks(c, true);
  if (full()) return refuse(c, kTooManyClients);  // meanwhile
  const std::string& id = c.http->admission->decision.sid;
  // Another thread may have used the id since we looked.
  if (!id.empty() && !hub_->custom_ids.add(id, {index_, 0})) return refuse(c, kNotIdentified);
  const std::unique_ptr<Admission> a = end_admission(c);
  const std::string& sid = a->decision.sid;
  try {
    if (a->decision.transport == eio::Transport::polling)
      return open_polling(c, *a->request, a->decision);
    if (!start_websocket(c, *a->request, a->decision)) hub_->custom_ids.give_up(sid, index_);
  } catch (...) {  // there may be a session: then the id is its own
    hub_->custom_ids.give_up(sid, index_);
    throw;
  }
}

// -- Refusals.

namespace {

Value context_of(const http::Request& request, const eio::Reject& reject,
                 const std::optional<eio::SessionFacts>& session) {
  const auto asked = [&request](base::Bytes key) {
    return http::query_value(request.query, key).value;
  };
  const auto protocol = [&asked] { return asked("EIO") == "4" ? 4 : 3; };
  const std::string name(reject.name);
  switch (reject.code) {
    case eio::ErrorCode::unknown_transport:
      return Value::object({{"transport", asked("transport")}});
    case eio::ErrorCode::unknown_sid:
      return Value::object({{"sid", asked("sid")}});
    case eio::ErrorCode::bad_handshake_method:
      return Value::object({{"method", request.method}});
    case eio::ErrorCode::forbidden:
      return Value::object({{"message", reject.message}});
    case eio::ErrorCode::unsupported_protocol:
      return Value::object({{"protocol", protocol()}});
    case eio::ErrorCode::bad_request:
      break;
  }
  if (name == "INVALID_ORIGIN")
    return Value::object({{"name", name}, {"origin", request.header("origin")}});
  if (name == "TRANSPORT_MISMATCH" && session) {
    const bool polling = session->transport == eio::Transport::polling;
    return Value::object({{"name", name},
                          {"transport", asked("transport")},
                          {"previousTransport", polling ? "polling" : "websocket"}});
  }
  if (name == "PROTOCOL_MISMATCH" && session)
    return Value::object(
        {{"name", name}, {"protocol", protocol()}, {"previousProtocol", session->v3 ? 3 : 4}});
  return Value::object({{"name", name}});
}

}  // namespace

void Shard::reject(Connection& c, const http::Request& request, const eio::Reject& why,
                   bool upgrade) {
  const eio::Reject reject{why.code, why.message.empty() ? eio::message(why.code) : why.message,
                           why.name};
  counters_.rejects.at(static_cast<std::size_t>(reject.code)).add();
  dispatcher_.report({ErrorReport::Kind::connection_error, std::string(reject.message), "",
                      static_cast<int>(reject.code), std::string(reject.name)});
  if (!hub_->engine.connection_error.empty()) {
    const ConnectionError error{
        shown(c, request), static_cast<int>(reject.code), std::string(eio::message(reject.code)),
        context_of(request, reject, find(http::query_value(request.query, "sid").value))};
    each_hook(hub_->engine.connection_error, [&](const auto& hook) {
      dispatcher_.guarded(error.request.path(), [&] { hook(error); });
    });
  }
  respond(c, eio::reject_response(reject, upgrade), upgrade);
}

}  // namespace socketio::server
