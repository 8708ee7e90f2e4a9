// What an idle connection costs, counted where OpenSSL asks for memory.
#include <cstdlib>
#include <cstring>

#include <gtest/gtest.h>
#include <openssl/crypto.h>

#include "support/tls_pair.hpp"

namespace {

std::int64_t elsewhere = 0;
std::int64_t* owner = &elsewhere;  // who pays for what is allocated now

struct alignas(16) Header {
  std::int64_t* owner;
  std::int64_t size;
};

void* take(std::size_t size, const char*, int) {
  const std::size_t rounded = (size + sizeof(Header) + 15) / 16 * 16;
  void* memory = std::aligned_alloc(16, rounded);
  if (memory == nullptr) return nullptr;
  const auto whole = static_cast<std::int64_t>(rounded);  // a heap's own header is as big as ours
  *owner += whole;
  return new (memory) Header{owner, whole} + 1;
}

void give(void* memory, const char*, int) {
  if (memory == nullptr) return;
  Header* header = static_cast<Header*>(memory) - 1;
  *header->owner -= header->size;
  std::free(header);
}

void* change(void* memory, std::size_t size, const char* file, int line) {
  void* other = size == 0 ? nullptr : take(size, file, line);
  if (memory != nullptr && other != nullptr) {
    const Header* header = static_cast<Header*>(memory) - 1;
    const auto had = static_cast<std::size_t>(header->size) - sizeof(Header);
    std::memcpy(other, memory, std::min(size, had));
  }
  if (memory != nullptr && (other != nullptr || size == 0)) give(memory, file, line);
  return other;
}

// Before OpenSSL has allocated anything.
const bool counted = CRYPTO_set_mem_functions(take, change, give) == 1;

class Paying {
 public:
  explicit Paying(std::int64_t& by) { owner = &by; }
  ~Paying() { owner = &elsewhere; }
};

}  // namespace

namespace socketio::tls {
namespace {

using testing::End;
using testing::World;

// The server's end of a connection after its handshake and a message both ways.
std::int64_t cost_of_idling(Version version) {
  ClientConfig config = World::get().client_config();
  config.minimum = config.maximum = version;
  const auto server_context = World::server(World::get().server_config());
  const auto client_context = World::client(config);
  TicketKeys keys({}, std::chrono::hours(2));
  constexpr int kConnections = 20;
  std::int64_t bytes = 0;
  std::vector<std::unique_ptr<End>> ends;
  for (int i = 0; i < kConnections; ++i) {
    auto client = std::make_unique<End>(client_context, Role::client, "example.com");
    std::unique_ptr<End> server;
    {
      const Paying here(bytes);
      server = std::make_unique<End>(server_context, Role::server, "", &keys);
    }
    client->start();
    const auto exchange = [&] {
      for (int round = 0; round < 4; ++round) {
        const std::string up = client->sent();
        {
          const Paying here(bytes);
          server->take(up);
        }
        client->take(server->sent());
      }
    };
    exchange();
    client->say(std::string(20'000, 'x'));
    exchange();
    {
      const Paying here(bytes);
      server->say(std::string(20'000, 'y'));
    }
    exchange();
    EXPECT_EQ(server->received.size(), 20'000U);
    EXPECT_EQ(client->received.size(), 20'000U);
    ends.push_back(std::move(client));
    ends.push_back(std::move(server));
  }
  const std::int64_t each = bytes / kConnections + static_cast<std::int64_t>(sizeof(Engine));
  ends.clear();
  EXPECT_LT(bytes, 16 * 1024);  // what is left is shared
  return each;
}

TEST(Memory, AnIdleConnectionIsSmall) {
  ASSERT_TRUE(counted);
  for (const Version version : {Version::tls1_2, Version::tls1_3}) {
    const std::int64_t bytes = cost_of_idling(version);
    RecordProperty(version == Version::tls1_2 ? "tls1_2" : "tls1_3", std::to_string(bytes));
    EXPECT_LE(bytes, 16 * 1024);
    EXPECT_GT(bytes, 1024);
  }
}

}  // namespace
}  // namespace socketio::tls
