// A scripted client (it behaves as engine.io-client does) and a Session, joined by a network that
// delays everything as the seed wants. Whatever the order of sends, polls, posts, upgrades and
// failures: every message arrives exactly once and in order, and all of them arrive unless the
// session was broken off.
#include <algorithm>

#include <gtest/gtest.h>

#include "base/base64.hpp"
#include "eio/test_peer.hpp"

namespace socketio::eio {
namespace {

using namespace std::chrono_literals;
using test::Peer;

// The n-th message in either direction; every other one is binary.
std::string nth(std::size_t n) {
  return (n % 2 == 0 ? "text " : "bin:") + std::to_string(n) +
         std::string(n % 7 == 0 ? 300 : 0, 'x');
}

class World {
 public:
  explicit World(std::uint32_t seed) : random_(seed) {
    Options options;
    options.max_payload = pick(2) == 0 ? 1'000'000 : 50;
    server_ = std::make_unique<Peer>(Transport::polling, options);
    websocket_ = &server_->websocket();
  }

  void run() {
    const bool may_break = pick(3) == 0;
    const bool may_close = pick(3) == 0;
    for (int i = 0; i < 150; ++i) {
      act();
      send_something();
      if (pick(20) == 0) pass(std::chrono::milliseconds(pick(5000)));
      if (may_break && pick(100) == 0) break_something();
      if (may_close && pick(100) == 0) close();
    }
    for (int i = 0; i < 3000 && !settled(); ++i) {
      act();
      if (pick(4) == 0) pass(60ms);
    }
    check();
  }

 private:
  enum class Phase { polling, probing, pausing, websocket, over };

  // SplitMix64: the same run for the same seed everywhere.
  std::uint32_t pick(std::uint32_t n) {
    std::uint64_t z = random_ += 0x9E3779B97F4A7C15ULL;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ z >> 27) * 0x94D049BB133111EBULL;
    return static_cast<std::uint32_t>((z ^ z >> 31) >> 32) % n;
  }
  Session& session() { return *server_->session; }

  // -- The world's turns

  void act() {
    switch (pick(8)) {
      case 0:
        return client_polls();
      case 1:
        return answer_arrives();
      case 2:
        return client_posts();
      case 3:
        return body_arrives();
      case 4:
        return client_probes();
      case 5:
        return frame_reaches_server();
      case 6:
        return frame_reaches_client();
      default:
        return client_upgrades();
    }
  }

  void send_something() {
    if (session().open() && pick(3) == 0) {
      const std::string message = nth(server_sent_);
      const bool binary = server_sent_ % 2 == 1;
      bool taken = false;
      if (binary) {
        taken = pick(2) == 0 ? session().send_binary(message.substr(4))
                             : session().send(Message::binary(message.substr(4), &server_->ledger));
      } else {
        taken = pick(2) == 0 ? session().send_text(message.substr(0, 2), message.substr(2))
                             : session().send(Message::text(message, {}, &server_->ledger));
      }
      ASSERT_TRUE(taken);
      ++server_sent_;
      turn_ends();
    }
    if (phase_ != Phase::over && pick(3) == 0) outbox_.push_back(nth(client_sent_++));
  }

  void pass(base::Duration duration) {
    server_->now += duration;
    session().on_deadline(server_->now);
    turn_ends();
  }

  void close() {
    if (!session().open()) return;
    closed_gracefully_ = true;
    session().close(CloseReason::forced_close, {}, server_->now);
    turn_ends();
  }

  void break_something() {
    broken_ = true;
    switch (pick(4)) {
      case 0:
        session().on_poll_aborted(server_->now);
        poll_parked_ = false;
        break;
      case 1:
        session().on_post_failed(false, server_->now);
        posting_ = false;
        break;
      case 2:
        session().discard(CloseReason::forced_close, {}, server_->now);
        break;
      default:
        // The probe dies: that alone must not lose anything.
        broken_ = broken_before_;
        if (phase_ != Phase::probing && phase_ != Phase::pausing) return;
        if (server_has_websocket_) session().on_websocket_closed(true, true, {}, server_->now);
        server_has_websocket_ = false;
        new_websocket();
        phase_ = Phase::polling;
    }
    broken_before_ = broken_;
    turn_ends();
  }

  // -- The client

  void client_polls() {
    const bool may = phase_ == Phase::polling || phase_ == Phase::probing;
    if (!may || poll_parked_ || answer_) return;
    switch (session().on_poll(server_->now)) {
      case Session::Poll::parked:
        poll_parked_ = true;
        break;
      case Session::Poll::refused:
        phase_ = Phase::over;
        break;
      case Session::Poll::overlap:
        FAIL() << "overlap";
    }
    turn_ends();
  }

  void answer_arrives() {
    if (!answer_) return;
    const std::string answer = *std::exchange(answer_, std::nullopt);
    for (std::string& record : test::split_payload(answer)) {
      if (record[0] == 'b') {
        std::string bytes(record.size() + 4, '\0');
        const auto size = base::base64_decode(base::Bytes(record).substr(1), bytes.data());
        record = "bin:" + bytes.substr(0, static_cast<std::size_t>(size));
      }
      client_gets(record);
    }
  }

  void client_gets(const std::string& record) {
    if (record[0] == '4') {
      EXPECT_EQ(record.substr(1), nth(client_got_++));
    } else if (record.starts_with("bin:")) {
      EXPECT_EQ(record, nth(client_got_++));
    } else if (record[0] == '1') {
      phase_ = Phase::over;
    } else if (record[0] == '2') {
      outbox_.emplace_back("3");
    } else {
      EXPECT_TRUE(record[0] == '6' || record[0] == '0') << record;
    }
  }

  static std::string as_record(const std::string& message) {
    if (message == "3") return message;
    if (message.starts_with("bin:")) return "b" + base::base64_encode(message.substr(4));
    return "4" + message;
  }

  void client_posts() {
    const bool may = phase_ == Phase::polling || phase_ == Phase::probing;
    if (!may || posting_ || outbox_.empty()) return;
    if (session().on_post_begin("text/plain", server_->now) != Session::Post::accepted) {
      phase_ = Phase::over;
      return;
    }
    posting_ = true;
    body_.clear();
    for (std::size_t n = 1 + pick(5); n > 0 && !outbox_.empty(); --n) {
      if (!body_.empty()) body_ += kSeparator;
      body_ += as_record(outbox_.front());
      outbox_.pop_front();
    }
  }

  void body_arrives() {
    if (!posting_) return;
    posting_ = false;
    server_gets(server_->post_body(body_));
    turn_ends();
  }

  void client_probes() {
    if (phase_ != Phase::polling || pick(4) != 0) return;
    server_has_websocket_ = session().attach_probe(*websocket_, server_->now);
    if (!server_has_websocket_) return;
    phase_ = Phase::probing;
    to_server_.emplace_back("2probe");
  }

  void client_upgrades() {
    if (phase_ == Phase::pausing && !poll_parked_ && !answer_ && !posting_) {
      to_server_.emplace_back("5");
      phase_ = Phase::websocket;
    }
    if (phase_ != Phase::websocket) return;
    for (; !outbox_.empty(); outbox_.pop_front())
      to_server_.push_back(outbox_.front() == "3" ? "3" : "m" + outbox_.front());
  }

  void frame_reaches_client() {
    if (to_client_.empty()) return;
    const std::string frame = to_client_.front();
    to_client_.pop_front();
    if (frame == "CLOSE") {
      phase_ = phase_ == Phase::websocket || phase_ == Phase::over ? Phase::over : Phase::polling;
      new_websocket();
    } else if (frame == "3probe") {
      phase_ = Phase::pausing;
    } else {
      EXPECT_EQ(phase_, Phase::websocket);
      client_gets(frame);
    }
  }

  // -- The server

  void frame_reaches_server() {
    if (to_server_.empty()) return;
    const std::string frame = to_server_.front();
    to_server_.pop_front();
    if (!server_has_websocket_) return lost(frame);
    if (frame[0] != 'm') {
      server_gets(server_->text(frame, probing_));
    } else if (frame.starts_with("mbin:")) {
      server_gets(server_->binary(frame.substr(5), probing_));
    } else {
      server_gets(server_->text("4" + frame.substr(1), probing_));
    }
    turn_ends();
  }

  void server_gets(const std::vector<std::string>& events) {
    for (const std::string& event : events) {
      if (event.starts_with("message:")) {
        EXPECT_EQ(event.substr(8), nth(server_got_++));
      } else if (event.starts_with("binary:")) {
        EXPECT_EQ("bin:" + event.substr(7), nth(server_got_++));
      } else if (event == "upgraded") {
        probing_ = false;
      } else if (event == "close_probe" || event == "close_websocket") {
        flush_websocket();
        to_client_.emplace_back("CLOSE");
        server_has_websocket_ = false;
      } else if (event != "gone") {
        // A client that was slow to answer the ping is a break like any other.
        if (event.find("forced close") == std::string::npos) broken_ = broken_before_ = true;
      }
    }
  }

  void flush_websocket() {
    for (std::string& frame : test::take_frames(*websocket_))
      to_client_.push_back(std::move(frame));
  }

  void turn_ends() {
    while (true) {
      const auto events = server_->drain();
      server_gets(events);
      if (session().poll_ready()) {
        answer_ = server_->take();
        poll_parked_ = false;
      } else if (events.empty()) {
        break;
      }
    }
    if (server_has_websocket_) flush_websocket();
    EXPECT_EQ(poll_parked_, session().poll_parked());
  }

  // A `5` that finds its WebSocket timed out: the client believes that it has upgraded.
  void lost(const std::string& frame) {
    if (frame == "5") broken_ = broken_before_ = true;
  }

  void new_websocket() {
    websocket_ = &server_->new_connection();
    for (const std::string& frame : to_server_) lost(frame);
    to_server_.clear();
    to_client_.clear();
    probing_ = true;
  }

  // -- The end

  bool settled() const {
    if (!server_->session->open())
      return server_->session->gone() && to_client_.empty() && !answer_;
    return client_got_ == server_sent_ && server_got_ == client_sent_ && to_client_.empty() &&
           to_server_.empty();
  }

  void check() {
    EXPECT_LE(client_got_, server_sent_);
    EXPECT_LE(server_got_, client_sent_);
    if (!broken_) {
      EXPECT_EQ(client_got_, server_sent_);
      EXPECT_EQ(session().open(), !closed_gracefully_);
      EXPECT_TRUE(closed_gracefully_ || server_got_ == client_sent_);
    }
    EXPECT_TRUE(settled());
    EXPECT_EQ(server_->held_at_the_end(), 0);
  }

 public:
  bool upgraded() const { return !probing_; }
  bool broken() const { return broken_; }

 private:
  std::uint64_t random_;
  std::unique_ptr<Peer> server_;
  Outlet* websocket_ = nullptr;
  Phase phase_ = Phase::polling;
  bool server_has_websocket_ = false;
  bool probing_ = true;
  bool poll_parked_ = false;
  bool posting_ = false;
  bool broken_ = false;
  bool broken_before_ = false;
  bool closed_gracefully_ = false;
  std::string body_;
  std::optional<std::string> answer_;
  std::deque<std::string> outbox_, to_server_, to_client_;
  std::size_t server_sent_ = 0, client_got_ = 0, client_sent_ = 0, server_got_ = 0;
};

TEST(SessionProperty, EveryMessageOnceAndInOrder) {
  int upgraded = 0;
  int broken = 0;
  constexpr std::uint32_t kSeeds = 3000;
  for (std::uint32_t seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    World world(seed);
    world.run();
    upgraded += world.upgraded() ? 1 : 0;
    broken += world.broken() ? 1 : 0;
    if (HasFailure()) return;
  }
  // The interesting cases do occur, and not only they.
  EXPECT_GT(upgraded, 500);
  EXPECT_GT(broken, 100);
  EXPECT_LT(broken, 2000);
}

}  // namespace
}  // namespace socketio::eio
