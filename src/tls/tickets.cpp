#include "tls/tickets.hpp"

#include <cstring>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/check.hpp"

namespace socketio::tls {
namespace {

std::array<unsigned char, 32> hash(const std::array<char, 32>& key, base::Bytes label) {
  std::array<unsigned char, 32> out{};
  unsigned length = 0;
  SIO_CHECK(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
                 reinterpret_cast<const unsigned char*>(label.data()), label.size(), out.data(),
                 &length) != nullptr);
  return out;
}

bool named(const TicketKey& key, base::Bytes name) {
  return name.size() == key.name.size() &&
         CRYPTO_memcmp(key.name.data(), name.data(), name.size()) == 0;
}

}  // namespace

TicketSeed TicketSeed::draw(base::Random& random, base::Time now) {
  TicketSeed seed;
  random.fill(seed.secret);
  seed.made = now;
  return seed;
}

TicketKeys::TicketKeys(const TicketSeed& seed, base::Duration lifetime)
    : chain_(seed.secret),
      turn_(base::after(seed.made, lifetime)),
      lifetime_(lifetime),
      current_(derive(chain_)),
      last_(current_) {
  SIO_CHECK(lifetime > base::Duration::zero());
}

TicketKey TicketKeys::derive(const std::array<char, 32>& chain) {
  TicketKey key;
  const auto name = hash(chain, "name");
  std::memcpy(key.name.data(), name.data(), key.name.size());
  key.cipher = hash(chain, "cipher");
  key.mac = hash(chain, "mac");
  return key;
}

// One step per lifetime that has gone by, however long nobody came.
void TicketKeys::advance(base::Time now) {
  while (now >= turn_) {
    const auto next = hash(chain_, "next");
    std::memcpy(chain_.data(), next.data(), chain_.size());
    turn_ = base::after(turn_, lifetime_);
    last_ = current_;
    current_ = derive(chain_);
  }
}

const TicketKey& TicketKeys::current(base::Time now) {
  advance(now);
  return current_;
}

TicketKeys::Found TicketKeys::find(base::Bytes name, base::Time now) {
  advance(now);
  if (named(current_, name)) return {&current_, false};
  if (named(last_, name)) return {&last_, true};
  return {};
}

}  // namespace socketio::tls
