// The byte ledger of one server: what is held for peers, charged where it is allocated and credited
// where it is freed. Shared chunks count once; a connection's logical queue length is counted by
// its OutQueue instead.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace socketio::base {

class Ledger {
 public:
  // Unfinished input: request heads and bodies, WebSocket messages, attachments waiting for their
  // event.
  void charge_input(std::size_t n) {
    input_.fetch_add(static_cast<std::int64_t>(n), std::memory_order_relaxed);
  }
  void credit_input(std::size_t n) {
    input_.fetch_sub(static_cast<std::int64_t>(n), std::memory_order_relaxed);
  }
  // Output waiting in chunks.
  void charge_output(std::size_t n) {
    output_.fetch_add(static_cast<std::int64_t>(n), std::memory_order_relaxed);
  }
  void credit_output(std::size_t n) {
    output_.fetch_sub(static_cast<std::int64_t>(n), std::memory_order_relaxed);
  }

  std::int64_t input() const { return input_.load(std::memory_order_relaxed); }
  std::int64_t output() const { return output_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> input_{0};
  std::atomic<std::int64_t> output_{0};
};

}  // namespace socketio::base
