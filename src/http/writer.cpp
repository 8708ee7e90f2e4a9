#include "http/writer.hpp"

#include <charconv>
#include <cstring>

namespace socketio::http {
namespace {

using base::Bytes;

// Appends to memory that is known to be large enough.
class Pen {
 public:
  explicit Pen(char* at) : begin_(at), at_(at) {}
  Pen& put(Bytes text) {
    if (!text.empty()) std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
    return *this;
  }
  Pen& number(std::uint64_t value) {
    at_ = std::to_chars(at_, at_ + 20, value).ptr;
    return *this;
  }
  std::size_t size() const { return static_cast<std::size_t>(at_ - begin_); }

 private:
  char* begin_;
  char* at_;
};

constexpr std::size_t kFixedPart = 256;  // status line and the machine's own headers

}  // namespace

bool has_no_body(int status) {
  return status < 200 || status == 204 || status == 304;
}

void write_response(const ResponseHead& head, Bytes body, Env env) {
  Pen pen(env.arena.reserve(kFixedPart + head.header_lines.size() + head.connection.size() +
                            body.size()));
  if (head.status == 200) {
    pen.put("HTTP/1.1 200 OK\r\n");
  } else {
    pen.put("HTTP/1.1 ").number(static_cast<std::uint64_t>(head.status)).put(" ");
    pen.put(reason_phrase(head.status)).put("\r\n");
  }
  pen.put(head.header_lines);
  if (!head.connection.empty()) pen.put("Connection: ").put(head.connection).put("\r\n");
  if (!has_no_body(head.status)) pen.put("Content-Length: ").number(head.length).put("\r\n");
  pen.put("\r\n").put(body);
  env.out.push(env.arena.commit(pen.size()));
}

std::optional<std::string> header_lines_of(const Response& response,
                                           std::optional<std::uint64_t>& length) {
  if (response.status < 100 || response.status > 599) return std::nullopt;
  std::string lines;
  for (const auto& [name, value] : response.headers) {
    if (!valid_header(name, value)) return std::nullopt;
    if (iequals(name, "connection") || iequals(name, "transfer-encoding")) continue;
    if (iequals(name, "content-length")) {
      std::uint64_t n = 0;
      const char* end = value.data() + value.size();
      const auto [stop, error] = std::from_chars(value.data(), end, n);
      if (error != std::errc{} || stop != end) return std::nullopt;
      length = n;
      continue;
    }
    lines.append(name).append(": ").append(value).append("\r\n");
  }
  return lines;
}

}  // namespace socketio::http
