// Servers with TLS for tests, and the peers that trust them.
#pragma once

#include "support/sio_client.hpp"
#include "support/tls_site.hpp"

namespace socketio::test {

// A server with TLS and peers that speak it.
struct SecureWorld : World {
  explicit SecureWorld(ServerOptions options = with_tls(), const Certified* own = nullptr)
      : World(std::move(options)) {
    tls = client_context(own);
  }
};

}  // namespace socketio::test
