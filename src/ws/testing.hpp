// What the tests and fuzzers of this layer share: frames written by hand, a machine with everything
// it needs around it, and the tables of inputs that several tests walk through.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ws/machine.hpp"

namespace socketio::ws::testing {

// xorshift: the same numbers everywhere.
class SeededRandom : public base::Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : state_(seed * 2 + 1) {}
  void fill(base::MutBytes out) override {
    for (char& c : out) c = static_cast<char>(draw() >> 32);
  }
  // In [0, n).
  std::size_t below(std::size_t n) { return static_cast<std::size_t>(draw() >> 16) % n; }

 private:
  std::uint64_t draw() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return state_;
  }
  std::uint64_t state_;
};

struct Options {
  bool fin = true;
  unsigned rsv = 0;  // 4: RSV1, 2: RSV2, 1: RSV3
  bool masked = true;
  std::string_view key = "\x37\xfa\x21\x3d";
  int length_form = 0;                          // 16 or 64 bits even for small lengths
  std::optional<std::uint64_t> announced = {};  // a length that the payload does not have
};

// Independent of frame.cpp and mask.cpp on purpose.
inline std::string frame(unsigned opcode, std::string_view payload, const Options& o = {}) {
  const std::uint64_t n = o.announced.value_or(payload.size());
  std::string out;
  const auto put = [&out](std::uint64_t byte) { out += static_cast<char>(byte & 0xFF); };
  put((o.fin ? 0x80U : 0U) | o.rsv << 4 | opcode);
  const std::uint64_t mask = o.masked ? 0x80U : 0U;
  const int form = o.length_form != 0 ? o.length_form : n < 126 ? 7 : n < 65536 ? 16 : 64;
  put(mask | (form == 7 ? n : form == 16 ? 126U : 127U));
  for (int shift = form == 7 ? -8 : form - 8; shift >= 0; shift -= 8) put(n >> shift);
  if (o.masked) out += o.key;
  for (std::size_t i = 0; i < payload.size(); ++i)
    out += o.masked ? static_cast<char>(payload[i] ^ o.key[i % 4]) : payload[i];
  return out;
}

inline std::string text(std::string_view payload, bool fin = true) {
  return frame(1, payload, {.fin = fin});
}
inline std::string more(std::string_view payload, bool fin = false) {
  return frame(0, payload, {.fin = fin});
}
inline std::string code_body(unsigned code, std::string_view reason = {}) {
  return std::string{static_cast<char>(code >> 8), static_cast<char>(code & 0xFF)} +
         std::string(reason);
}
// As servers send them.
inline std::string plain(unsigned opcode, std::string_view payload) {
  return frame(opcode, payload, {.masked = false});
}
inline std::string plain_close(unsigned code) {
  return plain(8, code_body(code));
}

struct Record {
  EventKind kind;
  std::string payload;
  unsigned code;
  std::string reason;
  bool failed;
  bool operator==(const Record&) const = default;
};

// A machine and its surroundings. Fed pieces lie in blocks of exactly their size and padding and
// are wiped afterwards, so that a view kept too long shows.
class Peer {
 public:
  explicit Peer(Role role = Role::server, Limits limits = {}, std::uint64_t seed = 1)
      : role_(role), limits_(limits), random_(seed), machine_(role, limits_) {}

  Machine& machine() { return machine_; }
  Env env() {
    base::OutQueue& out = deflate_ != nullptr ? deflate_->tail(out_) : out_;
    return {out, arena_, ledger_, random_, deflate_.get()};
  }
  // A piece of the long messages that wait; false: there are none.
  bool compress_more() {
    if (deflate_ == nullptr || !deflate_->compressing()) return false;
    deflate_->go_on_compressing(out_);
    return true;
  }
  // permessage-deflate, negotiated. `options` outlives the peer.
  void use(const DeflateParams& params, const DeflateOptions& options) {
    pool_ = std::make_unique<DeflatePool>(options);
    deflate_ = std::make_unique<Deflate>(role_, params, *pool_);
  }
  base::Time now() const { return now_; }
  void pass(base::Duration duration) { now_ += duration; }
  std::int64_t held() const { return ledger_.input(); }
  base::Ledger& ledger() { return ledger_; }

  std::vector<Record> events;
  bool echo = false;        // send messages back
  bool keep_often = false;  // stop after every event and go on from the copy

  void feed(std::string_view bytes) {
    auto block = std::make_unique<char[]>(bytes.size() + base::kPadding);
    if (!bytes.empty()) std::memcpy(block.get(), bytes.data(), bytes.size());
    machine_.feed({block.get(), bytes.size()}, now_);
    drain();
    std::memset(block.get(), 0xDD, bytes.size() + base::kPadding);
  }
  void drain() {
    do {
      for (;;) {
        Event event;
        // As the driver does.
        if (machine_.next_text(event.payload)) {
          event.kind = EventKind::text;
        } else {
          event = machine_.next(env(), now_);
        }
        if (event.kind == EventKind::none) break;
        take(event);
        if (keep_often) machine_.keep(ledger_);
      }
      if (!send_pongs) return;
      machine_.on_drained();
    } while (machine_.has_input());
  }
  bool send_pongs = true;

  // All that was written and not yet taken.
  std::string output() {
    std::string all;
    while (!out_.empty()) {
      base::Bytes views[16];
      const std::size_t n = out_.gather(views);
      std::size_t size = 0;
      for (std::size_t i = 0; i < n; ++i) {
        all += views[i];
        size += views[i].size();
      }
      out_.consume(size);
    }
    return all;
  }

 private:
  void take(const Event& e) {
    events.push_back(
        {e.kind, std::string(base::as_bytes(e.payload)), e.code, std::string(e.reason), e.failed});
    if (echo && e.kind == EventKind::text) machine_.send_text(base::as_bytes(e.payload), env());
    if (echo && e.kind == EventKind::binary) machine_.send_binary(base::as_bytes(e.payload), env());
  }

  Role role_;
  Limits limits_;
  base::Ledger ledger_;
  std::unique_ptr<DeflatePool> pool_;
  std::unique_ptr<Deflate> deflate_;
  base::OutQueue out_;
  base::Arena arena_{&ledger_};
  SeededRandom random_;
  base::Time now_{};
  Machine machine_;
};

// One input to an echoing server and what it must answer.
struct Case {
  std::string name;
  std::string input;
  std::string output;
  unsigned closed = 0;      // code of the `closed` event, 0: still open
  std::string reason = {};  // set: it failed, for this reason
};

std::vector<Case> rfc_cases();      // machine_rfc_test.cpp
std::vector<Case> hostile_cases();  // machine_hostile_test.cpp

}  // namespace socketio::ws::testing
