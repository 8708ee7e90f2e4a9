#include "support/tls_client.hpp"

#include <optional>
#include <stdexcept>

#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/ssl.h>

namespace socketio::test {
namespace {

void insist(bool worked) {
  if (!worked) throw std::runtime_error("OpenSSL refused");
}

unsigned char* bytes_of(std::string& text) {
  return reinterpret_cast<unsigned char*>(text.data());
}

int index_of_client() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

// What protects the records of one direction (RFC 8446 §5.2, §5.3, §7.3).
class RecordKey {
 public:
  RecordKey(const SSL* ssl, const std::string& secret)
      : cipher_(EVP_get_cipherbynid(SSL_CIPHER_get_cipher_nid(SSL_get_current_cipher(ssl)))),
        key_(expand(ssl, secret, "key",
                    static_cast<std::size_t>(EVP_CIPHER_get_key_length(cipher_)))),
        iv_(expand(ssl, secret, "iv", kNonce)) {}

  // The record's plaintext with its type as the last byte, if it is the `number`th.
  std::optional<std::string> open(std::string record, std::uint64_t number) const {
    std::string header = record.substr(0, kHeader);
    std::string tag = record.substr(record.size() - kTag);
    return run(false, header, record.substr(kHeader, record.size() - kHeader - kTag), tag, number);
  }
  std::string seal(const std::string& plain, std::uint64_t number) const {
    const std::size_t size = plain.size() + kTag;
    std::string header = "\x17\x03\x03";
    header += static_cast<char>(size >> 8);
    header += static_cast<char>(size & 0xFF);
    std::string tag(kTag, '\0');
    const std::optional<std::string> sealed = run(true, header, plain, tag, number);
    insist(sealed.has_value());
    return header + *sealed + tag;
  }
  static constexpr std::size_t kHeader = 5;

 private:
  static constexpr std::size_t kTag = 16;
  static constexpr std::size_t kNonce = 12;

  static std::string expand(const SSL* ssl, std::string secret, std::string label,
                            std::size_t size) {
    std::string prefix = "tls13 ";
    std::string digest =
        EVP_MD_get0_name(SSL_CIPHER_get_handshake_digest(SSL_get_current_cipher(ssl)));
    int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest.data(), 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, secret.data(), secret.size()),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PREFIX, prefix.data(), prefix.size()),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_LABEL, label.data(), label.size()),
        OSSL_PARAM_construct_end()};
    const std::unique_ptr<EVP_KDF, decltype(&EVP_KDF_free)> kdf(
        EVP_KDF_fetch(nullptr, "TLS13-KDF", nullptr), EVP_KDF_free);
    const std::unique_ptr<EVP_KDF_CTX, decltype(&EVP_KDF_CTX_free)> context(
        EVP_KDF_CTX_new(kdf.get()), EVP_KDF_CTX_free);
    std::string made(size, '\0');
    insist(EVP_KDF_derive(context.get(), bytes_of(made), size, params) == 1);
    return made;
  }
  std::optional<std::string> run(bool seals, std::string& header, std::string text,
                                 std::string& tag, std::uint64_t number) const {
    std::string nonce = iv_;
    for (std::size_t i = 0; i < sizeof number; ++i)
      nonce[kNonce - 1 - i] ^= static_cast<char>(number >> (8 * i));
    std::string key = key_;
    const std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)> context(
        EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
    EVP_CIPHER_CTX* c = context.get();
    int n = 0;
    insist(EVP_CipherInit_ex(c, cipher_, nullptr, bytes_of(key), bytes_of(nonce), seals ? 1 : 0) ==
           1);
    insist(EVP_CipherUpdate(c, nullptr, &n, bytes_of(header), kHeader) == 1);
    insist(EVP_CipherUpdate(c, bytes_of(text), &n, bytes_of(text), static_cast<int>(text.size())) ==
           1);
    if (!seals) insist(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, kTag, tag.data()) == 1);
    unsigned char none = 0;
    if (EVP_CipherFinal_ex(c, &none, &n) != 1) return std::nullopt;
    if (seals) insist(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, kTag, tag.data()) == 1);
    return text;
  }

  const EVP_CIPHER* cipher_;
  std::string key_;
  std::string iv_;
};

}  // namespace

TlsClient::TlsClient(std::shared_ptr<const tls::Context> context, const std::string& host)
    : engine_(std::move(context), tls::Role::client, host) {
  insist(SSL_set_ex_data(engine_.native(), index_of_client(), this) == 1);
  SSL_CTX_set_keylog_callback(SSL_get_SSL_CTX(engine_.native()), note_secret);
}

// "CLIENT_TRAFFIC_SECRET_0 <client's random> <secret>"
void TlsClient::note_secret(const SSL* ssl, const char* line) {
  const std::string_view text = line;
  if (!text.starts_with("CLIENT_TRAFFIC_SECRET_0 ")) return;
  long size = 0;
  const std::unique_ptr<unsigned char, void (*)(unsigned char*)> secret(
      OPENSSL_hexstr2buf(line + text.rfind(' ') + 1, &size),
      [](unsigned char* bytes) { OPENSSL_free(bytes); });
  static_cast<TlsClient*>(SSL_get_ex_data(ssl, index_of_client()))
      ->secret_.assign(reinterpret_cast<const char*>(secret.get()), static_cast<std::size_t>(size));
}

// OpenSSL writes it, in one record; that one is opened and sealed again in two, the second of which
// has the number that the key's next record would have had.
TlsClient::SplitKeyUpdate TlsClient::split_key_update(std::string_view plain_behind) {
  insist(SSL_key_update(engine_.native(), SSL_KEY_UPDATE_NOT_REQUESTED) == 1);
  std::string wire;
  write(plain_behind, wire);
  const std::size_t size = RecordKey::kHeader + (static_cast<unsigned char>(wire.at(3)) << 8U) +
                           static_cast<unsigned char>(wire.at(4));
  const RecordKey key(engine_.native(), secret_);
  constexpr std::uint64_t kMostRecords = 1'000'000;
  for (std::uint64_t number = 0; number < kMostRecords; ++number) {
    const std::optional<std::string> update = key.open(wire.substr(0, size), number);
    if (!update) continue;
    insist(update->size() == 6);  // a message of one byte, and the record's type
    const std::string type = update->substr(5);
    return {key.seal(update->substr(0, 4) + type, number),
            key.seal(update->substr(4, 1) + type, number + 1), wire.substr(size)};
  }
  throw std::runtime_error("the first key is gone already");
}

void TlsClient::write(std::string_view plain, std::string& out) {
  if (!std::exchange(started_, true)) engine_.start(env(), {});
  if (!plain.empty()) plain_.push(base::Chunk::copy(plain));
  drain(out);
}

void TlsClient::close(std::string& out) {
  engine_.close(env());
  drain(out);
}

base::MutBytes TlsClient::take(std::string_view ciphertext, std::string& out) {
  room_.resize(ciphertext.size() + tls::Engine::kMaxRecord + base::kPadding);
  const std::size_t n =
      engine_.open(ciphertext, {room_.data(), room_.size() - base::kPadding}, env(), {});
  drain(out);
  return {room_.data(), n};
}

void TlsClient::drain(std::string& out) {
  engine_.seal(plain_, env(), std::size_t{1} << 30);
  base::Bytes part;
  while (wire_.gather({&part, 1}) > 0) {
    out += part;
    wire_.consume(part.size());
  }
}

}  // namespace socketio::test
