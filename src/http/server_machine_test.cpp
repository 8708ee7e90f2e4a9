#include "http/server_machine.hpp"

#include <array>
#include <random>

#include <gtest/gtest.h>

#include "http/chunked_body.hpp"
#include "http/head_check.hpp"
#include "http/server_machine_state.hpp"
#include "support/http_dialogue.hpp"

namespace socketio::http {
namespace {

using test::HttpDialogue;
using namespace std::chrono_literals;

const std::string kGet = "GET /x HTTP/1.1\r\nHost: a\r\n\r\n";

std::string post(const std::string& body, const std::string& lines = "") {
  return "POST /x HTTP/1.1\r\nHost: a\r\n" + lines +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}
std::string chunked(const std::string& body) {
  return "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + body;
}
HttpDialogue::App silent() {
  return [](HttpDialogue&, const Event&) {};
}

TEST(ServerMachine, AnswersARequestInOneSpan) {
  HttpDialogue dialogue;
  dialogue.feed(kGet);
  EXPECT_EQ(dialogue.events, "head GET /x\ncomplete \n");
  EXPECT_EQ(dialogue.output, "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nGET /x ");
  EXPECT_EQ(dialogue.spans, 1);
  EXPECT_EQ(dialogue.ledger.input(), 0);
}

TEST(ServerMachine, DecodesChunkedBodies) {
  HttpDialogue dialogue;
  dialogue.feed(chunked("3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nT: v\r\n\r\n") + kGet);
  EXPECT_EQ(dialogue.events, "head POST /x\ncomplete abc0123456789\nhead GET /x\ncomplete \n");
  EXPECT_EQ(dialogue.summary(), "200 200");
}

TEST(ServerMachine, KeepsHttp10OpenOnlyWhenAsked) {
  HttpDialogue plain;
  plain.feed("GET / HTTP/1.0\r\n\r\n");
  EXPECT_EQ(plain.output,
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 6\r\n\r\nGET / ");
  EXPECT_TRUE(plain.closed);
  HttpDialogue asked;
  asked.feed("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n");
  EXPECT_EQ(asked.output,
            "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 6\r\n\r\nGET / ");
  EXPECT_FALSE(asked.closed);
}

TEST(ServerMachine, ClosesAfterAResponseWhenTheAnswererWantsIt) {
  HttpDialogue dialogue([](HttpDialogue& self, const Event& event) {
    if (event.kind == EventKind::complete) self.respond(404, "", true);
  });
  dialogue.feed(kGet + kGet);
  EXPECT_EQ(dialogue.summary(), "404 c");
  dialogue.feed(kGet);  // swallowed
  EXPECT_EQ(dialogue.summary(), "404 c");
  EXPECT_EQ(dialogue.machine.deadline(), base::kNever);
}

TEST(ServerMachine, AnswersHeadAndBodilessStatusesWithoutABody) {
  int status = 200;
  HttpDialogue dialogue([&status](HttpDialogue& self, const Event& event) {
    if (event.kind == EventKind::complete) self.respond(status, "body");
  });
  dialogue.feed("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(dialogue.output, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n");
  for (const int bodiless : {204, 304}) {
    status = bodiless;
    dialogue.output.clear();
    dialogue.feed(kGet);
    EXPECT_TRUE(dialogue.output.ends_with("\r\n\r\n"));
    EXPECT_EQ(dialogue.output.find("Content-Length"), std::string::npos);
  }
}

TEST(ServerMachine, WritesResponseObjectsAndMindsItsOwnHeaders) {
  Response response;
  HttpDialogue dialogue([&response](HttpDialogue& self, const Event& event) {
    if (event.kind == EventKind::complete) self.machine.respond(response, self.env(), self.now);
  });
  response.set("X-A", "b").set("Connection", "close").set("content-length", "99");
  response.set("Transfer-Encoding", "gzip");
  response.body = "hi";
  dialogue.feed(kGet);
  EXPECT_EQ(dialogue.output, "HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Length: 2\r\n\r\nhi");
  dialogue.output.clear();
  dialogue.feed("HEAD /x HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(dialogue.output, "HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Length: 99\r\n\r\n");
  // H86
  for (const std::string value : {"a\r\nX: y", "a\n", "\x7f"}) {
    response = Response{};
    response.set("X", value);
    dialogue.output.clear();
    dialogue.feed(kGet);
    EXPECT_EQ(dialogue.output, "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n");
  }
  response = Response{.status = 1000, .headers = {}, .body = {}};
  dialogue.output.clear();
  dialogue.feed(kGet);
  EXPECT_EQ(dialogue.summary(), "500");
}

TEST(ServerMachine, AnswersOneRequestAtATimeInOrder) {
  HttpDialogue dialogue(silent());
  dialogue.feed("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
  dialogue.feed("GET /3 HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(dialogue.events, "head GET /1\ncomplete \n");
  for (int i = 1; i <= 3; ++i) {
    EXPECT_TRUE(dialogue.machine.answering());
    dialogue.respond(200, std::to_string(i));
    EXPECT_FALSE(dialogue.machine.answering());
    EXPECT_TRUE(dialogue.machine.has_input());
    dialogue.drain();
  }
  EXPECT_FALSE(dialogue.machine.has_input());
  EXPECT_EQ(dialogue.events,
            "head GET /1\ncomplete \nhead GET /2\ncomplete \nhead GET /3\ncomplete \n");
  EXPECT_EQ(dialogue.summary(), "200 200 200");
  EXPECT_EQ(dialogue.ledger.input(), 0);
  dialogue.respond(200, "nobody asked");
  EXPECT_TRUE(dialogue.out.empty());
}

TEST(ServerMachine, TellsWhenTooMuchWaitsBehindAnUnansweredRequest) {
  Limits limits;
  limits.max_pipelined = 100;
  HttpDialogue dialogue(silent(), limits);
  dialogue.feed(kGet + std::string(99, 'x'));
  EXPECT_TRUE(dialogue.machine.has_room());
  dialogue.feed("x");
  EXPECT_FALSE(dialogue.machine.has_room());
  dialogue.feed("x");
  EXPECT_FALSE(dialogue.machine.has_room());
  dialogue.respond(200, "");
  EXPECT_TRUE(dialogue.machine.has_room());
}

TEST(ServerMachine, GoesOnAfterKeep) {
  HttpDialogue dialogue;
  const std::string input = kGet + kGet + post("body") + kGet;
  auto memory = std::make_unique<std::array<char, 1024>>();
  input.copy(memory->data(), input.size());
  dialogue.machine.feed({memory->data(), input.size()}, dialogue.now);
  EXPECT_EQ(dialogue.machine.next(dialogue.env(), dialogue.now).kind, EventKind::head);
  EXPECT_EQ(dialogue.machine.next(dialogue.env(), dialogue.now).kind, EventKind::complete);
  dialogue.respond(200, "");
  dialogue.machine.keep(dialogue.ledger);
  memory.reset();
  EXPECT_TRUE(dialogue.machine.has_input());
  dialogue.drain();
  EXPECT_EQ(dialogue.summary(), "200 200 200 200");
  EXPECT_EQ(dialogue.ledger.input(), 0);
}

// Limits, one below, at and one past.

TEST(ServerMachine, LimitsTheMethod) {
  for (const std::size_t n : {31u, 32u, 33u}) {
    const std::string head = std::string(n, 'A') + " / HTTP/1.1\r\nHost: a\r\n\r\n";
    std::array<Header, 4> room;
    Request request;
    EXPECT_EQ(check_head(head, room, request).detail, n > 32 ? "method too long" : "") << n;
    // llhttp knows none of the shorter ones either.
    HttpDialogue dialogue;
    dialogue.feed(head);
    EXPECT_EQ(dialogue.summary(), "501 c") << n;
  }
}

TEST(ServerMachine, LimitsTheRequestLine) {
  for (const int over : {-1, 0, 1}) {
    HttpDialogue dialogue;
    const std::size_t path = Limits{}.max_line - std::string("GET  HTTP/1.1").size();
    dialogue.feed("GET /" + std::string(path - 1 + static_cast<std::size_t>(over + 1) - 1, 'a') +
                  " HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_EQ(dialogue.summary(), over > 0 ? "414 c" : "200") << over;
  }
}

TEST(ServerMachine, LimitsTheHead) {
  for (const int over : {-1, 0, 1}) {
    HttpDialogue dialogue;
    const std::string start = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
    const std::size_t size = Limits{}.max_head + static_cast<std::size_t>(over + 1) - 1;
    dialogue.feed(start + std::string(size - start.size() - 4, 'a') + "\r\n\r\n");
    EXPECT_EQ(dialogue.summary(), over > 0 ? "431 c" : "200") << over;
  }
}

TEST(ServerMachine, LimitsTheNumberOfHeaders) {
  for (const std::size_t n : {99u, 100u, 101u}) {
    HttpDialogue dialogue;
    std::string head = "GET / HTTP/1.1\r\nHost: a\r\n";
    for (std::size_t i = 1; i < n; ++i) head += "X: b\r\n";
    dialogue.feed(head + "\r\n");
    EXPECT_EQ(dialogue.summary(), n > 100 ? "431 c" : "200") << n;
  }
}

TEST(ServerMachine, LimitsBodies) {
  Limits limits;
  limits.max_body = 10;
  for (const std::size_t n : {9u, 10u, 11u}) {
    const std::string body(n, 'b');
    HttpDialogue sized(HttpDialogue::echo(), limits);
    sized.feed(post(body).substr(0, post(body).size() - n));
    EXPECT_EQ(sized.summary(), n > 10 ? "413 c" : "") << n;  // from Content-Length, without reading
    sized.feed(body);
    EXPECT_EQ(sized.summary(), n > 10 ? "413 c" : "200") << n;
    HttpDialogue pieces(HttpDialogue::echo(), limits);
    pieces.feed(chunked("1\r\nb\r\n8\r\nbbbbbbbb\r\n" +
                        std::string(n == 9    ? ""
                                    : n == 10 ? "1\r\nb\r\n"
                                              : "2\r\nbb\r\n") +
                        "0\r\n\r\n"));
    EXPECT_EQ(pieces.summary(), n > 10 ? "413 c" : "200") << n;
    EXPECT_EQ(pieces.ledger.input(), 0);
  }
}

TEST(ServerMachine, AcceptBodySetsAnotherLimit) {
  const auto accept = [](std::size_t max) {
    return [max](HttpDialogue& self, const Event& event) {
      if (event.kind == EventKind::head) self.machine.accept_body(max);
      HttpDialogue::echo()(self, event);
    };
  };
  HttpDialogue less(accept(3));
  less.feed(post("four"));
  EXPECT_EQ(less.events, "head POST /x\nfailed 413\n");
  Limits limits;
  limits.max_body = 3;
  HttpDialogue more(accept(4), limits);
  more.feed(post("four"));
  EXPECT_EQ(more.summary(), "200");
}

TEST(ServerMachine, LimitsChunkExtensions) {
  for (const int over : {-1, 0, 1}) {
    // ";" counts; spread over two chunks.
    const std::size_t rest =
        Limits().max_chunk_extensions - 100 + static_cast<std::size_t>(over + 1) - 1;
    HttpDialogue dialogue;
    dialogue.feed(chunked("1;" + std::string(99, 'e') + "\r\na\r\n1;" + std::string(rest - 1, 'e') +
                          "\r\nb\r\n0\r\n\r\n"));
    EXPECT_EQ(dialogue.summary(), over > 0 ? "400 c" : "200") << over;
  }
}

TEST(ServerMachine, LimitsTheDigitsOfAChunkSize) {
  for (const std::size_t n : {15u, 16u, 17u}) {
    HttpDialogue dialogue;
    dialogue.feed(chunked(std::string(n - 1, '0') + "1\r\na\r\n0\r\n\r\n"));
    EXPECT_EQ(dialogue.summary(), n > 16 ? "400 c" : "200") << n;
  }
}

TEST(ServerMachine, CountsTrailersAgainstTheHead) {
  for (const int over : {-1, 0, 1}) {
    const std::string head = chunked("");
    const std::size_t size =
        Limits{}.max_head - head.size() + static_cast<std::size_t>(over + 1) - 1;
    HttpDialogue dialogue;
    dialogue.feed(head + "0\r\nX: " + std::string(size - 7, 'a') + "\r\n\r\n");
    EXPECT_EQ(dialogue.summary(), over > 0 ? "431 c" : "200") << over;
    std::string body = "0\r\n";
    for (int line = 0; line < 100 + over; ++line) body += "X:\r\n";
    HttpDialogue lines;
    for (const char byte : chunked(body + "\r\n")) lines.feed({&byte, 1});
    EXPECT_EQ(lines.summary(), over > 0 ? "431 c" : "200") << over;
  }
}

// Early answers, expectations, upgrades, end of input.

HttpDialogue::App refuse_at_head() {
  return [](HttpDialogue& self, const Event& event) {
    if (event.kind == EventKind::head) self.respond(403, "no");
  };
}

TEST(ServerMachine, DropsTheBodyOfARequestAnsweredEarly) {
  for (const std::size_t n :
       {std::size_t{0}, kMaxDroppedBody - 1, kMaxDroppedBody, kMaxDroppedBody + 1}) {
    HttpDialogue dialogue(refuse_at_head());
    dialogue.feed(post(std::string(n, 'b')) + kGet);
    EXPECT_EQ(dialogue.summary(), n > kMaxDroppedBody ? "403 c" : "403 403") << n;
    EXPECT_EQ(dialogue.events.find("complete"), std::string::npos);
    EXPECT_EQ(dialogue.ledger.input(), 0);
  }
  HttpDialogue chunks(refuse_at_head());
  chunks.feed(chunked("4\r\nabcd\r\n0\r\n\r\n") + kGet);
  EXPECT_EQ(chunks.summary(), "403 403");
  HttpDialogue large(refuse_at_head());
  large.feed(chunked("10001\r\nabcd"));
  EXPECT_EQ(large.events, "head POST /x\nclosed\n");
  HttpDialogue broken(refuse_at_head());
  broken.feed(chunked("zz\r\n"));
  EXPECT_EQ(broken.events, "head POST /x\nclosed\n");
  EXPECT_EQ(broken.summary(), "403 c");
}

TEST(ServerMachine, InvitesTheBodyUnlessTheAnswerIsThere) {
  const std::string lines = "Expect: 100-continue\r\n";
  HttpDialogue wanted;
  wanted.feed(post("body", lines).substr(0, post("body", lines).size() - 4));
  EXPECT_EQ(wanted.output, "HTTP/1.1 100 Continue\r\n\r\n");
  wanted.feed("body");
  EXPECT_EQ(wanted.summary(), "100 200");
  HttpDialogue refused(refuse_at_head());
  refused.feed(post("body", lines));
  EXPECT_EQ(refused.summary(), "403 c");  // whether a body follows is in doubt
  HttpDialogue empty;
  empty.feed("GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(empty.summary(), "200");
  Limits small;
  small.max_body = 3;
  HttpDialogue large(HttpDialogue::echo(), small);
  large.feed(post("body", lines));
  EXPECT_EQ(large.summary(), "413 c");
}

const std::string kUpgrade =
    "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n";

TEST(ServerMachine, HandsOverWhatFollowsAnUpgrade) {
  const std::string input = kUpgrade + "early frames";
  for (std::size_t split = 0; split <= input.size(); ++split) {
    bool upgrade = false;
    HttpDialogue dialogue([&upgrade](HttpDialogue&, const Event& event) {
      if (event.kind == EventKind::complete) upgrade = event.request->upgrade;
    });
    dialogue.feed(std::string_view(input).substr(0, split));
    dialogue.feed(std::string_view(input).substr(split));
    EXPECT_TRUE(upgrade);
    {
      base::InBuffer rest = dialogue.machine.take_rest(dialogue.ledger);
      EXPECT_EQ(base::as_bytes(rest.view()), "early frames") << split;
    }
    EXPECT_EQ(dialogue.ledger.input(), 0);
    EXPECT_EQ(dialogue.machine.deadline(), base::kNever);
    dialogue.feed("more");
    EXPECT_EQ(dialogue.events, "head GET /ws\ncomplete \n");
  }
}

TEST(ServerMachine, TakesTheRestOutOfTheFedViewToo) {
  HttpDialogue dialogue(silent());
  std::string input = kUpgrade + "early";
  input.reserve(input.size() + base::kPadding);
  dialogue.machine.feed({input.data(), input.size()}, dialogue.now);
  EXPECT_EQ(dialogue.machine.next(dialogue.env(), dialogue.now).kind, EventKind::head);
  EXPECT_EQ(dialogue.machine.next(dialogue.env(), dialogue.now).kind, EventKind::complete);
  base::InBuffer rest = dialogue.machine.take_rest(dialogue.ledger);
  EXPECT_EQ(base::as_bytes(rest.view()), "early");
}

TEST(ServerMachine, Http10CannotUpgrade) {
  bool upgrade = true;
  HttpDialogue dialogue(
      [&upgrade](HttpDialogue&, const Event& event) { upgrade = event.request->upgrade; });
  dialogue.feed("GET / HTTP/1.0\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  EXPECT_FALSE(upgrade);
}

TEST(ServerMachine, StillAnswersAPeerThatHasShutDownWriting) {
  HttpDialogue dialogue(silent());
  dialogue.feed(kGet + kGet + "GET /part");
  dialogue.eof();
  EXPECT_FALSE(dialogue.closed);
  dialogue.respond(200, "");
  dialogue.drain();
  EXPECT_FALSE(dialogue.closed);
  dialogue.respond(200, "");
  dialogue.drain();
  EXPECT_EQ(dialogue.summary(), "200 200 c");
  EXPECT_EQ(dialogue.events, "head GET /x\ncomplete \nhead GET /x\ncomplete \nclosed\n");
  EXPECT_EQ(dialogue.ledger.input(), 0);
}

TEST(ServerMachine, EndOfInputInsideARequestEndsTheConnection) {
  HttpDialogue nothing;
  nothing.eof();
  EXPECT_EQ(nothing.events, "closed\n");
  HttpDialogue head;
  head.feed("GET / HT");
  head.eof();
  EXPECT_EQ(head.events, "closed\n");
  EXPECT_EQ(head.output, "");
  HttpDialogue body;
  body.feed(post("body").substr(0, post("body").size() - 1));
  body.eof();
  EXPECT_EQ(body.events, "head POST /x\nfailed 0\n");
  EXPECT_EQ(body.output, "");
  HttpDialogue dropped(refuse_at_head());
  dropped.feed(post("body").substr(0, post("body").size() - 1));
  dropped.eof();
  EXPECT_EQ(dropped.events, "head POST /x\nclosed\n");
}

// A hundred requests, whole and in random pieces.
TEST(ServerMachine, RandomSplitsChangeNothing) {
  std::string input;
  for (int i = 0; i < 100; ++i) {
    const std::string body(static_cast<std::size_t>(i * 37 % 500), static_cast<char>('a' + i % 26));
    if (i % 3 == 0) input += kGet;
    if (i % 3 == 1) input += post(body);
    if (i % 3 == 2) input += chunked("5\r\nabcde\r\n1;x\r\nf\r\n0\r\nT: v\r\n\r\n");
  }
  HttpDialogue whole;
  whole.feed(input);
  std::mt19937 random(1);
  for (int round = 0; round < 50; ++round) {
    HttpDialogue split;
    for (std::size_t at = 0; at < input.size();) {
      const std::size_t n = random() % (round % 2 == 0 ? 8 : 3000) + 1;
      split.feed(std::string_view(input).substr(at, n));
      at += n;
    }
    ASSERT_EQ(split.events, whole.events);
    ASSERT_EQ(split.output, whole.output);
    ASSERT_EQ(split.ledger.input(), 0);
  }
}

// What another shard gets: the request unread, and all behind it.
TEST(ServerMachine, HandsARequestToAnotherMachineUnread) {
  const std::string input = post("body", "X: y\r\n") + kGet;
  std::string bytes;
  HttpDialogue first([&bytes](HttpDialogue& self, const Event& event) {
    if (event.kind != EventKind::head || !bytes.empty()) return;
    base::InBuffer all = self.machine.take_request(self.ledger);
    bytes = base::as_bytes(all.view());
  });
  first.feed(input);
  EXPECT_EQ(bytes, input);
  EXPECT_EQ(first.events, "head POST /x\n");
  EXPECT_EQ(first.ledger.input(), 0);
  HttpDialogue second;
  second.feed(bytes);
  EXPECT_EQ(second.events, "head POST /x\ncomplete body\nhead GET /x\ncomplete \n");
}

TEST(ServerMachine, SaysWhatWaitsBehindAnUnansweredRequest) {
  HttpDialogue dialogue(silent(), {.max_pipelined = kGet.size()});
  dialogue.feed(kGet);
  EXPECT_FALSE(dialogue.machine.has_input());
  EXPECT_TRUE(dialogue.machine.has_room());
  dialogue.feed(kGet);
  EXPECT_FALSE(dialogue.machine.has_input()) << "nothing is read before the answer";
  EXPECT_FALSE(dialogue.machine.has_room());
  EXPECT_GE(dialogue.machine.held(), kGet.size());
  dialogue.respond(200, "");
  EXPECT_TRUE(dialogue.machine.has_input());
  dialogue.drain();
  EXPECT_EQ(dialogue.events, "head GET /x\ncomplete \nhead GET /x\ncomplete \n");
  EXPECT_TRUE(dialogue.machine.has_room());
  dialogue.respond(200, "");
  dialogue.feed(post("body").substr(0, post("body").size() - 1));
  EXPECT_FALSE(dialogue.machine.has_input()) << "a byte of the body is missing";
}

}  // namespace
}  // namespace socketio::http
