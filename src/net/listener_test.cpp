#include "net/listener.hpp"

#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace socketio::net {
namespace {

bool can_connect(const Address& to) {
  sockaddr_storage storage{};
  const unsigned length = to.to_sockaddr(&storage);
  const int fd = ::socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool connected = ::connect(fd, reinterpret_cast<sockaddr*>(&storage), length) == 0;
  ::close(fd);
  return connected;
}

Listener open(const Address& address) {
  std::error_code error;
  Listener listener = Listener::open(address, 16, error);
  EXPECT_EQ(static_cast<bool>(listener), !error) << error.message();
  return listener;
}

std::error_code error_of(const Address& address) {
  std::error_code error;
  EXPECT_FALSE(Listener::open(address, 16, error));
  return error;
}

class UnixListener : public ::testing::Test {
 protected:
  void TearDown() override { ::unlink(path_.c_str()); }
  bool file_exists() const { return ::access(path_.c_str(), F_OK) == 0; }
  // What a server leaves that was killed.
  void leave_stale_socket() const {
    sockaddr_storage storage{};
    const unsigned length = address_.to_sockaddr(&storage);
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&storage), length), 0);
    ::close(fd);
  }
  const std::string path_ =
      ::testing::TempDir() + "socketio-listener-" + std::to_string(::getpid());
  const Address address_ = Address::unix_path(path_);
};

TEST(Listener, PicksAPort) {
  for (const char* host : {"127.0.0.1", "::1"}) {
    const Listener listener = open(*Address::parse(host, 0));
    EXPECT_NE(listener.address().port(), 0);
    EXPECT_EQ(listener.address().host(), host);
    EXPECT_TRUE(can_connect(listener.address()));
  }
}

TEST(Listener, TheV6WildcardTakesV4Too) {
  const Listener listener = open(*Address::parse("::", 0));
  EXPECT_TRUE(can_connect(*Address::parse("127.0.0.1", listener.address().port())));
  EXPECT_TRUE(can_connect(*Address::parse("::1", listener.address().port())));
}

TEST(Listener, ReportsWhyItCannot) {
  const Listener first = open(*Address::parse("127.0.0.1", 0));
  EXPECT_EQ(error_of(first.address()), std::errc::address_in_use);
  EXPECT_EQ(error_of(*Address::parse("203.0.113.1", 0)), std::errc::address_not_available);
  EXPECT_EQ(error_of(Address()), std::errc::invalid_argument);
  EXPECT_EQ(error_of(Address::unix_path(std::string(200, 'x'))), std::errc::filename_too_long);
  EXPECT_EQ(error_of(Address::unix_path("/nonexistent/socket")),
            std::errc::no_such_file_or_directory);
}

TEST(Listener, MovesAndAdopts) {
  Listener first = open(*Address::parse("127.0.0.1", 0));
  const Address address = first.address();
  Listener second = std::move(first);
  EXPECT_FALSE(first);  // NOLINT: moved-from is empty by contract
  const Listener third = Listener::adopt(::dup(second.fd()));
  second = Listener();
  EXPECT_EQ(third.address(), address);
  EXPECT_TRUE(can_connect(address));
}

TEST_F(UnixListener, RemovesTheFileItMade) {
  {
    Listener listener = open(address_);
    EXPECT_EQ(listener.address(), address_);
    EXPECT_TRUE(can_connect(address_));
    const Listener moved = std::move(listener);
    EXPECT_TRUE(file_exists());
  }
  EXPECT_FALSE(file_exists());
}

TEST_F(UnixListener, ReplacesAStaleSocket) {
  leave_stale_socket();
  const Listener listener = open(address_);
  EXPECT_TRUE(can_connect(address_));
}

TEST_F(UnixListener, RefusesToReplaceALiveOneOrAFile) {
  {
    const Listener live = open(address_);
    EXPECT_EQ(error_of(address_), std::errc::address_in_use);
    EXPECT_TRUE(can_connect(address_));
  }
  std::ofstream(path_) << "precious";
  EXPECT_EQ(error_of(address_), std::errc::address_in_use);
  EXPECT_TRUE(file_exists());
}

TEST_F(UnixListener, LeavesASuccessorsFileAlone) {
  {
    const Listener first = open(address_);
    ASSERT_EQ(::rename(path_.c_str(), (path_ + ".old").c_str()), 0);
    leave_stale_socket();
  }
  EXPECT_TRUE(file_exists());
  ::unlink((path_ + ".old").c_str());
}

}  // namespace
}  // namespace socketio::net
