#include "http/message.hpp"

#include <algorithm>
#include <cstring>

#include "http/chars.hpp"

namespace socketio::http {

using base::Bytes;

namespace {

// Eight bytes at once.
bool same_letters(const char* a, const char* b) {
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  std::uint64_t x;
  std::uint64_t y;
  std::memcpy(&x, a, sizeof x);
  std::memcpy(&y, b, sizeof y);
  const std::uint64_t differ = x ^ y;
  if (differ == 0) return true;
  if ((differ & ~(kOnes * 0x20)) != 0) return false;
  const std::uint64_t low = (x | (kOnes * 0x20)) & (kOnes * 0x7F);
  // The highest bit of each byte: at least 'a', not more than 'z', and ASCII.
  const std::uint64_t letters = (low + kOnes * (0x80 - 'a')) & ~(low + kOnes * (0x7F - 'z')) & ~x;
  return ((differ << 2) & ~letters & (kOnes * 0x80)) == 0;
}

}  // namespace

bool iequals(Bytes a, Bytes b) {
  if (a.size() != b.size()) return false;
  if (a.size() >= 8) {
    const std::size_t last = a.size() - 8;
    for (std::size_t at = 0; at < last; at += 8) {
      if (!same_letters(a.data() + at, b.data() + at)) return false;
    }
    return same_letters(a.data() + last, b.data() + last);
  }
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] != b[i] && lower(a[i]) != lower(b[i])) return false;
  }
  return true;
}

Bytes next_listed(Bytes& list) {
  const std::size_t comma = std::min(list.find(','), list.size());
  const Bytes first = trim(list.substr(0, comma));
  list.remove_prefix(std::min(comma + 1, list.size()));
  return first;
}

bool list_contains(Bytes list, Bytes token) {
  while (!list.empty()) {
    if (iequals(next_listed(list), token)) return true;
  }
  return false;
}

Bytes Request::header(Bytes name) const {
  return find(name).value_or(Bytes{});
}

std::optional<Bytes> Request::find(Bytes name) const {
  for (const Header& header : headers) {
    if (iequals(header.name, name)) return header.value;
  }
  return std::nullopt;
}

std::size_t Request::count(Bytes name) const {
  return static_cast<std::size_t>(std::ranges::count_if(
      headers, [name](const Header& header) { return iequals(header.name, name); }));
}

bool adds_up(base::Bytes name) {
  return iequals(name, "Set-Cookie") || iequals(name, "Vary");
}

Response& Response::set(std::string_view name, std::string_view value) {
  for (auto& [key, old] : headers) {
    if (iequals(key, name)) {
      old = value;
      return *this;
    }
  }
  headers.emplace_back(name, value);
  return *this;
}

Bytes reason_phrase(int status) {
  struct Row {
    int status;
    Bytes phrase;
  };
  static constexpr Row kRows[] = {{100, "Continue"},
                                  {101, "Switching Protocols"},
                                  {200, "OK"},
                                  {201, "Created"},
                                  {202, "Accepted"},
                                  {204, "No Content"},
                                  {206, "Partial Content"},
                                  {301, "Moved Permanently"},
                                  {302, "Found"},
                                  {303, "See Other"},
                                  {304, "Not Modified"},
                                  {307, "Temporary Redirect"},
                                  {308, "Permanent Redirect"},
                                  {400, "Bad Request"},
                                  {401, "Unauthorized"},
                                  {403, "Forbidden"},
                                  {404, "Not Found"},
                                  {405, "Method Not Allowed"},
                                  {406, "Not Acceptable"},
                                  {408, "Request Timeout"},
                                  {409, "Conflict"},
                                  {410, "Gone"},
                                  {411, "Length Required"},
                                  {412, "Precondition Failed"},
                                  {413, "Payload Too Large"},
                                  {414, "URI Too Long"},
                                  {415, "Unsupported Media Type"},
                                  {416, "Range Not Satisfiable"},
                                  {417, "Expectation Failed"},
                                  {422, "Unprocessable Entity"},
                                  {426, "Upgrade Required"},
                                  {429, "Too Many Requests"},
                                  {431, "Request Header Fields Too Large"},
                                  {500, "Internal Server Error"},
                                  {501, "Not Implemented"},
                                  {502, "Bad Gateway"},
                                  {503, "Service Unavailable"},
                                  {504, "Gateway Timeout"},
                                  {505, "HTTP Version Not Supported"}};
  const auto* row = std::ranges::lower_bound(kRows, status, {}, &Row::status);
  return row != std::end(kRows) && row->status == status ? row->phrase : Bytes("Unknown");
}

bool valid_header(Bytes name, Bytes value) {
  if (!is_token(name)) return false;
  return std::ranges::none_of(value, [](char c) { return is_control(c) && c != '\t'; });
}

}  // namespace socketio::http
