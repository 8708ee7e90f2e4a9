// The log of packets and what a session wants of it: numbers, rooms, limits, age.
#include "sio/recovery_log.hpp"

#include <set>

#include <gtest/gtest.h>

#include "sio/testing.hpp"

namespace socketio::sio {
namespace {

using std::chrono::seconds;
using testing::SeededRandom;

constexpr RecoveryLog::Limits kPlenty{1'000'000, 1000, seconds(100)};

IdText id(char c) {
  IdText text{};
  text.fill(c);
  return text;
}

class Log {
 public:
  explicit Log(RecoveryLog::Limits limits = kPlenty) : log(random, limits) {}

  LogEntryPtr add(Selection to = {}, std::uint32_t nsp = 0, std::size_t size = 10) {
    const std::string payload(size, 'x');
    LogEntry packet;
    packet.nsp = nsp;
    packet.selection = std::move(to);
    packet.packet.text = eio::Message::text("2", payload, &ledger);
    return log.append(std::move(packet), true);
  }
  std::vector<std::uint64_t> missed(const RecoverySession& session, std::uint64_t from) const {
    std::vector<std::uint64_t> numbers;
    for (const LogEntryPtr& entry : log.missed(session, from)) numbers.push_back(entry->number);
    return numbers;
  }

  SeededRandom random{1};
  base::Ledger ledger;
  RecoveryLog log;
};

using Numbers = std::vector<std::uint64_t>;

TEST(RecoveryLog, OffsetsAreFoundAgainAndNoOthers) {
  Log log;
  EXPECT_EQ(log.log.find(log.log.offset(0)), 0U);
  EXPECT_EQ(log.log.find(log.log.offset(1)), std::nullopt) << "not yet given";
  for (int i = 0; i < 5000; ++i) log.add();
  for (const std::uint64_t number : {0U, 1U, 63U, 64U, 4095U, 4096U, 5000U})
    EXPECT_EQ(log.log.find(log.log.offset(number)), number);
  EXPECT_EQ(log.log.find(log.log.offset(5001)), std::nullopt);
  EXPECT_EQ(log.log.find(log.log.offset(~std::uint64_t{0})), std::nullopt);
  const std::string good = log.log.offset(70);
  for (std::size_t size = 0; size < good.size(); ++size)
    EXPECT_EQ(log.log.find(base::Bytes(good).substr(0, size)), std::nullopt) << size;
  EXPECT_EQ(log.log.find(good.substr(0, 6) + "A" + good.substr(6)), std::nullopt);
  EXPECT_EQ(log.log.find(good + "!"), std::nullopt);
  EXPECT_EQ(log.log.find("x" + good.substr(1)), std::nullopt);
  Log other;
  other.log = RecoveryLog(log.random, kPlenty);  // as after a restart
  for (int i = 0; i < 100; ++i) other.add();
  EXPECT_EQ(other.log.find(good), std::nullopt);
}

// Every client gets some of them; how much is sent to others is not its business.
TEST(RecoveryLog, OffsetsDoNotCount) {
  Log log;
  constexpr base::Bytes kLetters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::set<std::uint64_t> steps;
  std::uint64_t before = 0;
  for (int i = 1; i <= 1'000; ++i) {
    const std::string offset = log.log.offset(log.add()->number);
    std::uint64_t digits = 0;
    for (const char c : offset) digits = digits * 64 + kLetters.find(c);
    steps.insert(digits - before);
    before = digits;
  }
  EXPECT_EQ(steps.size(), 1'000U);
}

TEST(RecoveryLog, PacketsAreFoundByRoom) {
  Log log;
  RecoverySession session(id('p'), id('s'), 0, 0);
  session.join("a", 0);
  log.add();                                           // 1: everybody
  log.add({{"a"}, {}});                                // 2
  log.add({{"b"}, {}});                                // 3: not its own
  log.add({{"a", "b", "a"}, {}});                      // 4
  log.add({{}, {"a"}});                                // 5: but those in a
  log.add({{std::string(view(session.sid))}, {}});     // 6: itself
  log.add({{"a"}, {std::string(view(session.sid))}});  // 7: but itself
  log.add({{"a"}, {}}, 1);                             // 8: another namespace
  log.add({{"b", "a"}, {"c"}});                        // 9
  EXPECT_EQ(log.missed(session, 0), (Numbers{1, 2, 4, 6, 9}));
  EXPECT_EQ(log.missed(session, 4), (Numbers{6, 9}));
  EXPECT_EQ(log.missed(session, 9), Numbers{});
}

// A packet is its own when it was in the room at that time, not before and not after.
TEST(RecoveryLog, RoomsCountWhileItIsIn) {
  Log log;
  RecoverySession session(id('p'), id('s'), 0, 1);
  log.add();             // 1: before it began
  log.add({{"a"}, {}});  // 2
  session.join("a", 2);
  log.add({{"a"}, {}});  // 3
  session.leave("a", 3);
  log.add({{"a"}, {}});  // 4
  log.add({{}, {"a"}});  // 5
  session.join("a", 5);
  session.leave("a", 5);  // between two packets: was never in
  session.join("a", 5);
  log.add({{"a"}, {}});  // 6
  log.add({{}, {"a"}});  // 7
  EXPECT_EQ(log.missed(session, 0), (Numbers{3, 5, 6}));
}

TEST(RecoverySession, GoesOnWhereTheClientIs) {
  RecoverySession session(id('p'), id('s'), 0, 10);
  EXPECT_EQ(session.resume(3), 10U) << "an offset of an earlier session";
  session.sent = 20;
  session.detached = 50;
  EXPECT_EQ(session.resume(15), 15U);
  EXPECT_EQ(session.resume(20), 50U) << "it has everything it was sent";
  EXPECT_EQ(session.resume(60), 60U);
}

// kMaxStays rooms it has left are remembered; one more, and packets from before the first of them
// cannot be told from others.
TEST(RecoverySession, ForgetsOldRooms) {
  RecoverySession session(id('p'), id('s'), 0, 0);
  session.sent = 1000;
  for (std::uint64_t n = 0; n < RecoverySession::kMaxStays; ++n) {
    session.join("r", n * 10);
    session.leave("r", n * 10 + 5);
  }
  EXPECT_EQ(session.resume(1), 1U);
  session.join("r", 900);
  session.leave("r", 905);
  EXPECT_EQ(session.resume(4), std::nullopt);
  EXPECT_EQ(session.resume(5), 5U);
}

TEST(RecoveryLog, HoldsSoManyPackets) {
  Log log({1'000'000, 3, seconds(100)});
  const RecoverySession session(id('p'), id('s'), 0, 0);
  for (int i = 0; i < 3; ++i) log.add();
  EXPECT_TRUE(log.log.reaches(0));
  log.add();
  EXPECT_EQ(log.log.packets(), 3U);
  EXPECT_FALSE(log.log.reaches(0));
  EXPECT_TRUE(log.log.reaches(1));
  EXPECT_EQ(log.missed(session, 1), (Numbers{2, 3, 4}));
  log.add({{"a"}, {}});
  log.add({{"a"}, {}});
  log.add({{"a"}, {}});
  EXPECT_EQ(log.missed(session, 1), Numbers{});
}

TEST(RecoveryLog, HoldsSoManyBytes) {
  Log one;
  one.add({}, 0, 10'000);
  const std::size_t each = one.log.bytes();
  EXPECT_GT(each, 10'000U);
  EXPECT_LT(each, 11'000U);
  Log log({each * 2, 1000, seconds(100)});
  log.add({}, 0, 10'000);
  log.add({}, 0, 10'000);
  EXPECT_EQ(log.log.bytes(), each * 2);
  EXPECT_EQ(log.log.packets(), 2U);
  log.add({}, 0, 10'000);
  EXPECT_EQ(log.log.packets(), 2U);
  EXPECT_TRUE(log.log.reaches(1));
  EXPECT_FALSE(log.log.reaches(0));
  log.add({}, 0, 100'000);  // more than all of it
  EXPECT_EQ(log.log.packets(), 0U);
  EXPECT_EQ(log.log.bytes(), 0U);
  EXPECT_TRUE(log.log.reaches(4));
  EXPECT_FALSE(log.log.reaches(3));
}

TEST(RecoveryLog, CountsTheCopiesThatMessagesKeep) {
  RecoveryLog::Limits limits = kPlenty;
  Log plain(limits);
  limits.compressed = true;
  Log both(limits);
  plain.add({}, 0, 1000);
  both.add({}, 0, 1000);
  EXPECT_GT(both.log.bytes(), plain.log.bytes() + 1000);
  LogEntry binary;
  binary.packet.text = eio::Message::text("2", "[]", &plain.ledger);
  binary.packet.attachments.push_back(eio::Message::binary(std::string(3000, 'x'), &plain.ledger));
  const std::size_t before = plain.log.bytes();
  plain.log.append(std::move(binary), true);
  EXPECT_GT(plain.log.bytes(), before + 3000 + 4000) << "base64 for polling clients";
}

TEST(RecoveryLog, ForgetsWhatIsOld) {
  Log log;
  base::Time now = base::Time{} + seconds(5);
  log.add();
  log.log.expire(now);
  now += seconds(50);
  log.add();
  log.log.expire(now);
  now += seconds(50) - std::chrono::nanoseconds(1);
  log.log.expire(now);
  EXPECT_EQ(log.log.packets(), 2U);
  now += std::chrono::nanoseconds(1);
  log.log.expire(now);
  EXPECT_EQ(log.log.packets(), 1U);
  EXPECT_TRUE(log.log.reaches(1));
  now += seconds(50);
  log.log.expire(now);
  EXPECT_EQ(log.log.packets(), 0U);
  EXPECT_EQ(log.log.bytes(), 0U);
  EXPECT_EQ(log.ledger.output(), 0);
  EXPECT_EQ(log.log.find(log.log.offset(2)), 2U) << "numbers go on";
  EXPECT_TRUE(log.log.reaches(2));
}

TEST(RecoveryLog, KeepsNothingWhenNobodyCouldMissIt) {
  Log log;
  log.add();
  LogEntry packet;
  packet.packet.text = eio::Message::text("2", "[]", &log.ledger);
  const LogEntryPtr entry = log.log.append(std::move(packet), false);
  EXPECT_EQ(entry->number, 2U);
  EXPECT_EQ(log.log.packets(), 0U);
  EXPECT_EQ(log.log.last(), 2U);
  EXPECT_FALSE(log.log.reaches(1));
}

TEST(RecoveryRequest, IsReadFromTheAuth) {
  const auto read = [](const char* json) {
    return read_recovery_request(Value::parse(json).value_or(Value()));
  };
  EXPECT_EQ(read(R"({"pid":"p","offset":"o","token":1})")->offset, "o");
  EXPECT_EQ(read(R"({"pid":"p","offset":"o"})")->pid, "p");
  EXPECT_EQ(read(R"({"pid":"p"})")->offset, std::nullopt);
  EXPECT_EQ(read(R"({"pid":"p","offset":null})")->offset, std::nullopt);
  for (const char* other : {R"({"pid":"p","offset":7})", R"({"pid":"p","offset":{}})",
                            R"({"pid":7,"offset":"o"})", R"({"offset":"o"})", "{}", "[]", "7", ""})
    EXPECT_FALSE(read(other)) << other;
}

}  // namespace
}  // namespace socketio::sio
