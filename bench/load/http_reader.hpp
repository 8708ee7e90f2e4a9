// Responses of a polling server on a connection that is kept open: status and body, by
// Content-Length. What is longer than any answer to this generator is none: a length that a broken
// server makes up costs no memory.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

namespace load {

class HttpReader {
 public:
  static constexpr std::size_t kMaxHead = 64 * 1024;
  static constexpr std::uint64_t kMaxBody = 64'000'000;

  // on_response(status, body) for each complete response. False when what came is no response with
  // a length, or one that is too long.
  template <class OnResponse>
  bool feed(std::string_view bytes, OnResponse&& on_response) {
    std::string joined;
    if (!held_.empty()) {
      held_ += bytes;
      if (held_.size() < needed_) return true;
      joined.swap(held_);
      bytes = joined;
    }
    while (!bytes.empty()) {
      const std::size_t end = bytes.find("\r\n\r\n");
      if (std::min(end, bytes.size()) > kMaxHead) return false;
      if (end == std::string_view::npos) return hold(bytes, 0);
      const std::string_view head = bytes.substr(0, end + 2);
      std::uint64_t length = 0;
      unsigned status = 0;
      if (!read_head(head, status, length) || length > kMaxBody) return false;
      const std::size_t whole = end + 4 + static_cast<std::size_t>(length);
      if (bytes.size() < whole) return hold(bytes, whole);
      const std::string_view body = bytes.substr(end + 4, static_cast<std::size_t>(length));
      bytes.remove_prefix(whole);
      on_response(status, body);
    }
    return true;
  }

 private:
  bool hold(std::string_view bytes, std::size_t needed) {
    held_.assign(bytes);
    needed_ = needed;
    return true;
  }

  static bool is_length(std::string_view line) {
    constexpr std::string_view kName = "content-length:";
    if (line.size() <= kName.size()) return false;
    for (std::size_t i = 0; i < kName.size(); ++i) {
      const char c = line[i];
      if ((c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c) != kName[i]) return false;
    }
    return true;
  }

  static bool read_head(std::string_view head, unsigned& status, std::uint64_t& length) {
    constexpr std::string_view kVersion = "HTTP/1.1 ";
    if (!head.starts_with(kVersion)) return false;
    const char* digits = head.data() + kVersion.size();
    if (std::from_chars(digits, head.data() + head.size(), status).ec != std::errc()) return false;
    for (std::size_t at = head.find("\r\n") + 2; at < head.size();) {
      const std::size_t end = head.find("\r\n", at);
      const std::string_view line = head.substr(at, end - at);
      at = end + 2;
      if (!is_length(line)) continue;
      const std::size_t number = line.find_first_of("0123456789");
      if (number == std::string_view::npos) return false;
      return std::from_chars(line.data() + number, line.data() + line.size(), length).ec ==
             std::errc();
    }
    return false;
  }

  std::string held_;
  std::size_t needed_ = 0;  // what held_ must grow to before looking again; 0: unknown
};

}  // namespace load
