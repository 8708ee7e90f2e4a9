// What the conformance tests of the backends share: the place a backend lives in (sockets and clock
// of the kernel or of a simulated world), and a sink that remembers the facts and lets a test act
// inside them. The list of backends is in backend_test_places.hpp.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "net/backend.hpp"

namespace socketio::net::testing {

// Where a backend under test lives: its clock, its sockets, and the peers at the other end. The
// kernel, or a simulated world.
class Place {
 public:
  virtual ~Place() = default;
  virtual std::unique_ptr<Backend> make_backend() = 0;
  virtual base::Time now() const = 0;
  // What a poll loop does to let time pass.
  virtual base::Time soon() const = 0;

  // One listener.
  virtual int listener() const = 0;
  virtual Address address() const = 0;
  virtual void stop_listening() = 0;
  // A blocking connection to it (which the backend accepts later).
  virtual int dial() = 0;
  // A connected pair: the test's side, and the one to adopt. A small window is filled by less than
  // a megabyte.
  virtual std::pair<int, int> pair(bool small_window) = 0;
  virtual Address name(int fd) const = 0;
  // Bytes taken, without waiting; negative when there is no room.
  virtual std::int64_t write(int fd, std::string_view text) = 0;
  // Bytes read, without waiting: 0 at the end, -1 when there is nothing, -2 when it broke.
  virtual std::int64_t read(int fd, base::MutBytes out) = 0;
  virtual void end_writing(int fd) = 0;
  virtual void close(int fd) = 0;
  virtual void reset(int fd) = 0;
  virtual std::size_t open_descriptors() const = 0;
  // As dial(), but as long as the result lives no further descriptor can be had.
  virtual std::shared_ptr<void> dial_exhausted(int& client) = 0;
};

struct BackendFactory {
  const char* name;
  std::unique_ptr<Place> (*place)();
};

// Sends a text through a backend the way a driver does, and keeps account of what was taken.
class Push {
 public:
  Push(Backend& backend, StreamId id, std::string text)
      : backend_(backend), id_(id), text_(std::move(text)) {}
  // At most `piece` bytes at a time, in `parts` parts, until the backend wants us to wait.
  void push(std::size_t piece, std::size_t parts = 1) {
    while (!in_flight_ && taken_ < text_.size()) {
      const base::Bytes all = base::Bytes(text_).substr(taken_, piece);
      std::vector<base::Bytes> split;
      for (std::size_t i = 0; i < parts; ++i) {
        const std::size_t from = all.size() * i / parts;
        split.push_back(all.substr(from, all.size() * (i + 1) / parts - from));
      }
      const std::size_t n = backend_.send(id_, split);
      taken_ += n;
      in_flight_ = n < all.size();
    }
  }
  void sent(std::size_t n) {
    EXPECT_TRUE(in_flight_);
    in_flight_ = false;
    taken_ += n;
  }
  bool in_flight() const { return in_flight_; }
  bool done() const { return !in_flight_ && taken_ == text_.size(); }
  std::size_t taken() const { return taken_; }
  const std::string& text() const { return text_; }

 private:
  Backend& backend_;
  StreamId id_;
  std::string text_;
  std::size_t taken_ = 0;
  bool in_flight_ = false;
};

// A descriptor that a test owns.
class Fd {
 public:
  Fd() = default;
  Fd(Place& place, int fd) : place_(&place), fd_(fd) {}
  Fd(Fd&& other) noexcept
      : place_(std::exchange(other.place_, nullptr)), fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(place_, other.place_);
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd() { reset(); }
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }
  void reset() {
    if (fd_ >= 0) place_->close(fd_);
    fd_ = -1;
  }

 private:
  Place* place_ = nullptr;
  int fd_ = -1;
};

// Facts about one stream, in the order they came.
struct Seen {
  std::string received;
  std::size_t largest = 0;  // of the received pieces
  int receives = 0;
  int eofs = 0;
  int sents = 0;
  std::size_t sent = 0;  // the bytes that they reported
  int connects = 0;
  int closes = 0;
  int detached_fd = -1;
  std::error_code connect_error;
  std::error_code close_error;
};

class TestSink final : public Sink {
 public:
  struct Accepted {
    std::uint32_t listener;
    int fd;
    Address peer;
  };

  std::map<Owner, Seen> streams;
  std::vector<Accepted> accepted;
  int pauses = 0;
  std::error_code pause_reason;
  bool work = false;
  // Acts inside facts; all optional.
  std::function<void(StreamId, Owner, base::MutBytes)> received;
  std::function<void(StreamId, Owner, std::size_t)> sent;
  std::function<void(StreamId, Owner)> ended;
  std::function<void(StreamId, Owner)> connected;
  std::function<void(const Accepted&)> on_accept;
  std::function<void(StreamId, Owner)> closed;

  void on_accepted(std::uint32_t listener, int fd, const Address& peer) override {
    accepted.push_back({listener, fd, peer});
    if (on_accept) on_accept(accepted.back());
  }
  void on_accept_paused(std::uint32_t, std::error_code why) override {
    ++pauses;
    pause_reason = why;
  }
  void on_connected(StreamId id, Owner owner, std::error_code error) override {
    Seen& seen = alive(owner);
    ++seen.connects;
    seen.connect_error = error;
    if (connected) connected(id, owner);
  }
  void on_received(StreamId id, Owner owner, base::MutBytes bytes) override {
    Seen& seen = alive(owner);
    EXPECT_FALSE(bytes.empty());
    seen.received.append(bytes.data(), bytes.size());
    seen.largest = std::max(seen.largest, bytes.size());
    ++seen.receives;
    if (received) received(id, owner, bytes);
  }
  void on_eof(StreamId id, Owner owner) override {
    Seen& seen = alive(owner);
    ++seen.eofs;
    if (ended) ended(id, owner);
  }
  void on_sent(StreamId id, Owner owner, std::size_t n) override {
    Seen& seen = alive(owner);
    ++seen.sents;
    seen.sent += n;
    if (sent) sent(id, owner, n);
  }
  void on_detached(StreamId, Owner owner, int fd) override { alive(owner).detached_fd = fd; }
  void on_closed(StreamId id, Owner owner, std::error_code error) override {
    Seen& seen = alive(owner);
    ++seen.closes;
    seen.close_error = error;
    if (closed) closed(id, owner);
  }
  bool has_work() const override { return work; }

 private:
  // Every fact passes here: the last one about a stream must have been the last.
  Seen& alive(Owner owner) {
    Seen& seen = streams[owner];
    EXPECT_EQ(seen.closes, 0);
    EXPECT_EQ(seen.detached_fd, -1);
    return seen;
  }
};

class BackendTest : public ::testing::TestWithParam<BackendFactory> {
 protected:
  base::Time now() const { return place_->now(); }
  base::Time in(std::chrono::milliseconds delay) const { return base::after(now(), delay); }

  // Waits until the condition holds. `meanwhile` moves the other side along; with it the waits are
  // short, because its progress wakes nobody.
  bool until(const std::function<bool()>& condition, const std::function<void()>& meanwhile = {}) {
    const base::Time give_up = in(std::chrono::seconds(20));
    while (!condition()) {
      if (now() > give_up) return false;
      if (meanwhile) meanwhile();
      backend_->wait(meanwhile ? in(std::chrono::milliseconds(1)) : give_up, sink_);
    }
    return true;
  }
  // A few polls: for what must not happen.
  void settle() {
    for (int i = 0; i < 5; ++i) backend_->wait(place_->soon(), sink_);
  }
  // How often wait() comes back within a while in which nothing happens: a few times on a busy
  // machine, thousands of times when something keeps it awake.
  static constexpr int kAHandful = 20;
  int idle_wakes() {
    const base::Time end = in(std::chrono::milliseconds(50));
    int wakes = 0;
    for (; now() < end; ++wakes) backend_->wait(end, sink_);
    return wakes;
  }

  Fd own(int fd) { return {*place_, fd}; }
  Fd dial() { return own(place_->dial()); }
  std::shared_ptr<void> dial_exhausted(Fd& client) {
    int fd = -1;
    std::shared_ptr<void> limit = place_->dial_exhausted(fd);
    client = own(fd);
    return limit;
  }
  // A connected pair; the first is the test's side.
  std::pair<Fd, Fd> tcp_pair(bool small_window = false) {
    const auto [client, server] = place_->pair(small_window);
    return {own(client), own(server)};
  }
  // Adopted and receiving, with the test's side returned.
  std::pair<Fd, StreamId> stream(Owner owner, bool small_window = false) {
    auto [client, server] = tcp_pair(small_window);
    const StreamId id = backend_->adopt(server.release(), owner);
    backend_->recv_start(id);
    return {std::move(client), id};
  }

  static std::string pattern(std::size_t size) {
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i)
      text[i] = static_cast<char>('a' + i * 7 % 26 + i / 4096 % 5);
    return text;
  }
  std::size_t send(StreamId id, std::string_view text) {
    const base::Bytes part = text;
    return backend_->send(id, {&part, 1});
  }
  void write_all(const Fd& fd, std::string_view text) {
    ASSERT_EQ(place_->write(fd.get(), text), static_cast<std::int64_t>(text.size()));
  }
  // Whatever there is, without waiting; sets `ended` at the end, clean or not.
  std::string read_some(const Fd& fd, bool* ended = nullptr, std::size_t most = 65536) {
    std::string text(most, '\0');
    const std::int64_t n = place_->read(fd.get(), text);
    if (ended != nullptr && (n == 0 || n == -2)) *ended = true;
    text.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    return text;
  }
  void end_writing(const Fd& fd) { place_->end_writing(fd.get()); }
  void reset_connection(Fd& fd) { place_->reset(fd.release()); }
  Seen& seen(Owner owner) { return sink_.streams[owner]; }

  std::unique_ptr<Place> place_ = GetParam().place();
  std::unique_ptr<Backend> backend_ = place_->make_backend();
  TestSink sink_;
};

}  // namespace socketio::net::testing
