#include "tls/engine.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <new>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/check.hpp"
#include "tls/callbacks.hpp"
#include "tls/pem.hpp"

namespace socketio::tls {
namespace {

constexpr base::Bytes kPlainHttp =
    "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n"
    "Content-Length: 35\r\n\r\nplain HTTP was sent to a TLS port.\n";

// The innermost reason, which says most. The text is OpenSSL's and lives as long as the process.
const char* take_reason() {
  const char* reason = ERR_reason_error_string(ERR_peek_error());
  ERR_clear_error();
  return reason != nullptr ? reason : "the peer broke the protocol";
}

std::string fingerprint_of(const X509* certificate) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  std::string text;
  if (X509_digest(certificate, EVP_sha256(), digest, &length) != 1) return text;
  for (unsigned i = 0; i < length; ++i) {
    constexpr char kHex[] = "0123456789ABCDEF";
    if (i > 0) text += ':';
    text += kHex[digest[i] >> 4];
    text += kHex[digest[i] & 15];
  }
  return text;
}

std::string subject_of(const X509* certificate) {
  const BioPtr out(BIO_new(BIO_s_mem()));
  if (out == nullptr ||
      X509_NAME_print_ex(out.get(), X509_get_subject_name(certificate), 0,
                         XN_FLAG_RFC2253 & ~static_cast<unsigned long>(ASN1_STRFLGS_ESC_MSB)) < 0)
    return {};
  char* data = nullptr;
  const long size = BIO_get_mem_data(out.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

}  // namespace

Engine::Engine(std::shared_ptr<const Context> context, Role role, const std::string& host)
    : context_(std::move(context)), ssl_(SSL_new(context_->first())), role_(role) {
  BIO* bio = ssl_ == nullptr ? nullptr : BIO_new(EngineCallbacks::bio());
  if (bio == nullptr) {
    SSL_free(ssl_);
    throw std::bad_alloc();
  }
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_, bio, bio);
  if (SSL_set_app_data(ssl_, this) != 1) {  // the callbacks would find nobody
    SSL_free(ssl_);
    throw std::bad_alloc();
  }
  role == Role::server ? SSL_set_accept_state(ssl_) : SSL_set_connect_state(ssl_);
  if (role == Role::server || host.empty()) return;
  std::string sni = host;  // OpenSSL's macro for it casts the C way
  SSL_ctrl(ssl_, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, sni.data());
  SSL_set_hostflags(ssl_, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  SSL_set1_host(ssl_, host.c_str());
}

Engine::~Engine() {
  SSL_free(ssl_);
}

void Engine::start(Env env, base::Time now) {
  if (state_ != State::handshaking) return;
  env_ = &env;
  now_ = now;
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_);
  if (result != 1 && SSL_get_error(ssl_, result) != SSL_ERROR_WANT_READ) fail(take_reason());
  env_ = nullptr;
}

std::size_t Engine::open(base::Bytes in, base::MutBytes plain, Env env, base::Time now) {
  SIO_CHECK(plain.size() >= in.size() + kMaxRecord);
  if (state_ == State::failed || state_ == State::finished || in.empty()) return 0;
  if (!began_ && role_ == Role::server && !is_tls(in, env)) return 0;
  began_ = true;
  in_ = in;
  env_ = &env;
  now_ = now;
  const std::size_t n = read_all(plain);
  in_ = {};
  env_ = nullptr;
  if (state_ == State::handshaking && established_) state_ = State::open;
  return n;
}

std::size_t Engine::read_all(base::MutBytes plain) {
  std::size_t n = 0;
  for (;;) {
    std::size_t got = 0;
    ERR_clear_error();
    if (SSL_read_ex(ssl_, plain.data() + n, plain.size() - n, &got) == 1) {
      n += got;
      continue;
    }
    const int error = SSL_get_error(ssl_, 0);
    if (error == SSL_ERROR_WANT_READ) {
      if (controls_ > kMaxControls) fail("too many key updates or renegotiations");
    } else if (error == SSL_ERROR_ZERO_RETURN) {
      state_ = State::finished;
    } else {
      fail(take_reason());
    }
    return n;
  }
}

// A record of a handshake begins with 22 and no other record may come first. A letter is somebody
// who speaks HTTP, and he gets an answer that he understands.
bool Engine::is_tls(base::Bytes in, Env env) {
  if (in.front() < 'A' || in.front() > 'Z') return true;
  env.out.append(env.arena, kPlainHttp);
  fail("plain HTTP on the TLS port");
  return false;
}

void Engine::fail(const char* why) {
  if (state_ == State::failed) return;
  state_ = State::failed;
  failure_ = why;
}

// Past the limit the rest of the input is not even read.
void Engine::count_control() {
  if (controls_ == 0 || now_ - window_ >= kControlWindow) {
    window_ = now_;
    controls_ = 0;
  }
  if (++controls_ > kMaxControls) in_ = {};
}

void Engine::seal(base::OutQueue& plain, Env env, std::size_t limit) {
  if (state_ == State::failed) return plain.clear();
  if (!established_ || closed_) return;
  env_ = &env;
  // Small spans are gathered, because each record costs a header, a tag and a call.
  std::array<char, kMaxRecord> gathered;
  std::array<base::Bytes, 64> parts;
  while (!plain.empty() && env.out.bytes() < limit) {
    const std::size_t count = plain.gather(parts);
    base::Bytes next = parts[0].substr(0, kMaxRecord);
    if (count > 1 && next.size() < kMaxRecord) {
      std::size_t n = 0;
      for (std::size_t i = 0; i < count && n < kMaxRecord; ++i) {
        const std::size_t part = std::min(parts[i].size(), kMaxRecord - n);
        std::memcpy(gathered.data() + n, parts[i].data(), part);
        n += part;
      }
      next = {gathered.data(), n};
    }
    std::size_t done = 0;
    ERR_clear_error();
    if (SSL_write_ex(ssl_, next.data(), next.size(), &done) != 1) {
      // The peer has begun a message of the handshake, and nothing is encrypted before its end.
      if (SSL_get_error(ssl_, 0) == SSL_ERROR_WANT_READ) break;
      fail(take_reason());
      plain.clear();
      break;
    }
    plain.consume(done);
  }
  env_ = nullptr;
}

void Engine::close(Env env) {
  if (closed_ || !established_ || state_ == State::failed) return;
  closed_ = true;
  env_ = &env;
  ERR_clear_error();
  SSL_shutdown(ssl_);
  ERR_clear_error();
  env_ = nullptr;
}

// OpenSSL keeps no more than one unfinished record, and asks for just what it lacks. (A header that
// is complete does not count as pending, but has its buffer.)
bool Engine::holds_input() const {
  return SSL_has_pending(ssl_) == 1 || wanted_ != kRecordHeader;
}

bool Engine::stuck() const {
  return established_ && SSL_in_init(ssl_) == 1;
}

std::optional<PeerCertificate> Engine::peer_certificate() const {
  const CertificatePtr certificate(SSL_get1_peer_certificate(ssl_));
  if (certificate == nullptr) return std::nullopt;
  return PeerCertificate{subject_of(certificate.get()), fingerprint_of(certificate.get()),
                         SSL_get_verify_result(ssl_) == X509_V_OK};
}

base::Bytes Engine::version() const {
  return SSL_get_version(ssl_);
}

base::Bytes Engine::protocol() const {
  const unsigned char* name = nullptr;
  unsigned length = 0;
  SSL_get0_alpn_selected(ssl_, &name, &length);
  return {reinterpret_cast<const char*>(name), length};
}

}  // namespace socketio::tls
