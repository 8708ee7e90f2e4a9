// Property: whatever stands in a compressed message, inflating it does not crash, never yields more
// than the limit, gives the same for the same bytes, and leaves the pool's stream as new; and what
// Deflate compresses of it comes back from the other side, for every agreement. The header's text
// is an offer besides.
#include <cstdlib>
#include <string>

#include "ws/deflate.hpp"
#include "ws/extensions.hpp"

namespace {

using namespace socketio;

constexpr std::size_t kMax = 3000;  // small, so that short inputs reach it
const ws::DeflateOptions kOptions;

void require(bool condition) {
  if (!condition) std::abort();
}

struct Outcome {
  ws::Inflated outcome;
  std::string message;
  bool operator==(const Outcome&) const = default;
};

Outcome inflate(ws::Deflate& deflate, base::Bytes payload, std::size_t max) {
  base::Ledger ledger;
  Outcome out{deflate.inflate(payload, max, ledger),
              std::string(base::as_bytes(deflate.message()))};
  require(out.message.size() <= max);
  require(out.outcome == ws::Inflated::whole || out.message.empty());
  deflate.clear();
  require(ledger.input() == 0);
  return out;
}

// Two messages, the second with whatever context there is.
void round_trip(ws::Deflate& from, ws::Deflate& to, base::Bytes message) {
  for (int i = 0; i < 2; ++i) {
    const base::Bytes parts[] = {message.substr(0, message.size() / 2),
                                 message.substr(message.size() / 2)};
    const auto packed = from.compress(parts);
    if (!packed) continue;
    const Outcome back = inflate(to, *packed, message.size());
    require(back == Outcome{ws::Inflated::whole, std::string(message)});
  }
}

}  // namespace

// The first byte chooses windows and contexts.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const base::Bytes input(reinterpret_cast<const char*>(data + 1), size - 1);
  const int bits = ws::kMinWindowBits + (data[0] & 7);
  const ws::DeflateParams params{(data[0] & 8) != 0, (data[0] & 16) != 0, bits, bits};
  ws::DeflatePool pool(kOptions);
  ws::Deflate server(ws::Role::server, params, pool);
  ws::Deflate again(ws::Role::server, params, pool);
  require(inflate(server, input, kMax) == inflate(again, input, kMax));
  ws::Deflate next(ws::Role::server, {true, true, bits, bits}, pool);
  require(inflate(next, base::Bytes("\xf2\x48\xcd\xc9\xc9\x07\x00", 7), kMax).message == "Hello");

  ws::Deflate sender(ws::Role::server, params, pool);
  ws::Deflate receiver(ws::Role::client, params, pool);
  round_trip(sender, receiver, input);

  const ws::DeflateAnswer answer = ws::answer_deflate(input, kOptions);
  if (answer.kind == ws::DeflateAnswer::Kind::accepted) {
    ws::DeflateOptions offered;
    offered.server_no_context_takeover = false;
    const auto taken = ws::check_deflate(answer.header, offered);
    require(taken.has_value() && taken->params == answer.params);
  }
  return 0;
}
