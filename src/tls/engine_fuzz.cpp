// Property: a server's engine takes any bytes, in one piece or in two, without plaintext before
// there is a handshake, with the same end, and with an answer that is not longer than a few
// flights.
#include <cstdlib>
#include <vector>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "tls/engine.hpp"

namespace {

using namespace socketio;

void require(bool condition) {
  if (!condition) std::abort();
}

class Random final : public base::Random {
  void fill(base::MutBytes out) override {
    for (char& c : out) c = static_cast<char>(state_ = state_ * 69069 + 1);
  }
  unsigned state_ = 1;
};

template <class Write>
std::string pem(Write write) {
  BIO* out = BIO_new(BIO_s_mem());
  require(write(out) == 1);
  char* data = nullptr;
  const long size = BIO_get_mem_data(out, &data);
  std::string text(data, static_cast<std::size_t>(size));
  BIO_free(out);
  return text;
}

std::shared_ptr<const tls::Context> make_context() {
  // What EVP_EC_gen() is; clang finds a cast from const in that macro.
  EVP_PKEY* key = EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256");
  X509* certificate = X509_new();
  X509_set_version(certificate, 2);
  X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 86'400);
  X509_set_pubkey(certificate, key);
  require(X509_sign(certificate, key, EVP_sha256()) > 0);
  tls::ServerConfig config;
  config.identities.push_back(
      {pem([certificate](BIO* to) { return PEM_write_bio_X509(to, certificate); }),
       pem([key](BIO* to) {
         return PEM_write_bio_PrivateKey(to, key, nullptr, nullptr, 0, nullptr, nullptr);
       }),
       {},
       {}});
  X509_free(certificate);
  EVP_PKEY_free(key);
  tls::Refusal refusal;
  auto made = tls::Context::make_server(config, refusal);
  require(made != nullptr);
  return made;
}

// The end, and how much was answered.
std::pair<tls::State, std::size_t> feed(base::Bytes bytes, std::size_t cut) {
  static const std::shared_ptr<const tls::Context> context = make_context();
  tls::Engine engine(context, tls::Role::server);
  base::OutQueue out;
  base::Arena arena;
  Random random;
  tls::TicketKeys keys({}, std::chrono::hours(1));
  std::vector<char> room(bytes.size() + tls::Engine::kMaxRecord);
  std::size_t plain = 0;
  for (const base::Bytes part : {bytes.substr(0, cut), bytes.substr(cut)})
    plain += engine.open(part, room, {out, arena, random, &keys}, {});
  require(plain == 0 && !engine.established());
  return {engine.state(), out.bytes()};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const base::Bytes bytes(reinterpret_cast<const char*>(data), size);
  const auto [state, answered] = feed(bytes, 0);
  require(answered <= 16 * 1024);
  const auto [again, answered_again] = feed(bytes, size / 2);
  require(again == state && (answered_again > 0) == (answered > 0));
  return 0;
}
