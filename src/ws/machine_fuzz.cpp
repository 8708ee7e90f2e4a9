// Property: whatever a client sends, the server machine does not crash, gives the same events and
// output for the bytes whole, in random pieces and stopped after every event, and once closed holds
// nothing.
#include <algorithm>

#include "base/check.hpp"
#include "ws/testing.hpp"

namespace {

using namespace socketio::ws;
using socketio::ws::testing::Peer;
using socketio::ws::testing::Record;
using socketio::ws::testing::SeededRandom;

// Small, so that short inputs reach them.
constexpr Limits kLimits{.max_message = 300, .max_fragments = 6, .max_pending_pongs = 3};

struct Outcome {
  std::vector<Record> events;
  std::string output;
  bool operator==(const Outcome&) const = default;
};

Outcome run(Role role, std::string_view input, SeededRandom* random, bool keep_often) {
  Peer peer(role, kLimits);
  peer.echo = true;
  peer.keep_often = keep_often;
  std::size_t longest = 0;
  while (!input.empty()) {
    const std::size_t n =
        random == nullptr ? input.size() : std::min(input.size(), 1 + random->below(20));
    longest = std::max(longest, n);
    peer.feed(input.substr(0, n));
    input.remove_prefix(n);
    SIO_CHECK(!peer.machine().has_input());
    // An unfinished message and the beginning of a frame behind it, with room to grow, in what was
    // perhaps needed to keep all that came at once.
    SIO_CHECK(peer.held() <= static_cast<std::int64_t>(2048 + 2 * longest));
  }
  const bool closed = !peer.events.empty() && peer.events.back().kind == EventKind::closed;
  SIO_CHECK(closed != peer.machine().open());
  if (closed) SIO_CHECK(peer.held() == 0);
  return {peer.events, peer.output()};
}

}  // namespace

// The first byte chooses the role and the pieces.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data + 1), size - 1);
  const Role role = (data[0] & 0x80) != 0 ? Role::client : Role::server;
  SeededRandom random(data[0]);
  const Outcome whole = run(role, input, nullptr, false);
  SIO_CHECK(run(role, input, &random, false) == whole);
  SIO_CHECK(run(role, input, &random, true) == whole);
  return 0;
}
