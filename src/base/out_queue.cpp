#include "base/out_queue.hpp"

#include <algorithm>
#include <cstring>

#include "base/check.hpp"

namespace socketio::base {

void OutQueue::push(Span span) {
  if (span.length == 0) return;
  const std::uint32_t length = span.length;
  if (Span* tail = last(); tail == nullptr) {
    front_ = std::move(span);
  } else if (tail->chunk == span.chunk && tail->offset + tail->length == span.offset) {
    tail->length += length;
  } else if (rest_ != nullptr) {
    rest_->spans.push_back(std::move(span));
  } else {
    auto rest = std::make_unique<Rest>();
    rest->spans.push_back(std::move(span));
    rest_ = std::move(rest);
  }
  bytes_ += length;  // last: memory may have run out
}

void OutQueue::take(OutQueue& from) {
  push(std::move(from.front_));
  if (from.rest_ != nullptr) {
    for (std::size_t i = from.rest_->head; i < from.rest_->spans.size(); ++i)
      push(std::move(from.rest_->spans[i]));
  }
  from.clear();
}

std::size_t OutQueue::gather_all(std::span<Bytes> out) const {
  if (bytes_ == 0 || out.empty()) return 0;
  std::size_t n = 0;
  out[n++] = front_.bytes();
  if (rest_ != nullptr) {
    for (std::size_t i = rest_->head; i < rest_->spans.size() && n < out.size(); ++i)
      out[n++] = rest_->spans[i].bytes();
  }
  return n;
}

void OutQueue::consume_part(std::size_t n) {
  SIO_CHECK(n <= bytes_);
  bytes_ -= n;
  while (n > 0) {
    const auto take = static_cast<std::uint32_t>(std::min<std::size_t>(n, front_.length));
    front_.offset += take;
    front_.length -= take;
    n -= take;
    if (front_.length > 0) return;
    front_ = Span{};
    if (rest_ != nullptr) {
      front_ = std::move(rest_->spans[rest_->head]);
      if (++rest_->head == rest_->spans.size()) {
        rest_.reset();
      } else if (rest_->head >= 32 &&
                 rest_->head * 2 >=
                     rest_->spans.size()) {  // amortised: moves at most what it dropped
        rest_->spans.erase(rest_->spans.begin(),
                           rest_->spans.begin() + static_cast<std::ptrdiff_t>(rest_->head));
        rest_->head = 0;
      }
    }
  }
}

void OutQueue::settle(Ledger* ledger) {
  constexpr std::uint32_t kShareFrom = 4096;
  const auto copy_out = [ledger](Span& span) {
    if (span.length >= kShareFrom || span.length == 0 || span.chunk.capacity() == span.length)
      return;
    span = Span{Chunk::copy(span.bytes(), ledger), 0, span.length};
  };
  copy_out(front_);
  if (rest_ == nullptr) return;
  for (std::size_t i = rest_->head; i < rest_->spans.size(); ++i) copy_out(rest_->spans[i]);
}

void OutQueue::clear() {
  front_ = Span{};
  rest_.reset();
  bytes_ = 0;
}

}  // namespace socketio::base
