// Property: whatever the headers say, the handshake checks do not crash, and what they accept has a
// well-formed key and echoes a sub-protocol that was offered and is a token.
#include <array>
#include <cstdlib>

#include "ws/handshake.hpp"

namespace {

using namespace socketio;

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

// One header value a line: upgrade, key, version, protocols, extensions.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  base::Bytes rest(reinterpret_cast<const char*>(data), size);
  std::array<base::Bytes, 5> lines;
  for (base::Bytes& line : lines) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  const ws::UpgradeRequest request{.method = "GET",
                                   .upgrade = lines[0],
                                   .key = lines[1],
                                   .key_count = 1,
                                   .version = lines[2],
                                   .protocols = lines[3],
                                   .extensions = lines[4]};
  const base::Bytes protocol = ws::first_protocol(request.protocols);
  const std::string accept = ws::accept_key(request.key);
  require(accept.size() == 28);
  const ws::UpgradeResponse response{101, request.upgrade, accept, protocol, {}};
  const bool answered = !ws::check_response(response, request.key, request.protocols);
  if (const auto refusal = ws::check_upgrade(request)) {
    require(refusal->status == 400 && !refusal->message.empty());
    return 0;
  }
  require(answered);
  require(request.key.size() == 24);
  require(protocol.find_first_of(", \t\"\r\n") == base::Bytes::npos);
  return 0;
}
