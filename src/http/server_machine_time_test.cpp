// The machine's deadlines and streamed responses.
#include <gtest/gtest.h>

#include "http/server_machine.hpp"
#include "support/http_dialogue.hpp"

namespace socketio::http {
namespace {

using test::HttpDialogue;
using namespace std::chrono_literals;

const std::string kGet = "GET /x HTTP/1.1\r\nHost: a\r\n\r\n";

HttpDialogue::App silent() {
  return [](HttpDialogue&, const Event&) {};
}

// T01
TEST(ServerMachineTime, ClosesASilentConnectionWithoutAWord) {
  HttpDialogue dialogue;
  EXPECT_EQ(dialogue.machine.deadline(), dialogue.now + 10s);
  dialogue.wait(10s - 1ns);
  EXPECT_FALSE(dialogue.closed);
  dialogue.wait(1ns);
  EXPECT_EQ(dialogue.events, "closed\n");
  EXPECT_EQ(dialogue.output, "");
}

// H81
TEST(ServerMachineTime, AnswersASlowHeadWith408) {
  HttpDialogue dialogue;
  dialogue.wait(5s);
  for (int i = 0; i < 5; ++i) {
    dialogue.feed("G");
    dialogue.wait(2s - 1ns);
    EXPECT_FALSE(dialogue.closed);
  }
  dialogue.wait(5ns);
  EXPECT_EQ(dialogue.events, "failed 408\n");
  EXPECT_EQ(dialogue.output,
            "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(dialogue.ledger.input(), 0);
}

// H82
TEST(ServerMachineTime, AnswersASlowBodyWith408) {
  HttpDialogue dialogue;
  dialogue.feed("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n");
  for (int i = 0; i < 6; ++i) {
    dialogue.wait(5s - 1ns);
    EXPECT_FALSE(dialogue.closed);
    dialogue.feed("b");
  }
  dialogue.wait(6ns);
  EXPECT_EQ(dialogue.events, "head POST /\nfailed 408\n");
  EXPECT_EQ(dialogue.summary(), "408 c");
  EXPECT_EQ(dialogue.ledger.input(), 0);
}

TEST(ServerMachineTime, ClosesQuietlyWhenADroppedBodyIsSlow) {
  HttpDialogue dialogue([](HttpDialogue& self, const Event& event) {
    if (event.kind == EventKind::head) self.respond(403, "");
  });
  dialogue.feed("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nb");
  dialogue.wait(30s);
  EXPECT_EQ(dialogue.events, "head POST /\nclosed\n");
  EXPECT_EQ(dialogue.summary(), "403 c");
}

TEST(ServerMachineTime, ClosesAnIdleKeepAliveConnection) {
  HttpDialogue dialogue;
  dialogue.feed(kGet);
  EXPECT_EQ(dialogue.machine.deadline(), dialogue.now + 75s);
  dialogue.wait(75s - 1ns);
  EXPECT_FALSE(dialogue.closed);
  dialogue.feed("G");  // no longer idle: now a head is due
  EXPECT_EQ(dialogue.machine.deadline(), dialogue.now + 10s);
  dialogue.feed(kGet.substr(1));
  EXPECT_EQ(dialogue.summary(), "200 200");
  dialogue.wait(75s);
  EXPECT_EQ(dialogue.summary(), "200 200 c");
}

TEST(ServerMachineTime, AnUnansweredRequestMayTakeAsLongAsItLikes) {
  HttpDialogue dialogue(silent());
  dialogue.feed(kGet + "GET /");
  EXPECT_EQ(dialogue.machine.deadline(), base::kNever);
  dialogue.wait(24h);
  EXPECT_FALSE(dialogue.closed);
  dialogue.respond(200, "");
  dialogue.drain();
  EXPECT_EQ(dialogue.machine.deadline(), dialogue.now + 10s);
}

// H83
TEST(ServerMachineTime, ClosesWhenThePeerDoesNotRead) {
  HttpDialogue dialogue;
  dialogue.sending = false;
  dialogue.feed(kGet);
  EXPECT_EQ(dialogue.machine.deadline(), dialogue.now + 30s);
  dialogue.wait(20s);
  dialogue.machine.on_progress(dialogue.now, false);
  dialogue.feed(kGet);  // asking for more is no progress
  EXPECT_EQ(dialogue.machine.deadline(), dialogue.now + 30s);
  dialogue.wait(30s - 1ns);
  EXPECT_FALSE(dialogue.closed);
  dialogue.wait(1ns);
  EXPECT_TRUE(dialogue.closed);
}

TEST(ServerMachineTime, ASlowReaderWhoReadsIsNotIdle) {
  HttpDialogue dialogue;
  dialogue.sending = false;
  dialogue.feed(kGet);
  for (int i = 0; i < 10; ++i) {
    dialogue.wait(20s);
    dialogue.machine.on_progress(dialogue.now, false);
  }
  EXPECT_FALSE(dialogue.closed);
  dialogue.machine.on_progress(dialogue.now, true);
  EXPECT_EQ(dialogue.machine.deadline(), dialogue.now + 75s);
}

TEST(ServerMachineTime, NoLimitMeansNever) {
  Limits limits;
  limits.head_timeout = limits.idle_timeout = base::Duration(-1);
  HttpDialogue dialogue(HttpDialogue::echo(), limits);
  EXPECT_EQ(dialogue.machine.deadline(), base::kNever);
  dialogue.feed(kGet);
  EXPECT_EQ(dialogue.machine.deadline(), base::kNever);
}

void stream(HttpDialogue& dialogue, const Response& response, std::vector<std::string> pieces) {
  dialogue.machine.begin_stream(response, dialogue.env(), dialogue.now);
  for (const std::string& piece : pieces)
    dialogue.machine.write_stream(piece, dialogue.env(), dialogue.now);
  dialogue.machine.end_stream(dialogue.env(), dialogue.now);
  dialogue.drain();
}

TEST(ServerMachineStream, IsChunked) {
  HttpDialogue dialogue(silent());
  dialogue.feed(kGet);
  stream(dialogue, Response{}.set("X", "y"), {"abc", "", std::string(16, 'd')});
  EXPECT_EQ(dialogue.output,
            "HTTP/1.1 200 OK\r\nX: y\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n10\r\n"
            "dddddddddddddddd\r\n0\r\n\r\n");
  EXPECT_FALSE(dialogue.closed);
  dialogue.feed(kGet);
  EXPECT_TRUE(dialogue.machine.answering());
}

TEST(ServerMachineStream, IsPlainUntilCloseForHttp10) {
  HttpDialogue dialogue(silent());
  dialogue.feed("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  stream(dialogue, Response{}, {"abc", "def"});
  EXPECT_EQ(dialogue.output, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabcdef");
  EXPECT_TRUE(dialogue.closed);
}

TEST(ServerMachineStream, IsPlainWithAKnownLength) {
  const Response response = Response{}.set("Content-Length", "5");
  HttpDialogue exact(silent());
  exact.feed(kGet);
  stream(exact, response, {"abc", "defgh"});  // never more than promised
  EXPECT_EQ(exact.output, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcde");
  EXPECT_FALSE(exact.closed);
  HttpDialogue less(silent());
  less.feed(kGet);
  stream(less, response, {"abc"});
  EXPECT_TRUE(less.closed);
}

TEST(ServerMachineStream, HasNoBodyForHeadAndBodilessStatuses) {
  HttpDialogue dialogue(silent());
  dialogue.feed("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
  stream(dialogue, Response{}.set("Content-Length", "5"), {"abcde"});
  EXPECT_EQ(dialogue.output, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
  EXPECT_FALSE(dialogue.closed);
  dialogue.output.clear();
  dialogue.feed(kGet);
  stream(dialogue, Response{.status = 204, .headers = {}, .body = {}}, {"abc"});
  EXPECT_EQ(dialogue.output, "HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_FALSE(dialogue.closed);
}

TEST(ServerMachineStream, WaitsForItsEndBeforeTheNextRequest) {
  HttpDialogue dialogue(silent());
  dialogue.feed(kGet + kGet);
  dialogue.machine.begin_stream(Response{}, dialogue.env(), dialogue.now);
  dialogue.respond(200, "a second answer is none");
  dialogue.drain();
  EXPECT_EQ(dialogue.events, "head GET /x\ncomplete \n");
  dialogue.machine.end_stream(dialogue.env(), dialogue.now);
  dialogue.machine.end_stream(dialogue.env(), dialogue.now);
  dialogue.drain();
  EXPECT_EQ(dialogue.events, "head GET /x\ncomplete \nhead GET /x\ncomplete \n");
}

TEST(ServerMachineStream, RefusesInvalidHeaders) {
  HttpDialogue dialogue(silent());
  dialogue.feed(kGet);
  stream(dialogue, Response{}.set("X", "a\r\nb"), {"abc"});
  EXPECT_EQ(dialogue.summary(), "500");
}

TEST(ServerMachineStream, TimesOutWhenThePeerDoesNotRead) {
  HttpDialogue dialogue(silent());
  dialogue.sending = false;
  dialogue.feed(kGet);
  dialogue.machine.begin_stream(Response{}, dialogue.env(), dialogue.now);
  dialogue.machine.on_progress(dialogue.now, true);
  EXPECT_EQ(dialogue.machine.deadline(), base::kNever);
  dialogue.wait(1h);
  dialogue.machine.write_stream("x", dialogue.env(), dialogue.now);
  EXPECT_EQ(dialogue.machine.deadline(), dialogue.now + 30s);
  dialogue.wait(30s);
  EXPECT_TRUE(dialogue.closed);
}

}  // namespace
}  // namespace socketio::http
