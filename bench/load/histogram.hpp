// Latencies in buckets of equal relative width (1/32): recording is two shifts and an increment, a
// quantile is right to 3 %.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

#include "base/time.hpp"

namespace load {

class Histogram {
 public:
  void add(socketio::base::Duration latency) {
    const auto nanos = static_cast<std::uint64_t>(latency.count() < 0 ? 0 : latency.count());
    ++buckets_[bucket_of(nanos)];
    ++count_;
    max_ = nanos > max_ ? nanos : max_;
  }
  std::uint64_t count() const { return count_; }
  // The largest, exactly; microseconds.
  double max() const { return static_cast<double>(max_) / 1000.0; }
  // The upper end of the bucket that holds the q-th part, in microseconds; 0 when empty.
  double quantile(double q) const {
    const auto wanted = static_cast<std::uint64_t>(q * static_cast<double>(count_));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
      seen += buckets_[i];
      if (seen > wanted) return std::min(micros(i), max());
    }
    return max();
  }
  // visit(upper end in microseconds, count) for every bucket that is not empty, in order.
  template <class Visit>
  void each(Visit&& visit) const {
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
      if (buckets_[i] > 0) visit(micros(i), buckets_[i]);
    }
  }
  void clear() {
    buckets_.fill(0);
    count_ = 0;
    max_ = 0;
  }

 private:
  static constexpr unsigned kBits = 5;
  static constexpr std::uint64_t kStep = 1U << kBits;

  static std::size_t bucket_of(std::uint64_t nanos) {
    if (nanos < kStep) return nanos;
    const auto shift = static_cast<unsigned>(std::bit_width(nanos)) - kBits - 1;
    return (shift + 1) * kStep + ((nanos >> shift) - kStep);
  }
  static double micros(std::size_t bucket) {
    return static_cast<double>(upper_end(bucket)) / 1000.0;
  }
  static std::uint64_t upper_end(std::size_t bucket) {
    if (bucket < kStep) return bucket;
    const std::size_t shift = bucket / kStep - 1;
    return (bucket % kStep + kStep + 1) << shift;
  }

  std::array<std::uint64_t, 60 * kStep> buckets_{};
  std::uint64_t count_ = 0;
  std::uint64_t max_ = 0;
};

}  // namespace load
