#include "tls/callbacks.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <new>

#include <openssl/core_names.h>
#include <openssl/params.h>

namespace socketio::tls {
namespace {

Engine& engine_of(const SSL* ssl) {
  return *static_cast<Engine*>(SSL_get_app_data(ssl));
}

}  // namespace

const BIO_METHOD* EngineCallbacks::bio() {
  static const BIO_METHOD* const method = [] {
    const int index = BIO_get_new_index();
    BIO_METHOD* made = index < 0 ? nullptr : BIO_meth_new(index | BIO_TYPE_SOURCE_SINK, "socketio");
    if (made == nullptr) throw std::bad_alloc();  // the next connection tries again
    BIO_meth_set_read(made, read);
    BIO_meth_set_write(made, write);
    BIO_meth_set_ctrl(made, control);
    return made;
  }();
  return method;
}

// Without input (or when the engine has seen enough) it says "try again", which ends open().
int EngineCallbacks::read(BIO* bio, char* to, int size) {
  Engine& engine = *static_cast<Engine*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  const std::size_t n = std::min(engine.in_.size(), static_cast<std::size_t>(std::max(size, 0)));
  if (n == 0) {
    engine.wanted_ = size;
    BIO_set_retry_read(bio);
    return -1;
  }
  std::memcpy(to, engine.in_.data(), n);
  engine.in_.remove_prefix(n);
  return static_cast<int>(n);
}

int EngineCallbacks::write(BIO* bio, const char* from, int size) {
  Engine& engine = *static_cast<Engine*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  if (engine.env_ == nullptr || size <= 0) return 0;
  try {
    engine.env_->out.append(engine.env_->arena, {from, static_cast<std::size_t>(size)});
  } catch (const std::bad_alloc&) {  // must not pass through frames of C; the engine fails
    return -1;
  }
  return size;
}

long EngineCallbacks::control(BIO*, int command, long, void*) {
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

// After the handshake a peer can still ask for work: in TLS 1.3 with a KeyUpdate, in TLS 1.2 with
// the wish to negotiate again, which OpenSSL refuses each time.
void EngineCallbacks::info(const SSL* ssl, int where, int value) {
  Engine& engine = engine_of(ssl);
  if ((where & SSL_CB_HANDSHAKE_DONE) != 0) engine.established_ = true;
  if (!engine.established_) return;
  constexpr int kNoRenegotiation = (SSL3_AL_WARNING << 8) | SSL_AD_NO_RENEGOTIATION;
  const OSSL_HANDSHAKE_STATE state = SSL_get_state(ssl);
  const bool update = (where & SSL_CB_LOOP) != 0 &&
                      (state == TLS_ST_SR_KEY_UPDATE || state == TLS_ST_CR_KEY_UPDATE);
  const bool again =
      (where & SSL_CB_WRITE_ALERT) == SSL_CB_WRITE_ALERT && value == kNoRenegotiation;
  if (update || again) engine.count_control();
}

int EngineCallbacks::ticket(SSL* ssl, unsigned char* name, unsigned char* iv,
                            EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac, int sealing) {
  constexpr std::size_t kIv = 16;
  constexpr int kFailed = -1;
  constexpr int kUnknown = 0;
  constexpr int kUse = 1;
  constexpr int kRenew = 2;
  Engine& engine = engine_of(ssl);
  if (engine.env_ == nullptr || engine.env_->tickets == nullptr) return kUnknown;
  TicketKeys& keys = *engine.env_->tickets;
  TicketKeys::Found found;
  if (sealing != 0) {
    found.key = keys.current(engine.now_);
    if (found.key == nullptr) return kFailed;
    engine.env_->random.fill({reinterpret_cast<char*>(iv), kIv});
    std::memcpy(name, found.key->name.data(), found.key->name.size());
  } else {
    found = keys.find({reinterpret_cast<const char*>(name), sizeof found.key->name}, engine.now_);
    if (found.key == nullptr) return kUnknown;
  }
  const int started =
      sealing != 0
          ? EVP_EncryptInit_ex(cipher, EVP_aes_256_cbc(), nullptr, found.key->cipher.data(), iv)
          : EVP_DecryptInit_ex(cipher, EVP_aes_256_cbc(), nullptr, found.key->cipher.data(), iv);
  char digest[] = "sha256";
  std::array<unsigned char, 32> secret = found.key->mac;
  OSSL_PARAM params[] = {
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, secret.data(), secret.size()),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
      OSSL_PARAM_construct_end()};
  if (started != 1 || EVP_MAC_CTX_set_params(mac, params) != 1) return kFailed;
  return found.old ? kRenew : kUse;
}

}  // namespace socketio::tls
