// The TLS half of a test's peer: what the server's engine is, in the client's role.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tls/engine.hpp"

namespace socketio::test {

class TlsClient {
 public:
  explicit TlsClient(std::shared_ptr<const tls::Context> context,
                     const std::string& host = "localhost");

  // Ciphertext to send is appended to `out`.
  void write(std::string_view plain, std::string& out);
  void close(std::string& out);
  // The plaintext in what has come; valid until the next call, and padded.
  base::MutBytes take(std::string_view ciphertext, std::string& out);
  // A KeyUpdate in two records, which OpenSSL never writes (TLS 1.3): behind the first one the peer
  // lacks one byte of it. And something under the new key, which must not be empty.
  struct SplitKeyUpdate {
    std::string begin;
    std::string end;
    std::string behind;
  };
  SplitKeyUpdate split_key_update(std::string_view plain_behind);
  tls::Engine& engine() { return engine_; }

 private:
  class Random final : public base::Random {
    void fill(base::MutBytes out) override {
      for (char& c : out) c = static_cast<char>(state_ = state_ * 69069 + 1);
    }
    unsigned state_ = 1;
  };
  tls::Env env() { return {wire_, arena_, random_}; }
  void drain(std::string& out);
  static void note_secret(const ssl_st* ssl, const char* line);

  Random random_;
  base::Arena arena_;
  base::OutQueue wire_;
  base::OutQueue plain_;
  std::vector<char> room_;
  tls::Engine engine_;
  std::string secret_;  // from which the key of what it sends is made
  bool started_ = false;
};

}  // namespace socketio::test
