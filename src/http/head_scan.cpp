#include "http/head_scan.hpp"

#include <algorithm>

#include "http/chars.hpp"

namespace socketio::http {

HeadScan::Result HeadScan::scan(base::Bytes in, const Limits& limits) {
  const auto failed = [](int status, base::Bytes detail) {
    return Result{State::failed, 0, {status, detail}};
  };
  for (;;) {
    const bool request_line = lines_ == 0;
    // RFC 9112 §3: 414 for a request line that is too long; the CRLF does not count.
    const std::size_t limit =
        request_line ? std::min(limits.max_line + 2, limits.max_head) : limits.max_head;
    const auto too_large = [&] {
      return request_line ? failed(414, "request line too long")
                          : failed(431, "request head too large");
    };
    const std::size_t window = std::min(in.size(), limit);
    const std::size_t at = find_control(in, position_, window);
    position_ = static_cast<std::uint32_t>(at);
    if (at == window) return window == limit ? too_large() : Result{};
    if (in[at] == '\t') {
      ++position_;
      continue;
    }
    if (in[at] == '\n')
      return failed(400, "line ended by a bare LF");  // RFC 9112 §2.2: no leniency
    if (in[at] != '\r') return failed(400, "control character in the head");
    if (at + 1 >= limit) return too_large();
    if (at + 1 == in.size()) return Result{};
    if (in[at + 1] != '\n') return failed(400, "bare CR in the head");
    if (at == line_) {
      if (request_line) return failed(400, "no request line");
      return Result{State::found, at + 2, {}};
    }
    if (++lines_ > limits.max_headers + 1) return failed(431, "too many header lines");
    line_ = position_ = static_cast<std::uint32_t>(at + 2);
  }
}

}  // namespace socketio::http
