// What the conformance tests of the backends share: the list of backends, a sink that remembers the
// facts and lets a test act inside them, and raw loopback sockets as peers. A new backend adds one
// line to all_backends().
#pragma once

#include <cerrno>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/backend.hpp"
#include "net/listener.hpp"
#include "net/sys.hpp"

namespace socketio::net::testing {

struct BackendFactory {
  const char* name;
  std::unique_ptr<Backend> (*make)();
};

inline std::vector<BackendFactory> all_backends() {
  std::vector<BackendFactory> all = {{"epoll", &make_epoll_backend}};
  std::error_code error;
  if (make_uring_backend(error) != nullptr) {
    all.push_back({"io_uring", [] {
                     std::error_code why_not;
                     return make_uring_backend(why_not);
                   }});
  }
  return all;
}

inline std::string backend_name(const ::testing::TestParamInfo<BackendFactory>& info) {
  return info.param.name;
}

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
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd() { reset(); }
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }
  void reset() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

 private:
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
  void SetUp() override {
    std::error_code error;
    listener_ = Listener::open(*Address::parse("127.0.0.1", 0), 4096, error);
    ASSERT_FALSE(error) << error.message();
  }

  static base::Time in(std::chrono::milliseconds delay) { return base::after(system_now(), delay); }

  // Waits until the condition holds. `meanwhile` moves the other side along; with it the waits are
  // short, because its progress wakes nobody.
  bool until(const std::function<bool()>& condition, const std::function<void()>& meanwhile = {}) {
    const base::Time give_up = in(std::chrono::seconds(20));
    while (!condition()) {
      if (system_now() > give_up) return false;
      if (meanwhile) meanwhile();
      backend_->wait(meanwhile ? in(std::chrono::milliseconds(1)) : give_up, sink_);
    }
    return true;
  }
  // A few polls: for what must not happen.
  void settle() {
    for (int i = 0; i < 5; ++i) backend_->wait(base::Time::min(), sink_);
  }

  // A connected pair over TCP loopback; the first is the test's side, blocking.
  std::pair<Fd, Fd> tcp_pair(int send_buffer = 0) {
    Fd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    // Set before the handshake, where it bounds the window.
    if (send_buffer > 0) {
      ::setsockopt(client.get(), SOL_SOCKET, SO_RCVBUF, &send_buffer, sizeof send_buffer);
    }
    connect_to_listener(client.get());
    Fd server;
    while (server.get() < 0) server = Fd(::accept4(listener_.fd(), nullptr, nullptr, SOCK_CLOEXEC));
    if (send_buffer > 0) {
      ::setsockopt(server.get(), SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof send_buffer);
    }
    return {std::move(client), std::move(server)};
  }
  void connect_to_listener(int fd) {
    sockaddr_storage storage{};
    const unsigned length = listener_.address().to_sockaddr(&storage);
    ASSERT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&storage), length), 0);
  }
  // Adopted and receiving, with the test's side returned.
  std::pair<Fd, StreamId> stream(Owner owner, int send_buffer = 0) {
    auto [client, server] = tcp_pair(send_buffer);
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
  static void write_all(const Fd& fd, std::string_view text) {
    while (!text.empty()) {
      const ssize_t n = ::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL);
      ASSERT_GT(n, 0);
      text.remove_prefix(static_cast<std::size_t>(n));
    }
  }
  // Whatever there is, without waiting; sets `ended` at the end, clean or not.
  static std::string read_some(const Fd& fd, bool* ended = nullptr, std::size_t most = 65536) {
    std::string text(most, '\0');
    const ssize_t n = ::recv(fd.get(), text.data(), text.size(), MSG_DONTWAIT);
    if (ended != nullptr && (n == 0 || (n < 0 && errno != EAGAIN))) *ended = true;
    text.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    return text;
  }
  static void reset_connection(Fd& fd) {
    const linger now{1, 0};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    fd.reset();
  }
  Seen& seen(Owner owner) { return sink_.streams[owner]; }

  Listener listener_;
  std::unique_ptr<Backend> backend_ = GetParam().make();
  TestSink sink_;
};

}  // namespace socketio::net::testing
