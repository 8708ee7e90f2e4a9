#include "net/address.hpp"

#include <cstring>

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace socketio::net {
namespace {

TEST(Address, ParsesWhatNodeAccepts) {
  EXPECT_EQ(Address::parse("127.0.0.1", 80)->to_string(), "127.0.0.1:80");
  EXPECT_EQ(Address::parse("localhost", 80)->host(), "127.0.0.1");
  EXPECT_EQ(Address::parse("0.0.0.0", 0)->to_string(), "0.0.0.0:0");
  EXPECT_EQ(Address::parse("::", 1)->to_string(), "[::]:1");
  EXPECT_EQ(Address::parse("[::1]", 65535)->to_string(), "[::1]:65535");
  EXPECT_EQ(Address::parse("::ffff:127.0.0.1", 1)->host(), "::ffff:127.0.0.1");
}

TEST(Address, RefusesTheRest) {
  for (const char* text : {"", "[]", "[127.0.0.1]", "1.2.3", "256.1.1.1", "01.2.3.4x",
                           "example.org", ":::", "::1]", "[::1", "127.0.0.1 "}) {
    EXPECT_FALSE(Address::parse(text, 1)) << text;
  }
  EXPECT_FALSE(Address::parse(std::string_view("127.0.0.1\0x", 11), 1));
}

TEST(Address, SurvivesTheWayThroughTheKernelsForm) {
  std::string abstract("\0name", 5);
  for (const Address& address :
       {*Address::parse("1.2.3.4", 5), *Address::parse("fe80::1", 6), Address::unix_path("/tmp/a"),
        Address::unix_path(std::string(107, 'x')), Address::unix_path(abstract)}) {
    sockaddr_storage storage{};
    const unsigned length = address.to_sockaddr(&storage);
    ASSERT_GT(length, 0u);
    EXPECT_EQ(Address::from_sockaddr(&storage, length), address);
  }
}

TEST(Address, WhatDoesNotFitHasNoKernelForm) {
  sockaddr_storage storage{};
  EXPECT_EQ(Address().to_sockaddr(&storage), 0u);
  EXPECT_EQ(Address::unix_path("").to_sockaddr(&storage), 0u);
  EXPECT_EQ(
      Address::unix_path(std::string(sizeof(sockaddr_un::sun_path), 'x')).to_sockaddr(&storage),
      0u);
  EXPECT_EQ(Address::from_sockaddr(&storage, 0).family(), Address::Family::none);
  storage.ss_family = AF_INET;
  EXPECT_EQ(Address::from_sockaddr(&storage, sizeof(sockaddr_in) - 1).family(),
            Address::Family::none);
  storage.ss_family = AF_UNIX;  // an unnamed peer
  EXPECT_EQ(Address::from_sockaddr(&storage, sizeof(sa_family_t)), Address::unix_path(""));
}

TEST(Address, PacksIntoFewBytes) {
  for (const char* text : {"127.0.0.1", "::1", "::ffff:10.0.0.1"}) {
    const Address address = *Address::parse(text, 80);
    EXPECT_EQ(Address::host_of(address.packed()), text);
  }
  EXPECT_EQ(Address::parse("127.0.0.1", 80)->packed().size(), 5u);
  EXPECT_EQ(Address::host_of(Address::unix_path("/tmp/x").packed()), "/tmp/x");
  EXPECT_EQ(Address::host_of(Address().packed()), "");
}

}  // namespace
}  // namespace socketio::net
