// EngineSocket: a thin handle over a session and who listens to it.
#include <socketio/server.hpp>

#include "http/url.hpp"
#include "server/engine_watch.hpp"
#include "server/shard.hpp"

namespace socketio {
namespace {

server::SessionRecord* find(const std::shared_ptr<detail::Hub>& hub, std::uint32_t shard,
                            std::uint64_t session) {
  server::Shard* here = hub == nullptr ? nullptr : hub->enter(shard);
  return here == nullptr ? nullptr : here->session(session);
}

template <class Listener>
bool listen(const std::shared_ptr<detail::Hub>& hub, std::uint32_t shard, std::uint64_t session,
            std::deque<Listener> server::EngineWatch::*list, Listener listener) {
  server::Shard* here = hub == nullptr ? nullptr : hub->here(shard);
  server::EngineWatch* watch = here == nullptr ? nullptr : here->watch(session);
  if (watch == nullptr) return false;
  (watch->*list).push_back(std::move(listener));
  return true;
}

}  // namespace

std::string EngineSocket::id() const {
  const server::SessionRecord* record = find(hub_, shard_, session_);
  return record == nullptr ? std::string() : std::string(record->session.id());
}

std::string_view EngineSocket::transport() const {
  const server::SessionRecord* record = find(hub_, shard_, session_);
  if (record == nullptr) return {};
  return record->session.transport() == eio::Transport::polling ? "polling" : "websocket";
}

bool EngineSocket::upgraded() const {
  const server::SessionRecord* record = find(hub_, shard_, session_);
  return record != nullptr && record->session.transport() == eio::Transport::websocket &&
         http::query_value(record->head.open().query(), "transport").value != "websocket";
}

HttpRequest EngineSocket::request() const {
  auto content = std::make_shared<HttpRequest::Content>();
  if (const server::SessionRecord* record = find(hub_, shard_, session_); record != nullptr) {
    const http::HeadCopy head = record->head.open();
    content->method = head.method();
    content->url = head.target();
    content->path = http::normalise_path(head.path()).value_or(std::string());
    for (const http::Header& header : head.headers())
      content->headers.emplace_back(header.name, header.value);
    content->query = http::parse_query(head.query());
    content->address = net::Address::host_of(record->head.note());
    content->secure = record->secure;
    if (record->certificate)
      content->certificate = std::make_unique<ClientCertificate>(*record->certificate);
  }
  return HttpRequest(std::move(content));
}

int EngineSocket::protocol() const {
  const server::SessionRecord* record = find(hub_, shard_, session_);
  return record == nullptr ? 0 : record->session.v3() ? 3 : 4;
}

bool EngineSocket::open() const {
  const server::SessionRecord* record = find(hub_, shard_, session_);
  return record != nullptr && record->session.open();
}

std::string EngineSocket::remote_address() const {
  const server::SessionRecord* record = find(hub_, shard_, session_);
  return record == nullptr ? std::string() : net::Address::host_of(record->head.note());
}

std::size_t EngineSocket::queued_bytes() const {
  const server::SessionRecord* record = find(hub_, shard_, session_);
  return record == nullptr ? 0 : record->session.queued_bytes();
}

namespace {
template <class Send>
bool send_message(const std::shared_ptr<detail::Hub>& hub, std::uint32_t shard,
                  std::uint64_t session, Send send, std::function<void()> sent) {
  server::SessionRecord* record = find(hub, shard, session);
  if (record == nullptr) return false;
  server::EngineWatch* watch = sent ? hub->here(shard)->watch(session) : nullptr;
  if (!send(record->session)) return false;
  if (watch != nullptr)
    watch->sent.emplace_back(record->session.packets_created(), std::move(sent));
  return true;
}
}  // namespace

bool EngineSocket::send(std::string_view text, std::function<void()> sent, bool compress) const {
  return send_message(
      hub_, shard_, session_,
      [&](eio::Session& session) { return session.send_text(text, {}, compress); },
      std::move(sent));
}

bool EngineSocket::send(const Binary& bytes, std::function<void()> sent, bool compress) const {
  return send_message(
      hub_, shard_, session_,
      [&](eio::Session& session) { return session.send_binary(bytes.view(), compress); },
      std::move(sent));
}

bool EngineSocket::close(bool discard) const {
  server::SessionRecord* record = find(hub_, shard_, session_);
  if (record == nullptr || !record->session.open()) return false;
  const base::Time now = hub_->here(shard_)->now();
  discard ? record->session.discard(eio::CloseReason::forced_close, {}, now)
          : record->session.close(eio::CloseReason::forced_close, {}, now);
  return true;
}

bool EngineSocket::on_packet(std::function<void(const EnginePacket&)> listener) const {
  return listen(hub_, shard_, session_, &server::EngineWatch::packet, std::move(listener));
}
bool EngineSocket::on_message(std::function<void(const EnginePacket&)> listener) const {
  return on_packet([listener = std::move(listener)](const EnginePacket& packet) {
    if (packet.type == EnginePacket::Type::message) listener(packet);
  });
}
bool EngineSocket::on_heartbeat(std::function<void()> listener) const {
  const auto sign = protocol() == 3 ? EnginePacket::Type::ping : EnginePacket::Type::pong;
  return on_packet([listener = std::move(listener), sign](const EnginePacket& packet) {
    if (packet.type == sign) listener();
  });
}
bool EngineSocket::on_packet_create(std::function<void(const EnginePacket&)> listener) const {
  return listen(hub_, shard_, session_, &server::EngineWatch::created, std::move(listener));
}
bool EngineSocket::on_flush(std::function<void(std::size_t)> listener) const {
  return listen(hub_, shard_, session_, &server::EngineWatch::flush, std::move(listener));
}
bool EngineSocket::on_drain(std::function<void()> listener) const {
  return listen(hub_, shard_, session_, &server::EngineWatch::drain, std::move(listener));
}
bool EngineSocket::on_upgrading(std::function<void()> listener) const {
  return listen(hub_, shard_, session_, &server::EngineWatch::upgrading, std::move(listener));
}
bool EngineSocket::on_upgrade(std::function<void()> listener) const {
  return listen(hub_, shard_, session_, &server::EngineWatch::upgrade, std::move(listener));
}
bool EngineSocket::on_close(
    std::function<void(std::string_view, std::string_view)> listener) const {
  return listen(hub_, shard_, session_, &server::EngineWatch::close, std::move(listener));
}

}  // namespace socketio
