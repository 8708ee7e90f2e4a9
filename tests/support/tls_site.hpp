// A site with TLS: certificates that one authority has signed, the options of a server that shows
// one of them, and the context of a peer that trusts it.
#pragma once

#include <memory>
#include <utility>

#include <socketio/server.hpp>

#include "support/certificates.hpp"
#include "tls/context.hpp"

namespace socketio::test {

struct Certificates {
  static Certificates& get() {
    static Certificates made;
    return made;
  }
  Authority authority{"Test Authority"};
  Authority stranger{"Another Authority"};
  Certified site = authority.issue({.common_name = "localhost", .dns = {"localhost"}});
  Certified other = authority.issue({.common_name = "other", .dns = {"localhost"}});
  Certified alice = authority.issue({.common_name = "alice"});
  Certified mallory = stranger.issue({.common_name = "mallory"});
};

inline TlsOptions tls_options() {
  const Certified& site = Certificates::get().site;
  return {.certificates = {{site.certificate, site.private_key}}};
}

inline ServerOptions with_tls(TlsOptions tls = tls_options()) {
  ServerOptions options;
  options.tls = std::move(tls);
  return options;
}

inline std::shared_ptr<const tls::Context> client_context(const Certified* own = nullptr) {
  tls::ClientConfig config;
  config.ca = Certificates::get().authority.certificate();
  if (own != nullptr) config.identity = {own->certificate, own->private_key, {}, {}};
  tls::Refusal refusal;
  return tls::Context::make_client(config, refusal);
}

}  // namespace socketio::test
