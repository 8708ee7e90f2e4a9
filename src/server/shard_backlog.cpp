// Fairness: of what one client has sent, a turn works off so much; the rest waits here for the next
// turn, when all others have had theirs.
#include <algorithm>
#include <new>
#include <utility>

#include "server/shard.hpp"

namespace socketio::server {
namespace {

constexpr std::size_t kKeptBacklog = 256;  // places; what a crowd has taken is given back

}  // namespace

// Input that waits goes on first; what it causes leaves with the rest.
void Shard::work_off_backlog() {
  const std::size_t waiting = backlog_.size();
  // Timers and posted jobs have their effect before what was kept is read.
  if (waiting > 0 || !unread_.empty()) dispatcher_.pump(now());
  for (std::size_t i = 0; i < waiting; ++i) {
    Connection* c = connections_.get(backlog_[i]);
    if (c == nullptr || c->waiting != Connection::Waiting::now) continue;  // it has had its turn
    c->waiting = Connection::Waiting::no;
    spare(c->self, [&] { turn(*c); });
  }
  backlog_.erase(backlog_.begin(), backlog_.begin() + static_cast<std::ptrdiff_t>(waiting));
  for (const SessionId id : std::exchange(unread_, {})) {
    if (SessionRecord* record = sessions_.get(id); record != nullptr)
      spare(id, [&] { go_on(*record); });
  }
}

void Shard::add_spent(Connection& c, int events) {
  if (c.spent == 0) spent_.push_back(c.self);
  c.spent =
      static_cast<std::uint8_t>(std::min<int>(kSpent, c.spent + events / spent_unit_)) & kSpent;
}

// What has had its turn comes first in the next.
void Shard::end_backlog() {
  for (const ConnectionId id : spent_) {
    if (Connection* c = connections_.get(id); c != nullptr) c->spent = 0;
  }
  spent_.clear();
  for (const ConnectionId id : later_) {
    if (Connection* c = connections_.get(id); c != nullptr) c->waiting = Connection::Waiting::now;
  }
  try {
    backlog_.insert(backlog_.end(), later_.begin(), later_.end());
  } catch (const std::bad_alloc&) {
    out_of_memory();
    for (const ConnectionId id : later_) {
      if (Connection* c = connections_.get(id)) drop(*c);
    }
  }
  later_.clear();
  read_on_disk();
  // Usually there is none yet of the next turn.
  for (const SessionId id : unread_later_) spare(id, [&] { unread_.push_back(id); });
  unread_later_.clear();
  for (auto* list : {&backlog_, &later_}) {
    if (list->empty() && list->capacity() > kKeptBacklog) list->shrink_to_fit();
  }
}

// What is left of a POST waits for the next turn, in memory of its own: the connection may go. When
// there is none the session ends.
void Shard::put_off(SessionRecord& record, ConnectionId post) {
  base::InBuffer rest;
  try {
    rest.append(record.session.unread(), ledger_);
    line_up(record);
  } catch (...) {
    give_up(record);
    throw;
  }
  record.session.moved_body(rest.view());
  record.body = std::move(rest);
  record.post = post;
  record.unread = true;
}

// For the next turn, or until handlers end.
void Shard::line_up(SessionRecord& record) {
  record.awaits_handlers = overloaded(record);
  if (!record.awaits_handlers) unread_later_.push_back(SessionId::unpack(record.session.owner()));
}

// What has waited for handlers to end gets its turn.
void Shard::read_on(SessionRecord& record) {
  if (std::exchange(record.awaits_handlers, false))
    unread_.push_back(SessionId::unpack(record.session.owner()));
}

void Shard::go_on(SessionRecord& record) {
  const SessionId id = SessionId::unpack(record.session.owner());
  // Packet middlewares may have let events through meanwhile, whose handlers run.
  if (!record.session.reading_body() || !overloaded(record)) work_off(record);
  SessionRecord* still = sessions_.get(id);
  if (still == nullptr) return;
  if (still->session.reading_body()) return line_up(*still);
  finish_post(*still);
  if (!std::exchange(still->poll_lost, false)) return;
  still->session.on_poll_aborted(now());
  pump(*still);
}

void Shard::finish_post(SessionRecord& record) {
  record.unread = false;
  record.body.clear();
  Connection* c = connections_.get(std::exchange(record.post, ConnectionId{}));
  if (c == nullptr || !c->http || c->http->exchange != Exchange::post) return;
  c->http->exchange = Exchange::none;
  c->http->session = {};
  // Nobody is left who knew of an answer that could not be made: the connection goes.
  spare(c->self, [&] {
    answer_post(*c);
    revisit(*c);  // a pipelined request may wait behind this one
  });
}

}  // namespace socketio::server
