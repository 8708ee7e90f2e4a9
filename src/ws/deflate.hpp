// permessage-deflate (RFC 7692) on one connection that has negotiated it, either role.
//
// With context takeover a direction has a stream of its own, which remembers the messages before
// (up to 300 KiB). Without, it borrows one from the pool for the length of a message, so that such
// a connection costs nothing while it is idle, and a server can compress a broadcast once for all
// of them: the same bytes mean the same to everybody.
//
//   Outlet -> Deflate -- own Deflater (takeover) or the pool's; LongMessages in pieces
//                     -- own Inflater (takeover) or the pool's
//
// Not thread-safe, but for DeflateBudget: a pool belongs to one shard, like its connections.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <optional>
#include <set>
#include <span>

#include "base/in_buffer.hpp"
#include "base/list.hpp"
#include "base/text_buffer.hpp"
#include "base/time.hpp"
#include "ws/deflate_stream.hpp"
#include "ws/long_messages.hpp"
#include "ws/role.hpp"

namespace socketio::ws {

// What a server wants and accepts; the defaults of the public option.
struct DeflateOptions {
  std::size_t threshold = 1024;  // bytes: shorter messages go out as they are
  bool server_no_context_takeover = true;
  bool client_no_context_takeover = true;
  std::optional<int> server_max_window_bits{};
  std::optional<int> client_max_window_bits{};
  int level = 6;      // of zlib
  int mem_level = 8;  // of zlib
  std::size_t max_context_bytes = 64 * 1024 * 1024;
  // About so many bytes are inflated at a time (Inflated::more): a few sent bytes may stand for
  // many, and others wait meanwhile.
  std::size_t piece = ~std::size_t{0};
  // Likewise of messages that are sent: longer ones are LongMessages. A server's only.
  std::size_t sent_piece = ~std::size_t{0};
  // Bytes a second that are inflated for one connection; see Deflate::must_rest().
  std::size_t inflate_rate = ~std::size_t{0};
};

// What both sides have agreed on.
struct DeflateParams {
  bool server_no_context_takeover = false;
  bool client_no_context_takeover = false;
  int server_max_window_bits = kMaxWindowBits;
  int client_max_window_bits = kMaxWindowBits;
  bool operator==(const DeflateParams&) const = default;
};

// What the contexts that connections keep may cost together. Thread-safe.
class DeflateBudget {
 public:
  bool take(std::size_t bytes, std::size_t limit) {
    if (used_.fetch_add(bytes, std::memory_order_relaxed) + bytes <= limit) return true;
    give_back(bytes);
    return false;
  }
  void give_back(std::size_t bytes) { used_.fetch_sub(bytes, std::memory_order_relaxed); }
  std::size_t used() const { return used_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::size_t> used_{0};
};

class Deflate;

// The streams that connections without context share, made when first used.
class DeflatePool {
 public:
  explicit DeflatePool(const DeflateOptions& options)  // `options` outlives the pool
      : options_(&options) {}

  const DeflateOptions& options() const { return *options_; }
  // Of frames that are compressed once for many: whoever has at least this window can read them.
  int shared_window_bits() const {
    return options_->server_max_window_bits.value_or(kMaxWindowBits);
  }
  // A message compressed without context, or nullopt when that makes it no shorter. Valid until the
  // next call.
  std::optional<base::Bytes> compress(std::span<const base::Bytes> parts, int window_bits);
  // The same with a stream that is somebody's own.
  base::Bytes compress(std::span<const base::Bytes> parts, Deflater& deflater);
  Inflater& inflater(int window_bits);  // as new
  // For a message that is inflated in pieces, while others use the pool; and back.
  std::unique_ptr<Inflater> lend(int window_bits);
  void take_back(int window_bits, std::unique_ptr<Inflater> inflater);
  // For one that is compressed in pieces, as new; and back.
  std::unique_ptr<Deflater> lend_deflater(int window_bits);
  void take_back(int window_bits, std::unique_ptr<Deflater> deflater);
  // Gives all memory back.
  void release();
  // Those with long messages; whoever drives them calls go_on_compressing(), one after the other.
  base::List<Deflate>& compressing() { return compressing_; }
  bool is_compressing() const { return !compressing_.empty(); }
  // Of a long message that many are sent. True: nobody else of this pool compresses it, but the
  // caller does, until let_go().
  bool claim(const SharedFrame& frame) { return claimed_.insert(&frame).second; }
  void let_go(const SharedFrame& frame) { claimed_.erase(&frame); }

 private:
  Deflater& deflater(int window_bits);  // as new

  const DeflateOptions* options_;
  std::array<std::unique_ptr<Deflater>, kMaxWindowBits + 1> deflaters_;
  std::array<std::unique_ptr<Inflater>, kMaxWindowBits + 1> inflaters_;
  base::TextBuffer scratch_;
  base::List<Deflate> compressing_;
  std::set<const SharedFrame*> claimed_;
};

class Deflate : public base::ListNode<Deflate> {
 public:
  // What a connection with these parameters keeps, at most: 0 without context takeover.
  static std::size_t context_bytes(const DeflateParams& params, const DeflateOptions& options);

  // `budget` (may be null) gets back `charged` bytes in the end. `owner`: who is found by it.
  Deflate(Role role, const DeflateParams& params, DeflatePool& pool,
          DeflateBudget* budget = nullptr, std::size_t charged = 0, std::uint64_t owner = 0);
  ~Deflate();
  Deflate(const Deflate&) = delete;
  Deflate& operator=(const Deflate&) = delete;

  DeflatePool& pool() const { return *pool_; }
  std::uint64_t owner() const { return owner_; }
  // Frames compressed once for many (DeflatePool::compress with shared_window_bits()) are fine.
  bool takes_shared() const {
    return !out_.takeover && out_.window_bits >= pool_->shared_window_bits();
  }
  bool worth_it(std::size_t size) const { return size >= pool_->options().threshold; }
  // Too long to be compressed at once; put_off() is for them.
  bool is_long(std::size_t size) const { return size > pool_->options().sent_piece; }

  // One message to be sent, compressed; nullopt: send it as it is. Valid until the next call.
  std::optional<base::Bytes> compress(std::span<const base::Bytes> parts);
  // The same for a whole plain frame, a piece with each go_on_compressing(): see LongMessages.
  // Until that is done everything else goes to tail(), and what is to be compressed is put off,
  // too.
  void put_off(base::Chunk frame, base::Ledger& ledger, std::shared_ptr<SharedFrame> shared = {});
  bool compressing() const { return long_ != nullptr; }
  base::OutQueue& tail(base::OutQueue& out) { return long_ == nullptr ? out : long_->tail(); }
  std::size_t put_off_bytes() const { return long_ == nullptr ? 0 : long_->bytes(); }
  std::size_t go_on_compressing(base::OutQueue& out);

  // One message that was received: see Inflater. The result lies here until clear(), contiguous,
  // padded and charged to the ledger as input. After `more` it goes on with go_on(); what it still
  // needs of the payload is kept here.
  Inflated inflate(base::Bytes payload, std::size_t max, base::Ledger& ledger);
  Inflated go_on(std::size_t max, base::Ledger& ledger);
  // What was inflated for the connection is as much as DeflateOptions::inflate_rate allows, and
  // kBurst of it at once: nothing more is to be inflated before rested_at().
  bool must_rest(base::Time now);
  bool resting() const { return resting_; }
  base::Time rested_at() const { return resting_ ? spent_until_ - kBurst : base::kNever; }
  base::MutBytes message() { return inflated_.view(); }
  base::Bytes why() const { return why_; }
  void clear();
  std::size_t held() const {
    return inflated_.capacity() + rest_.capacity() + (lent_ ? lent_->bytes : 0);
  }

 private:
  static constexpr base::Duration kBurst = std::chrono::milliseconds(400);

  struct Direction {
    bool takeover;
    int window_bits;
  };
  Deflater* own_deflater();
  Inflated go_on_with(Inflater& inflater, base::Bytes in, std::size_t max, base::Ledger& ledger);
  void end_pieces();

  DeflatePool* pool_;
  DeflateBudget* budget_;
  std::size_t charged_;
  std::uint64_t owner_;
  Direction out_;
  Direction in_;
  std::unique_ptr<Deflater> deflater_;  // with takeover, once used
  std::unique_ptr<LongMessages> long_;  // null: there are none
  std::unique_ptr<Inflater> inflater_;  // likewise; or the pool's, in the middle of a message
  base::InBuffer inflated_;
  base::InBuffer rest_;  // of a payload that is inflated in pieces, from rest_at_ on
  std::size_t rest_at_ = 0;
  std::size_t inflated_since_ = 0;  // must_rest() was asked
  base::Time spent_until_{};        // when that and all before would be done at the allowed rate
  bool resting_ = false;
  // What the pool's stream counts meanwhile.
  struct Lent {
    Lent(base::Ledger& to, std::size_t size) : ledger(to), bytes(size) {
      ledger.charge_input(bytes);
    }
    ~Lent() { ledger.credit_input(bytes); }
    Lent(const Lent&) = delete;
    Lent& operator=(const Lent&) = delete;
    base::Ledger& ledger;
    std::size_t bytes;
  };
  std::optional<Lent> lent_;
  base::Bytes why_{};
};

}  // namespace socketio::ws
