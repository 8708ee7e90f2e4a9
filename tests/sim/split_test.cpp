// The hostile inputs of tests/hostile, cut at every byte. On a real socket nobody can say that a
// server reads between two writes; here it has, for each piece, before the next is sent. Whatever
// the cut, the server must say to the byte what it says to the whole, end the connection in the
// same way, tell the application the same, and keep nothing.
//
// The rows come from the tables themselves: tests/hostile/export.mjs writes them when the test
// runs, SIO_HOSTILE_ROWS names the file. With SIO_SPLIT_RUNS=100000 it goes on with rows and cuts,
// into up to five pieces, that SIO_SEED draws, until it has made that many runs.
#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <socketio/parser.hpp>

#include "base/base64.hpp"
#include "sim/stage.hpp"

namespace socketio::sim {
namespace {

using std::chrono::microseconds;
using std::chrono::minutes;

// Longer inputs are cut at every byte of their ends and around the ends of their heads, and at so
// many places between, drawn.
constexpr std::size_t kAllCuts = 4096;
constexpr std::size_t kEnd = 40;
constexpr std::size_t kDrawn = 32;
// Longer ones are not sent byte by byte but for their ends.
constexpr std::size_t kAllBytes = std::size_t{64} * 1024;

// -- The rows.

struct Row {
  std::string table, id, what, sent;
  std::vector<std::string> aside, before, after, aside_after;
  std::vector<std::vector<int>> statuses;
  std::vector<std::string> reasons;
  bool message_pack = false;

  std::string name() const { return id + " " + what; }
};

std::string from_base64(const Value& value) {
  std::string text(value.to_string());
  std::string bytes(text.size(), '\0');
  const std::ptrdiff_t n = base::base64_decode(text, bytes.data());
  if (n < 0) throw std::runtime_error("no base64: " + text.substr(0, 50));
  bytes.resize(static_cast<std::size_t>(n));
  return bytes;
}

std::vector<std::string> from_base64s(const Value& list) {
  std::vector<std::string> all;
  for (const Value& one : *list.get_if<Array>()) all.push_back(from_base64(one));
  return all;
}

Row row_of(const Value& json) {
  Row row;
  row.table = json["table"].to_string();
  row.id = json["id"].to_string();
  row.what = json["what"].to_string();
  row.sent = from_base64(json["sent"]);
  row.aside = from_base64s(json["aside"]);
  row.before = from_base64s(json["before"]);
  row.after = from_base64s(json["after"]);
  row.aside_after = from_base64s(json["asideAfter"]);
  for (const Value& list : *json["statuses"].get_if<Array>()) {
    row.statuses.emplace_back();
    for (const Value& status : *list.get_if<Array>())
      row.statuses.back().push_back(static_cast<int>(status.to_integer()));
  }
  for (const Value& reason : *json["reasons"].get_if<Array>())
    row.reasons.emplace_back(reason.to_string());
  row.message_pack = json["messagePack"].to_bool();
  return row;
}

std::vector<Row> all_rows() {
  const char* path = std::getenv("SIO_HOSTILE_ROWS");
  if (path == nullptr) throw std::runtime_error("SIO_HOSTILE_ROWS names no file");
  std::ifstream file(path);
  std::vector<Row> rows;
  for (std::string line; std::getline(file, line);) {
    const std::optional<Value> json = Value::parse(line);
    if (!json) throw std::runtime_error(std::string(path) + ": no JSON");
    rows.push_back(row_of(*json));
  }
  if (rows.empty()) throw std::runtime_error(std::string(path) + " has no rows");
  return rows;
}

// What this server cannot be asked.
struct Elsewhere {
  std::string_view id, why;
};
constexpr std::array kElsewhere{
    Elsewhere{"H75", "a file of the client: a stage has no worker that would read it"}};

bool is_elsewhere(const Row& row) {
  return std::ranges::count(kElsewhere, row.id, &Elsewhere::id) > 0;
}

// -- One run.

// A connection of the client's.
class Wire {
 public:
  explicit Wire(Stage& stage) : stage_(stage), fd_(stage.world.connect(kServer, link())) {
    stage_.world.watch(fd_, [this] { ready(); });
    settle();
  }
  ~Wire() { stage_.world.close(fd_); }
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  // Sends it, and lets the server do all it can do with it. True when it has read all.
  bool say(const std::string& bytes) {
    unsent_ += bytes;
    ready();
    settle();
    return unsent_.empty() && stage_.world.room(fd_) == link().window;
  }
  bool ended() const { return stage_.world.error(fd_) != 0 || stage_.world.ended(fd_); }
  std::string end() const {
    return stage_.world.error(fd_) != 0 ? "reset" : stage_.world.ended(fd_) ? "end" : "open";
  }
  std::string got;

 private:
  static net::SimLink link() {
    net::SimLink link;
    link.latency = microseconds(1);
    return link;
  }
  void ready() {
    std::array<char, 4096> bytes;
    std::int64_t n = 0;
    while ((n = stage_.world.recv(fd_, bytes)) > 0)
      got.append(bytes.data(), static_cast<std::size_t>(n));
    while (!unsent_.empty() && (n = stage_.world.send(fd_, unsent_)) > 0)
      unsent_.erase(0, static_cast<std::size_t>(n));
  }
  // Until nothing happens any more but with time.
  void settle() {
    while (true) {
      const std::size_t heard = got.size();
      const std::size_t left = unsent_.size();
      const std::size_t room = stage_.world.room(fd_);
      const bool over = ended();
      stage_.run(microseconds(5));
      if (got.size() == heard && unsent_.size() == left && stage_.world.room(fd_) == room &&
          ended() == over)
        return;
    }
  }
  Stage& stage_;
  int fd_;
  std::string unsent_;
};

struct Transcript {
  std::string said, end, aside;
  std::vector<std::string> log;
  bool operator==(const Transcript&) const = default;
};

std::string shown(const std::string& bytes) {
  return Value(bytes.substr(0, 400)).to_json() + " (" + std::to_string(bytes.size()) + ")";
}
std::ostream& operator<<(std::ostream& out, const Transcript& t) {
  out << shown(t.said) << ", " << t.end << ", aside " << shown(t.aside) << ", log";
  for (const std::string& entry : t.log) out << " [" << entry.substr(0, 200) << "]";
  return out;
}

// The server of tests/conformance that the tables were written for, and what it hears.
class Probe {
 public:
  explicit Probe(const Row& row) : stage_(1, options(row)) {
    for (const char* name : {"/", "/admin"}) watch(stage_.of(name));
    stage_.hub->hooks.error.push_back([this](const ErrorReport& error) {
      if (error.kind == ErrorReport::Kind::connection_error)
        log_.push_back("error " + std::to_string(error.code));
    });
    stage_.routes.fallback([](const HttpRequest& request) {
      return HttpReply::text("nf " + std::to_string(request.body().size()), 404);
    });
  }
  Stage& stage() { return stage_; }
  std::vector<std::string>& log() { return log_; }

  void expect_nothing_left() {
    stage_.run(minutes(1));  // a polling session ends with its ping timeout
    const Stats stats = stage_.stats();
    EXPECT_EQ(stats.connections, 0U);
    EXPECT_EQ(stats.clients, 0U);
    EXPECT_EQ(stage_.shard->sessions(), 0U);
    EXPECT_EQ(stats.input_bytes, 0U);
    EXPECT_EQ(stats.output_bytes, 0U);
    EXPECT_EQ(stage_.world.open_sockets(), 0U);
  }

 private:
  static ServerOptions options(const Row& row) {
    ServerOptions options;
    if (row.message_pack) options.parser = parser::message_pack();
    return options;
  }
  void watch(const Namespace& nsp) {
    nsp.on_connection([this](Socket socket) {
      log_.push_back("connected " + std::string(socket.nsp().name()));
      socket.on_error(
          [this](std::string_view text) { log_.push_back("error " + std::string(text)); });
      socket.on_disconnect([this](DisconnectReason reason, std::string_view detail) {
        log_.push_back("disconnect " + std::string(to_string(reason)));
        if (!detail.empty()) log_.push_back("because " + std::string(detail));
      });
    });
    nsp.on_any([this](EventView event) {
      log_.push_back("event " + std::string(event.name()) + " " + std::to_string(event.size()));
    });
    nsp.on_event("echo", [](Socket socket, const Args& args, Ack ack) {
      ack ? ack(Spread(args)) : socket.emit("echo", Spread(args));
    });
  }
  Stage stage_;
  std::vector<std::string> log_;
};

void put_sid(std::string& text, const std::string& sid) {
  constexpr std::string_view kPlace = "{sid}";
  const std::size_t at = text.find(kPlace);
  if (at != std::string::npos) text.replace(at, kPlace.size(), sid);
}

// Where to cut; the places are those of the input with a session's id in it.
using Cuts = std::vector<std::size_t>;
// Ids are of this length, which the length of the input depends on.
constexpr std::size_t kSid = 20;
std::size_t length(const Row& row) {
  std::string sent = row.sent;
  put_sid(sent, std::string(kSid, 'x'));
  return sent.size();
}

class Runs {
 public:
  std::size_t made = 0;
  std::size_t pieces = 0;
  std::size_t unread = 0;  // pieces that the server had not read when the next was sent

  Transcript run(const Row& row, const Cuts& cuts) {
    ++made;
    Probe probe(row);
    Transcript out;
    {
      Wire aside(probe.stage());
      for (const std::string& request : row.aside) ask(aside, request);
      Wire wire(probe.stage());
      for (const std::string& bytes : row.before) wire.say(bytes);
      std::string sent = row.sent;
      put_sid(sent, sid_);
      std::size_t from = 0;
      for (const std::size_t cut : cuts) {
        ++pieces;
        if (!wire.say(sent.substr(from, cut - from))) ++unread;
        from = cut;
      }
      wire.say(sent.substr(from));
      for (const std::string& bytes : row.after) {
        if (!wire.ended()) wire.say(bytes);
      }
      for (const std::string& request : row.aside_after) ask(aside, request);
      out = {wire.got, wire.end(), aside.got, {}};
    }
    probe.expect_nothing_left();
    out.log = probe.log();
    return out;
  }

 private:
  void ask(Wire& wire, std::string request) {
    put_sid(request, sid_);
    wire.say(request);
    const std::size_t at = wire.got.find("\"sid\":\"");
    if (at != std::string::npos) sid_ = wire.got.substr(at + 7, kSid);
  }
  std::string sid_;
};

// -- What the whole must have come to: less than the tests on real sockets ask, but enough to see
// that the row was played.

std::vector<int> statuses(const std::string& said) {
  std::vector<int> all;
  constexpr std::string_view kLine = "HTTP/1.1 ";
  for (std::size_t at = said.find(kLine); at != std::string::npos; at = said.find(kLine, at + 1))
    std::from_chars(said.data() + at + kLine.size(), said.data() + said.size(), all.emplace_back());
  return all;
}

void check(const Row& row, const Transcript& whole) {
  const std::vector<int> got = statuses(whole.said);
  ASSERT_GE(got.size(), row.statuses.size()) << whole;
  for (std::size_t i = 0; i < row.statuses.size(); ++i)
    EXPECT_EQ(std::ranges::count(row.statuses[i], got[i]), 1) << whole;
  std::vector<std::string> reasons;
  for (const std::string& entry : whole.log) {
    if (entry.starts_with("disconnect ")) reasons.push_back(entry.substr(11));
  }
  EXPECT_EQ(reasons.empty(), row.reasons.empty()) << whole;
  for (const std::string& reason : reasons)
    EXPECT_EQ(std::ranges::count(row.reasons, reason), 1) << reason << ": " << whole;
}

// -- The cuts.

class Splits : public ::testing::Test {
 protected:
  // False after the first cut that changes something: the next would say the same.
  bool same(const Row& row, const Transcript& whole, const Cuts& cuts) {
    const Transcript got = runs_.run(row, cuts);
    EXPECT_EQ(got, whole) << row.name() << " in " << cuts.size() + 1 << " pieces, cut at "
                          << cuts.front() << " of " << length(row);
    return failures() == failures_before_;
  }

  // All places of the ends, and some between.
  Cuts places(const Row& row) {
    const std::size_t size = length(row);
    const std::size_t head = row.sent.find("\r\n\r\n");
    const auto near_head = [&](std::size_t at) {
      return head != std::string::npos && at + kEnd >= head && at <= head + kEnd;
    };
    Cuts all;
    for (std::size_t at = 1; at < size; ++at) {
      if (size <= kAllCuts || at <= kEnd || at + kEnd >= size || near_head(at)) all.push_back(at);
    }
    if (size > kAllCuts) {
      for (std::size_t i = 0; i < kDrawn; ++i) all.push_back(1 + random_.below(size - 1));
    }
    return all;
  }
  Cuts every_byte(const Row& row) const {
    const std::size_t size = length(row);
    Cuts all;
    for (std::size_t at = 1; at < size; ++at) {
      if (size <= kAllBytes || at <= kAllCuts || at + kAllCuts >= size) all.push_back(at);
    }
    return all;
  }
  Cuts drawn(std::size_t size) {
    Cuts cuts;
    for (std::uint64_t i = random_.below(4) + 1; i > 0; --i)
      cuts.push_back(1 + random_.below(size - 1));
    std::ranges::sort(cuts);
    cuts.erase(std::unique(cuts.begin(), cuts.end()), cuts.end());
    return cuts;
  }

  void play(const Row& row) {
    failures_before_ = failures();
    const Transcript whole = runs_.run(row, {});
    check(row, whole);
    wholes_.emplace(&row, whole);
    if (length(row) < 2 || failures() > failures_before_) return;
    for (const std::size_t at : places(row)) {
      if (!same(row, whole, {at})) return;
    }
    same(row, whole, every_byte(row));
  }
  void draw(const std::vector<Row>& rows, std::size_t wanted) {
    while (runs_.made < wanted && !HasFailure()) {
      const Row& row = rows[random_.below(rows.size())];
      if (length(row) >= 2 && length(row) <= kAllBytes)
        same(row, wholes_.at(&row), drawn(length(row)));
    }
  }

  static int failures() {
    return ::testing::UnitTest::GetInstance()->current_test_info()->result()->total_part_count();
  }
  static std::uint64_t number(const char* name, std::uint64_t otherwise) {
    const char* text = std::getenv(name);
    return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
  }
  Runs runs_;
  std::map<const Row*, Transcript> wholes_;
  std::uint64_t seed_ = number("SIO_SEED", 1);
  net::SeededRandom random_{seed_};
  int failures_before_ = 0;
};

TEST_F(Splits, NoCutChangesAnything) {
  std::vector<Row> rows = all_rows();
  const std::size_t all = rows.size();
  EXPECT_EQ(std::erase_if(rows, is_elsewhere), kElsewhere.size());
  std::size_t passed = 0;
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name());
    play(row);
    if (failures() == failures_before_) ++passed;
  }
  draw(rows, number("SIO_SPLIT_RUNS", 0));
  std::printf("splits: %zu of %zu rows, %zu split runs (seed %llu); elsewhere: %zu\n", passed,
              rows.size(), runs_.made - rows.size(), static_cast<unsigned long long>(seed_),
              all - rows.size());
  for (const Elsewhere& row : kElsewhere) std::printf("  %s: %s\n", row.id.data(), row.why.data());
  EXPECT_EQ(runs_.unread, 0U) << "a cut that is not seen as two reads shows nothing";
  std::printf("  %zu pieces, %zu read with the next\n", runs_.pieces, runs_.unread);
}

}  // namespace
}  // namespace socketio::sim
