// What all TLS connections of a kind share: certificates by name, versions, ciphers, whose client
// certificates are accepted. Never changes once made: replacing the certificates is making another
// one for the connections that come after. Thread-safe, as OpenSSL's SSL_CTX is.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.hpp"

struct ssl_ctx_st;  // OpenSSL's SSL_CTX
struct ssl_st;      // and SSL

namespace socketio::tls {

enum class Version : std::uint8_t { tls1_2, tls1_3 };
// Whether the server asks for a certificate, and what it does without a good one. Optional: it goes
// on, and says so (PeerCertificate::verified).
enum class Clients : std::uint8_t { none, optional, required };

// All in PEM. The certificate's chain follows it in the same text.
struct Identity {
  std::string certificate;
  std::string private_key;
  std::string passphrase;
  // Host names it is for, "*.example.com" for all one label below; empty: those that the
  // certificate says.
  std::vector<std::string> names;
};

struct ServerConfig {
  std::vector<Identity> identities;  // the first is for names that no other has
  Version minimum = Version::tls1_2;
  std::string ciphers;  // of TLS 1.2, in OpenSSL's words; empty: forward secrecy with AEAD
  Clients clients = Clients::none;
  std::string ca;                              // who may sign client certificates
  std::string crl;                             // what they have taken back
  std::chrono::seconds ticket_lifetime{7200};  // 0: no resumption
};

struct ClientConfig {
  std::string ca;     // whom to trust
  Identity identity;  // may be empty
  Version minimum = Version::tls1_2;
  Version maximum = Version::tls1_3;
  bool verify = true;  // false: whoever answers will do
};

// Why there is no context: the field (as it is named above) and what is wrong with it.
struct Refusal {
  std::string field;
  std::string why;
};

class Context {
  struct Private {};

 public:
  explicit Context(Private) {}
  // Null, and why.
  static std::shared_ptr<const Context> make_server(const ServerConfig& config, Refusal& refusal);
  static std::shared_ptr<const Context> make_client(const ClientConfig& config, Refusal& refusal);
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  ssl_ctx_st* first() const { return first_; }
  // The context of the identity for a host name; the first one when nobody has it.
  ssl_ctx_st* find(base::Bytes host) const;

 private:
  bool add(const ServerConfig& config, std::size_t index, Refusal& refusal);
  void name(const std::string& host, ssl_ctx_st* context);

  std::vector<ssl_ctx_st*> all_;
  ssl_ctx_st* first_ = nullptr;
  std::map<std::string, ssl_ctx_st*, std::less<>> exact_;
  std::map<std::string, ssl_ctx_st*, std::less<>> wildcard_;  // by what follows the star
};

}  // namespace socketio::tls
