// Sessions whose packets somebody wants to know of: EngineSocket's side of the shard.
#include "server/engine_watch.hpp"
#include "server/shard.hpp"

namespace socketio::server {

EngineSocket Shard::engine_socket(const SessionRecord& record) const {
  return {hub_, index_, record.session.owner()};
}

SessionRecord* Shard::session(std::uint64_t id) {
  return sessions_.get(SessionId::unpack(id));
}

EngineWatch* Shard::watch(std::uint64_t id) {
  SessionRecord* record = session(id);
  if (record == nullptr || !record->session.open()) return nullptr;
  std::shared_ptr<EngineWatch>& watch = watches_[id];
  if (watch == nullptr) {
    watch = std::make_shared<EngineWatch>();
    record->session.watch();
    messages_aside_ = true;
  }
  return watch.get();
}

// Shared: the session may go while they run.
std::shared_ptr<EngineWatch> Shard::watch_of(const SessionRecord& record) const {
  const auto it = watches_.find(record.session.owner());
  return it == watches_.end() ? nullptr : it->second;
}

template <class List, class... Args>
void Shard::tell(const List& list, const Args&... args) {
  each_hook(list, [&](const auto& run) { dispatcher_.guarded("engine", [&] { run(args...); }); });
}

void Shard::tell_connection(const SessionRecord& record) {
  each_hook(hub_->engine.connection, [&](const auto& hook) {
    dispatcher_.guarded("connection", [&] { hook(engine_socket(record)); });
  });
}

// False: the session does not want it any more.
bool Shard::tell_message(const SessionRecord& record, const eio::Event& event) {
  const std::shared_ptr<EngineWatch> watch = watch_of(record);
  if (watch == nullptr) return true;
  const std::uint64_t id = record.session.owner();
  tell(watch->packet,
       EnginePacket{EnginePacket::Type::message, base::as_bytes(event.payload), event.binary});
  const SessionRecord* still = session(id);
  return still != nullptr && still->session.open();
}

void Shard::tell_closed(const SessionRecord& record, const eio::Event& event) {
  const std::shared_ptr<EngineWatch> watch = watch_of(record);
  if (watch == nullptr) return;
  watch->sent.clear();
  tell(watch->close, eio::text(event.reason), event.detail);
}

// The WebSocket has something new to send: the session is to hear when it has left.
void Shard::expect_flush(const SessionRecord& record) {
  Connection* c = connections_.get(record.websocket);
  if (c == nullptr || !c->ws) return;
  c->unflushed = true;
  mark_dirty(*c);
}

void Shard::tell_notes(SessionRecord& record) {
  const std::shared_ptr<EngineWatch> watch = watch_of(record);
  for (const eio::Note& note : record.session.take_notes()) {
    const EnginePacket packet{static_cast<EnginePacket::Type>(note.type), note.data, note.binary};
    switch (note.kind) {
      case eio::Note::Kind::received:
        tell(watch->packet, packet);
        break;
      case eio::Note::Kind::created:
        tell(watch->created, packet);
        break;
      case eio::Note::Kind::flushing:
        expect_flush(record);
        tell(watch->flush, static_cast<std::size_t>(note.count));
        break;
      case eio::Note::Kind::drained:
        while (!watch->sent.empty() && watch->sent.front().first <= note.count) {
          const std::function<void()> sent = std::move(watch->sent.front().second);
          watch->sent.pop_front();
          dispatcher_.guarded("engine", sent);
        }
        tell(watch->drain);
        break;
      case eio::Note::Kind::upgrading:
        tell(watch->upgrading);
        break;
    }
  }
}

void Shard::tell_upgraded(const SessionRecord& record) {
  if (const auto& hook = hub_->hooks.admin.upgraded)
    dispatcher_.guarded("upgrade", [&] { hook(*this, record); });
  const std::shared_ptr<EngineWatch> watch = watch_of(record);
  if (watch == nullptr) return;
  expect_flush(record);
  tell(watch->upgrade);
}

}  // namespace socketio::server
