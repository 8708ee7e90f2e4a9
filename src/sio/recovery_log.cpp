#include "sio/recovery_log.hpp"

#include <algorithm>
#include <utility>

namespace socketio::sio {

namespace {

constexpr base::Bytes kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::size_t kLetters = 11;  // of an offset: 64 bits, and two that are zero
constexpr std::uint64_t kRounds = 4;
// The entry with its list nodes, beside what it points to.
constexpr std::size_t kOverhead = 192;

}  // namespace

RecoveryLog::RecoveryLog(base::Random& random, Limits limits) : limits_(limits), hash_(random) {
  heads_.min_load_factor(0.1F);
}

// A Feistel network: whatever the rounds' function is, it can be undone.
std::uint64_t RecoveryLog::veil(std::uint64_t number) const {
  auto left = static_cast<std::uint32_t>(number >> 32);
  auto right = static_cast<std::uint32_t>(number);
  for (std::uint64_t i = 0; i < kRounds; ++i) left = std::exchange(right, left ^ round(i, right));
  return std::uint64_t{left} << 32 | right;
}

std::uint64_t RecoveryLog::unveil(std::uint64_t veiled) const {
  auto left = static_cast<std::uint32_t>(veiled >> 32);
  auto right = static_cast<std::uint32_t>(veiled);
  for (std::uint64_t i = kRounds; i-- > 0;) right = std::exchange(left, right ^ round(i, left));
  return std::uint64_t{left} << 32 | right;
}

std::uint32_t RecoveryLog::round(std::uint64_t number, std::uint32_t half) const {
  const std::uint64_t word = number << 32 | half;
  return static_cast<std::uint32_t>(hash_({reinterpret_cast<const char*>(&word), sizeof word}));
}

std::string RecoveryLog::offset(std::uint64_t number) const {
  std::uint64_t veiled = veil(number);
  std::string letters(kLetters, '\0');
  for (std::size_t at = kLetters; at-- > 0; veiled >>= 6) letters[at] = kDigits[veiled & 63];
  return letters;
}

std::optional<std::uint64_t> RecoveryLog::find(base::Bytes offset) const {
  if (offset.size() != kLetters) return std::nullopt;
  std::uint64_t veiled = 0;
  for (const char c : offset) {
    const std::size_t digit = kDigits.find(c);
    if (digit == base::Bytes::npos || veiled >> 58 != 0) return std::nullopt;
    veiled = veiled << 6 | digit;
  }
  const std::uint64_t number = unveil(veiled);
  if (number > last_) return std::nullopt;
  return number;
}

// Two rooms of one key share a chain; whoever walks it looks at the packets themselves.
std::uint64_t RecoveryLog::key(std::uint64_t nsp, base::Bytes room, bool everybody) const {
  constexpr std::uint64_t kOdd = 0x9E3779B97F4A7C15;
  return (hash_(room) ^ (nsp * 2 + (everybody ? 1 : 0))) * kOdd;
}

void RecoveryLog::link(LogEntry& entry, std::uint64_t key) {
  const auto [at, fresh] = heads_.try_emplace(key, 0);
  if (at->second == entry.number) return;  // a room named twice
  entry.links.push_back({key, at->second});
  at.value() = entry.number;
}

std::size_t RecoveryLog::size_of(const eio::Message& message) const {
  const std::size_t frame = message.frame().capacity();
  // Polling clients get binary as base64; that too is made once and kept.
  return frame + (limits_.compressed ? frame : 0) +
         (message.is_binary() ? message.record_size() : 0);
}

std::size_t RecoveryLog::size_of(const LogEntry& entry) const {
  std::size_t size = kOverhead + size_of(entry.packet.text);
  for (const eio::Message& attachment : entry.packet.attachments) size += size_of(attachment);
  for (const auto* rooms : {&entry.selection.rooms, &entry.selection.except}) {
    for (const std::string& room : *rooms) size += sizeof(std::string) + room.size();
  }
  return size + entry.links.size() * 2 * sizeof(LogEntry::Link);
}

LogEntryPtr RecoveryLog::append(LogEntry packet, bool keep) {
  const auto entry = std::make_shared<LogEntry>(std::move(packet));
  const std::uint64_t nsp = entry->nsp;
  entry->number = ++last_;
  if (!keep) {
    clear();
    return entry;
  }
  if (entry->selection.rooms.empty()) link(*entry, key(nsp, {}, true));
  for (const std::string& room : entry->selection.rooms) link(*entry, key(nsp, room, false));
  entry->size = size_of(*entry);
  bytes_ += entry->size;
  entries_.push_back(entry);
  while (!entries_.empty() && (bytes_ > limits_.bytes || entries_.size() > limits_.packets))
    pop_front();
  return entry;
}

void RecoveryLog::pop_front() {
  const LogEntry& entry = *entries_.front();
  for (const LogEntry::Link& link : entry.links) {
    const auto head = heads_.find(link.key);
    if (head != heads_.end() && head->second == entry.number) heads_.erase(head);
  }
  bytes_ -= entry.size;
  entries_.pop_front();
  ++first_;
}

void RecoveryLog::clear() {
  std::deque<LogEntryPtr>().swap(entries_);
  heads_ = decltype(heads_)();
  heads_.min_load_factor(0.1F);
  marks_.clear();
  bytes_ = 0;
  first_ = last_ + 1;
}

std::vector<LogEntryPtr> RecoveryLog::missed(const RecoverySession& session,
                                             std::uint64_t from) const {
  std::vector<std::uint64_t> numbers;
  const auto walk = [&](std::uint64_t key) {
    const auto head = heads_.find(key);
    std::uint64_t number = head == heads_.end() ? 0 : head->second;
    while (number > from && number >= first_) {
      const LogEntry& entry = *entries_[number - first_];
      if (session.wants(entry)) numbers.push_back(number);
      const auto link = std::find_if(entry.links.begin(), entry.links.end(),
                                     [key](const LogEntry::Link& l) { return l.key == key; });
      number = link->previous;
    }
  };
  walk(key(session.nsp, {}, true));
  for (const base::Bytes room : session.all_rooms()) walk(key(session.nsp, room, false));
  std::sort(numbers.begin(), numbers.end());
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
  std::vector<LogEntryPtr> entries;
  entries.reserve(numbers.size());
  for (const std::uint64_t number : numbers) entries.push_back(entries_[number - first_]);
  return entries;
}

void RecoveryLog::expire(base::Time now) {
  while (!marks_.empty() && base::after(marks_.front().time, limits_.age) <= now) {
    while (!entries_.empty() && first_ <= marks_.front().last) pop_front();
    marks_.pop_front();
  }
  if (entries_.empty()) return clear();
  if (marks_.empty() || marks_.back().last < last_) marks_.push_back({last_, now});
}

}  // namespace socketio::sio
