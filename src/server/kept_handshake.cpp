#include "server/kept_handshake.hpp"

#include <algorithm>
#include <utility>

#include "http/url.hpp"
#include "server/connection.hpp"

namespace socketio::server {

KeptHandshake::KeptHandshake(std::shared_ptr<const detail::Hub> hub, const sio::Socket& socket,
                             const SessionRecord* record)
    : hub_(std::move(hub)) {
  if (socket.auth != nullptr) auth_ = socket.auth->share();
  if (record == nullptr) return;
  head_ = record->head.copy();
  if (record->certificate) certificate_ = *record->certificate;
  issued_ms_ = record->issued_ms;
  secure_ = record->secure;
}

Handshake KeptHandshake::read() const {
  Handshake out;
  out.auth = auth_ != nullptr ? auth_->value() : Value(Object());
  const http::HeadCopy head = head_.open();
  for (const http::Header& header : head.headers()) {
    std::string name(header.name);
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    out.headers.emplace_back(std::move(name), header.value);
  }
  out.url = head.target();
  for (auto& [key, value] : http::parse_query(head.query()))
    out.query.insert_or_assign(std::move(key), std::move(value));
  out.address = net::Address::host_of(head_.note());
  out.issued = issued_ms_;
  out.secure = secure_;
  out.certificate = certificate_;
  out.xdomain = head.header("origin").has_value();
  return out;
}

}  // namespace socketio::server
