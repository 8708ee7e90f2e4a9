// Who may connect, and what Engine.IO's answers carry: ServerOptions::engine and Server::engine().
//
//   options.engine.allow_request = [](const HttpRequest& r) { return r.query("token") == "…"; };
//   io.engine().use([](EngineRequest request, EngineNext next) {
//     request.set_header("X-Served-By", "node-7");
//     next();
//   });
#pragma once

#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <socketio/cors.hpp>
#include <socketio/engine_socket.hpp>
#include <socketio/export.hpp>
#include <socketio/http.hpp>
#include <socketio/task.hpp>
#include <socketio/value.hpp>

namespace socketio {

namespace detail {
struct Hub;
}
class Server;

// Takes an answer, once, now or later, from any thread; further answers do nothing. When the last
// copy is destroyed without an answer, that counts as fail().
template <class T>
class Reply {
 public:
  using Go = std::function<void(std::optional<T>, std::exception_ptr)>;
  explicit Reply(Go go) : once_(std::make_shared<Once>(std::move(go))) {}

  void operator()(T value) const { (*once_)(std::move(value), nullptr); }
  // Of a middleware: on with the next one.
  void operator()() const requires std::is_same_v<T, std::optional<HttpReply>> {
    (*once_)(T{}, nullptr);
  }
  // No answer can be given; an error is reported to on_error.
  void fail(std::exception_ptr error = nullptr) const { (*once_)(std::nullopt, std::move(error)); }

 private:
  struct Once : detail::FirstCall<Go> {
    using detail::FirstCall<Go>::FirstCall;
    Once(const Once&) = delete;
    Once& operator=(const Once&) = delete;
    ~Once() {
      try {
        (*this)(std::nullopt, nullptr);
      } catch (...) {  // out of memory: the request's time-out ends it
      }
    }
  };
  std::shared_ptr<Once> once_;
};

// A function of the user's that answers with a T about a Request: f(Request) -> T,
// f(Request) -> Task<T>, or f(Request, Reply<T>). Called on the loop's thread of the connection, on
// several at once when there are several.
template <class Request, class T>
class Question {
 public:
  Question() = default;
  template <class F>
  requires(std::is_invocable_v<F&, Request, Reply<T>> || std::is_invocable_v<F&, Request>)
      Question(F f)
      : ask_(adapt(std::move(f))) {}

  explicit operator bool() const { return static_cast<bool>(ask_); }
  void operator()(const Request& request, const Reply<T>& reply) const { ask_(request, reply); }

 private:
  using Ask = std::function<void(const Request&, const Reply<T>&)>;

  template <class F>
  static Ask adapt(F f) {
    if constexpr (std::is_invocable_v<F&, Request, Reply<T>>) {
      static_assert(!detail::ReturnsTask<F, Request, Reply<T>>,
                    "a coroutine that answers takes the request only, and returns the answer: with "
                    "a Reply it would never run");
      return [f = std::move(f)](const Request& request, const Reply<T>& reply) mutable {
        f(request, reply);
      };
    } else {
      return [f = std::make_shared<F>(std::move(f))](
                 const Request& request, const Reply<T>& reply) { answer(f, request, reply); };
    }
  }
  template <class F>
  static void answer(const std::shared_ptr<F>& f, const Request& request, const Reply<T>& reply) {
    using R = std::invoke_result_t<F&, Request>;
    if constexpr (std::is_void_v<R>) {
      (*f)(request);
      reply();
    } else if constexpr (requires { typename R::promise_type; }) {
      using U = typename R::value_type;
      // Both live as long as the coroutine.
      const auto kept = std::make_shared<Request>(request);
      detail::detach<U>((*f)(*kept), [reply](const U& value) { reply(T(value)); },
                        [reply, kept, f](std::exception_ptr error) {
                          if (error) reply.fail(std::move(error));
                        });
    } else {
      reply(T((*f)(request)));
    }
  }

  Ask ask_;
};

// What allow_request answers: true, false, or Verdict::refuse() with the text for the client.
struct Verdict {
  Verdict(bool yes) : allowed(yes) {}
  static Verdict refuse(std::string why) {
    Verdict verdict(false);
    verdict.reason = std::move(why);
    return verdict;
  }
  bool allowed;
  std::string reason{};  // empty: "Forbidden"
};
using Decide = Reply<Verdict>;

// Headers that an answer gets besides its own. Connection, Content-Length, Content-Type,
// Transfer-Encoding, Upgrade and Sec-WebSocket-* are the server's: setting one throws
// std::invalid_argument, as does what would break out of its line.
class SOCKETIO_EXPORT AnswerHeaders {
 public:
  using List = std::vector<std::pair<std::string, std::string>>;
  AnswerHeaders& set(std::string_view name, std::string_view value);  // replaces
  AnswerHeaders& add(std::string_view name, std::string_view value);  // one more line: Set-Cookie
  std::string_view get(std::string_view name) const;  // the first; empty when absent
  bool contains(std::string_view name) const;
  const List& list() const { return list_; }

 private:
  List list_;
};

// A request as middlewares see it: its body has not been read, its answer not been made.
class SOCKETIO_EXPORT EngineRequest : public HttpRequest {
 public:
  // Headers of the answer, whatever it will be: a poll's, an error's, the 101. Until next() was
  // called; from then on they do nothing. Any thread.
  const EngineRequest& set_header(std::string_view name, std::string_view value) const;
  const EngineRequest& add_header(std::string_view name, std::string_view value) const;

  struct Answer;
  EngineRequest(HttpRequest request, std::shared_ptr<Answer> answer)
      : HttpRequest(std::move(request)), answer_(std::move(answer)) {}

 private:
  std::shared_ptr<Answer> answer_;
};

// next() goes on; next(HttpReply) is the answer and the end of it; next.fail() refuses: 400,
// code 3.
using EngineNext = Reply<std::optional<HttpReply>>;
using EngineMiddleware = Question<EngineRequest, std::optional<HttpReply>>;

enum class SameSite : std::uint8_t { lax, strict, none, unset };

// The cookie that the answer to a polling handshake sets: its value is the session's id. For
// load balancers that keep a client with its server; it proves nothing about who the client is.
struct CookieOptions {
  std::string name = "io";
  std::string path = "/";  // empty: left out
  bool http_only = true;
  SameSite same_site = SameSite::lax;
  std::optional<std::chrono::seconds> max_age{};
  std::optional<std::chrono::system_clock::time_point> expires{};
  std::string domain{};
  bool secure = false;
  bool partitioned = false;
  std::string priority{};  // "Low", "Medium", "High"
};

// Who may connect, and what the handshake's answer carries. A value out of its range makes the
// constructor of Server throw std::invalid_argument, which names the option.
struct EngineOptions {
  // Asked about every handshake, before there is a session. When it says no, the client gets 403
  // (400 for a WebSocket) and the reason. An exception is reported and means no.
  Question<HttpRequest, Verdict> allow_request{};
  // Makes the ids of sessions: 1 to 64 of A-Z a-z 0-9 . _ ~ - that are not in use. They must not be
  // guessable: whoever knows one is the client. Anything else, and what it throws, refuses the
  // handshake: code 3.
  Question<HttpRequest, std::string> generate_id{};
  // A message (string or Binary) that every client gets with its handshake.
  Value initial_packet{};
  // Not set: no cookie.
  std::optional<CookieOptions> cookie{};
  // False: "/socket.io" without the final slash is ours too.
  bool add_trailing_slash = true;
  // An upgrade outside the path that no route takes is answered 404 and its connection closed; one
  // that a route has not answered in this time is cut. False: they are requests like all others.
  bool destroy_upgrade = true;
  std::chrono::milliseconds destroy_upgrade_timeout{1'000};
  // When not empty: a request below the path whose Origin is none of these is refused like one that
  // allow_request refuses, WebSocket upgrades included (browsers do not apply CORS to those). Your
  // own pages' origin belongs into it. Requests without Origin do not come from a page of another
  // origin.
  Origins allowed_origins{};
  // How long all answers about one request may take together: middlewares, allow_request and
  // generate_id. What comes later counts as a no.
  std::chrono::milliseconds decision_timeout{10'000};
};

// An Engine.IO request that was refused: Engine::on_connection_error.
struct ConnectionError {
  HttpRequest request;
  int code = 0;  // 0 transport unknown, 1 session unknown, 2 method, 3 bad request, 4 forbidden, 5
                 // protocol
  std::string message;  // what the code says: "Forbidden"
  Value context;        // {"name": "TRANSPORT_MISMATCH", …}: engine.io's. Of a forbidden one
                        // {"message": …}, the words of allow_request
};

// The Engine.IO level of a server. A reference that is valid as long as its server. Register before
// run(), or on the loop's thread when there is only one: std::system_error (Errc::wrong_thread)
// elsewhere.
class SOCKETIO_EXPORT Engine {
 public:
  using HeadersHook = std::function<void(AnswerHeaders&, const HttpRequest&)>;

  // Before everything else, for every request below the path (uploads by their head, upgrades too;
  // not the browser client's files), in order: f(EngineRequest, EngineNext),
  // f(EngineRequest) -> void or std::optional<HttpReply>, or that as a coroutine. What it throws
  // refuses the request: 400, code 3.
  template <class F>
  Engine& use(F middleware) {
    return add_middleware(EngineMiddleware(std::move(middleware)));
  }
  // Headers of the first answer of a session; of every answer to an accepted request (polls,
  // uploads, the 101).
  Engine& on_initial_headers(HeadersHook hook);
  Engine& on_headers(HeadersHook hook);
  // Called for every request that is refused.
  Engine& on_connection_error(std::function<void(const ConnectionError&)> hook);
  // f(EngineSocket) for every session that opens, on its thread, before its first answer leaves.
  Engine& on_connection(std::function<void(EngineSocket)> hook);
  // Coroutines would never run.
  template <detail::ReturnsTask<AnswerHeaders&, const HttpRequest&> F>
  Engine& on_initial_headers(F coroutine) = delete;
  template <detail::ReturnsTask<AnswerHeaders&, const HttpRequest&> F>
  Engine& on_headers(F coroutine) = delete;
  template <detail::ReturnsTask<const ConnectionError&> F>
  Engine& on_connection_error(F coroutine) = delete;
  template <detail::ReturnsTask<EngineSocket> F>
  Engine& on_connection(F coroutine) = delete;
  // Sessions, on all threads. Any thread.
  std::size_t clients_count() const;

  Engine(std::shared_ptr<detail::Hub> hub, const Server& server)
      : hub_(std::move(hub)), server_(&server) {}

 private:
  Engine& add_middleware(EngineMiddleware middleware);
  std::shared_ptr<detail::Hub> hub_;
  const Server* server_;
};

}  // namespace socketio
