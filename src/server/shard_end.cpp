// How a shard ends: close() drains the connections, end() cuts it off from the others. Then what
// the dispatcher and the statistics ask of it.
#include <exception>
#include <memory>
#include <new>
#include <utility>

#include "server/admission.hpp"
#include "server/recovery.hpp"
#include "server/shard.hpp"

namespace socketio::server {

void Shard::close(std::function<void()> done) {
  on_closed_ = std::move(done);
  closing_ = true;
  for (std::uint32_t i = 0; i < accepting_; ++i) loop_.backend().accept_stop(i);
  listeners_.clear();
  loop_.timers().arm(shutdown_timer_, base::after(now(), settings_.options.close_timeout));
  try {
    core_.shut_down(now());
  } catch (const std::bad_alloc&) {  // then they end with their sessions
    out_of_memory();
  }
  dispatcher_.pump(now());
  sessions_.each([this](SessionId id, SessionRecord& record) {
    spare(id, [&] {
      record.session.discard(eio::CloseReason::forced_close, "", now());
      pump(record);
    });
  });
  connections_.each([this](ConnectionId id, Connection& c) { spare(id, [&] { dismiss(c); }); });
  finish_closing();
}

void Shard::dismiss(Connection& c) {
  if (c.http && c.http->exchange == Exchange::admission) {
    end_admission(c);
    respond(c, http::Response{503, {}, {}}, true);
  }
  if (c.plain) plain_websockets_.close(*c.plain->state, 1001, "server shutting down");
  if (c.shaking_hands() || (c.http && !c.http->machine.answering())) close_when_sent(c);
}

void Shard::finish_closing() {
  if (!closing_ || closed_ || connections_.size() > 0) return;
  if (offloaded_.load() > 0 && !past_close_timeout_) return;
  closed_ = true;
  loop_.timers().cancel(shutdown_timer_);
  loop_.timers().cancel(trim_timer_);
  std::exchange(on_closed_, nullptr)();
}

bool Shard::offload(std::function<void()> work, std::function<void()> done) {
  auto failure = std::make_shared<std::exception_ptr>();
  const bool queued = offload_.run(
      [work = std::move(work), failure] {
        try {
          work();
        } catch (...) {
          *failure = std::current_exception();
        }
      },
      [this, done = std::move(done), failure] {
        dispatcher_.guarded("offload", [&] {
          if (*failure) std::rethrow_exception(*failure);
          done();
        });
        offloaded_.fetch_sub(1);
        finish_closing();
      });
  if (queued) offloaded_.fetch_add(1);
  return queued;
}

// -- When memory runs out.

void Shard::out_of_memory() {
  log(base::LogLevel::error, base::LogKind::connection, "out of memory");
}

// What was fed to it and is not read lies in the backend's buffer, where the next client's bytes
// come.
void Shard::give_up(ConnectionId id) {
  out_of_memory();
  Connection* c = connections_.get(id);
  if (c == nullptr) return;
  c->waiting = Connection::Waiting::never;
  drop(*c);
}

// What is to be said of its end is said by the next flush().
void Shard::give_up(SessionRecord& record, const char* why) {
  record.session.discard(eio::CloseReason::transport_error, why, now());
}

void Shard::give_up(sio::ClientId client, const char* why) {
  if (SessionRecord* record = session_of(client); record != nullptr) give_up(*record, why);
}

void Shard::end(std::function<void()> done) {
  on_ended_ = std::move(done);
}

void Shard::finish_ending() {
  hub_->close(index_);
  // What came in before the door was shut still has its answers to get.
  loop_.mailbox().run();
  if (hub_->recovery != nullptr)
    dispatcher_.guarded("post", [this] { hub_->recovery->pull(*this); });
  dispatcher_.pump(now());
  loop_.stop();
  ended_ = true;  // last: from here on nobody's code runs on the loop
}

void Shard::tell_ended() {
  if (!ended_) return;
  std::exchange(on_ended_, nullptr)();
}

void Shard::add_stats(Stats& all) const {
  all.connections += hub_->connections[index_].load(std::memory_order_relaxed);
  all.rooms += core_.room_count();
  all.mailbox_jobs += loop_.mailbox().size();
  all.offload_jobs += offload_.size() + counters_.disk_jobs.get();
  counters_.add_to(all);
}

SessionRecord* Shard::session_of(sio::ClientId client) {
  return sessions_.get(SessionId::unpack(core_.owner(client)));
}

void Shard::handler_started(SessionRecord& record) {
  ++record.running;
}

void Shard::handler_ended(std::uint64_t session) {
  SessionRecord* record = sessions_.get(SessionId::unpack(session));
  if (record == nullptr || record->running == 0) return;
  --record->running;
  if (overloaded(*record)) return;
  for (const ConnectionId id : {record->websocket, record->probe}) {
    if (Connection* c = connections_.get(id); c != nullptr && c->paused)
      spare(id, [&] { revisit(*c); });
  }
  if (record->awaits_handlers) spare(SessionId::unpack(session), [&] { read_on(*record); });
  loop_.nudge();  // the embedding program may have ended the wait between two turns
}

}  // namespace socketio::server
