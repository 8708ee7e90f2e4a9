#include "ws/deflate.hpp"

#include <algorithm>

namespace socketio::ws {
namespace {

using base::Bytes;

// Of a compressed message, kept for the next.
constexpr std::size_t kKept = std::size_t{64} * 1024;

}  // namespace

// -- DeflatePool

std::optional<Bytes> DeflatePool::compress(std::span<const Bytes> parts, int window_bits) {
  const Bytes out = compress(parts, deflater(window_bits));
  std::size_t plain = 0;
  for (const Bytes part : parts) plain += part.size();
  if (out.size() >= plain) return std::nullopt;
  return out;
}

Bytes DeflatePool::compress(std::span<const Bytes> parts, Deflater& deflater) {
  scratch_.clear(kKept);
  deflater.compress(parts, scratch_);
  return scratch_.view();
}

Deflater& DeflatePool::deflater(int window_bits) {
  auto& deflater = deflaters_.at(static_cast<std::size_t>(window_bits));
  if (deflater == nullptr)
    deflater = std::make_unique<Deflater>(window_bits, options_->level, options_->mem_level);
  deflater->reset();
  return *deflater;
}

std::unique_ptr<Deflater> DeflatePool::lend_deflater(int window_bits) {
  deflater(window_bits);
  return std::move(deflaters_.at(static_cast<std::size_t>(window_bits)));
}

void DeflatePool::take_back(int window_bits, std::unique_ptr<Deflater> deflater) {
  deflaters_.at(static_cast<std::size_t>(window_bits)) = std::move(deflater);
}

Inflater& DeflatePool::inflater(int window_bits) {
  auto& inflater = inflaters_.at(static_cast<std::size_t>(window_bits));
  if (inflater == nullptr) inflater = std::make_unique<Inflater>(window_bits);
  inflater->reset();
  return *inflater;
}

std::unique_ptr<Inflater> DeflatePool::lend(int window_bits) {
  return std::move(inflaters_.at(static_cast<std::size_t>(window_bits)));
}

void DeflatePool::take_back(int window_bits, std::unique_ptr<Inflater> inflater) {
  inflaters_.at(static_cast<std::size_t>(window_bits)) = std::move(inflater);
}

void DeflatePool::release() {
  deflaters_ = {};
  inflaters_ = {};
  scratch_.clear(0);
}

// -- Deflate

std::size_t Deflate::context_bytes(const DeflateParams& params, const DeflateOptions& options) {
  std::size_t bytes = 0;
  if (!params.server_no_context_takeover)
    bytes += deflater_bytes(params.server_max_window_bits, options.mem_level);
  if (!params.client_no_context_takeover) bytes += inflater_bytes(params.client_max_window_bits);
  return bytes;
}

Deflate::Deflate(Role role, const DeflateParams& params, DeflatePool& pool, DeflateBudget* budget,
                 std::size_t charged, std::uint64_t owner)
    : pool_(&pool),
      budget_(budget),
      charged_(charged),
      owner_(owner),
      out_{!params.server_no_context_takeover, params.server_max_window_bits},
      in_{!params.client_no_context_takeover, params.client_max_window_bits} {
  if (role == Role::client) std::swap(out_, in_);
}

Deflate::~Deflate() {
  if (budget_ != nullptr) budget_->give_back(charged_);
}

std::optional<Bytes> Deflate::compress(std::span<const Bytes> parts) {
  if (!out_.takeover) return pool_->compress(parts, out_.window_bits);
  // Even when it is no shorter: later messages refer to it.
  return pool_->compress(parts, *own_deflater());
}

// Null without takeover.
Deflater* Deflate::own_deflater() {
  if (out_.takeover && deflater_ == nullptr) {
    const DeflateOptions& options = pool_->options();
    deflater_ = std::make_unique<Deflater>(out_.window_bits, options.level, options.mem_level);
  }
  return deflater_.get();
}

void Deflate::put_off(base::Chunk frame, base::Ledger& ledger,
                      std::shared_ptr<SharedFrame> shared) {
  if (long_ != nullptr) return long_->push(std::move(frame), std::move(shared));
  auto first = std::make_unique<LongMessages>(*pool_, out_.window_bits, own_deflater(), ledger);
  first->push(std::move(frame), std::move(shared));
  long_ = std::move(first);
  pool_->compressing().push_back(*this);
}

std::size_t Deflate::go_on_compressing(base::OutQueue& out) {
  try {
    const std::size_t compressed = long_->go_on(out);
    if (long_->empty()) long_.reset();
    return compressed;
  } catch (...) {
    long_.reset();  // lest others wait for what nobody will finish
    throw;
  }
}

Inflated Deflate::inflate(Bytes payload, std::size_t max, base::Ledger& ledger) {
  clear();
  if (in_.takeover && inflater_ == nullptr) inflater_ = std::make_unique<Inflater>(in_.window_bits);
  return go_on_with(in_.takeover ? *inflater_ : pool_->inflater(in_.window_bits), payload, max,
                    ledger);
}

Inflated Deflate::go_on(std::size_t max, base::Ledger& ledger) {
  return go_on_with(*inflater_, base::as_bytes(rest_.view()).substr(rest_at_), max, ledger);
}

Inflated Deflate::go_on_with(Inflater& inflater, Bytes in, std::size_t max, base::Ledger& ledger) {
  const std::size_t before = inflated_.size();
  const Inflated outcome = inflater.inflate(in, max, inflated_, ledger, pool_->options().piece);
  // Empty blocks are work, too.
  const std::size_t left = outcome == Inflated::more ? inflater.rest().size() : 0;
  inflated_since_ += std::max(inflated_.size() - before, in.size() - left);
  why_ = inflater.why();
  if (outcome == Inflated::more) {
    if (rest_.empty()) rest_.append(inflater.rest(), ledger);
    rest_at_ = rest_.size() - inflater.rest().size();
    if (inflater_ == nullptr) {
      inflater_ = pool_->lend(in_.window_bits);
      lent_.emplace(ledger, inflater_bytes(in_.window_bits));
    }
    return outcome;
  }
  outcome == Inflated::whole ? end_pieces() : clear();
  return outcome;
}

bool Deflate::must_rest(base::Time now) {
  if (inflated_since_ > 0) {
    const double took = static_cast<double>(std::exchange(inflated_since_, 0)) /
                        static_cast<double>(pool_->options().inflate_rate);
    spent_until_ = std::max(spent_until_, now) +
                   std::chrono::duration_cast<base::Duration>(std::chrono::duration<double>(took));
  }
  resting_ = spent_until_ - now > kBurst;
  return resting_;
}

void Deflate::clear() {
  inflated_.clear();
  end_pieces();
}

void Deflate::end_pieces() {
  rest_.clear();
  rest_at_ = 0;
  if (!lent_) return;
  lent_.reset();
  pool_->take_back(in_.window_bits, std::move(inflater_));
}

}  // namespace socketio::ws
