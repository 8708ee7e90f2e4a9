#include "server/pattern_program.hpp"

#include <optional>
#include <stdexcept>
#include <string>

namespace socketio::server {

namespace {

constexpr std::size_t kMaxDepth = 64;      // of groups: compiling recurses into them
constexpr std::uint32_t kMaxCount = 1000;  // of {n,m}

using Bytes = std::bitset<256>;

std::size_t index_of(char c) {
  return static_cast<unsigned char>(c);
}

Bytes range(char from, char to) {
  Bytes out;
  for (std::size_t c = index_of(from); c <= index_of(to); ++c) out.set(c);
  return out;
}

Bytes one(char c) {
  return range(c, c);
}

// \d and its like; none for another letter.
std::optional<Bytes> shorthand(char c) {
  const Bytes digits = range('0', '9');
  const Bytes word = digits | range('a', 'z') | range('A', 'Z') | one('_');
  const Bytes space = one(' ') | range('\t', '\r');
  switch (c) {
    case 'd':
      return digits;
    case 'D':
      return ~digits;
    case 'w':
      return word;
    case 'W':
      return ~word;
    case 's':
      return space;
    case 'S':
      return ~space;
    default:
      return std::nullopt;
  }
}

bool is_letter_or_digit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

}  // namespace

// Recursive descent over the expression: every function appends the steps of what it reads.
class PatternCompiler {
 public:
  PatternCompiler(std::string_view text, std::vector<PatternProgram::Step>& steps)
      : text_(text), steps_(steps) {}

  void run() {
    alternatives(0);
    if (!done()) fail("unmatched )");
    add({Kind::match});
  }

 private:
  using Kind = PatternProgram::Kind;
  using Step = PatternProgram::Step;

  [[noreturn]] void fail(const char* why) const {
    throw std::invalid_argument("\"" + std::string(text_) + "\": " + why);
  }
  bool done() const { return at_ == text_.size(); }
  char peek() const { return text_[at_]; }
  bool take(char c) {
    if (done() || peek() != c) return false;
    ++at_;
    return true;
  }
  std::uint32_t here() const { return static_cast<std::uint32_t>(steps_.size()); }
  std::uint32_t add(const Step& step) {
    if (steps_.size() >= PatternProgram::kMaxSteps) fail("too long");
    steps_.push_back(step);
    return here() - 1;
  }
  void add_bytes(const Bytes& bytes) { add({Kind::byte, 0, 0, bytes}); }

  // a|b|c: every branch but the last begins with a choice and ends with a jump behind all.
  void alternatives(std::size_t depth) {
    if (depth > kMaxDepth) fail("groups are nested too deep");
    std::vector<std::uint32_t> jumps;
    for (;;) {
      const std::uint32_t begin = here();
      sequence(depth);
      if (!take('|')) break;
      insert_split(begin);
      jumps.push_back(add({Kind::jump}));
      steps_[begin].other = here();
    }
    for (const std::uint32_t jump : jumps) steps_[jump].to = here();
  }

  // A choice before what has been read already: it moves by one.
  void insert_split(std::uint32_t begin) {
    if (steps_.size() >= PatternProgram::kMaxSteps) fail("too long");
    for (std::uint32_t i = begin; i < here(); ++i) move(steps_[i], begin, 1);
    steps_.insert(steps_.begin() + begin, Step{Kind::split, begin + 1});
  }
  static void move(Step& step, std::uint32_t from, std::uint32_t by) {
    if (step.kind != Kind::jump && step.kind != Kind::split) return;
    if (step.to >= from) step.to += by;
    if (step.kind == Kind::split && step.other >= from) step.other += by;
  }

  void sequence(std::size_t depth) {
    while (!done() && peek() != '|' && peek() != ')') {
      const std::uint32_t begin = here();
      const bool repeatable = atom(depth);
      repetitions(begin, repeatable);
    }
  }

  // False for what cannot be repeated.
  bool atom(std::size_t depth) {
    const char c = text_[at_++];
    switch (c) {
      case '^':
        add({Kind::begin});
        return false;
      case '$':
        add({Kind::end});
        return false;
      case '(':
        if (take('?') && !take(':')) fail("only groups of the form (?: are known");
        alternatives(depth + 1);
        if (!take(')')) fail("unmatched (");
        return true;
      case '[':
        add_bytes(set());
        return true;
      case '.':
        add_bytes(~(one('\n') | one('\r')));
        return true;
      case '\\':
        add_bytes(escaped());
        return true;
      case '*':
      case '+':
      case '?':
      case '{':
        fail("nothing to repeat");
      default:
        add_bytes(one(c));
        return true;
    }
  }

  Bytes escaped() {
    if (done()) fail("ends with a backslash");
    const char c = text_[at_++];
    if (const auto known = shorthand(c)) return *known;
    if (is_letter_or_digit(c)) fail("an unknown escape");
    return one(c);
  }

  Bytes set() {
    const bool negated = take('^');
    Bytes bytes;
    while (!take(']')) {
      if (done()) fail("unmatched [");
      char from = text_[at_++];
      if (from == '\\') {
        if (done()) fail("unmatched [");
        if (const auto known = shorthand(peek())) {
          ++at_;
          bytes |= *known;
          continue;
        }
        from = text_[at_++];
        if (is_letter_or_digit(from)) fail("an unknown escape");
      }
      const bool is_range = at_ + 1 < text_.size() && peek() == '-' && text_[at_ + 1] != ']';
      if (!is_range) {
        bytes |= one(from);
        continue;
      }
      const char to = text_[at_ + 1];
      if (to == '\\' || index_of(to) < index_of(from)) fail("a range that is none");
      at_ += 2;
      bytes |= range(from, to);
    }
    return negated ? ~bytes : bytes;
  }

  void repetitions(std::uint32_t begin, bool repeatable) {
    if (done() || std::string_view("*+?{").find(peek()) == std::string_view::npos) return;
    if (!repeatable) fail("nothing to repeat");
    std::uint32_t least = 0;
    std::uint32_t most = 1;  // 0: any number
    switch (text_[at_++]) {
      case '*':
        most = 0;
        break;
      case '+':
        least = 1;
        most = 0;
        break;
      case '{':
        counts(least, most);
        break;
      default:
        break;
    }
    take('?');
    repeat(begin, least, most);
    if (!done() && std::string_view("*+?{").find(peek()) != std::string_view::npos)
      fail("nothing to repeat");
  }

  void counts(std::uint32_t& least, std::uint32_t& most) {
    least = most = number();
    if (take(',')) {
      most = 0;
      if (!done() && peek() != '}') {
        most = number();
        if (most < least || most == 0) fail("a count that is none");
      }
    } else if (most == 0) {
      fail("a count that is none");
    }
    if (!take('}')) fail("unmatched {");
  }

  std::uint32_t number() {
    if (done() || peek() < '0' || peek() > '9') fail("a count that is none");
    std::uint32_t value = 0;
    while (!done() && peek() >= '0' && peek() <= '9') {
      value = value * 10 + static_cast<std::uint32_t>(text_[at_++] - '0');
      if (value > kMaxCount) fail("a count that is too large");
    }
    return value;
  }

  // The steps from `begin` are there once: as often as needed, then the optional ones.
  void repeat(std::uint32_t begin, std::uint32_t least, std::uint32_t most) {
    const std::vector<Step> body(steps_.begin() + begin, steps_.end());
    steps_.resize(begin);
    for (std::uint32_t i = 0; i < least; ++i) copy(body, begin);
    if (most == 0) {  // loop: split behind or into, body, back
      const std::uint32_t split = add({Kind::split});
      steps_[split].to = here();
      copy(body, begin);
      add({Kind::jump, split});
      steps_[split].other = here();
      return;
    }
    std::vector<std::uint32_t> splits;
    for (std::uint32_t i = least; i < most; ++i) {
      splits.push_back(add({Kind::split}));
      steps_[splits.back()].to = here();
      copy(body, begin);
    }
    for (const std::uint32_t split : splits) steps_[split].other = here();
  }

  void copy(const std::vector<Step>& body, std::uint32_t from) {
    const std::uint32_t by = here() - from;
    for (Step step : body) {
      move(step, from, by);
      add(step);
    }
  }

  std::string_view text_;
  std::vector<Step>& steps_;
  std::size_t at_ = 0;
};

PatternProgram::PatternProgram(std::string_view expression) {
  PatternCompiler(expression, steps_).run();
}

// The steps the machine is at, each once.
struct PatternProgram::States {
  explicit States(std::size_t size) : is_in(size, false) {}
  void clear() {
    for (const std::uint32_t step : list) is_in[step] = false;
    list.clear();
  }
  std::vector<std::uint32_t> list;
  std::vector<bool> is_in;
};

// What costs no byte is followed at once: the list grows while it is walked.
void PatternProgram::enter(States& states, std::uint32_t step, std::size_t at,
                           std::size_t size) const {
  std::size_t next = states.list.size();
  const auto put = [&states](std::uint32_t s) {
    if (states.is_in[s]) return;
    states.is_in[s] = true;
    states.list.push_back(s);
  };
  put(step);
  for (; next < states.list.size(); ++next) {
    const std::uint32_t now = states.list[next];
    const Step& one = steps_[now];
    switch (one.kind) {
      case Kind::jump:
        put(one.to);
        break;
      case Kind::split:
        put(one.to);
        put(one.other);
        break;
      case Kind::begin:
        if (at == 0) put(now + 1);
        break;
      case Kind::end:
        if (at == size) put(now + 1);
        break;
      case Kind::byte:
      case Kind::match:
        break;
    }
  }
}

bool PatternProgram::found_in(std::string_view text) const {
  States now(steps_.size());
  States then(steps_.size());
  const auto last = static_cast<std::uint32_t>(steps_.size() - 1);
  for (std::size_t at = 0;; ++at) {
    enter(now, 0, at, text.size());  // it may begin anywhere
    if (now.is_in[last]) return true;
    if (at == text.size()) return false;
    then.clear();
    for (const std::uint32_t step : now.list) {
      const Step& one = steps_[step];
      if (one.kind == Kind::byte && one.bytes.test(index_of(text[at])))
        enter(then, step + 1, at + 1, text.size());
    }
    std::swap(now, then);
  }
}

}  // namespace socketio::server
