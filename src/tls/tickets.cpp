#include "tls/tickets.hpp"

#include <cstring>
#include <new>
#include <utility>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/check.hpp"

namespace socketio::tls {
namespace {

// False: no memory.
bool hash(const std::array<char, 32>& key, base::Bytes label, std::array<unsigned char, 32>& out) {
  unsigned length = 0;
  const bool done = HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
                         reinterpret_cast<const unsigned char*>(label.data()), label.size(),
                         out.data(), &length) != nullptr;
  if (!done) ERR_clear_error();
  return done;
}

bool derive(const std::array<char, 32>& chain, TicketKey& key) {
  std::array<unsigned char, 32> name{};
  if (!hash(chain, "name", name) || !hash(chain, "cipher", key.cipher) ||
      !hash(chain, "mac", key.mac))
    return false;
  std::memcpy(key.name.data(), name.data(), key.name.size());
  return true;
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
    : chain_(seed.secret), turn_(base::after(seed.made, lifetime)), lifetime_(lifetime) {
  SIO_CHECK(lifetime > base::Duration::zero());
  if (!derive(chain_, current_)) throw std::bad_alloc();
  last_ = current_;
}

// One step per lifetime that has gone by, however long nobody came.
bool TicketKeys::advance(base::Time now) {
  while (now >= turn_) {
    std::array<unsigned char, 32> next{};
    TicketKey key;
    if (!hash(chain_, "next", next)) return false;
    std::array<char, 32> chain{};
    std::memcpy(chain.data(), next.data(), chain.size());
    if (!derive(chain, key)) return false;
    chain_ = chain;
    turn_ = base::after(turn_, lifetime_);
    last_ = std::exchange(current_, key);
  }
  return true;
}

const TicketKey* TicketKeys::current(base::Time now) {
  return advance(now) ? &current_ : nullptr;
}

TicketKeys::Found TicketKeys::find(base::Bytes name, base::Time now) {
  if (!advance(now)) return {};
  if (named(current_, name)) return {&current_, false};
  if (named(last_, name)) return {&last_, true};
  return {};
}

}  // namespace socketio::tls
