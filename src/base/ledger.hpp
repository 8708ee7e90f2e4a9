// The byte ledger of one server: what is held for peers, charged where it is allocated and credited
// where it is freed. Shared chunks count once; a connection's logical queue length is counted by
// its OutQueue instead.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

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

// So many bytes of input as was said last, for as long as it lives.
class InputCharge {
 public:
  explicit InputCharge(Ledger& ledger, std::size_t bytes = 0) : ledger_(ledger) { set(bytes); }
  ~InputCharge() { set(0); }
  InputCharge(const InputCharge&) = delete;
  InputCharge& operator=(const InputCharge&) = delete;
  void set(std::size_t bytes) {
    if (bytes == bytes_) return;
    ledger_.charge_input(bytes);
    ledger_.credit_input(std::exchange(bytes_, bytes));
  }
  std::size_t bytes() const { return bytes_; }

 private:
  Ledger& ledger_;
  std::size_t bytes_ = 0;
};

// So many bytes of output as was said last, for as long as it lives. Any thread, one at a time.
class OutputCharge {
 public:
  explicit OutputCharge(Ledger& ledger) : ledger_(ledger) {}
  ~OutputCharge() { set(0); }
  OutputCharge(const OutputCharge&) = delete;
  OutputCharge& operator=(const OutputCharge&) = delete;
  void set(std::size_t bytes) {
    ledger_.charge_output(bytes);
    ledger_.credit_output(std::exchange(bytes_, bytes));
  }

 private:
  Ledger& ledger_;
  std::size_t bytes_ = 0;
};

}  // namespace socketio::base
