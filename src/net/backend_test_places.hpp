// The backends under conformance test, and the places they live in. A new backend adds one line to
// all_backends(), and one to kernel_backends() when it runs on the kernel's sockets.
#pragma once

#include <cerrno>
#include <filesystem>

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/backend_test_harness.hpp"
#include "net/listener.hpp"
#include "net/sim_backend.hpp"
#include "net/sys.hpp"

namespace socketio::net::testing {

class KernelPlace final : public Place {
 public:
  explicit KernelPlace(std::unique_ptr<Backend> (*make)()) : make_(make) {
    std::error_code error;
    listener_ = Listener::open(*Address::parse("127.0.0.1", 0), 4096, error);
    EXPECT_FALSE(error) << error.message();
  }

  std::unique_ptr<Backend> make_backend() override { return make_(); }
  base::Time now() const override { return system_now(); }
  base::Time soon() const override { return base::Time::min(); }  // loopback needs no time
  int listener() const override { return listener_.fd(); }
  Address address() const override { return listener_.address(); }
  void stop_listening() override { listener_ = Listener(); }
  int dial() override {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    connect_to_listener(fd);
    return fd;
  }
  std::pair<int, int> pair(bool small_window) override {
    const int client = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int size = 4096;
    // Set before the handshake, where it bounds the window.
    if (small_window) ::setsockopt(client, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    connect_to_listener(client);
    int server = -1;
    while (server < 0) server = ::accept4(listener_.fd(), nullptr, nullptr, SOCK_CLOEXEC);
    if (small_window) ::setsockopt(server, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    return {client, server};
  }
  Address name(int fd) const override {
    sockaddr_storage storage{};
    socklen_t length = sizeof storage;
    EXPECT_EQ(::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &length), 0);
    return Address::from_sockaddr(&storage, length);
  }
  std::int64_t write(int fd, std::string_view text) override {
    return ::send(fd, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  }
  std::int64_t read(int fd, base::MutBytes out) override {
    const ssize_t n = ::recv(fd, out.data(), out.size(), MSG_DONTWAIT);
    return n >= 0 ? n : errno == EAGAIN ? -1 : -2;
  }
  void end_writing(int fd) override { ::shutdown(fd, SHUT_WR); }
  void close(int fd) override { ::close(fd); }
  void reset(int fd) override {
    const linger now{1, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    ::close(fd);
  }
  std::size_t open_descriptors() const override {
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
  }
  std::shared_ptr<void> dial_exhausted(int& client) override {
    client = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    rlimit before{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    rlimit lowered = before;
    const int lowest_free = ::dup(0);
    ::close(lowest_free);
    lowered.rlim_cur = static_cast<rlim_t>(lowest_free);
    EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &lowered), 0);
    connect_to_listener(client);
    return {nullptr, [before](void*) { ::setrlimit(RLIMIT_NOFILE, &before); }};
  }

 private:
  void connect_to_listener(int fd) {
    sockaddr_storage storage{};
    const unsigned length = listener_.address().to_sockaddr(&storage);
    EXPECT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&storage), length), 0);
  }

  std::unique_ptr<Backend> (*make_)();
  Listener listener_;
};

class SimPlace final : public Place {
 public:
  std::unique_ptr<Backend> make_backend() override { return make_sim_backend(world_); }
  base::Time now() const override { return world_.now(); }
  base::Time soon() const override { return base::after(now(), std::chrono::milliseconds(1)); }
  int listener() const override { return listener_; }
  Address address() const override { return address_; }
  void stop_listening() override { world_.close(listener_); }
  int dial() override {
    const int fd = world_.connect(address_, {});
    while (world_.connecting(fd)) world_.step();
    return fd;
  }
  std::pair<int, int> pair(bool small_window) override {
    SimLink link;
    if (small_window) link.window = 4096;
    return world_.pair(link);
  }
  Address name(int fd) const override { return world_.address(fd); }
  std::int64_t write(int fd, std::string_view text) override { return world_.send(fd, text); }
  std::int64_t read(int fd, base::MutBytes out) override {
    const std::int64_t n = world_.recv(fd, out);
    return n >= 0 ? n : n == -EAGAIN ? -1 : -2;
  }
  void end_writing(int fd) override { world_.shutdown_write(fd); }
  void close(int fd) override { world_.close(fd); }
  void reset(int fd) override { world_.reset(fd); }
  std::size_t open_descriptors() const override { return world_.open_sockets(); }
  std::shared_ptr<void> dial_exhausted(int& client) override {
    world_.fail_accepts(EMFILE, base::kNever);
    client = dial();
    return {nullptr, [this](void*) { world_.fail_accepts(0, now()); }};
  }

 private:
  SimWorld world_{1};
  Address address_ = *Address::parse("10.0.0.99", 80);
  int listener_ = world_.listen(address_);
};

template <std::unique_ptr<Backend> (*kMake)()>
std::unique_ptr<Place> kernel_place() {
  return std::make_unique<KernelPlace>(kMake);
}
inline std::unique_ptr<Place> sim_place() {
  return std::make_unique<SimPlace>();
}

inline std::unique_ptr<Backend> make_epoll() {
  return make_epoll_backend();
}
inline std::unique_ptr<Backend> make_uring_or_null() {
  std::error_code why_not;
  return make_uring_backend(why_not);
}

// What needs threads, Unix sockets or socket options is asked of these only: the simulator has
// none.
inline std::vector<BackendFactory> kernel_backends() {
  std::vector<BackendFactory> all = {{"epoll", &kernel_place<&make_epoll>}};
  // Probed once: the end of a ring interrupts its thread's next system call.
  static const bool has_uring = make_uring_or_null() != nullptr;
  if (has_uring) all.push_back({"io_uring", &kernel_place<&make_uring_or_null>});
  return all;
}
inline std::vector<BackendFactory> all_backends() {
  std::vector<BackendFactory> all = kernel_backends();
  all.push_back({"simulator", &sim_place});
  return all;
}

inline std::string backend_name(const ::testing::TestParamInfo<BackendFactory>& info) {
  return info.param.name;
}

}  // namespace socketio::net::testing
