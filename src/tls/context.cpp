#include "tls/context.hpp"

#include <algorithm>
#include <cctype>
#include <new>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "base/check.hpp"
#include "tls/callbacks.hpp"
#include "tls/pem.hpp"

namespace socketio::tls {
namespace {

constexpr const char* kCiphers = "ECDHE+AESGCM:ECDHE+CHACHA20";
constexpr int kSecurityLevel = 2;  // 112 bits: no RSA below 2048, no SHA-1 signatures
constexpr std::string_view kProtocol = "\x08http/1.1";

std::string lower(base::Bytes text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (out.ends_with('.')) out.pop_back();
  return out;
}

int version_number(Version version) {
  return version == Version::tls1_3 ? TLS1_3_VERSION : TLS1_2_VERSION;
}

// A host name without an identity gets the first one: who checks names will notice.
int choose_identity(SSL* ssl, int*, void* context) {
  const char* host = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  if (host == nullptr) return SSL_TLSEXT_ERR_NOACK;
  try {
    SSL_CTX* found = static_cast<const Context*>(context)->find(host);
    if (found == SSL_get_SSL_CTX(ssl) || SSL_set_SSL_CTX(ssl, found) != nullptr)
      return SSL_TLSEXT_ERR_OK;
  } catch (const std::bad_alloc&) {  // must not pass through frames of C
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

// Only who asks for protocols is asked here. Speaking HTTP/1.1 to somebody who has said that he
// does not is what RFC 7301 §3.2 has the alert for.
int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* length,
                    const unsigned char* offered, unsigned size, void*) {
  unsigned char* found = nullptr;
  if (SSL_select_next_proto(
          &found, length, reinterpret_cast<const unsigned char*>(kProtocol.data()),
          static_cast<unsigned>(kProtocol.size()), offered, size) != OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  *chosen = found;
  return SSL_TLSEXT_ERR_OK;
}

// Checks as always; the result stays with the session, and the handshake goes on.
int verify_optional(X509_STORE_CTX* store, void*) {
  X509_verify_cert(store);
  return 1;
}

SSL_CTX* make_common(Version minimum, Version maximum) {
  SSL_CTX* made = SSL_CTX_new(TLS_method());
  if (made == nullptr) throw std::bad_alloc();
  SSL_CTX_set_security_level(made, kSecurityLevel);
  SSL_CTX_set_min_proto_version(made, version_number(minimum));
  SSL_CTX_set_max_proto_version(made, version_number(maximum));
  SSL_CTX_set_options(made, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  SSL_CTX_set_mode(made, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                             SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_session_cache_mode(made, SSL_SESS_CACHE_OFF);
  SIO_CHECK(SSL_CTX_set_cipher_list(made, kCiphers) == 1);
  char groups[] = "X25519:P-256:P-384";  // OpenSSL's macro casts the const away, to clang's dislike
  SIO_CHECK(SSL_CTX_set1_groups_list(made, groups) == 1);
  SSL_CTX_set_info_callback(made, EngineCallbacks::info);
  return made;
}

bool use_identity(SSL_CTX* context, const Identity& identity, const std::string& field,
                  std::vector<std::string>& names, Refusal& refusal) {
  refusal.field = field + ".certificate";
  std::vector<CertificatePtr> chain = read_certificates(identity.certificate, refusal.why);
  if (chain.empty()) return false;
  if (SSL_CTX_use_certificate(context, chain.front().get()) != 1) {
    refusal.why = "cannot be used: " + last_error();
    return false;
  }
  for (std::size_t i = 1; i < chain.size(); ++i) {
    if (SSL_CTX_add1_chain_cert(context, chain[i].get()) != 1) {
      refusal.why = "has a chain that cannot be used: " + last_error();
      return false;
    }
  }
  names = identity.names.empty() ? names_of(chain.front().get()) : identity.names;
  refusal.field = field + ".private_key";
  const KeyPtr key = read_key(identity.private_key, identity.passphrase, refusal.why);
  if (key == nullptr) return false;
  if (X509_check_private_key(chain.front().get(), key.get()) != 1) {
    ERR_clear_error();
    refusal.why = "does not belong to the certificate";
    return false;
  }
  if (SSL_CTX_use_PrivateKey(context, key.get()) != 1) {
    refusal.why = "cannot be used: " + last_error();
    return false;
  }
  return true;
}

bool trust(SSL_CTX* context, const std::string& ca, const std::string& crl, Refusal& refusal) {
  X509_STORE* store = SSL_CTX_get_cert_store(context);
  if (!ca.empty()) {
    refusal.field = "ca";
    const std::vector<CertificatePtr> authorities = read_certificates(ca, refusal.why);
    if (authorities.empty()) return false;
    for (const CertificatePtr& one : authorities) {
      X509_STORE_add_cert(store, one.get());
      SSL_CTX_add_client_CA(context, one.get());
    }
  }
  if (!crl.empty()) {
    refusal.field = "crl";
    const std::vector<CrlPtr> lists = read_crls(crl, refusal.why);
    if (lists.empty()) return false;
    for (const CrlPtr& one : lists) X509_STORE_add_crl(store, one.get());
    X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK);
  }
  return true;
}

// Tickets carry it: one that was given under other rules for clients opens nothing here.
void set_session_rules(SSL_CTX* context, const ServerConfig& config) {
  const std::string rules =
      std::to_string(static_cast<int>(config.clients)) + '\n' + config.ca + '\n' + config.crl;
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  EVP_Digest(rules.data(), rules.size(), digest, &length, EVP_sha256(), nullptr);
  SSL_CTX_set_session_id_context(context, digest, std::min<unsigned>(length, 32));
}

void ask_clients(SSL_CTX* context, Clients clients) {
  if (clients == Clients::none) return;
  const int fail = clients == Clients::required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0;
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | fail, nullptr);
  if (clients == Clients::optional)
    SSL_CTX_set_cert_verify_callback(context, verify_optional, nullptr);
}

}  // namespace

Context::~Context() {
  for (SSL_CTX* one : all_) SSL_CTX_free(one);
}

bool Context::add(const ServerConfig& config, std::size_t index, Refusal& refusal) {
  SSL_CTX* made = make_common(config.minimum, Version::tls1_3);
  all_.push_back(made);
  if (first_ == nullptr) first_ = made;
  if (!config.ciphers.empty() && SSL_CTX_set_cipher_list(made, config.ciphers.c_str()) != 1) {
    ERR_clear_error();
    refusal = {"ciphers", "names no cipher that OpenSSL knows"};
    return false;
  }
  std::vector<std::string> names;
  if (!use_identity(made, config.identities[index], "certificates[" + std::to_string(index) + "]",
                    names, refusal) ||
      !trust(made, config.ca, config.crl, refusal))
    return false;
  for (const std::string& host : names) name(host, made);
  set_session_rules(made, config);
  ask_clients(made, config.clients);
  SSL_CTX_callback_ctrl(
      made, SSL_CTRL_SET_TLSEXT_SERVERNAME_CB,
      reinterpret_cast<void (*)()>(choose_identity));  // its macro casts the C way
  SSL_CTX_set_tlsext_servername_arg(made, this);
  SSL_CTX_set_alpn_select_cb(made, choose_protocol, nullptr);
  if (config.ticket_lifetime.count() == 0) {
    SSL_CTX_set_options(made, SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(made, 0);
  } else {
    SSL_CTX_set_timeout(made, static_cast<long>(config.ticket_lifetime.count()));
    SSL_CTX_set_tlsext_ticket_key_evp_cb(made, EngineCallbacks::ticket);
  }
  return true;
}

// Of two identities for one name the first has it.
void Context::name(const std::string& host, SSL_CTX* context) {
  const std::string plain = lower(host);
  if (plain.starts_with("*.")) {
    wildcard_.emplace(plain.substr(1), context);
  } else {
    exact_.emplace(plain, context);
  }
}

ssl_ctx_st* Context::find(base::Bytes host) const {
  const std::string plain = lower(host);
  if (const auto it = exact_.find(plain); it != exact_.end()) return it->second;
  const std::size_t dot = plain.find('.');
  if (dot != std::string::npos && dot > 0) {
    if (const auto it = wildcard_.find(plain.substr(dot)); it != wildcard_.end()) return it->second;
  }
  return first_;
}

std::shared_ptr<const Context> Context::make_server(const ServerConfig& config, Refusal& refusal) {
  const auto made = std::make_shared<Context>(Private());
  if (config.identities.empty()) {
    refusal = {"certificates", "must not be empty"};
    return nullptr;
  }
  if (config.clients == Clients::required && config.ca.empty()) {
    refusal = {"ca", "must say whose client certificates are accepted"};
    return nullptr;
  }
  for (std::size_t i = 0; i < config.identities.size(); ++i) {
    if (!made->add(config, i, refusal)) return nullptr;
  }
  return made;
}

std::shared_ptr<const Context> Context::make_client(const ClientConfig& config, Refusal& refusal) {
  const auto made = std::make_shared<Context>(Private());
  made->first_ = make_common(config.minimum, config.maximum);
  made->all_.push_back(made->first_);
  SSL_CTX_set_verify(made->first_, config.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  SSL_CTX_set_alpn_protos(made->first_, reinterpret_cast<const unsigned char*>(kProtocol.data()),
                          static_cast<unsigned>(kProtocol.size()));
  std::vector<std::string> names;
  if (!config.identity.certificate.empty() &&
      !use_identity(made->first_, config.identity, "identity", names, refusal))
    return nullptr;
  if (!trust(made->first_, config.ca, {}, refusal)) return nullptr;
  return made;
}

}  // namespace socketio::tls
