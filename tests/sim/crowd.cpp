#include "sim/crowd.hpp"

#include <algorithm>
#include <iterator>

namespace socketio::sim {
namespace {

constexpr std::uint64_t kRooms = 4;

std::string room_name(std::uint64_t n) {
  return "room" + std::to_string(n);
}

}  // namespace

std::string content_of(std::uint64_t tag) {
  // Mostly small; some larger than a segment, a few larger than a window.
  const std::size_t size = tag % 97 == 0 ? 40'000 : tag % 13 == 0 ? 3'000 : tag % 29;
  return std::string(size, static_cast<char>('a' + tag % 26));
}

Crowd::Crowd(Stage& stage, Verdict& verdict, std::uint64_t seed)
    : stage_(stage), verdict_(verdict), random_(seed) {
  for (const char* name : {"/", "/a", "/b"}) {
    const Namespace nsp = stage.of(name);
    nsp.on_connection(
        [this, name = std::string(name)](const Socket& s) { on_connection(s, name); });
    nsp.on_event("m", [this](Socket s, std::int64_t number, Value data, Ack ack) {
      on_event(s, number, data, ack);
    });
    nsp.on_event("talk", [this](Socket s, std::uint64_t rounds) { return converse(s, rounds); });
    nsp.on_disconnect([this](const Socket& s, DisconnectReason reason) {
      on_disconnect(std::string(s.id()), reason);
    });
  }
  // Who wants into /b waits for a decision, which comes later, on another turn, or never.
  stage.of("/b").use([this](const Socket& s, const Next& next) { decide(s, next); });
}

void Crowd::decide(const Socket&, const Next& next) {
  if (random_.one_in(3)) return next();
  const bool refuse = random_.one_in(4);
  stage_.world.in(std::chrono::milliseconds(random_.below(3'000)), [this, next, refuse] {
    stage_.post([next, refuse](server::Shard&) {
      refuse ? next(ConnectError{"not today", Value::object({{"why", Value("because")}})}) : next();
      next();  // once is enough: this does nothing
    });
  });
}

void Crowd::on_disconnect(const std::string& sid, DisconnectReason reason) {
  SocketBook* gone = book(sid);
  if (gone == nullptr) return verdict_.fail("a socket disconnects that never connected");
  if (++gone->disconnects != gone->connects) verdict_.fail("a socket disconnects twice");
  std::erase(live_, sid);
  gone->away = stage_.options().connection_state_recovery && server::recoverable(reason);
  if (!gone->away) return gone->rooms.clear();
  for (Owed& owed : gone->owed) owed.may_miss |= owed.kind != Owed::Kind::event;
}

// A handler that waits for its client, several times, and answers at the end.
Task<std::uint64_t> Crowd::converse(Socket socket, std::uint64_t rounds) {
  std::uint64_t answered = 0;
  const SocketBook* asked = book(std::string(socket.id()));
  const int connection = asked == nullptr ? 0 : asked->connects;
  for (std::uint64_t i = 0; i < rounds; ++i) {
    SocketBook* with = book(std::string(socket.id()));
    if (with == nullptr || !with->live() || with->connects != connection) break;
    const std::uint64_t tag = ++tags_;
    const std::size_t waiter = wait();
    owe(*with, Owed::Kind::ask, tag);
    const Value data = payload(tag);
    const Pending<std::uint64_t> pending =
        socket.timeout(std::chrono::milliseconds(1 + random_.below(9'000)))
            .emit_with_ack<std::uint64_t>("q", tag, data);
    const Result<std::uint64_t> reply = co_await pending;
    ended(waiter);
    if (reply && *reply != tag) verdict_.fail("a coroutine got the answer to another question");
    if (reply) ++answered;
  }
  co_return answered;
}

SocketBook* Crowd::book(const std::string& sid) {
  const auto found = books_.find(sid);
  return found == books_.end() ? nullptr : &found->second;
}

void Crowd::on_connection(const Socket& socket, const std::string& nsp) {
  const std::string sid(socket.id());
  SocketBook& book = books_[sid];
  if (socket.recovered() != (book.connects > 0)) return verdict_.fail("a socket id comes twice");
  if (socket.recovered()) {
    if (!book.away || book.nsp != nsp) return verdict_.fail("a session that nobody has left");
    ++recovered_;
    const std::vector<std::string> rooms = socket.rooms();
    std::set<std::string> now(rooms.begin(), rooms.end());
    now.erase(sid);
    if (now != book.rooms) verdict_.fail("a session came back with other rooms");
  }
  ++book.connects;
  book.gap = socket.recovered();
  book.away = false;
  book.handle = socket;
  book.nsp = nsp;
  live_.push_back(sid);
}

void Crowd::on_event(const Socket& socket, std::int64_t number, const Value& payload,
                     const Ack& ack) {
  ++events_;
  SocketBook* from = book(std::string(socket.id()));
  if (from == nullptr) return verdict_.fail("an event before connection");
  if (from->gap && static_cast<std::uint64_t>(number) > from->next_in)
    from->next_in = static_cast<std::uint64_t>(number);
  from->gap = false;
  if (static_cast<std::uint64_t>(number) != from->next_in)
    return verdict_.fail("the server expected event " + std::to_string(from->next_in) +
                         " and got " + std::to_string(number));
  ++from->next_in;
  const auto tag = static_cast<std::uint64_t>(number);
  const Binary* binary = payload["deep"][1]["bytes"].get_if<Binary>();
  if (binary != nullptr && binary->view() != content_of(tag))
    verdict_.fail("an attachment arrived changed");
  if (binary == nullptr && payload["text"].to_string() != content_of(tag))
    verdict_.fail("a payload arrived changed");
  if (ack && !random_.one_in(8)) {
    if (ack(number)) owe(*from, Owed::Kind::ack, tag);
  }
  if (random_.one_in(4)) command(*from);
}

// -- Commands.

void Crowd::act() {
  if (live_.empty()) return;
  const std::string sid = live_[random_.below(live_.size())];
  // Through the mailbox like a program's other threads, or directly, like a program that embeds the
  // loop.
  if (random_.one_in(2)) return command(*book(sid));
  stage_.post([this, sid](server::Shard&) {
    if (SocketBook* alive = book(sid); alive->live()) command(*alive);
  });
}

Value Crowd::payload(std::uint64_t tag) {
  if (random_.one_in(3)) {
    return Value::object(
        {{"deep",
          Value::array({Value(1), Value::object({{"bytes", Value(Binary(content_of(tag)))}})})},
         {"more", Value(Binary(content_of(tag)))}});
  }
  return Value::object({{"text", Value(content_of(tag))}});
}

void Crowd::owe(SocketBook& book, Owed::Kind kind, std::uint64_t tag, bool may_miss) {
  book.owed.push_back({kind, tag, may_miss});
}

// Who is away misses nothing: it gets what it would have got, when it comes back.
bool Crowd::receives(const SocketBook& other, const SocketBook& from) const {
  return (other.live() || other.away) && other.nsp == from.nsp;
}

void Crowd::command(SocketBook& book) {
  const Socket& socket = book.handle;
  switch (random_.below(16)) {
    case 0:
    case 1:
    case 2:
    case 3: {
      const std::uint64_t tag = ++tags_;
      if (socket.emit("e", tag, payload(tag))) owe(book, Owed::Kind::event, tag);
      return;
    }
    case 4: {
      const std::uint64_t tag = ++tags_;
      if (socket.volatile_().emit("e", tag, payload(tag))) owe(book, Owed::Kind::event, tag, true);
      return;
    }
    case 5:
    case 6:
      return ask(book);
    case 7:
      return ask_many(book);
    case 8:
    case 9:
    case 10:
      return move(book);
    case 11:
    case 12:
    case 13:
    case 14:
      return broadcast(book);
    default:
      if (random_.one_in(10)) socket.disconnect(random_.one_in(2));
      if (random_.one_in(10)) burst(book);
  }
}

void Crowd::move(SocketBook& book) {
  const std::string room = room_name(random_.below(kRooms));
  if (random_.one_in(3)) {
    if (book.handle.leave(room)) book.rooms.erase(room);
  } else if (book.handle.join(room)) {
    book.rooms.insert(room);
  }
}

// More than one turn sends at once, and more than a small queue holds.
void Crowd::burst(SocketBook& book) {
  for (std::uint64_t left = random_.below(400); left > 0; --left) {
    const std::uint64_t tag = ++tags_;
    if (book.handle.emit("e", tag, payload(tag))) owe(book, Owed::Kind::event, tag);
  }
}

void Crowd::broadcast(SocketBook& book) {
  const std::string room = room_name(random_.below(kRooms));
  const std::string spared = room_name(random_.below(kRooms));
  const bool to_room = !random_.one_in(4);
  const bool spare = random_.one_in(3);
  const bool from_socket = random_.one_in(2);
  const bool is_volatile = random_.one_in(6);
  const std::uint64_t tag = ++tags_;
  // Owed before it is sent: sending may end a session whose queue is full, and with it change the
  // books.
  std::vector<SocketBook*> receivers;
  for (auto& [sid, other] : books_) {
    if (!receives(other, book) || (from_socket && &other == &book)) continue;
    if (is_volatile && other.away) continue;
    if (to_room && !other.rooms.contains(room)) continue;
    if (spare && other.rooms.contains(spared)) continue;
    receivers.push_back(&other);
  }
  const Namespace nsp = stage_.of(book.nsp);
  Broadcast target = from_socket ? book.handle.broadcast() : Broadcast(nsp.target_for_emit());
  if (to_room) target = target.to(room);
  if (spare) target = target.except(spared);
  if (is_volatile) target = target.volatile_();
  for (SocketBook* receiver : receivers) owe(*receiver, Owed::Kind::event, tag, is_volatile);
  target.emit("e", tag, payload(tag));
}

std::size_t Crowd::wait() {
  waiters_.emplace_back();
  return waiters_.size() - 1;
}

void Crowd::ended(std::size_t waiter) {
  if (++waiters_[waiter].ends != 1) verdict_.fail("an acknowledgement ended twice");
}

void Crowd::ask(SocketBook& book) {
  const std::uint64_t tag = ++tags_;
  const std::size_t waiter = wait();
  const auto done = [this, waiter, tag](Result<std::uint64_t> reply) {
    ended(waiter);
    if (reply && *reply != tag) verdict_.fail("an acknowledgement of another event");
  };
  const bool sent = random_.one_in(3)
                        ? book.handle.emit("q", tag, payload(tag), done)
                        : book.handle.timeout(std::chrono::milliseconds(1 + random_.below(20'000)))
                              .emit("q", tag, payload(tag), done);
  if (sent) owe(book, Owed::Kind::ask, tag);
}

void Crowd::ask_many(SocketBook& book) {
  const std::string room = room_name(random_.below(kRooms));
  const std::uint64_t tag = ++tags_;
  const std::size_t waiter = wait();
  std::vector<const SocketBook*> receivers;
  for (const std::string& sid : live_) {
    SocketBook& other = *this->book(sid);
    if (other.nsp != book.nsp || !other.rooms.contains(room)) continue;
    owe(other, Owed::Kind::ask, tag);
    receivers.push_back(&other);
  }
  const auto limit = std::chrono::milliseconds(1 + random_.below(20'000));
  stage_.of(book.nsp).to(room).timeout(limit).emit(
      "q", tag, payload(tag),
      [this, waiter, tag, receivers](std::error_code error, std::vector<std::uint64_t> replies) {
        ended(waiter);
        if (replies.size() > receivers.size())
          verdict_.fail("more acknowledgements than receivers");
        // Whose session had ended, or ended on this very packet, was never asked: the server says
        // so by the end of this turn, so we look in the next one.
        if (!error && replies.size() < receivers.size()) {
          const auto look = [this, receivers, got = replies.size()](server::Shard&) {
            const auto here =
                std::count_if(receivers.begin(), receivers.end(),
                              [](const SocketBook* b) { return b->connects == 1 && b->live(); });
            if (got < static_cast<std::size_t>(here))
              verdict_.fail("a broadcast's acknowledgements ended early");
          };
          stage_.post([this, look](server::Shard&) { stage_.post(look); });
        }
        for (const std::uint64_t reply : replies)
          if (reply != tag) verdict_.fail("an acknowledgement of another broadcast");
      });
}

// -- Checks.

void Crowd::arrived(const std::string& sid, Owed::Kind kind, std::uint64_t tag) {
  SocketBook* to = book(sid);
  if (to == nullptr) return verdict_.fail("a client hears of a socket the server does not know");
  while (!to->owed.empty() && to->owed.front().may_miss &&
         (to->owed.front().tag != tag || to->owed.front().kind != kind))
    to->owed.pop_front();
  if (to->owed.empty())
    return verdict_.fail("a client got " + std::to_string(tag) + ", which nobody sent it");
  const Owed next = to->owed.front();
  to->owed.pop_front();
  if (next.kind != kind || next.tag != tag)
    verdict_.fail("a client got " + std::to_string(tag) + " instead of " +
                  std::to_string(next.tag));
}

void Crowd::check_all_arrived(const std::string& sid, std::uint64_t sent, const std::string& who) {
  const SocketBook* of = book(sid);
  if (of == nullptr || !of->live())
    return verdict_.fail(who + " believes to be connected and is not");
  for (const Owed& owed : of->owed) {
    if (!owed.may_miss) return verdict_.fail(who + " never got " + std::to_string(owed.tag));
  }
  if (!of->gap && of->next_in != sent)
    verdict_.fail(who + " sent " + std::to_string(sent) + " events, " +
                  std::to_string(of->next_in) + " came");
}

void Crowd::check_end() {
  for (const auto& [sid, book] : books_) {
    if (book.disconnects != book.connects) verdict_.fail("a socket never disconnected");
  }
  for (const Waiter& waiter : waiters_) {
    if (waiter.ends != 1) verdict_.fail("an acknowledgement never ended");
  }
}

}  // namespace socketio::sim
