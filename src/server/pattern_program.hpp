// A regular expression as a program for a machine that is in many states at once, so that matching
// takes time in proportion to text × program and no recursion: names come from strangers.
//
//   ^/room-\d+$   ->   0 begin  1 '/' … 6 '-'  7 [0-9]  8 split 7 9  9 end  10 match
//
// ECMAScript's syntax as far as names need it: literals, ., [a-z], [^…], \d \D \w \W \s \S,
// \ before a character, ^ $, ( ) and (?: ), |, * + ? {n} {n,} {n,m}, lazy ones alike (what is
// matched is not asked, only whether). Not: back-references, look-around, \b, \u. Bytes, not
// characters: . is one byte.
#pragma once

#include <bitset>
#include <cstdint>
#include <string_view>
#include <vector>

namespace socketio::server {

class PatternProgram {
 public:
  static constexpr std::size_t kMaxSteps = 4096;

  // Throws std::invalid_argument with the reason.
  explicit PatternProgram(std::string_view expression);

  // Anywhere in the text.
  bool found_in(std::string_view text) const;

 private:
  friend class PatternCompiler;
  enum class Kind : std::uint8_t { byte, begin, end, jump, split, match };
  struct Step {
    Kind kind = Kind::match;
    std::uint32_t to = 0;     // jump, split
    std::uint32_t other = 0;  // split
    std::bitset<256> bytes{};
  };
  struct States;
  void enter(States& states, std::uint32_t step, std::size_t at, std::size_t size) const;

  std::vector<Step> steps_;
};

}  // namespace socketio::server
