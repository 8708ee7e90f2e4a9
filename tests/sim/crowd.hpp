// The server's side of a scenario: handlers, random commands, and the book of what must arrive
// where.
#pragma once

#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "sim/client.hpp"
#include "sim/stage.hpp"

namespace socketio::sim {

// Both sides fail through here: the first failure is kept.
struct Verdict {
  std::string failure;
  void fail(const std::string& text) {
    if (failure.empty()) failure = text;
  }
};

// The book: what a socket is owed, in order.
struct Owed {
  enum class Kind : std::uint8_t { event, ask, ack };
  Kind kind;
  std::uint64_t tag;
  bool may_miss;  // volatile, or lost with a connection: only events are recovered
};
struct SocketBook {
  Socket handle;
  std::string nsp;
  std::deque<Owed> owed;
  std::set<std::string> rooms;
  std::uint64_t next_in = 0;  // the number the client's next event must have
  bool gap = false;           // … or a higher one: what was under way is lost with a connection
  int connects = 0;
  int disconnects = 0;
  bool away = false;  // may come back for its session

  bool live() const { return connects > disconnects; }
};

class Crowd {
 public:
  Crowd(Stage& stage, Verdict& verdict, std::uint64_t seed);

  // One random command of the server's program.
  void act();
  // The client heard this of its socket: must be the next thing owed.
  void arrived(const std::string& sid, Owed::Kind kind, std::uint64_t tag);
  SocketBook* book(const std::string& sid);
  void check_all_arrived(const std::string& sid, std::uint64_t sent, const std::string& who);
  void check_end();
  std::size_t connected() const { return live_.size(); }
  std::uint64_t emitted() const { return tags_; }
  std::uint64_t events() const { return events_; }
  std::uint64_t recovered() const { return recovered_; }
  std::uint64_t acks() const { return waiters_.size(); }

 private:
  struct Waiter {
    int ends = 0;
  };

  void on_connection(const Socket& socket, const std::string& nsp);
  void decide(const Socket& socket, const Next& next);
  Task<std::uint64_t> converse(Socket socket, std::uint64_t rounds);
  void on_event(const Socket& socket, std::int64_t number, const Value& payload, const Ack& ack);
  void command(SocketBook& book);
  void broadcast(SocketBook& book);
  void ask(SocketBook& book);
  void ask_many(SocketBook& book);
  void move(SocketBook& book);
  void burst(SocketBook& book);
  Value payload(std::uint64_t tag);
  void on_disconnect(const std::string& sid, DisconnectReason reason);
  bool receives(const SocketBook& other, const SocketBook& from) const;
  void owe(SocketBook& book, Owed::Kind kind, std::uint64_t tag, bool may_miss = false);
  std::size_t wait();
  void ended(std::size_t waiter);

  Stage& stage_;
  Verdict& verdict_;
  net::SeededRandom random_;
  std::map<std::string, SocketBook, std::less<>> books_;
  std::vector<std::string> live_;  // ids of connected sockets, in the order they came
  std::vector<Waiter> waiters_;
  std::uint64_t tags_ = 0;
  std::uint64_t events_ = 0;
  std::uint64_t recovered_ = 0;
};

// What every payload with this tag holds: checked where it arrives.
std::string content_of(std::uint64_t tag);

}  // namespace socketio::sim
