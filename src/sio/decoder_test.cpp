#include "sio/decoder.hpp"

#include <gtest/gtest.h>

#include "sio/encoder.hpp"
#include "sio/testing.hpp"

namespace socketio::sio {
namespace {

using testing::Padded;
using testing::raw;

class DecoderTest : public ::testing::Test {
 protected:
  struct Everywhere final : Decoder::Joined {
    bool joined(base::Bytes) const override { return in; }
    bool in = true;
  };

  Decoded text(base::Bytes packet) {
    input_ = std::make_unique<Padded>(packet);
    // As the core does.
    if (PlainEvent event; decoder.on_plain_event(base::as_bytes(input_->view()), document, event))
      return event.packet();
    Decoded out;
    decoder.on_text(input_->view(), options, everywhere, document, ledger, now, out);
    return out;
  }
  Decoded binary(base::Bytes bytes) {
    input_ = std::make_unique<Padded>(bytes);
    Decoded out;
    decoder.on_binary(input_->view(), options, document, ledger, now, out);
    return out;
  }
  std::string error(base::Bytes packet) {
    Decoder fresh;
    Padded padded(packet);
    Decoded result;
    fresh.on_text(padded.view(), options, everywhere, document, ledger, now, result);
    return result.status == Decoded::Status::error ? std::string(result.error) : "";
  }

  Options options;
  Everywhere everywhere;
  value::JsonDocument document;
  base::Ledger ledger;
  base::Time now = base::Time{} + std::chrono::seconds(5);
  Decoder decoder;

 private:
  std::unique_ptr<Padded> input_;
};

// What the short way takes is what the long way makes of it; the rest it leaves alone.
TEST_F(DecoderTest, PlainEventsAreDecodedTheShortWay) {
  const auto shortly = [this](base::Bytes packet) {
    Padded input(packet);
    PlainEvent event{"left", "left", 99};
    const bool taken = decoder.on_plain_event(base::as_bytes(input.view()), document, event);
    if (!taken) return false;
    const Decoded left = event.packet();
    const std::string name(left.event);
    EXPECT_EQ(event.rest, document.rest_of_array());
    Decoded whole;
    decoder.on_text(input.view(), options, everywhere, document, ledger, now, whole);
    EXPECT_EQ(whole.event, name);
    EXPECT_EQ(left.status, whole.status);
    EXPECT_EQ(left.type, whole.type);
    EXPECT_EQ(left.nsp, whole.nsp);
    EXPECT_EQ(left.id, whole.id);
    EXPECT_EQ(left.attachments, whole.attachments);
    EXPECT_EQ(left.has_payload, whole.has_payload);
    return true;
  };
  EXPECT_TRUE(shortly(R"(2["m"])"));
  EXPECT_TRUE(shortly(R"(2["chat",{"a":[1,2]},null])"));
  EXPECT_TRUE(shortly(R"(21["m"])"));
  EXPECT_TRUE(shortly(R"(2007["m",1])"));
  EXPECT_TRUE(shortly(R"(2999999999999999["m"])"));  // more digits are read the long way
  for (const char* other :
       {"", "2", "2[", "21", R"(21x["m"])", R"(2-1["m"])", R"(29999999999999999["m"])",
        R"(2/a,["m"])", R"(3["m"])", R"(51-["m",{"_placeholder":true,"num":0}])",
        R"(2[1,"number"])", R"(2[])", R"(2["connect"])", R"(2["m"]])", R"(2{"a":1})"})
    EXPECT_FALSE(shortly(other)) << other;
  // Not while attachments are awaited.
  text(R"(51-["m",{"_placeholder":true,"num":0}])");
  EXPECT_FALSE(shortly(R"(2["m"])"));
}

// Reliability tables S and J: the id of the row, the packet, the error ("" means delivered).
// covers siop/parser: decodes a bad binary packet
// covers siop/parser: throw an error upon parsing error
// covers siop/parser: should ensure that a packet is valid
TEST_F(DecoderTest, Table) {
  struct Row {
    const char* id;
    std::string text;
    const char* error;
  };
  const char* payload = "invalid payload";
  const Row table[] = {
      {"S01", "", "unknown packet type NaN"},
      {"S02", "7", "unknown packet type 7"},
      {"S03", "x", "unknown packet type NaN"},
      {"S04", "9", "unknown packet type 9"},
      {"S05", "2", payload},
      {"S05", "212", payload},
      {"S06", "2{}", payload},
      {"S07", "2[]", payload},
      {"S08", "2[\"a\"", payload},
      {"S09", "2[null]", payload},
      {"S10", "2[{}]", payload},
      {"S11", "2[true]", payload},
      {"S12", "2[1,2]", ""},
      {"S13", "2[\"connect\"]", payload},
      {"S14", "2[\"disconnect\"]", payload},
      {"S15", "2[\"connect_error\"]", payload},
      {"S16", "2[\"disconnecting\"]", payload},
      {"S17", "2[\"newListener\"]", payload},
      {"S18", "2[\"removeListener\"]", payload},
      {"S19", "2[\"error\"]", ""},
      {"S20", "2[\"__proto__\"]", ""},
      {"S21", "2[\"toString\"]", ""},
      {"S24", "0{\"a\"", payload},
      {"S25", "0[]", payload},
      {"S26", "0\"str\"", payload},
      {"S27", "0null", payload},
      {"S28", "0/admin", ""},
      {"S32", "1{}", payload},
      {"S34", "3", ""},
      {"S35", "3[1]", ""},
      {"S36", "399[1]", ""},
      {"S37", "3-1[1]", payload},
      {"S38", "299999999999999999999[\"a\"]", payload},
      {"S39", "21e5[\"a\"]", payload},
      {"S40", "2 [\"a\"]", payload},
      {"S41", "207[\"a\"]", ""},
      {"S49", "50-[\"a\"]", "Illegal attachments"},
      {"S51", "511-[\"a\"]", "too many attachments"},
      {"S52", "5999999999-[\"a\"]", "too many attachments"},
      {"S53", "5-1-[\"a\"]", "Illegal attachments"},
      {"S54", "51.5-[\"a\"]", "Illegal attachments"},
      {"S55", "5x-[\"a\"]", "Illegal attachments"},
      {"S56", "51[\"a\"]", "Illegal attachments"},
      {"S57", "5-", "Illegal attachments"},
      {"S61", "51-[\"disconnect\",{\"_placeholder\":true,\"num\":0}]", payload},
      {"S65", "51e1-[\"a\"]", "Illegal attachments"},
      {"S66", "2[\"a\",{\"_placeholder\":true,\"num\":0}]", ""},
      {"S67", "2/,[\"echo\",1]", ""},
      {"S68", "2/admin[\"echo\"]", payload},
      {"-", "2abc[\"a\"]", payload},
      {"-", "3{}", payload},
      {"-", "4[]", payload},
      {"-", "4\"text\"", ""},
      {"-", "4{\"message\":\"m\"}", ""},
      {"-", "51-", payload},
      {"-", "61-5", payload},
      {"J01", "2[\"a\"," + std::string(10'000, '['), payload},
      {"J03", "2[\"a\",NaN]", payload},
      {"J04", "2[\"a\",Infinity]", payload},
      {"J05", "2[\"a\",-]", payload},
      {"J06", "2[\"a\",01]", payload},
      {"J07", "2[\"a\",1.]", payload},
      {"J08", "2[\"a\",.5]", payload},
      {"J15", "2[\"a\",\"\t\"]", payload},
      {"J16", "2['a']", payload},
      {"J19", "2[\"a\",]", payload},
      {"J20", "2[\"a\"/**/]", payload},
      {"J21", "2[\"a\",\"\\x41\"]", payload},
      {"J22", "2[\"a\",1]  ", ""},
      {"J23", "2\xEF\xBB\xBF[\"a\"]", payload},
      {"J24", "2[\"a\"][\"b\"]", payload},
  };
  for (const Row& row : table)
    EXPECT_EQ(error(row.text), row.error) << row.id << " " << row.text.substr(0, 60);
  EXPECT_EQ(ledger.input(), 0);
}

TEST_F(DecoderTest, PlainPackets) {
  Decoded packet = text("2/admin,13[\"foo\",{\"a\":[1]}]");
  EXPECT_EQ(packet.status, Decoded::Status::packet);
  EXPECT_EQ(packet.type, PacketType::event);
  EXPECT_EQ(packet.nsp, "/admin");
  EXPECT_EQ(packet.id, 13U);
  EXPECT_TRUE(packet.has_payload);
  EXPECT_EQ(raw(document.root()), "[\"foo\",{\"a\":[1]}]");
  packet = text("0");
  EXPECT_EQ(packet.type, PacketType::connect);
  EXPECT_FALSE(packet.has_payload);
}

// S42, S47, S48: what the placeholders refer to; attachments nobody refers to are dropped.
TEST_F(DecoderTest, AttachmentsCompleteThePacket) {
  EXPECT_EQ(text("52-/a,7[\"e\",{\"_placeholder\":true,\"num\":1},[{\"_placeholder\":true,"
                 "\"num\":1}],3]")
                .status,
            Decoded::Status::incomplete);
  EXPECT_TRUE(decoder.waiting());
  EXPECT_EQ(decoder.deadline(), now + options.packet_timeout);
  EXPECT_GT(ledger.input(), 0);
  EXPECT_EQ(binary("first").status, Decoded::Status::incomplete);
  const Decoded packet = binary("second");
  ASSERT_EQ(packet.status, Decoded::Status::packet);
  EXPECT_FALSE(decoder.waiting());
  EXPECT_EQ(packet.type, PacketType::event);
  EXPECT_EQ(packet.nsp, "/a");
  EXPECT_EQ(packet.id, 7U);
  EXPECT_EQ(packet.attachments, 2U);
  std::string_view bytes;
  ASSERT_TRUE(document.root().at(1).as_binary(bytes));
  EXPECT_EQ(bytes, "second");
  ASSERT_TRUE(document.root().at(2).at(0).as_binary(bytes));
  EXPECT_EQ(bytes, "second");
  decoder.release();
  EXPECT_EQ(ledger.input(), 0);
  EXPECT_EQ(decoder.deadline(), base::kNever);
}

TEST_F(DecoderTest, EmptyAttachments) {
  text("52-[\"e\",{\"_placeholder\":true,\"num\":0},{\"_placeholder\":true,\"num\":1}]");
  binary("");
  ASSERT_EQ(binary("").status, Decoded::Status::packet);
  std::string_view bytes = "x";
  ASSERT_TRUE(document.root().at(1).as_binary(bytes));
  EXPECT_EQ(bytes, "");
}

// covers siop/buffer: throws an error when adding an attachment with an invalid 'num' attribute
// (string) covers siop/buffer: throws an error when adding an attachment with an invalid 'num'
// attribute (out-of-bound)
TEST_F(DecoderTest, PlaceholdersMustFit) {
  const std::pair<const char*, const char*> table[] = {
      {"S43", "1"}, {"S44", "-1"}, {"S45", "\"splice\""}, {"S46", "0.5"}, {"-", "null"}};
  for (const auto& [id, num] : table) {
    text("51-[\"e\",{\"_placeholder\":true,\"num\":" + std::string(num) + "}]");
    const Decoded packet = binary("x");
    EXPECT_EQ(packet.status, Decoded::Status::error) << id;
    EXPECT_EQ(packet.error, "illegal attachments") << id;
    EXPECT_FALSE(decoder.waiting());
    EXPECT_EQ(ledger.input(), 0);
  }
}

// S58, S59.
// covers siop/buffer: throws an error when adding an attachment without header
// covers siop/buffer: throws an error when decoding a binary event without attachments
TEST_F(DecoderTest, TextAndBinaryInTheirPlace) {
  text("51-[\"e\"]");
  EXPECT_EQ(text("2[\"a\"]").error, "got plaintext data when reconstructing a packet");
  EXPECT_EQ(ledger.input(), 0);
  EXPECT_EQ(binary("x").error, "got binary data when not reconstructing a packet");
}

// S71: not one byte is kept for somebody who has not joined.
TEST_F(DecoderTest, NothingIsKeptBeforeConnect) {
  everywhere.in = false;
  const Decoded packet = text("51-[\"e\"]");
  EXPECT_EQ(packet.status, Decoded::Status::packet);
  EXPECT_FALSE(packet.has_payload);
  EXPECT_FALSE(decoder.waiting());
  EXPECT_EQ(ledger.input(), 0);
}

// covers siop/parser: throws an error when receiving too many attachments
TEST_F(DecoderTest, SizeOfAllAttachmentsTogether) {
  options.max_attachment_bytes = 100;
  text("52-[\"e\"]");
  EXPECT_EQ(binary(std::string(60, 'x')).status, Decoded::Status::incomplete);
  EXPECT_EQ(binary(std::string(40, 'x')).status, Decoded::Status::packet);
  decoder.release();
  text("52-[\"e\"]");
  binary(std::string(60, 'x'));
  EXPECT_EQ(binary(std::string(41, 'x')).error, "attachments too large");
  EXPECT_EQ(ledger.input(), 0);
  options.max_attachments = 2;
  EXPECT_EQ(text("53-[\"e\"]").error, "too many attachments");
}

// covers siop/parser: should resume decoding after calling destroy()
TEST_F(DecoderTest, DestroyedWhileWaiting) {
  {
    Decoder other;
    Padded header("52-[\"e\"]");
    Decoded out;
    other.on_text(header.view(), options, everywhere, document, ledger, now, out);
    Padded bytes("1234");
    other.on_binary(bytes.view(), options, document, ledger, now, out);
    EXPECT_GT(ledger.input(), 0);
  }
  EXPECT_EQ(ledger.input(), 0);
}

// One document serves all decoders: what another parses in between must not show.
TEST_F(DecoderTest, DecodersShareTheDocument) {
  text("51-[\"mine\",{\"_placeholder\":true,\"num\":0}]");
  EXPECT_EQ(error("2[\"other\",1,2,3]"), "");
  ASSERT_EQ(binary("bytes").status, Decoded::Status::packet);
  std::string_view bytes;
  ASSERT_TRUE(document.root().at(1).as_binary(bytes));
  EXPECT_EQ(bytes, "bytes");
}

Value random_value(testing::SeededRandom& random, int depth, int& binaries) {
  switch (random.below(depth > 3 ? 6 : 8)) {
    case 0:
      return nullptr;
    case 1:
      return random.below(2) == 0;
    case 2:
      return static_cast<std::int64_t>(random.next());
    case 3:
      return static_cast<double>(random.next() >> 11) / 3.0;
    case 4:
      return std::string(random.below(40), 'a') + "é\"\n";
    case 5:
      if (binaries == 10) return nullptr;
      ++binaries;
      return Binary(std::string(random.below(30), '\xff'));
    case 6: {
      Array array;
      for (std::size_t i = random.below(4); i > 0; --i)
        array.push_back(random_value(random, depth + 1, binaries));
      return array;
    }
    default: {
      Object object;
      for (std::size_t i = random.below(4); i > 0; --i)
        object["k" + std::to_string(i)] = random_value(random, depth + 1, binaries);
      return object;
    }
  }
}

TEST_F(DecoderTest, RoundTrip) {
  testing::SeededRandom random(7);
  Encoder encoder;
  for (int run = 0; run < 2000; ++run) {
    int binaries = 0;
    const Value value = random_value(random, 0, binaries);
    const std::string nsp = random.below(2) == 0 ? "/" : "/n" + std::to_string(run);
    const bool event = random.below(2) == 0;
    std::optional<std::uint64_t> id;
    if (!event || random.below(2) == 0) id = random.next() & kMaxAckId;
    Writer& writer = event ? encoder.begin_event("name") : encoder.begin_ack();
    value.write(writer);
    const Encoded packet = encoder.finish(event ? PacketType::event : PacketType::ack, nsp, id, 10);
    Decoded result = text(std::string(packet.head) + std::string(packet.body));
    for (const base::Bytes bytes : packet.attachments) {
      ASSERT_EQ(result.status, Decoded::Status::incomplete);
      result = binary(bytes);
    }
    ASSERT_EQ(result.status, Decoded::Status::packet) << packet.head << packet.body;
    EXPECT_EQ(result.type, event ? PacketType::event : PacketType::ack);
    EXPECT_EQ(result.nsp, nsp);
    EXPECT_EQ(result.id, id);
    EXPECT_EQ(Value::read(document.root().at(event ? 1 : 0)), value);
    decoder.release();
    EXPECT_EQ(ledger.input(), 0);
  }
}

// Texts and attachments in any order: an error or a packet, never a packet with the wrong number of
// attachments, and nothing is left behind.
TEST_F(DecoderTest, AnyOrder) {
  testing::SeededRandom random(11);
  const char* texts[] = {"2[\"a\"]", "51-[\"b\",{\"_placeholder\":true,\"num\":0}]",
                         "52-[\"c\",{\"_placeholder\":true,\"num\":1}]", "3[]", "0"};
  for (int run = 0; run < 300; ++run) {
    std::uint32_t missing = 0;
    for (int step = 0; step < 20; ++step) {
      const bool is_text = random.below(2) == 0;
      const std::size_t which = random.below(std::size(texts));
      const Decoded packet = is_text ? text(texts[which]) : binary("bytes");
      const bool wrong = is_text == (missing > 0);
      ASSERT_EQ(packet.status == Decoded::Status::error, wrong);
      if (wrong) missing = 0;
      if (!wrong && is_text) missing = which == 1 ? 1 : which == 2 ? 2 : 0;
      if (!wrong && !is_text) --missing;
      ASSERT_EQ(decoder.waiting(), missing > 0);
      ASSERT_EQ(packet.status == Decoded::Status::incomplete, missing > 0);
    }
    decoder.release();
    if (missing > 0) text("2");
    ASSERT_EQ(ledger.input(), 0);
  }
}

}  // namespace
}  // namespace socketio::sio
