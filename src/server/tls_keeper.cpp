#include "server/tls_keeper.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <stdexcept>
#include <system_error>

#include "server/engine_options.hpp"

namespace socketio::server {
namespace {

const std::string kOption = "socketio::ServerOptions::tls.";

[[noreturn]] void refuse(const std::string& what) {
  throw std::invalid_argument(kOption + what);
}

// PEM text, or the text of the file of that name.
std::string text_of(const std::string& value, const std::string& field) {
  if (value.empty() || value.find("-----BEGIN ") != std::string::npos) return value;
  const auto closing = [](std::FILE* file) { std::fclose(file); };
  const std::unique_ptr<std::FILE, decltype(closing)> file(std::fopen(value.c_str(), "rbe"));
  std::string text;
  std::array<char, 4096> part;
  std::size_t n = 0;
  while (file != nullptr && (n = std::fread(part.data(), 1, part.size(), file.get())) > 0)
    text.append(part.data(), n);
  if (file == nullptr || std::ferror(file.get()) != 0)
    throw std::system_error(errno, std::generic_category(), kOption + field + ": " + value);
  return text;
}

std::string required_text(const std::string& value, const std::string& field) {
  if (value.empty()) refuse(field + " must not be empty");
  return text_of(value, field);
}

void check(const TlsOptions& o) {
  if (o.minimum_version > TlsVersion::tls1_3)
    refuse("minimum_version must be one of the enumerators");
  if (o.client_certificates > ClientCertificates::required)
    refuse("client_certificates must be one of the enumerators");
  if (o.client_certificates == ClientCertificates::none && !o.ca.empty())
    refuse("ca is for client certificates, and client_certificates is none");
  if (o.ca.empty() && !o.crl.empty()) refuse("crl needs a ca");
  check_duration(o.handshake_timeout, kOption + "handshake_timeout");
  if (o.max_handshakes == 0) refuse("max_handshakes must be positive");
  constexpr std::chrono::seconds kShortest = std::chrono::minutes(1);
  constexpr std::chrono::seconds kLongest = std::chrono::days(7);  // RFC 8446 §4.6.1
  if (o.session_lifetime.count() != 0 &&
      (o.session_lifetime < kShortest || o.session_lifetime > kLongest))
    refuse("session_lifetime must be 0, or between a minute and seven days");
}

std::shared_ptr<const tls::Context> make(const TlsOptions& options) {
  check(options);
  tls::ServerConfig config;
  for (std::size_t i = 0; i < options.certificates.size(); ++i) {
    const TlsCertificate& from = options.certificates[i];
    const std::string field = "certificates[" + std::to_string(i) + "]";
    config.identities.push_back({required_text(from.certificate, field + ".certificate"),
                                 required_text(from.private_key, field + ".private_key"),
                                 from.passphrase, from.names});
  }
  static_assert(static_cast<int>(TlsVersion::tls1_3) == static_cast<int>(tls::Version::tls1_3));
  static_assert(static_cast<int>(ClientCertificates::required) ==
                static_cast<int>(tls::Clients::required));
  config.minimum = static_cast<tls::Version>(options.minimum_version);
  config.ciphers = options.ciphers;
  config.clients = static_cast<tls::Clients>(options.client_certificates);
  config.ca = text_of(options.ca, "ca");
  config.crl = text_of(options.crl, "crl");
  config.ticket_lifetime = options.session_lifetime;
  tls::Refusal refusal;
  auto made = tls::Context::make_server(config, refusal);
  if (made == nullptr) refuse(refusal.field + " " + refusal.why);
  return made;
}

}  // namespace

TlsKeeper::TlsKeeper(TlsOptions options, base::Random& random, base::Time now)
    : limits_(options),
      seed_(tls::TicketSeed::draw(random, now)),
      options_(std::move(options)),
      context_(make(options_)) {}

std::shared_ptr<const tls::Context> TlsKeeper::context() const {
  const std::lock_guard lock(mutex_);
  return context_;
}

void TlsKeeper::reload() {
  const std::lock_guard one(reloading_);
  use(options_);
}

// Whether tickets are given at all is decided for good: the shards' keys turn with the lifetime.
void TlsKeeper::reload(TlsOptions options) {
  options.session_lifetime = limits_.session_lifetime;
  const std::lock_guard one(reloading_);
  use(options);
  options_ = std::move(options);
}

void TlsKeeper::use(const TlsOptions& options) {
  auto made = make(options);
  const std::lock_guard lock(mutex_);
  context_.swap(made);
}

}  // namespace socketio::server
