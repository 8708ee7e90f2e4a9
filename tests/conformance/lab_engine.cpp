// The lab's options of chapter "who may connect", scripted by what the client asks for in its
// query:
//
//   allow_request: true        ?allow=yes|no|later|never|forget|throw|why (later: another thread)
//   generate_id: true          ?id=ID, or ?id=throw
//   middlewares: [STEP, …]     {"set": {name: value}}, {"add": …}, {"end": status}, {"fail": true},
//                              {"throw": true}, {"later": true}, {"unless": "query key"} skips it;
//                              each logs {"middleware": index, "method", "url"}
//   initial_headers, headers   {name: value} for every such hook; "$n" becomes its count
//
// and events for what a connection is:
//
//   handshake (header)             acknowledged with {url, query, address, header: its value}
//   burst (count, text, close)     emits "m" with number and text, count times, then closes
//
// Every refusal is logged as {"connection_error", "code", "context", "url"}.
#include <atomic>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "lab.hpp"

using socketio::AnswerHeaders;
using socketio::CookieOptions;
using socketio::CorsOptions;
using socketio::CorsOrigin;
using socketio::Decide;
using socketio::EngineNext;
using socketio::EngineRequest;
using socketio::HttpRequest;
using socketio::Object;
using socketio::ServerOptions;
using socketio::Value;
using socketio::Verdict;

namespace {

std::vector<std::string> strings(const Value& value) {
  std::vector<std::string> all;
  if (const auto* list = value.get_if<socketio::Array>(); list != nullptr)
    for (const Value& item : *list) all.emplace_back(item.to_string());
  return all;
}

void allow(const HttpRequest& request, const Decide& decide) {
  const std::string_view how = request.query("allow");
  if (how == "throw") throw std::runtime_error("allow_request throws");
  if (how == "forget") return;
  if (how == "why") return decide(Verdict::refuse("Thou shan't pass"));
  if (how == "never") {
    static std::mutex mutex;
    static std::vector<Decide> kept;
    const std::lock_guard lock(mutex);
    kept.push_back(decide);
  } else if (how == "later") {
    std::thread([decide] { decide(true); }).detach();
  } else {
    decide(how != "no");
  }
}

std::string identify(const HttpRequest& request) {
  if (request.query("id") == "throw") throw std::runtime_error("generate_id throws");
  return std::string(request.query("id"));
}

CookieOptions cookie(const Value& value) {
  CookieOptions cookie;
  const auto* given = value.get_if<Object>();
  if (given == nullptr) return cookie;
  for (const auto& [name, v] : *given) {
    if (name == "name") cookie.name = v.to_string();
    if (name == "path") cookie.path = v.to_string();
    if (name == "http_only") cookie.http_only = v.to_bool();
    if (name == "secure") cookie.secure = v.to_bool();
    if (name == "same_site")
      cookie.same_site = v.to_string() == "strict" ? socketio::SameSite::strict
                         : v.to_string() == "none" ? socketio::SameSite::none
                         : v.to_string() == "lax"  ? socketio::SameSite::lax
                                                   : socketio::SameSite::unset;
    if (name == "max_age") cookie.max_age = std::chrono::seconds(v.to_integer());
  }
  return cookie;
}

// true, false, a string, a list, or {"suffix": "…"}: a predicate.
CorsOrigin origin(const Value& value) {
  if (const bool* reflect = value.get_if<bool>(); reflect != nullptr) return *reflect;
  if (const auto* list = value.get_if<socketio::Array>(); list != nullptr)
    return socketio::Origins(strings(value));
  if (value.get_if<Object>() != nullptr) {
    return [suffix = std::string(value["suffix"].to_string())](std::string_view o) {
      return o.ends_with(suffix);
    };
  }
  return std::string(value.to_string());
}

CorsOptions cors(const Value& value) {
  CorsOptions cors;
  const auto* given = value.get_if<Object>();
  if (given == nullptr) return cors;
  for (const auto& [name, v] : *given) {
    if (name == "origin") cors.origin = origin(v);
    if (name == "methods") cors.methods = strings(v);
    if (name == "allowed_headers") cors.allowed_headers = strings(v);
    if (name == "exposed_headers") cors.exposed_headers = strings(v);
    if (name == "credentials") cors.credentials = v.to_bool();
    if (name == "max_age") cors.max_age = std::chrono::seconds(v.to_integer());
    if (name == "preflight_continue") cors.preflight_continue = v.to_bool();
    if (name == "options_success_status")
      cors.options_success_status = static_cast<int>(v.to_integer());
  }
  return cors;
}

void step(const Value& script, const EngineRequest& request, const EngineNext& next) {
  const std::string_view unless = script["unless"].to_string();
  if (!unless.empty() && !request.query(unless).empty()) return next();
  if (const auto* headers = script["set"].get_if<Object>(); headers != nullptr)
    for (const auto& [name, value] : *headers) request.set_header(name, value.to_string());
  if (const auto* headers = script["add"].get_if<Object>(); headers != nullptr)
    for (const auto& [name, value] : *headers) request.add_header(name, value.to_string());
  if (script["throw"].to_bool()) throw std::runtime_error("middleware throws");
  if (script["fail"].to_bool()) return next.fail();
  if (const auto status = script["end"].to_integer(); status != 0)
    return next(socketio::HttpReply{static_cast<int>(status), {}, {}});
  if (script["later"].to_bool())
    std::thread([next] { next(); }).detach();
  else
    next();
}

socketio::Engine::HeadersHook header_hook(const Value& headers) {
  const auto count = std::make_shared<std::atomic<int>>(0);
  return [headers, count](AnswerHeaders& to, const HttpRequest&) {
    const std::string n = std::to_string(++*count);
    for (const auto& [name, value] : *headers.get_if<Object>())
      to.set(name, value.to_string() == "$n" ? std::string_view(n) : value.to_string());
  };
}

// Nobody finishes it. Whoever waits is freed with the program; a Pending of its own would keep it
// for ever.
socketio::Pending<void> never() {
  static std::mutex mutex;
  static std::vector<socketio::detail::Finisher<void>> kept;
  socketio::Pending<void> pending;
  const std::lock_guard lock(mutex);
  kept.emplace_back(pending.state());
  return pending;
}

void install(const Lab& lab) {
  ServerLog& log = lab.log;
  socketio::Engine engine = lab.io.engine();
  if (const auto* scripts = lab.given["middlewares"].get_if<socketio::Array>();
      scripts != nullptr) {
    std::int64_t index = 0;
    for (const Value& script : *scripts) {
      engine.use([&log, script, n = index++](const EngineRequest& request, const EngineNext& next) {
        log.add(Value::object(
            {{"middleware", n}, {"method", request.method()}, {"url", request.url()}}));
        step(script, request, next);
      });
    }
  }
  if (const Value& headers = lab.given["initial_headers"]; !headers.is_null())
    engine.on_initial_headers(header_hook(headers));
  if (const Value& headers = lab.given["headers"]; !headers.is_null())
    engine.on_headers(header_hook(headers));
  engine.on_connection_error([&log](const socketio::ConnectionError& error) {
    log.add(Value::object({{"connection_error", error.message},
                           {"code", error.code},
                           {"context", error.context},
                           {"url", error.request.url()}}));
  });
  lab.io.on_event("handshake", [](socketio::Socket socket, const std::string& name) {
    const socketio::Handshake handshake = socket.handshake();
    Value query = Object();
    for (const auto& [key, value] : handshake.query) query[key] = value;
    return Value::object({{"url", handshake.url},
                          {"query", query},
                          {"address", handshake.address},
                          {"header", handshake.header(name)}});
  });
  lab.io.on_event("burst",
                  [](socketio::Socket socket, int count, const std::string& text, bool close) {
                    for (int i = 0; i < count; ++i) socket.emit("m", i, text);
                    if (close) socket.disconnect(true);
                  });
  lab.io.http().get("/__clients", [io = &lab.io](const HttpRequest&) {
    return socketio::HttpReply::json(Value(io->engine().clients_count()));
  });
  // Routes that upgrade requests outside the path meet.
  lab.io.http().get("/taken", [](const HttpRequest&) {
    return socketio::HttpReply::text("use another protocol", 426);
  });
  lab.io.http().get("/slow", [](HttpRequest) -> socketio::Task<socketio::HttpReply> {
    static_cast<void>(co_await never());
    co_return socketio::HttpReply::text("");
  });
}

void nothing(ServerOptions&, const Value&) {}  // install() reads it

const LabTopic topic(
    {{"allow_request", [](ServerOptions& o, const Value&) { o.engine.allow_request = allow; }},
     {"generate_id", [](ServerOptions& o, const Value&) { o.engine.generate_id = identify; }},
     {"initial_packet", [](ServerOptions& o, const Value& v) { o.engine.initial_packet = v; }},
     {"cookie",
      [](ServerOptions& o, const Value& v) {
        if (v.get_if<Object>() != nullptr || v.to_bool()) o.engine.cookie = cookie(v);
      }},
     {"add_trailing_slash",
      [](ServerOptions& o, const Value& v) { o.engine.add_trailing_slash = v.to_bool(); }},
     {"destroy_upgrade",
      [](ServerOptions& o, const Value& v) { o.engine.destroy_upgrade = v.to_bool(); }},
     {"destroy_upgrade_timeout",
      [](ServerOptions& o, const Value& v) { o.engine.destroy_upgrade_timeout = lab_duration(v); }},
     {"decision_timeout",
      [](ServerOptions& o, const Value& v) { o.engine.decision_timeout = lab_duration(v); }},
     {"allowed_origins",
      [](ServerOptions& o, const Value& v) {
        o.engine.allowed_origins = socketio::Origins(strings(v));
      }},
     {"cors", [](ServerOptions& o, const Value& v) { o.cors = cors(v); }},
     {"middlewares", nothing},
     {"initial_headers", nothing},
     {"headers", nothing}},
    install);

}  // namespace
