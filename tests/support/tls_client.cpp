#include "support/tls_client.hpp"

namespace socketio::test {

TlsClient::TlsClient(std::shared_ptr<const tls::Context> context, const std::string& host)
    : engine_(std::move(context), tls::Role::client, host) {}

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
