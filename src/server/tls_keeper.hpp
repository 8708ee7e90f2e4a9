// Keeps the TLS context that new connections get, and makes another one when the certificates have
// changed. Connections hold the one they began with.
#pragma once

#include <memory>
#include <mutex>

#include <socketio/tls.hpp>

#include "base/random.hpp"
#include "tls/context.hpp"
#include "tls/tickets.hpp"

namespace socketio::server {

class TlsKeeper {
 public:
  // Reads what the options name. Throws std::invalid_argument with the option's name, or
  // std::system_error for a file that cannot be read.
  TlsKeeper(TlsOptions options, base::Random& random, base::Time now);

  // Thread-safe.
  std::shared_ptr<const tls::Context> context() const;
  // The same options again: files are read anew. Throws as the constructor and changes nothing
  // then. Any thread; one reload after the other, so that the last one's certificates stay.
  void reload();
  // Others. What is not about certificates (the limits) stays as it was.
  void reload(TlsOptions options);

  // As they were first.
  const TlsOptions& limits() const { return limits_; }
  const tls::TicketSeed& seed() const { return seed_; }

 private:
  void use(const TlsOptions& options);

  const TlsOptions limits_;
  const tls::TicketSeed seed_;
  std::mutex reloading_;  // held while files are read: connections do not wait for it
  TlsOptions options_;
  mutable std::mutex mutex_;  // of what follows; within the other
  std::shared_ptr<const tls::Context> context_;
};

}  // namespace socketio::server
