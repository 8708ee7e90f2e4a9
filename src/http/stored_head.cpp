#include "http/stored_head.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "base/check.hpp"
#include "http/chars.hpp"
#include "http/head_check.hpp"

namespace socketio::http {
namespace {

using base::Bytes;

// What heads have in common; the first that fits is taken. Each begins with a line end, a space, or
// the head.
constexpr std::array<Bytes, 29> kPhrases = {
    "GET /socket.io/?EIO=4&transport=websocket",
    "GET /socket.io/?EIO=4&transport=polling",
    " HTTP/1.1\r\nHost: ",
    " AppleWebKit/537.36 (KHTML, like Gecko) Chrome/",
    " AppleWebKit/",
    " Safari/537.36",
    " (KHTML, like Gecko)",
    "\r\nConnection: Upgrade",
    "\r\nConnection: keep-alive",
    "\r\nUpgrade: websocket",
    "\r\nSec-WebSocket-Version: 13",
    "\r\nSec-WebSocket-Key: ",
    "\r\nSec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",
    "\r\nUser-Agent: Mozilla/5.0 (",
    "\r\nUser-Agent: ",
    "\r\nAccept-Encoding: gzip, deflate, br",
    "\r\nAccept-Language: ",
    "\r\nAccept: */*",
    "\r\nOrigin: http",
    "\r\nReferer: http",
    "\r\nPragma: no-cache",
    "\r\nCache-Control: no-cache",
    "\r\nCookie: ",
    "\r\nSec-Fetch-",
    "\r\nsec-ch-ua",
    "\r\nX-Forwarded-For: ",
    "\r\nX-",
    "\r\n\r\n",
    "\r\n",
};

// They are written as control characters, which no head holds (HeadScan), but TAB, CR and LF.
constexpr char code_of(std::size_t phrase) {
  if (phrase == 28) return '\x7f';
  return static_cast<char>(phrase + (phrase < 8 ? 1 : phrase < 10 ? 3 : 4));
}

struct Tables {
  std::array<std::uint8_t, 256> phrases{};  // of a code: one more than the phrase's place; else 0
  // The phrases in question, one bit each, by their third character behind a line end, by their
  // second elsewhere.
  std::array<std::uint32_t, 256> at_line{};
  std::array<std::uint32_t, 256> in_line{};
};

constexpr Tables kTables = [] {
  Tables tables;
  for (std::size_t i = 0; i < kPhrases.size(); ++i) {
    const Bytes phrase = kPhrases[i];
    const std::uint32_t bit = std::uint32_t{1} << i;
    tables.phrases[static_cast<unsigned char>(code_of(i))] = static_cast<std::uint8_t>(i + 1);
    if (phrase == "\r\n") {
      for (std::uint32_t& bits : tables.at_line) bits |= bit;
    } else if (phrase.front() == '\r') {
      tables.at_line[static_cast<unsigned char>(phrase[2])] |= bit;
    } else {
      tables.in_line[static_cast<unsigned char>(phrase[1])] |= bit;
    }
  }
  return tables;
}();

std::uint32_t candidates(const char* begin, const char* at, const char* end) {
  if (*at == '\r') return kTables.at_line[end - at > 2 ? static_cast<unsigned char>(at[2]) : 0];
  if ((*at != ' ' && at != begin) || end - at == 1) return 0;
  return kTables.in_line[static_cast<unsigned char>(at[1])];
}

// Nothing when it holds what stands for a phrase.
std::optional<std::string> pack(Bytes text) {
  std::string out(text.size(), '\0');
  char* to = out.data();
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at != end) {
    std::uint32_t left = candidates(text.data(), at, end);
    std::size_t phrase = 0;
    for (; left != 0; left &= left - 1) {
      phrase = static_cast<std::size_t>(std::countr_zero(left));
      if (Bytes(at, static_cast<std::size_t>(end - at)).starts_with(kPhrases[phrase])) break;
    }
    if (left != 0) {
      *to++ = code_of(phrase);
      at += kPhrases[phrase].size();
      continue;
    }
    bool code = false;
    do {
      code |= kTables.phrases[static_cast<unsigned char>(*at)] != 0;
      *to++ = *at++;
    } while (at != end && *at != ' ' && *at != '\r');
    if (code) return std::nullopt;
  }
  out.resize(static_cast<std::size_t>(to - out.data()));
  return out;
}

std::string unpack(Bytes packed) {
  std::string out;
  for (const char c : packed) {
    const std::uint8_t phrase = kTables.phrases[static_cast<unsigned char>(c)];
    phrase == 0 ? out += c : out += kPhrases[phrase - 1U];
  }
  return out;
}

// In front of the note, and that in front of the head.
struct Prefix {
  std::uint32_t size;  // of the head as it lies there; the highest bit: it is packed
  std::uint8_t note;
};
constexpr std::size_t kPrefix = 5;
constexpr std::uint32_t kPacked = 0x80000000;

Prefix prefix_of(const char* block) {
  Prefix prefix{};
  std::memcpy(&prefix.size, block, sizeof prefix.size);
  prefix.note = static_cast<std::uint8_t>(block[sizeof prefix.size]);
  return prefix;
}

Bytes request_line_part(Bytes head, int part) {
  if (head.empty()) return {};
  for (; part > 0; --part) head.remove_prefix(std::min(head.find(' '), head.size() - 1) + 1);
  return head.substr(0, head.find(' '));
}

// The next header line of a checked head, or false at the empty line.
bool next_header(Bytes& rest, Header& out) {
  const std::size_t end = rest.find('\r');
  if (end == 0 || end == Bytes::npos) return false;
  const Bytes line = rest.substr(0, end);
  const std::size_t colon = line.find(':');
  out = {line.substr(0, colon), trim(line.substr(colon + 1))};
  rest.remove_prefix(end + 2);
  return true;
}

Bytes header_lines(Bytes head) {
  if (!head.empty()) head.remove_prefix(head.find('\r') + 2);
  return head;
}

}  // namespace

Bytes HeadCopy::method() const {
  return request_line_part(text_, 0);
}

Bytes HeadCopy::target() const {
  return request_line_part(text_, 1);
}

Bytes HeadCopy::path() const {
  return split_target(target()).path;
}

Bytes HeadCopy::query() const {
  return split_target(target()).query;
}

std::vector<Header> HeadCopy::headers() const {
  std::vector<Header> all;
  Bytes rest = header_lines(text_);
  for (Header header; next_header(rest, header);) all.push_back(header);
  return all;
}

std::optional<Bytes> HeadCopy::header(Bytes name) const {
  Bytes rest = header_lines(text_);
  for (Header header; next_header(rest, header);) {
    if (iequals(header.name, name)) return header.value;
  }
  return std::nullopt;
}

StoredHead::StoredHead(const Request& request, Bytes note) {
  SIO_CHECK(note.size() <= 0xFF && request.head.size() < kPacked);
  const std::optional<std::string> packed = pack(request.head);
  const Bytes kept = packed ? Bytes(*packed) : request.head;
  const std::uint32_t size = static_cast<std::uint32_t>(kept.size()) | (packed ? kPacked : 0);
  block_ = std::make_unique_for_overwrite<char[]>(kPrefix + note.size() + kept.size());
  char* to = block_.get();
  std::memcpy(to, &size, sizeof size);
  to[sizeof size] = static_cast<char>(note.size());
  to += kPrefix;
  to = std::copy(note.begin(), note.end(), to);
  std::copy(kept.begin(), kept.end(), to);
}

StoredHead StoredHead::copy() const {
  StoredHead other;
  if (block_ == nullptr) return other;
  other.block_ = std::make_unique_for_overwrite<char[]>(bytes());
  std::memcpy(other.block_.get(), block_.get(), bytes());
  return other;
}

HeadCopy StoredHead::open() const {
  if (block_ == nullptr) return {};
  const Prefix prefix = prefix_of(block_.get());
  const Bytes kept(block_.get() + kPrefix + prefix.note, prefix.size & ~kPacked);
  return HeadCopy((prefix.size & kPacked) != 0 ? unpack(kept) : std::string(kept));
}

Bytes StoredHead::note() const {
  if (block_ == nullptr) return {};
  return {block_.get() + kPrefix, prefix_of(block_.get()).note};
}

std::size_t StoredHead::bytes() const {
  if (block_ == nullptr) return 0;
  const Prefix prefix = prefix_of(block_.get());
  return kPrefix + prefix.note + (prefix.size & ~kPacked);
}

}  // namespace socketio::http
