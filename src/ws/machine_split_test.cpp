// "The same bytes in any split give the same events", over every row of the other tables.
#include <gtest/gtest.h>

#include "ws/testing.hpp"

namespace socketio::ws::testing {
namespace {

struct Outcome {
  std::vector<Record> events;
  std::string output;
  bool open = true;
  bool operator==(const Outcome&) const = default;
};

Outcome run(const std::vector<std::string_view>& pieces, bool keep_often = false) {
  Peer peer;
  peer.echo = true;
  peer.keep_often = keep_often;
  for (const std::string_view piece : pieces) peer.feed(piece);
  return {peer.events, peer.output(), peer.machine().open()};
}

std::vector<std::string_view> bytewise(std::string_view input) {
  std::vector<std::string_view> pieces;
  for (std::size_t i = 0; i < input.size(); ++i) pieces.push_back(input.substr(i, 1));
  return pieces;
}

std::vector<Case> all_cases() {
  std::vector<Case> cases = rfc_cases();
  for (Case& row : hostile_cases()) cases.push_back(std::move(row));
  return cases;
}

// A session of everything, so that splits also meet what came before and after.
std::string session() {
  return text("one") + frame(2, std::string(300, '\xee')) + frame(9, "ping") +
         text("a\xe2\x82", false) + frame(10, "x") + more("\xac") + frame(9, "") + more("", true) +
         text("", false) + more(std::string(130, 'z'), true) + frame(1, "w", {.length_form = 64}) +
         frame(8, code_body(3000, "done")) + text("late");
}

TEST(MachineSplit, EverySplitPoint) {
  for (const Case& row : all_cases()) {
    if (row.input.size() > 4096) continue;
    SCOPED_TRACE(row.name);
    const std::string_view input = row.input;
    const Outcome whole = run({input});
    for (std::size_t at = 1; at < input.size(); ++at)
      ASSERT_EQ(run({input.substr(0, at), input.substr(at)}), whole) << "split at " << at;
  }
  const std::string input = session();
  const Outcome whole = run({input});
  EXPECT_EQ(whole.events.size(), 9u);
  for (std::size_t at = 1; at < input.size(); ++at)
    ASSERT_EQ(run({input.substr(0, at), std::string_view(input).substr(at)}), whole) << at;
}

// Autobahn's "octet-wise" rows among them.
TEST(MachineSplit, ByteByByte) {
  for (const Case& row : all_cases()) {
    if (row.input.size() > 300'000) continue;
    SCOPED_TRACE(row.name);
    ASSERT_EQ(run(bytewise(row.input)), run({row.input}));
  }
  ASSERT_EQ(run(bytewise(session())), run({session()}));
}

TEST(MachineSplit, RandomPieces) {
  SeededRandom random(7);
  for (const Case& row : all_cases()) {
    SCOPED_TRACE(row.name);
    const std::string_view input = row.input;
    const Outcome whole = run({input});
    for (int round = 0; round < (input.size() > 4096 ? 3 : 10); ++round) {
      const std::size_t a = random.below(input.size() + 1);
      const std::size_t b = a + random.below(input.size() - a + 1);
      const std::vector<std::string_view> pieces{input.substr(0, a), input.substr(a, b - a),
                                                 input.substr(b)};
      ASSERT_EQ(run(pieces), whole) << a << " " << b;
      ASSERT_EQ(run(pieces, true), whole) << "kept, " << a << " " << b;
    }
  }
}

TEST(MachineSplit, WritesOfPartsOfALargeMessage) {  // 9.5, 9.6
  const std::string input = text(std::string(256 * 1024, 'q'));
  const Outcome whole = run({input});
  for (const std::size_t size : {64U, 128U, 997U, 2048U}) {
    std::vector<std::string_view> pieces;
    for (std::size_t from = 0; from < input.size(); from += size)
      pieces.push_back(std::string_view(input).substr(from, size));
    ASSERT_EQ(run(pieces), whole);
  }
}

TEST(MachineSplit, StoppingAfterEveryEventChangesNothing) {
  for (const Case& row : all_cases()) {
    SCOPED_TRACE(row.name);
    ASSERT_EQ(run({row.input}, true), run({row.input}));
  }
  ASSERT_EQ(run({session()}, true), run({session()}));
}

}  // namespace
}  // namespace socketio::ws::testing
