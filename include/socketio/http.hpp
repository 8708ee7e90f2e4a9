// Your own HTTP routes beside Socket.IO: enough for a page, an API and files; not a web framework.
//
//   io.http().get("/hello/:name", [](const HttpRequest& r) {
//     return HttpReply::text("hello " + std::string(r.param("name")));
//   });
//   io.http().serve("/", "public");
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <socketio/export.hpp>
#include <socketio/task.hpp>
#include <socketio/tls.hpp>
#include <socketio/value.hpp>

namespace socketio {

struct WebSocketRoute;

// A request, read whole (bodies up to max_http_buffer_size). Owns its data; copies share it.
class SOCKETIO_EXPORT HttpRequest {
 public:
  std::string_view method() const;
  std::string_view path() const;  // decoded and normalised
  std::string_view url() const;   // as sent
  std::string_view body() const;
  std::string_view address() const;  // the TCP peer
  bool secure() const;               // over TLS
  // What the client has shown (TlsOptions::client_certificates); null: nothing.
  const ClientCertificate* certificate() const;
  // Empty when absent.
  std::string_view header(std::string_view name) const;  // case-insensitive; the first
  std::string_view param(std::string_view name) const;   // of the route's pattern
  std::string_view query(std::string_view name) const;   // decoded; of several the last

  struct Content;
  explicit HttpRequest(std::shared_ptr<const Content> content) : content_(std::move(content)) {}

 private:
  std::shared_ptr<const Content> content_;
};

// The answer to a request.
struct SOCKETIO_EXPORT HttpReply {
  int status = 200;
  // Content-Length and Connection are added.
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;

  // Replies with a body and its Content-Type: text/plain and text/html (both in UTF-8), and
  // application/json.
  static HttpReply text(std::string body, int status = 200);
  static HttpReply html(std::string body, int status = 200);
  static HttpReply json(const Value& value, int status = 200);
  // 404 without a body.
  static HttpReply not_found();
  // Sends the client to another URL. Throws as set() does.
  static HttpReply redirect(std::string location, int status = 302);
  // Replaces a header. Throws std::invalid_argument when name or value could break out of the
  // header (CR, LF, controls).
  HttpReply& set(std::string_view name, std::string_view value);
};

// Routes are tried in the order of their registration, then folders, then the fallback. A pattern
// begins with "/" (else std::invalid_argument) and is made of literal segments, ":name" (any one
// segment), and at its end perhaps "*" (all the rest). GET routes answer HEAD as well. Register
// before run(), or on the loop's thread when there is only one: elsewhere it throws
// std::system_error (Errc::wrong_thread). Handlers run on the connection's thread.
class SOCKETIO_EXPORT HttpRoutes {
 public:
  // A handler as it is kept. Its request lives as long as the task.
  using Handler = std::function<Task<HttpReply>(const HttpRequest&)>;

  // f(HttpRequest) or f(const HttpRequest&) -> HttpReply, or -> Task<HttpReply>.
  template <class F>
  HttpRoutes& get(std::string pattern, F f) {
    return adapt("GET", std::move(pattern), std::move(f));
  }
  template <class F>
  HttpRoutes& post(std::string pattern, F f) {
    return adapt("POST", std::move(pattern), std::move(f));
  }
  template <class F>
  HttpRoutes& put(std::string pattern, F f) {
    return adapt("PUT", std::move(pattern), std::move(f));
  }
  template <class F>
  HttpRoutes& del(std::string pattern, F f) {
    return adapt("DELETE", std::move(pattern), std::move(f));
  }
  // Any method.
  template <class F>
  HttpRoutes& any(std::string pattern, F f) {
    return adapt("*", std::move(pattern), std::move(f));
  }
  // Files below `directory` for paths below `prefix` ("/" means index.html): ETag, 304, ranges,
  // content types; no dot files, no way out of the directory. `headers` go with every answer from
  // there, and replace those of the same name (Vary and Set-Cookie stand beside): a policy for your
  // page's security. Throws std::invalid_argument when the directory does not exist, and for a
  // header that is not valid or says how the body is sent; std::system_error where no file could be
  // opened, for want of openat2.
  HttpRoutes& serve(std::string prefix, std::string directory,
                    std::vector<std::pair<std::string, std::string>> headers = {});
  // A WebSocket that is yours (RFC 6455, no Socket.IO): see <socketio/websocket.hpp>. Requests for
  // an upgrade only; others for the same path go to the other routes and folders, or are answered
  // 426. Throws std::invalid_argument naming the member that is out of its range.
  HttpRoutes& websocket(std::string pattern, WebSocketRoute route);
  // Monitoring (Server::http() only). All three answer GET and HEAD, are never cached, and say
  // nothing about clients. Server::stats() as Prometheus text, made once a second however many
  // ask; from now on the loops' turns are timed. Requests for which `allow` is false (it runs on
  // the thread of the connection) get 403.
  HttpRoutes& metrics(std::string pattern = "/metrics",
                      std::function<bool(const HttpRequest&)> allow = nullptr);
  // 200: the process turns its loops.
  HttpRoutes& health(std::string pattern = "/healthz");
  // 200, or 503 since Server::close() or set_ready(false): send nobody here any more.
  HttpRoutes& ready(std::string pattern = "/readyz");
  // Instead of the empty 404, also for what is in no folder. (A path that routes know with other
  // methods only is 405.)
  template <class F>
  HttpRoutes& fallback(F f) {
    return adapt("", "", std::move(f));
  }

  HttpRoutes();
  ~HttpRoutes();
  HttpRoutes(const HttpRoutes&) = delete;
  HttpRoutes& operator=(const HttpRoutes&) = delete;
  struct Table;
  Table& table() { return *table_; }

 private:
  template <class F>
  HttpRoutes& adapt(std::string method, std::string pattern, F f) {
    using R = std::invoke_result_t<F&, HttpRequest>;
    if constexpr (std::is_same_v<R, Task<HttpReply>>) {
      return add(std::move(method), std::move(pattern), std::move(f), true);
    } else {
      auto shared = std::make_shared<std::function<HttpReply(HttpRequest)>>(std::move(f));
      const auto run = [shared](const HttpRequest& request) { return reply_now(shared, request); };
      return add(std::move(method), std::move(pattern), run, false);
    }
  }
  // Not a template: a coroutine's frame with a type of the user's source file makes g++ warn.
  static Task<HttpReply> reply_now(std::shared_ptr<std::function<HttpReply(HttpRequest)>> f,
                                   const HttpRequest& request) {
    co_return (*f)(request);
  }
  HttpRoutes& add(std::string method, std::string pattern, Handler handler, bool may_wait);

  std::unique_ptr<Table> table_;
};

}  // namespace socketio
