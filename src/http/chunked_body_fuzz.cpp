// Property: the body that the machine makes of chunks is the one that a plain reading of RFC 9112
// §7.1 finds in the same bytes, and what stands behind it is the next request, so that nobody can
// smuggle one; and any bytes, written as chunks of any size, come back.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/check.hpp"
#include "http/server_machine.hpp"
#include "http/writer.hpp"

namespace {

using namespace socketio;

constexpr base::Bytes kHead = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

struct Read {
  std::string body;
  std::string rest;
  bool operator==(const Read&) const = default;
};

// What the machine makes of it; nullopt: refused, or not the whole of it came.
std::optional<Read> by_machine(base::Bytes input) {
  static constexpr http::Limits limits{.max_head = 512, .max_body = 4096};
  base::Ledger ledger;
  base::Arena arena;
  base::OutQueue out;
  const base::Time now{};
  const http::Env env{out, arena, ledger};
  std::optional<Read> read;
  {
    http::ServerMachine machine(limits, now);
    const std::string text = std::string(kHead) + std::string(input);
    const auto memory = std::make_unique<char[]>(text.size() + base::kPadding);
    text.copy(memory.get(), text.size());
    machine.feed({memory.get(), text.size()}, now);
    http::Event event = machine.next(env, now);
    SIO_CHECK(event.kind == http::EventKind::head && event.request->chunked);
    event = machine.next(env, now);
    if (event.kind == http::EventKind::complete) {
      read.emplace();
      read->body = base::as_bytes(event.body);
      base::InBuffer rest = machine.take_rest(ledger);
      read->rest = base::as_bytes(rest.view());
    }
  }
  SIO_CHECK(ledger.input() == 0);
  return read;
}

// The line at the beginning of `in`, which must end in CRLF.
base::Bytes line(base::Bytes& in) {
  const std::size_t end = in.find("\r\n");
  SIO_CHECK(end != base::Bytes::npos);
  const base::Bytes text = in.substr(0, end);
  in.remove_prefix(end + 2);
  return text;
}

// The plain reading of bytes that were accepted.
Read by_rule(base::Bytes in) {
  Read read;
  while (true) {
    const base::Bytes head = line(in);
    std::size_t size = 0;
    const std::size_t digits =
        std::min(head.find_first_not_of("0123456789abcdefABCDEF"), head.size());
    SIO_CHECK(digits > 0 && digits <= 16);
    SIO_CHECK(digits == head.size() || head[digits] == ';');
    for (const char c : head.substr(0, digits)) {
      const int low = c | 0x20;
      size = size * 16 + static_cast<std::size_t>(c <= '9' ? c - '0' : low - 'a' + 10);
    }
    if (size == 0) break;
    SIO_CHECK(size + 2 <= in.size());
    read.body += in.substr(0, size);
    in.remove_prefix(size);
    SIO_CHECK(line(in).empty());
  }
  while (!line(in).empty()) {
  }
  read.rest = in;
  return read;
}

// The bytes decide into what chunks they are cut.
void round_trip(base::Bytes bytes) {
  std::string chunks;
  for (base::Bytes left = bytes; !left.empty();) {
    const std::size_t n =
        std::min(left.size(), static_cast<std::size_t>(static_cast<unsigned char>(left[0])) + 1);
    static constexpr char kDigits[] = "0123456789abcdef";
    if (n > 15) chunks += kDigits[n / 16 % 16];
    if (n > 255) chunks.insert(chunks.size() - 1, 1, '1');
    chunks += kDigits[n % 16];
    chunks += "\r\n";
    chunks += left.substr(0, n);
    chunks += "\r\n";
    left.remove_prefix(n);
  }
  const Read wanted{std::string(bytes), "GET /"};
  SIO_CHECK(by_machine(chunks + "0\r\n\r\nGET /") == wanted);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const base::Bytes input(reinterpret_cast<const char*>(data), size);
  if (const auto read = by_machine(input)) SIO_CHECK(*read == by_rule(input));
  if (size <= 4096) round_trip(input);
  return 0;
}
