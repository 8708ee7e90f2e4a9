// CORS (the Fetch standard): which pages of other origins a browser lets read our answers. It
// refuses nobody; for that there are EngineOptions::allowed_origins and allow_request.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <socketio/http.hpp>

namespace socketio {

// A set of origins, as browsers write them: "https://example.com", "http://localhost:8080", "null".
// Strings match exactly, byte by byte: never a part of an origin; one that no browser would send
// (with a path or a final slash, in upper case) makes the constructor of Server throw. A predicate
// may be called on every loop thread.
class Origins {
 public:
  using Predicate = std::function<bool(std::string_view origin)>;

  Origins() = default;  // none
  Origins(std::initializer_list<std::string_view> exact) : exact_(exact.begin(), exact.end()) {}
  explicit Origins(std::vector<std::string> exact) : exact_(std::move(exact)) {}
  template <class F>
  requires std::is_invocable_r_v<bool, F&, std::string_view> Origins(F predicate)
      : predicate_(std::move(predicate)) {}

  bool empty() const { return exact_.empty() && !predicate_; }
  const std::vector<std::string>& exact() const { return exact_; }
  bool contains(std::string_view origin) const {
    return predicate_ ? predicate_(origin)
                      : std::find(exact_.begin(), exact_.end(), origin) != exact_.end();
  }

 private:
  std::vector<std::string> exact_;
  Predicate predicate_;
};

// What Access-Control-Allow-Origin says. As the `cors` package of npm:
//
//   "*"                        "*"
//   "https://example.com"      this text, whoever asks
//   true                       whoever asks
//   {"https://a", "https://b"} whoever asks and is one of them; else the header is missing
//   [](std::string_view o) {…} whoever asks and is accepted
//   false                      no CORS
class CorsOrigin {
 public:
  enum class Kind : std::uint8_t { any, fixed, reflect, match, none };

  CorsOrigin() = default;  // "*"
  CorsOrigin(std::string text)
      : kind_(text == "*" ? Kind::any : Kind::fixed), text_(std::move(text)) {}
  CorsOrigin(const char* text) : CorsOrigin(std::string(text)) {}
  template <class T>
  requires std::is_same_v<T, bool> CorsOrigin(T reflect)
      : kind_(reflect ? Kind::reflect : Kind::none) {}
  CorsOrigin(std::initializer_list<std::string_view> exact) : CorsOrigin(Origins(exact)) {}
  CorsOrigin(Origins origins) : kind_(Kind::match), origins_(std::move(origins)) {}
  template <class F>
  requires std::is_invocable_r_v<bool, F&, std::string_view> CorsOrigin(F predicate)
      : CorsOrigin(Origins(std::move(predicate))) {}

  Kind kind() const { return kind_; }
  const std::string& text() const { return text_; }
  const Origins& origins() const { return origins_; }

 private:
  Kind kind_ = Kind::any;
  std::string text_;
  Origins origins_;
};

// Headers of answers below the path (polling, the browser client's files, the 101), and answers to
// preflights (OPTIONS). Defaults are those of the `cors` package. What would break out of a header
// makes the constructor of Server throw std::invalid_argument.
struct CorsOptions {
  CorsOrigin origin{};
  std::vector<std::string> methods{"GET", "HEAD", "PUT", "PATCH", "POST", "DELETE"};
  std::vector<std::string> allowed_headers{};  // empty: whatever the preflight asks for
  std::vector<std::string> exposed_headers{};
  // Cookies and authorisation of other origins. Browsers want a single origin with it, never "*".
  bool credentials = false;
  std::optional<std::chrono::seconds> max_age{};  // how long a browser may remember a preflight
  bool preflight_continue = false;                // Engine.IO answers OPTIONS, which it refuses
  int options_success_status = 204;
  // Changes a copy of these options for one request; called on the loop's thread. What it throws is
  // reported, and the request gets no CORS headers.
  detail::PlainFunction<void(const HttpRequest&, CorsOptions&)> for_request{};
};

}  // namespace socketio
