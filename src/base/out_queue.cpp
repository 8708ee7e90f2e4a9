#include "base/out_queue.hpp"

#include <algorithm>
#include <cstring>

#include "base/check.hpp"
#include "base/shrink.hpp"

namespace socketio::base {
namespace {

constexpr std::uint32_t kShareFrom = 4096;
// A span, and what a vector keeps in reserve for one, cost half as much.
constexpr std::uint32_t kShort = 64;
// Of chunks that are to be continued.
constexpr std::size_t kLeastOwn = 256;
constexpr std::size_t kMostOwn = std::size_t{16} * 1024;

// It keeps much more memory than its own bytes.
bool pins(const Span& span) {
  const std::size_t capacity = span.chunk.capacity();
  return capacity > 1 && span.length <= capacity / 2 &&
         (span.length < kShareFrom || capacity == Arena::kChunkSize);
}

bool is_worth_a_copy(const Span& span) {
  return span.length <= kShort || pins(span);
}

}  // namespace

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
        rest_->settled -= std::min(rest_->settled, rest_->head);
        rest_->held -= std::min(rest_->held, rest_->head);
        rest_->head = 0;
      }
    }
  }
}

// What has been settled so far stays settled when memory runs out.
struct OutQueue::Gap {
  ~Gap() {
    const auto first = rest.spans.begin();
    rest.spans.erase(first + static_cast<std::ptrdiff_t>(begin),
                     first + static_cast<std::ptrdiff_t>(end));
    rest.settled = begin;
    shrink_list(rest.spans);
  }
  Rest& rest;
  std::size_t begin;
  std::size_t end = begin;
};

void OutQueue::settle(Ledger* ledger) {
  if (front_.length > 0 && pins(front_))
    front_ = Span{Chunk::copy(front_.bytes(), ledger), 0, front_.length};
  if (rest_ == nullptr) return;
  rest_->held = 0;
  settle_rest(ledger);
}

void OutQueue::settle_rest(Ledger* ledger) {
  Rest& rest = *rest_;
  if (std::max(rest.settled, rest.head) == rest.spans.size()) return;
  const std::size_t own = std::clamp(bytes_ / 4, kLeastOwn, kMostOwn);
  for (Gap gap{rest, std::max(rest.settled, rest.head)}; gap.end < rest.spans.size(); ++gap.end) {
    Span& span = rest.spans[gap.end];
    if (is_worth_a_copy(span) && rest.join_own(gap.begin, span, own, ledger)) continue;
    if (gap.begin != gap.end) rest.spans[gap.begin] = std::move(span);
    ++gap.begin;
  }
  rest.charge(sizeof(Rest) + rest.spans.capacity() * sizeof(Span), ledger);
}

// Moves it to where the queue's own are. True: it only makes the one in front of `at` longer.
bool OutQueue::Rest::join_own(std::size_t at, Span& span, std::size_t capacity, Ledger* to) {
  if (span.length >= kShareFrom) {
    span = Span{Chunk::copy(span.bytes(), to), 0, span.length};
    return false;
  }
  if (span.length > own.capacity() - used) {
    own = Chunk::allocate(std::max<std::size_t>(span.length, capacity), to);
    used = 0;
  }
  std::memcpy(own.data() + used, span.chunk.data() + span.offset, span.length);
  const std::uint32_t offset = std::exchange(used, used + span.length);
  if (at > head && spans[at - 1].chunk == own &&
      spans[at - 1].offset + spans[at - 1].length == offset) {
    spans[at - 1].length += span.length;
    return true;
  }
  span.chunk = own;
  span.offset = offset;
  return false;
}

std::size_t OutQueue::bookkeeping() const {
  const std::size_t spans = rest_ == nullptr ? 0 : rest_->charged;
  const std::size_t front = front_.chunk.fair_share();
  // A turn's chunk is left by the next settle().
  const bool taken = front > front_.length && front_.chunk.capacity() != Arena::kChunkSize;
  return spans + (taken ? front - front_.length : 0);
}

void OutQueue::Rest::charge(std::size_t bytes, Ledger* to) {
  ledger = to;
  if (ledger == nullptr) return;
  ledger->charge_output(bytes);
  ledger->credit_output(std::exchange(charged, bytes));
}

void OutQueue::clear() {
  front_ = Span{};
  rest_.reset();
  bytes_ = 0;
}

}  // namespace socketio::base
