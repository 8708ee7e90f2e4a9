// One TLS connection, without the connection: ciphertext in, plaintext out, and the way back. Both
// roles. OpenSSL does the work, over a BIO of our own that reads from the bytes at hand and writes
// to the queue of what leaves, so that an idle connection owns no buffer at all.
//
//   received -> open() -> plaintext                 handshake and alerts -> env.out
//   plaintext queue -> seal() -> env.out            close() -> close_notify -> env.out
//
// A machine as the others: time, randomness and the sink are arguments, any split of the input
// gives the same plaintext, and after the end nothing happens. What is not ours to inject is
// OpenSSL's own: its random numbers, and the wall clock it compares certificates with.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/out_queue.hpp"
#include "base/random.hpp"
#include "base/time.hpp"
#include "tls/context.hpp"
#include "tls/tickets.hpp"

namespace socketio::tls {

enum class Role : std::uint8_t { server, client };

enum class State : std::uint8_t {
  handshaking,
  open,
  finished,  // the peer has said (close_notify) that it will send no more; we may
  failed,
};

// What a certificate of the peer says.
struct PeerCertificate {
  std::string subject;      // RFC 4514: "CN=alice,O=Example"
  std::string fingerprint;  // SHA-256, in upper case hex with colons
  bool verified = false;    // signed by an accepted authority, in its time, not revoked
};

struct Env {
  base::OutQueue& out;  // ciphertext to send
  base::Arena& arena;
  base::Random& random;
  TicketKeys* tickets = nullptr;  // of a server; none: no resumption
};

class Engine {
 public:
  // A record's plaintext at most; open() needs room for one more than its input holds.
  static constexpr std::size_t kMaxRecord = 16 * 1024;
  // KeyUpdates and attempts to negotiate again within kControlWindow; more end the connection.
  static constexpr std::uint32_t kMaxControls = 32;
  static constexpr base::Duration kControlWindow = std::chrono::seconds(60);

  // A client says its hello with start(); `host` is whom it wants (SNI) and whose certificate it
  // insists on.
  Engine(std::shared_ptr<const Context> context, Role role, const std::string& host = {});
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  void start(Env env, base::Time now);
  // Takes all of `in`. Returns how many bytes of plaintext it has written to `plain`, which has
  // room for in.size() + kMaxRecord. They come before what state() says.
  std::size_t open(base::Bytes in, base::MutBytes plain, Env env, base::Time now);
  // Moves plaintext into records while env.out holds less than `limit` bytes. All of it may have to
  // wait for what open() brings next. A failed connection throws it away, and may fail here.
  void seal(base::OutQueue& plain, Env env, std::size_t limit);
  // Says that nothing more will come (once; not before the handshake is over).
  void close(Env env);

  State state() const { return state_; }
  // The handshake has been completed (it may have failed since).
  bool established() const { return established_; }
  const char* failure() const { return failure_; }  // why it failed
  // Holds the beginning of a record.
  bool holds_input() const;
  // seal() moves nothing before open() has brought the rest of a message of the handshake.
  bool stuck() const;

  // After the handshake.
  std::optional<PeerCertificate> peer_certificate() const;
  base::Bytes version() const;   // "TLSv1.3"
  base::Bytes protocol() const;  // by ALPN; empty: none was agreed on
  ssl_st* native() const { return ssl_; }

 private:
  friend struct EngineCallbacks;
  static constexpr int kRecordHeader = 5;
  bool is_tls(base::Bytes in, Env env);
  void fail(const char* why);
  void count_control();
  std::size_t read_all(base::MutBytes plain);

  std::shared_ptr<const Context> context_;
  ssl_st* ssl_;
  base::Bytes in_;  // during open(): what OpenSSL has not read yet
  Env* env_ = nullptr;
  const char* failure_ = "";
  base::Time now_{};
  base::Time window_{};  // of kControlWindow, when it began
  std::uint32_t controls_ = 0;
  int wanted_ = kRecordHeader;  // how many bytes OpenSSL asked for in vain
  State state_ = State::handshaking;
  Role role_;
  bool began_ = false;
  bool established_ = false;
  bool closed_ = false;
};

}  // namespace socketio::tls
