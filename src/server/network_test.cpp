#include "server/network.hpp"

#include <gtest/gtest.h>

namespace socketio::server {
namespace {

net::Address at(std::string_view host) {
  return net::Address::parse(host, 80).value();
}

TEST(Network, IsAnAddressOrHalfOfOne) {
  EXPECT_EQ(network_of(at("192.0.2.1")), network_of(std::string_view("192.0.2.1")));
  EXPECT_NE(network_of(at("192.0.2.1")), network_of(at("192.0.2.2")));
  EXPECT_EQ(network_of(at("::ffff:192.0.2.1")), network_of(at("192.0.2.1")));
  EXPECT_EQ(network_of(at("2001:db8:1:2::1")), network_of(at("2001:db8:1:2:ffff::9")));
  EXPECT_NE(network_of(at("2001:db8:1:2::1")), network_of(at("2001:db8:1:3::1")));
  EXPECT_EQ(network_of(net::Address::unix_path("/run/socket")), "");
  EXPECT_EQ(network_of(net::Address()), "");
  EXPECT_EQ(network_of(std::string_view("/run/socket")), "/run/socket");
}

TEST(Networks, HoldWhatTheirPrefixesSay) {
  const auto none = Networks::parse({});
  ASSERT_TRUE(none.has_value());
  EXPECT_FALSE(none->contains(at("127.0.0.1")));

  const auto some =
      Networks::parse({"10.0.0.0/8", "192.0.2.8/30", "198.51.100.7", "fd00::/9", "::1"});
  ASSERT_TRUE(some.has_value());
  for (const char* in : {"10.255.0.1", "192.0.2.8", "192.0.2.11", "198.51.100.7", "fd7f::1", "::1",
                         "::ffff:10.0.0.1"})
    EXPECT_TRUE(some->contains(at(in))) << in;
  for (const char* out : {"11.0.0.1", "192.0.2.7", "192.0.2.12", "198.51.100.6", "fd80::1", "::2"})
    EXPECT_FALSE(some->contains(at(out))) << out;
  EXPECT_FALSE(some->contains(net::Address::unix_path("/run/socket")));
  const auto local = Networks::parse({"unix"});
  ASSERT_TRUE(local.has_value());
  EXPECT_TRUE(local->contains(net::Address::unix_path("/run/socket")));
  EXPECT_FALSE(local->contains(at("127.0.0.1")));

  const auto everybody = Networks::parse({"0.0.0.0/0"});
  ASSERT_TRUE(everybody.has_value());
  EXPECT_TRUE(everybody->contains(at("203.0.113.9")));
  EXPECT_FALSE(everybody->contains(at("::1")));
}

TEST(Networks, RefuseWhatIsNone) {
  for (const char* wrong : {"", "x", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/8x", "10.0.0.0/-1",
                            "::1/129", "10.0.0/8", "example.com"})
    EXPECT_FALSE(Networks::parse({"127.0.0.1", wrong}).has_value()) << wrong;
}

TEST(Networks, TellWhoStandsBehindTheProxies) {
  const Networks proxies = Networks::parse({"10.0.0.0/8", "::1"}).value();
  const auto from = [&](std::string_view header) {
    const auto address = forwarded_for(header, proxies);
    return address ? address->host() : "";
  };
  EXPECT_EQ(from("203.0.113.9"), "203.0.113.9");
  EXPECT_EQ(from("192.0.2.1, 203.0.113.9"), "203.0.113.9");  // the first may be forged
  EXPECT_EQ(from("203.0.113.9, 10.1.2.3,\t::1 "), "203.0.113.9");
  EXPECT_EQ(from("203.0.113.9:4711"), "203.0.113.9");
  EXPECT_EQ(from("[2001:db8::7]:4711"), "2001:db8::7");
  EXPECT_EQ(from("2001:db8::7"), "2001:db8::7");
  for (const char* nobody : {"", ",", "10.1.2.3", "10.1.2.3, 10.9.9.9", "203.0.113.9, unknown",
                             "203.0.113.9,", "[203.0.113.9", "203.0.113.9 x"})
    EXPECT_EQ(from(nobody), "") << nobody;
  EXPECT_EQ(from(std::string(1000, ',')), "");
}

}  // namespace
}  // namespace socketio::server
