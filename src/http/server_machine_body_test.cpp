// How the machine hands out bodies, keeps and charges them.
#include <gtest/gtest.h>

#include "http/server_machine.hpp"
#include "support/http_dialogue.hpp"

namespace socketio::http {
namespace {

using test::HttpDialogue;

const std::string kGet = "GET /x HTTP/1.1\r\nHost: a\r\n\r\n";

std::string post(const std::string& body) {
  return "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

TEST(ServerMachineBody, HandsOutAWholeBodyInPlaceAndASplitOneContiguous) {
  const std::string body(5000, 'b');
  const std::string input = post(body);
  for (std::size_t split = 0; split < input.size(); split += 7) {
    HttpDialogue dialogue;
    dialogue.feed(std::string_view(input).substr(0, split));
    dialogue.feed(std::string_view(input).substr(split));
    ASSERT_EQ(dialogue.events, "head POST /x\ncomplete " + body + "\n") << split;
    ASSERT_EQ(dialogue.ledger.input(), 0) << split;
  }
}

TEST(ServerMachineBody, KeepsABodyUntilItIsTakenOrAnswered) {
  const std::string body(3000, 'b');
  const std::string sized = post(body);
  const std::string in_chunks =
      "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nbb8\r\n" + body +
      "\r\n0\r\n\r\n";
  for (const std::string& input : {sized, in_chunks, kGet}) {
    const std::string expected = input == kGet ? "" : body;
    for (std::size_t split = 0; split < input.size(); split += 7) {
      HttpDialogue dialogue([](HttpDialogue& self, const Event& event) {
        if (event.kind == EventKind::complete) self.machine.keep_body(event.body, self.ledger);
      });
      const auto feed = [&] {
        dialogue.feed(std::string_view(input).substr(0, split));
        dialogue.feed(std::string_view(input).substr(split));
      };
      feed();
      ASSERT_GE(dialogue.machine.held(), expected.size());
      ASSERT_EQ(base::as_bytes(dialogue.machine.take_body().view()), expected) << split;
      ASSERT_EQ(base::as_bytes(dialogue.machine.take_body().view()), "");
      dialogue.respond(200, "");
      feed();
      ASSERT_GE(dialogue.ledger.input(), static_cast<std::int64_t>(expected.size()));
      dialogue.respond(200, "");
      dialogue.drain();
      ASSERT_EQ(dialogue.ledger.input(), 0) << split;
    }
  }
}

TEST(ServerMachineBody, ChargesWhatItHoldsNotWhatIsPromised) {
  HttpDialogue dialogue;
  dialogue.feed("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nb");
  EXPECT_GT(dialogue.ledger.input(), 0);
  EXPECT_LE(dialogue.ledger.input(), 70'000);
}

}  // namespace
}  // namespace socketio::http
