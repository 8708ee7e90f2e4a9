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

// RFC 9112 §2.2: old clients send one behind a body. It is no beginning of a request.
TEST(ServerMachineTime, AnEmptyLineLeavesAConnectionIdle) {
  for (const std::string_view line : {"\r\n", "\r"}) {
    HttpDialogue dialogue;
    dialogue.feed(kGet);
    dialogue.sending = false;  // all is sent
    dialogue.wait(1s);
    dialogue.feed(line);
    EXPECT_EQ(dialogue.machine.deadline(), dialogue.now + 74s);
    dialogue.wait(74s);
    EXPECT_EQ(dialogue.summary(), "200 c") << "without a word";
  }
  HttpDialogue dialogue;
  dialogue.feed(kGet + "\r\n");
  EXPECT_EQ(dialogue.machine.deadline(), dialogue.now + 75s);
  dialogue.feed(kGet.substr(0, 1));
  EXPECT_EQ(dialogue.machine.deadline(), dialogue.now + 10s);
  dialogue.feed(kGet.substr(1));
  EXPECT_EQ(dialogue.summary(), "200 200");
}

TEST(ServerMachineTime, EmptyLinesBuyNoTime) {
  HttpDialogue dialogue;
  dialogue.wait(9s);
  dialogue.feed("\r");
  dialogue.feed("\n");
  EXPECT_EQ(dialogue.machine.deadline(), dialogue.now + 1s);
  EXPECT_EQ(dialogue.ledger.input(), 0);
  dialogue.wait(1s);
  EXPECT_EQ(dialogue.events, "closed\n");
  HttpDialogue again;
  again.feed("\r\n\r\n");
  EXPECT_EQ(again.summary(), "400 c");
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

// A body that lies in a chunk leaves from there.
TEST(ServerMachineTime, ABodyInAChunkIsNotCopied) {
  const base::Chunk chunk = base::Chunk::copy("body");
  for (const std::string_view method : {"GET", "HEAD"}) {
    for (const int status : {200, 304}) {
      HttpDialogue dialogue([&](HttpDialogue& self, const Event& event) {
        if (event.kind != EventKind::complete) return;
        self.machine.respond(Response{status, {}, "not this"}, self.env(), self.now, false,
                             {chunk, 1, 2});
        EXPECT_EQ(chunk.unique(), method == "HEAD" || status == 304);
      });
      dialogue.feed(std::string(method) + " /x HTTP/1.1\r\nHost: a\r\n\r\n");
      const std::string length = status == 304 ? "" : "Content-Length: 2\r\n";
      EXPECT_TRUE(dialogue.output.ends_with(length + "\r\n" +
                                            (method == "GET" && status == 200 ? "od" : "")))
          << dialogue.output;
    }
  }
}

TEST(ServerMachineTime, NoLimitMeansNever) {
  Limits limits;
  limits.head_timeout = limits.idle_timeout = base::Duration(-1);
  HttpDialogue dialogue(HttpDialogue::echo(), limits);
  EXPECT_EQ(dialogue.machine.deadline(), base::kNever);
  dialogue.feed(kGet);
  EXPECT_EQ(dialogue.machine.deadline(), base::kNever);
}

}  // namespace
}  // namespace socketio::http
