// Fairness: of what one client has sent, a turn works off so much; the rest waits here for the next
// turn, when all others have had theirs. So do answers to polls, which are long as one broadcast is
// and as many as there are clients.
#include <algorithm>
#include <new>
#include <utility>

#include "server/shard.hpp"

namespace socketio::server {
namespace {

constexpr std::size_t kKeptBacklog = 256;  // places; what a crowd has taken is given back
// An answer to a poll that waits for nothing: it costs about as much as the request did.
constexpr std::size_t kShortAnswer = 1024;
// Of the first in line, when there is no room for its answer: they are slow who have it all. Then
// it is answered, and if that is too much those who hold most are shed.
constexpr base::Duration kPatience = std::chrono::seconds(2);

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
    if (Connection* c = connections_.get(id);
        c != nullptr && c->waiting == Connection::Waiting::next)
      c->waiting = Connection::Waiting::now;
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
  if (!record.awaits_handlers) unread_later_.push_back(record.id());
}

// What has waited for handlers to end gets its turn.
void Shard::read_on(SessionRecord& record) {
  if (std::exchange(record.awaits_handlers, false)) unread_.push_back(record.id());
}

void Shard::go_on(SessionRecord& record) {
  const SessionId id = record.id();
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

// What is queued for many at once is counted once; the answers to their polls are copies of it. So
// one after the other, each as long as this turn has not answered much and the whole server has
// room for it.
bool Shard::must_wait(SessionRecord& record) {
  if (record.session.payload_bytes() <= kShortAnswer) {
    record.unlink();
    return false;
  }
  if (record.linked()) return true;
  if (waiting_polls_.empty() && !answers_spent() &&
      shedder_.has_room_for(record.session.payload_bytes()))
    return false;
  waiting_polls_.push_back(record);
  return true;
}

// At the end of a turn, whatever the turn has answered: one of them, when there is room. When there
// is none, whatever makes some is a fact of a turn that comes here again.
void Shard::answer_waiting_polls() {
  answers_until_ = std::max(answers_until_, answered());
  while (const SessionRecord* first = waiting_polls_.front()) {
    if (answers_spent()) return;
    if (!shedder_.has_room_for(first->session.payload_bytes())) {
      if (!poll_timer_.armed()) loop_.timers().arm(poll_timer_, base::after(now(), kPatience));
      return;
    }
    answer_first_in_line();
  }
  loop_.timers().cancel(poll_timer_);
}

void Shard::answer_first_in_line() {
  SessionRecord* record = waiting_polls_.pop_front();
  loop_.timers().cancel(poll_timer_);
  if (record == nullptr) return;
  const ConnectionId poll = record->poll;
  spare(record->id(), [&] {
    if (poll_is_due(*record)) answer_due(*record);
    pump(*record);
  });
  if (Connection* c = connections_.get(poll); c != nullptr && c->eof && !c->closing)
    spare(poll, [&] { input_ended(*c); });
}

}  // namespace socketio::server
