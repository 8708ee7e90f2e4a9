#include "eio/gateway.hpp"

#include <algorithm>

#include "http/url.hpp"

namespace socketio::eio {
namespace {

Decision refuse(ErrorCode code, base::Bytes name = {}) {
  return {.reject = {code, message(code), name}};
}

// Node's rule for header values: TAB, and anything from SP up but DEL.
bool valid_origin(base::Bytes value) {
  return std::all_of(value.begin(), value.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte == '\t' || (byte >= 0x20 && byte != 0x7F);
  });
}

// What the query says; of several values with one name the last counts, as in JS.
class Asked {
 public:
  Asked(base::Bytes query, const Options& options) {
    http::QueryReader reader(query);
    std::string room;
    while (reader.next()) {
      const base::Bytes key = reader.key();
      if (key == "EIO") {
        v4_ = reader.value(room) == "4";
      } else if (key == "transport") {
        transport_ = transport_of(reader.value(room), options);
      } else if (key == "sid") {
        sid_ = reader.value(decoded_sid_);
      } else if (key == "b64") {
        base64_ = !reader.value(room).empty();
      } else if (key == "j") {
        jsonp_ = true;
      }
    }
  }
  Asked(const Asked&) = delete;
  Asked& operator=(const Asked&) = delete;

  // None: not one of those we serve.
  std::optional<Transport> transport() const { return transport_; }
  base::Bytes sid() const { return sid_; }
  bool v3() const { return !v4_; }
  Dialect dialect(const Options& options) const {
    if (!options.allow_v3) return {};
    return {
        .v3 = v3(), .base64 = v3() && base64_, .jsonp = transport_ == Transport::polling && jsonp_};
  }

 private:
  static std::optional<Transport> transport_of(base::Bytes text, const Options& options) {
    if (text == "polling" && options.polling) return Transport::polling;
    if (text == "websocket" && options.websocket) return Transport::websocket;
    return std::nullopt;
  }

  std::optional<Transport> transport_;
  base::Bytes sid_{};
  std::string decoded_sid_;
  bool v4_ = false;
  bool base64_ = false;
  bool jsonp_ = false;
};

Decision decide_existing(const http::Request& request, bool upgrade, const Asked& asked,
                         const Options& options, const SessionTable& table) {
  const Transport transport = *asked.transport();
  const auto facts = asked.sid().size() > kMaxSid ? std::nullopt : table.find(asked.sid());
  if (!facts) return refuse(ErrorCode::unknown_sid);
  const Transport expected = upgrade ? Transport::websocket : facts->transport;
  if (transport != expected) return refuse(ErrorCode::bad_request, "TRANSPORT_MISMATCH");
  if (asked.v3() != facts->v3) return refuse(ErrorCode::bad_request, "PROTOCOL_MISMATCH");

  Decision decision{.transport = transport, .session = facts->session};
  if (upgrade) {
    decision.kind = Decision::Kind::upgrade;
    decision.dialect = asked.dialect(options);
  } else if (transport == Transport::websocket) {
    // A plain request that names an upgraded session's transport: nobody there can answer it.
    return refuse(ErrorCode::bad_request, "TRANSPORT_HANDSHAKE_ERROR");
  } else if (request.method == "GET") {
    decision.kind = Decision::Kind::poll;
  } else if (request.method == "POST") {
    decision.kind = Decision::Kind::post;
  } else {
    decision.kind = Decision::Kind::method_not_allowed;
  }
  return decision;
}

void append_json(std::string& out, base::Bytes text) {
  constexpr char kHex[] = "0123456789abcdef";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20) {
      out += "\\u00";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
  }
}

}  // namespace

base::Bytes message(ErrorCode code) {
  switch (code) {
    case ErrorCode::unknown_transport:
      return "Transport unknown";
    case ErrorCode::unknown_sid:
      return "Session ID unknown";
    case ErrorCode::bad_handshake_method:
      return "Bad handshake method";
    case ErrorCode::bad_request:
      return "Bad request";
    case ErrorCode::forbidden:
      return "Forbidden";
    case ErrorCode::unsupported_protocol:
      break;
  }
  return "Unsupported protocol version";
}

http::Response reject_response(const Reject& reject, bool upgrade) {
  const base::Bytes text = reject.message.empty() ? message(reject.code) : reject.message;
  http::Response response;
  if (upgrade) {
    response.status = 400;
    response.set("Content-type", "text/html");
    response.body = text;
    return response;
  }
  response.status = reject.code == ErrorCode::forbidden ? 403 : 400;
  response.set("Content-Type", "application/json");
  response.body = "{\"code\":";
  response.body += std::to_string(static_cast<int>(reject.code));
  response.body += ",\"message\":\"";
  append_json(response.body, text);
  response.body += "\"}";
  return response;
}

Decision decide(const http::Request& request, bool websocket_upgrade, const Options& options,
                const SessionTable& table) {
  const Asked asked(request.query, options);
  if (!asked.transport()) return refuse(ErrorCode::unknown_transport);
  for (const http::Header& header : request.headers) {
    if (http::iequals(header.name, "origin") && !valid_origin(header.value))
      return refuse(ErrorCode::bad_request, "INVALID_ORIGIN");
  }

  // Without the websocket transport nobody listens to upgrades: the rest is a plain request.
  const bool upgrade = websocket_upgrade && options.websocket;
  if (!asked.sid().empty()) return decide_existing(request, upgrade, asked, options, table);

  if (request.method != "GET") return refuse(ErrorCode::bad_handshake_method);
  if (upgrade != (*asked.transport() == Transport::websocket))
    return refuse(ErrorCode::bad_request, "TRANSPORT_HANDSHAKE_ERROR");
  return {.kind = Decision::Kind::open,
          .transport = *asked.transport(),
          .dialect = asked.dialect(options),
          .protocol_ok = options.allow_v3 || !asked.v3()};
}

bool asks_for_websocket(const http::Request& request) {
  return request.upgrade && http::list_contains(request.header("upgrade"), "websocket");
}

bool under_path(base::Bytes path, base::Bytes prefix) {
  return path.starts_with(prefix) &&
         (prefix.ends_with('/') || path.size() == prefix.size() || path[prefix.size()] == '/');
}

}  // namespace socketio::eio
