// Input that is with user code: whose it is, and until when.
#include "server/holding.hpp"

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "support/sio_client.hpp"

namespace socketio {
namespace {

using test::Client;
using test::World;

// What a function decides by is there until it has decided, though the client may have gone: many
// times what was sent. Where there is no room for it, it is not asked.
TEST(Holding, WhatIsBeingDecidedAboutIsInput) {
  std::string auth = R"({"a":[0)";
  while (auth.size() < 50'000) auth += ",0";
  auth += "]}";
  const std::size_t least = 10 * auth.size();
  ServerOptions options;
  options.max_input_bytes = 100 * auth.size();
  World world(options);
  std::vector<Allow> undecided;
  world.io.of(
      [&](std::string_view, const Value&, const Allow& allow) { undecided.push_back(allow); });
  world.io.on_event("a", [] { return true; });
  const auto input = [&] { return world.io.stats().input_bytes; };
  Client bystander(world);
  bystander.join();
  const std::uint64_t before = input();
  std::vector<std::unique_ptr<Client>> others;
  std::size_t refused = 0;
  for (int i = 0; i < 20; ++i) {
    Client& client = *others.emplace_back(std::make_unique<Client>(world));
    client.join();
    client.send("0/x," + auth);
    client.send(R"(21["a"])");
    std::string answer = client.next();
    if (answer == R"(4/x,{"message":"Too much auth"})") {
      ++refused;
      answer = client.next();
    }
    EXPECT_EQ(answer, "31[true]");
  }
  EXPECT_GT(refused, 0U);
  EXPECT_EQ(undecided.size(), others.size() - refused);
  EXPECT_GT(input(), undecided.size() * least);
  EXPECT_LE(input(), options.max_input_bytes);
  for (auto& client : others) client->cut();
  EXPECT_TRUE(world.until([&] { return world.io.stats().clients == 1; }));
  EXPECT_GT(input(), undecided.size() * least);
  bystander.send(R"(21["a"])");
  EXPECT_EQ(bystander.next(), "31[true]");
  undecided.clear();
  EXPECT_EQ(input(), before);
}

}  // namespace
}  // namespace socketio
