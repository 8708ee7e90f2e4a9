// Patterns of names: what they match, what is no pattern, and how long they may take.
#include "server/pattern_program.hpp"

#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

namespace socketio::server {
namespace {

struct Row {
  std::string_view expression;
  std::string_view matching;  // words
  std::string_view others;
};

// Answers as of RegExp.prototype.test().
constexpr Row kRows[] = {
    {"^/dynamic-\\d+$", "/dynamic-1 /dynamic-101", "/dynamic- /dynamic-1x x/dynamic-1 /dynamic"},
    {"room", "room /a-room-b", "/ roo"},
    {"^/(a|bc|)$", "/ /a /bc", "/b /abc"},
    {"^(a|b)*c$", "c ac abbac", "a abd cc"},
    {"^a(b(c|d))?e$", "ae abce abde", "abe ace"},
    {"^a{3}$", "aaa", "aa aaaa"},
    {"^a{2,}$", "aa aaaaa", "a"},
    {"^a{1,3}b$", "ab aab aaab", "b aaaab"},
    {"^(ab){2,3}$", "abab ababab", "ab abababab"},
    {"^a{0,2}$", "a aa", "aaa"},
    {"^(?:x|yz)+?$", "x yz xyzx", "y xy"},
    {"^[a-c_]+$", "abc_ a", "d ab-"},
    {"^[^a-c]$", "d -", "a c"},
    {"^[\\w-]+$", "ab-9_", "a.b"},
    {"^[-a]+$", "-a-", "b"},
    {"^[a-]+$", "-a-", "b"},
    {"^[\\]\\\\]+$", "]\\", "a"},
    {"^.\\.\\*$", "a.* ..*", "a** .*"},
    {"^\\D\\W\\S$", "a-b --c", "1-b aab"},
    {"^/café$", "/café", "/caf"},
    {"a$|^b", "ca bc", "cab ac"},
    {"x*", "x y", ""},
    {"^(a*)*b$", "b aab", "aa"},
    {"(^a|b)c", "ac xbc", "xac"},
};

template <class F>
void each_word(std::string_view words, F visit) {
  while (!words.empty()) {
    const std::size_t end = std::min(words.find(' '), words.size());
    visit(words.substr(0, end));
    words.remove_prefix(std::min(end + 1, words.size()));
  }
}

TEST(PatternProgram, MatchesAsJavaScriptDoes) {
  for (const Row& row : kRows) {
    const PatternProgram program(row.expression);
    each_word(row.matching, [&](std::string_view word) {
      EXPECT_TRUE(program.found_in(word)) << row.expression << " in " << word;
    });
    each_word(row.others, [&](std::string_view word) {
      EXPECT_FALSE(program.found_in(word)) << row.expression << " in " << word;
    });
  }
  EXPECT_TRUE(PatternProgram("").found_in(""));
  EXPECT_TRUE(PatternProgram("^$").found_in(""));
  EXPECT_FALSE(PatternProgram("^$").found_in("a"));
  EXPECT_TRUE(PatternProgram("\\s").found_in("a b"));
  EXPECT_FALSE(PatternProgram("^.$").found_in("\n"));
}

TEST(PatternProgram, WhatIsNoPatternSaysWhy) {
  const std::pair<const char*, const char*> rows[] = {
      {"(", "unmatched ("},
      {"a)", "unmatched )"},
      {"[a", "unmatched ["},
      {"[b-a]", "a range that is none"},
      {"*a", "nothing to repeat"},
      {"a**", "nothing to repeat"},
      {"^*", "nothing to repeat"},
      {"a{", "a count that is none"},
      {"a{2,1}", "a count that is none"},
      {"a{0}", "a count that is none"},
      {"a{1001}", "a count that is too large"},
      {"a{1", "unmatched {"},
      {"(?=a)", "only groups of the form (?: are known"},
      {"\\1", "an unknown escape"},
      {"\\b", "an unknown escape"},
      {"a\\", "ends with a backslash"},
  };
  for (const auto& [expression, why] : rows) {
    try {
      const PatternProgram program{std::string_view(expression)};
      ADD_FAILURE() << expression;
    } catch (const std::invalid_argument& e) {
      EXPECT_EQ(e.what(), "\"" + std::string(expression) + "\": " + why);
    }
  }
}

TEST(PatternProgram, ItsSizeIsLimited) {
  // A match, and a step for each letter.
  const std::string longest(PatternProgram::kMaxSteps - 1, 'a');
  EXPECT_TRUE(PatternProgram(longest).found_in(longest));
  EXPECT_THROW(PatternProgram(longest + "a"), std::invalid_argument);
  EXPECT_THROW(PatternProgram("((a{100}){100}){100}"), std::invalid_argument);
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '(') + "a" + std::string(depth, ')');
  };
  EXPECT_TRUE(PatternProgram(nested(64)).found_in("a"));
  EXPECT_THROW(PatternProgram(nested(65)), std::invalid_argument);
}

// Backtracking would take longer than the universe has been there.
TEST(PatternProgram, TakesNoTimeToRefuse) {
  const std::string text(5'000, 'a');
  EXPECT_FALSE(PatternProgram("^(a+)+$").found_in(text + "!"));
  EXPECT_FALSE(PatternProgram("^(a|aa)+$").found_in(text + "!"));
  EXPECT_FALSE(PatternProgram("(a*)*b$").found_in(text));
}

}  // namespace
}  // namespace socketio::server
