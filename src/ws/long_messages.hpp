// Long messages of one connection on their way out: they are compressed in pieces, so that others
// have their turns meanwhile, and whatever is sent behind them waits here, in order.
//
//   out <- [first message, in part compressed] [frames behind it]
//       <- [second message] [frames behind it]
//
// Servers only: frames are not masked. A message leaves in one frame, like all others.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <utility>

#include "base/chunk.hpp"
#include "base/out_queue.hpp"
#include "base/text_buffer.hpp"
#include "ws/deflate_stream.hpp"

namespace socketio::ws {

class DeflatePool;

// The compressed frame of a long message that many are sent. Of those who share a pool (of one
// shard, that is) the connection that comes to it first compresses it for all
// (DeflatePool::claim()); other shards do not wait for that one, which may be held up. Whoever is
// done first is done for all. Thread-safe.
class SharedFrame {
 public:
  // The frame for all: the caller's, if nobody was faster.
  const base::Chunk& publish(base::Chunk frame) {
    std::call_once(once_, [&] {
      frame_ = std::move(frame);
      made_.store(true, std::memory_order_release);
    });
    return frame_;
  }
  // Null: not yet.
  const base::Chunk* made() const {
    return made_.load(std::memory_order_acquire) ? &frame_ : nullptr;
  }

 private:
  std::once_flag once_;
  std::atomic<bool> made_{false};
  base::Chunk frame_;  // does not change once it is made
};

class LongMessages {
 public:
  // `own`: the stream of a connection with context takeover; null: the pool's, with this window.
  LongMessages(DeflatePool& pool, int window_bits, Deflater* own, base::Ledger& ledger)
      : pool_(pool), window_bits_(window_bits), own_(own), ledger_(ledger) {}
  ~LongMessages();
  LongMessages(const LongMessages&) = delete;
  LongMessages& operator=(const LongMessages&) = delete;

  // A whole plain frame. `shared`: of a message that others are sent as well; not with an own
  // stream.
  void push(base::Chunk frame, std::shared_ptr<SharedFrame> shared);
  bool empty() const { return messages_.empty(); }
  // What follows goes here. Not when empty().
  base::OutQueue& tail() { return messages_.back().behind; }
  // As they were pushed, and what is behind them.
  std::size_t bytes() const { return empty() ? 0 : bytes_ + messages_.back().behind.bytes(); }
  // Compresses at most DeflateOptions::sent_piece bytes, and moves what is ready to `out`. Returns
  // how many: 0 when there was no need to, or somebody else of the pool compresses what comes
  // first.
  std::size_t go_on(base::OutQueue& out);

 private:
  struct Message {
    base::Chunk frame;
    std::shared_ptr<SharedFrame> shared;
    base::OutQueue behind;
  };
  // Null: not yet.
  base::Chunk compress(Message& message, std::size_t& left);
  bool begin(const Message& message);
  void end(const Message& message);
  void charge(std::size_t bytes);

  DeflatePool& pool_;
  int window_bits_;
  Deflater* own_;
  base::Ledger& ledger_;
  std::deque<Message> messages_;
  std::size_t bytes_ = 0;  // but for what is behind the last
  // Of the first message:
  std::unique_ptr<Deflater> lent_;  // the pool's, while others use another
  int lent_bits_ = 0;
  base::TextBuffer packed_;
  std::size_t at_ = 0;  // of its payload
  bool begun_ = false;
  std::size_t charged_ = 0;  // for the stream and what it has made, as output
};

}  // namespace socketio::ws
