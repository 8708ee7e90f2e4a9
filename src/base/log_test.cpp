#include "base/log.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace socketio::base {
namespace {

constexpr Time at(int seconds) {
  return Time(std::chrono::seconds(seconds));
}

struct Seen {
  std::string text;
  std::vector<std::pair<std::string, std::string>> fields;
  std::uint64_t suppressed;
};

class Log : public ::testing::Test {
 protected:
  std::vector<Seen> lines_;
  Logger logger_{[this](const LogLine& line) {
                   lines_.push_back({std::string(line.text), {}, line.suppressed});
                   for (const LogField& field : line.fields)
                     lines_.back().fields.emplace_back(field.name, field.value);
                 },
                 LogLevel::info};
};

TEST_F(Log, PassesWhatIsWanted) {
  EXPECT_FALSE(logger_.wants(LogLevel::debug));
  logger_.write(LogLevel::debug, LogKind::general, "no", at(1));
  logger_.write(LogLevel::info, LogKind::general, "yes", at(1), {{"a", "1"}, {"b", "x\ny"}});
  ASSERT_EQ(lines_.size(), 1U);
  EXPECT_EQ(lines_[0].text, "yes");
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(lines_[0].fields, (Pairs{{"a", "1"}, {"b", "x\\ny"}}));
  EXPECT_EQ(lines_[0].suppressed, 0U);
  EXPECT_FALSE(Logger().wants(LogLevel::error));
}

TEST_F(Log, AFloodOfOneKindIsTenLinesASecond) {
  for (int i = 0; i < 1000; ++i) logger_.write(LogLevel::warn, LogKind::http, "bad", at(1));
  EXPECT_EQ(lines_.size(), Logger::Limits().lines_per_second);
  EXPECT_EQ(logger_.suppressed(), 990U);
  // Other kinds are not affected, and the next line says how many there were.
  logger_.write(LogLevel::warn, LogKind::handler, "other", at(1));
  EXPECT_EQ(lines_.back().suppressed, 0U);
  logger_.write(LogLevel::warn, LogKind::http, "bad", at(2));
  EXPECT_EQ(lines_.back().suppressed, 990U);
  logger_.write(LogLevel::warn, LogKind::http, "bad", at(2));
  EXPECT_EQ(lines_.back().suppressed, 0U);
}

// Two threads, one of which is behind.
TEST_F(Log, ALineOfAnEarlierSecondIsOneMore) {
  for (int i = 0; i < 100; ++i) logger_.write(LogLevel::warn, LogKind::http, "bad", at(4 + i % 2));
  EXPECT_EQ(lines_.size(), 1 + Logger::Limits().lines_per_second);
  EXPECT_EQ(logger_.suppressed(), 99U - Logger::Limits().lines_per_second);
}

TEST_F(Log, ALineThatTheSinkThrowsAtIsLeftOut) {
  bool full = true;
  Logger logger([&](const LogLine& line) {
    if (full) throw 1;
    lines_.push_back({std::string(line.text), {}, line.suppressed});
  });
  logger.write(LogLevel::warn, LogKind::http, "first", at(1));
  full = false;
  logger.write(LogLevel::warn, LogKind::http, "second", at(1));
  ASSERT_EQ(lines_.size(), 1U);
  EXPECT_EQ(lines_[0].suppressed, 1U);
  EXPECT_EQ(logger.suppressed(), 1U);
}

TEST_F(Log, StrangersTextIsBounded) {
  const std::string huge(1'000'000, 'x');
  const std::string escapes(1'000'000, '\x1b');
  logger_.write(LogLevel::warn, LogKind::http, huge, at(1),
                {{"1", escapes},
                 {"2", huge},
                 {"3", huge},
                 {"4", escapes},
                 {"5", huge},
                 {"6", huge},
                 {"7", huge},
                 {"8", huge},
                 {"one past it", huge}});
  ASSERT_EQ(lines_.size(), 1U);
  EXPECT_EQ(lines_[0].text, std::string(Logger::Limits().max_text, 'x') + "...");
  ASSERT_EQ(lines_[0].fields.size(), Logger::kMaxFields);
  EXPECT_EQ(lines_[0].fields[0].second.size(), Logger::Limits().max_text + 3);
  EXPECT_EQ(lines_[0].fields[0].second.substr(0, 8), "\\x1b\\x1b");
  EXPECT_EQ(lines_[0].fields[7].second, std::string(Logger::Limits().max_text, 'x') + "...");
}

}  // namespace
}  // namespace socketio::base
