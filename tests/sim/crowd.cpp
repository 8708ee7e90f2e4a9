#include "sim/crowd.hpp"

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
    nsp.on_disconnect([this](const Socket& s, DisconnectReason) {
      SocketBook* gone = book(std::string(s.id()));
      if (gone == nullptr) return verdict_.fail("a socket disconnects that never connected");
      if (++gone->disconnects != 1) verdict_.fail("a socket disconnects twice");
      gone->rooms.clear();
      std::erase(live_, std::string(s.id()));
    });
  }
}

SocketBook* Crowd::book(const std::string& sid) {
  const auto found = books_.find(sid);
  return found == books_.end() ? nullptr : &found->second;
}

void Crowd::on_connection(const Socket& socket, const std::string& nsp) {
  const std::string sid(socket.id());
  if (books_.contains(sid)) return verdict_.fail("a socket id comes twice");
  SocketBook& book = books_[sid];
  book.handle = socket;
  book.nsp = nsp;
  live_.push_back(sid);
}

void Crowd::on_event(const Socket& socket, std::int64_t number, const Value& payload,
                     const Ack& ack) {
  ++events_;
  SocketBook* from = book(std::string(socket.id()));
  if (from == nullptr) return verdict_.fail("an event before connection");
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
    if (SocketBook* alive = book(sid); alive->disconnects == 0) command(*alive);
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

void Crowd::owe(SocketBook& book, Owed::Kind kind, std::uint64_t tag, bool is_volatile) {
  book.owed.push_back({kind, tag, is_volatile});
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
  std::vector<std::string> receivers;
  for (const std::string& sid : live_) {
    const SocketBook& other = *this->book(sid);
    if (other.nsp != book.nsp || (from_socket && &other == &book)) continue;
    if (to_room && !other.rooms.contains(room)) continue;
    if (spare && other.rooms.contains(spared)) continue;
    receivers.push_back(sid);
  }
  const Namespace nsp = stage_.of(book.nsp);
  Broadcast target = from_socket ? book.handle.broadcast() : Broadcast(nsp.target_for_emit());
  if (to_room) target = target.to(room);
  if (spare) target = target.except(spared);
  if (is_volatile) target = target.volatile_();
  for (const std::string& sid : receivers)
    owe(*this->book(sid), Owed::Kind::event, tag, is_volatile);
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
  // A refused emit may tell the callback or only return false; see check_end().
  if (!sent && waiters_[waiter].ends == 0) waiters_[waiter].ends = 1;
}

void Crowd::ask_many(SocketBook& book) {
  const std::string room = room_name(random_.below(kRooms));
  const std::uint64_t tag = ++tags_;
  const std::size_t waiter = wait();
  std::size_t receivers = 0;
  for (const std::string& sid : live_) {
    SocketBook& other = *this->book(sid);
    if (other.nsp != book.nsp || !other.rooms.contains(room)) continue;
    owe(other, Owed::Kind::ask, tag);
    ++receivers;
  }
  const auto limit = std::chrono::milliseconds(1 + random_.below(20'000));
  stage_.of(book.nsp).to(room).timeout(limit).emit(
      "q", tag, payload(tag),
      [this, waiter, tag, receivers](std::error_code error, std::vector<std::uint64_t> replies) {
        ended(waiter);
        if (replies.size() > receivers) verdict_.fail("more acknowledgements than receivers");
        if (!error && replies.size() < receivers)
          verdict_.fail("a broadcast's acknowledgements ended early");
        for (const std::uint64_t reply : replies)
          if (reply != tag) verdict_.fail("an acknowledgement of another broadcast");
      });
}

// -- Checks.

void Crowd::arrived(const std::string& sid, Owed::Kind kind, std::uint64_t tag) {
  SocketBook* to = book(sid);
  if (to == nullptr) return verdict_.fail("a client hears of a socket the server does not know");
  while (!to->owed.empty() && to->owed.front().is_volatile &&
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
  if (of == nullptr || of->disconnects != 0)
    return verdict_.fail(who + " believes to be connected and is not");
  for (const Owed& owed : of->owed) {
    if (!owed.is_volatile) return verdict_.fail(who + " never got " + std::to_string(owed.tag));
  }
  if (of->next_in != sent)
    verdict_.fail(who + " sent " + std::to_string(sent) + " events, " +
                  std::to_string(of->next_in) + " came");
}

void Crowd::check_end() {
  for (const auto& [sid, book] : books_) {
    if (book.disconnects != 1) verdict_.fail("a socket never disconnected");
  }
  for (const Waiter& waiter : waiters_) {
    if (waiter.ends != 1) verdict_.fail("an acknowledgement never ended");
  }
}

}  // namespace socketio::sim
