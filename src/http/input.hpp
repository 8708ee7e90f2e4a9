// What has come in and is not consumed: kept bytes of earlier turns, then the view fed in this one.
// The view is only copied when it outlives its turn; consuming never moves bytes, so a body may be
// handed out in place.
#pragma once

#include "base/check.hpp"
#include "base/in_buffer.hpp"

namespace socketio::http {

class Input {
 public:
  void feed(base::MutBytes bytes) {
    SIO_CHECK(fed_.empty());  // the driver drains next() or calls keep() in between
    fed_ = bytes;
  }
  std::size_t size() const { return kept_.size() - read_ + fed_.size(); }
  std::size_t held() const { return kept_.capacity(); }

  // All of it, contiguous.
  base::MutBytes front(base::Ledger& ledger) {
    if (kept_.size() == read_) return fed_;
    if (!fed_.empty()) keep(ledger);
    return kept_.view().subspan(read_);
  }
  // Of what front() returned.
  void consume(std::size_t n) {
    if (kept_.size() == read_) {
      fed_ = fed_.subspan(n);
    } else {
      read_ += n;
    }
  }
  // Copies the fed view to memory of our own.
  void keep(base::Ledger& ledger) {
    if (fed_.empty()) return;
    kept_.consume(std::exchange(read_, 0));
    kept_.append(base::as_bytes(fed_), ledger);
    fed_ = {};
  }
  // Frees what was consumed; views handed out before end here.
  void release() {
    if (kept_.size() > read_) return;
    kept_.clear();
    read_ = 0;
  }
  void clear() {
    kept_.clear();
    read_ = 0;
    fed_ = {};
  }
  base::InBuffer take(base::Ledger& ledger) {
    keep(ledger);
    kept_.consume(std::exchange(read_, 0));
    return std::exchange(kept_, base::InBuffer{});
  }

 private:
  base::MutBytes fed_{};
  base::InBuffer kept_;
  std::size_t read_ = 0;  // consumed bytes of kept_
};

}  // namespace socketio::http
