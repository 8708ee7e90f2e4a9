#include "eio/payload_v3.hpp"

#include <random>

#include <gtest/gtest.h>

#include "eio/payload.hpp"
#include "eio/test_peer.hpp"

namespace socketio::eio {
namespace {

using namespace std::string_literals;

// "4hello 2 4bin:<bytes> end", or "… malformed". A reader is given up after each packet when
// `pieces`, and another one goes on.
std::string read(base::Bytes payload, FormV3 form = FormV3::text, bool pieces = false) {
  test::Input input(payload);
  PayloadReaderV3 reader(input.view(), form);
  std::string out;
  while (true) {
    Packet packet;
    const auto status = reader.next(packet);
    if (status == PayloadReaderV3::Status::packet) {
      out += std::to_string(static_cast<int>(packet.type));
      if (packet.binary) out += "bin:";
      out += base::as_bytes(packet.data);
      out += ' ';
      if (pieces && !reader.over()) reader = PayloadReaderV3(reader.rest(), form, reader.packets());
      continue;
    }
    EXPECT_EQ(reader.next(packet), PayloadReaderV3::Status::end);  // and it stays over
    return out + (status == PayloadReaderV3::Status::end ? "end" : "malformed");
  }
}

std::string read_bytes(base::Bytes payload) {
  return read(payload, FormV3::binary);
}

TEST(PayloadV3, VectorsOfTheReference) {
  EXPECT_EQ(read("6:4hello"), "4hello end");
  EXPECT_EQ(read("6:4test16:4test26:4test3"), "4test1 4test2 4test3 end");
  EXPECT_EQ(read("6:4hello10:b4AQIDBA=="), "4hello 4bin:\x01\x02\x03\x04 end");
  EXPECT_EQ(read("2:4\xE2\x82\xAC"
                 "10:b4AQIDBA=="),
            "4\xE2\x82\xAC 4bin:\x01\x02\x03\x04 end");
  EXPECT_EQ(read("1:21:31:1"), "2 3 1 end");
  EXPECT_EQ(read_bytes("\x00\x06\xff"
                       "4hello\x01\x05\xff\x04\x01\x02\x03\x04"s),
            "4hello 4bin:\x01\x02\x03\x04 end");
}

TEST(PayloadV3, TextIsCountedAsJavaScriptDoes) {
  EXPECT_EQ(utf16_length(""), 0U);
  EXPECT_EQ(utf16_length("abc"), 3U);
  EXPECT_EQ(utf16_length("\xC3\xA9"), 1U);          // é
  EXPECT_EQ(utf16_length("\xE2\x82\xAC"), 1U);      // €
  EXPECT_EQ(utf16_length("\xF0\x9F\x9A\x80"), 2U);  // a rocket: two surrogates
  EXPECT_EQ(read("3:4\xF0\x9F\x9A\x80"
                 "2:4a"),
            "4\xF0\x9F\x9A\x80 4a end");
  // Half of the rocket.
  EXPECT_EQ(read("2:4\xF0\x9F\x9A\x80"), "malformed");
  // In the binary form bytes are counted.
  EXPECT_EQ(read_bytes("\x00\x05\xff"
                       "4\xF0\x9F\x9A\x80"s),
            "4\xF0\x9F\x9A\x80 end");
}

TEST(PayloadV3, MalformedEndsItButWhatCameBeforeCounts) {
  EXPECT_EQ(read(""), "malformed");
  EXPECT_EQ(read("abc"), "malformed");
  EXPECT_EQ(read(":4a"), "malformed");
  EXPECT_EQ(read("4a"), "malformed");
  EXPECT_EQ(read("2"), "malformed");
  EXPECT_EQ(read("3:4a"), "malformed");
  EXPECT_EQ(read("1:4a"), "4 malformed");
  EXPECT_EQ(read("2:4ax2:4b"), "4a malformed");
  EXPECT_EQ(read("2:9a"), "malformed");
  EXPECT_EQ(read("2:b4"), "4bin: end");
  EXPECT_EQ(read("1:b"), "malformed");
  EXPECT_EQ(read("2:b9"), "malformed");
  EXPECT_EQ(read("6:b4!!!!"), "malformed");
  EXPECT_EQ(read("2:4\xff"), "malformed");
  EXPECT_EQ(read("2:4\xED\xA0\x80"), "malformed");  // a lone surrogate
  EXPECT_EQ(read("2:4\xE2\x82"), "malformed");      // cut off
  EXPECT_EQ(read("-1:4"), "malformed");
  // What JavaScript also takes for numbers.
  for (const char* length : {"1e0", " 2", "2 ", "0x2", "+2", "2.0", "Infinity", "\xD9\xA2"})
    EXPECT_EQ(read(length + ":4a"s), "malformed") << length;
  EXPECT_EQ(read("002:4a"), "4a end");
}

TEST(PayloadV3, EmptyRecordsAreNone) {
  EXPECT_EQ(read("0:"), "end");  // what JavaScript writes for no packets
  EXPECT_EQ(read("0:2:4a0:"), "4a end");
  EXPECT_EQ(read("0"), "malformed");
}

TEST(PayloadV3, MalformedBytes) {
  EXPECT_EQ(read_bytes(""), "end");
  EXPECT_EQ(read_bytes("\x00"s), "malformed");
  EXPECT_EQ(read_bytes("\x00\xff"s), "malformed");
  EXPECT_EQ(read_bytes("\x00\x02"s), "malformed");
  EXPECT_EQ(read_bytes("\x00\x02\xff"s), "malformed");
  EXPECT_EQ(read_bytes("\x00\x02\xff"
                       "4"s),
            "malformed");
  EXPECT_EQ(read_bytes("\x00\x0b\xff"
                       "4"s),
            "malformed");  // a digit of 11
  EXPECT_EQ(read_bytes("\x00"
                       "2\xff"
                       "4a"s),
            "malformed");  // a digit as a character
  EXPECT_EQ(read_bytes("\x00\x00\xff"s), "malformed");
  EXPECT_EQ(read_bytes("\x01\x00\xff"s), "malformed");
  EXPECT_EQ(read_bytes("\x01\x01\xff\x07"s), "malformed");
  EXPECT_EQ(read_bytes("\x01\x01\xff"
                       "4"s),
            "malformed");  // a type as a character
  EXPECT_EQ(read_bytes("\x00\x02\xff"
                       "4\xff"s),
            "malformed");
  EXPECT_EQ(read_bytes("\x01\x01\xff\x04"s), "4bin: end");
  EXPECT_EQ(read_bytes("\x02\x02\xff\x04z"s), "4bin:z end");  // anything but 0, as JavaScript
}

TEST(PayloadV3, LengthsHaveALimit) {
  const std::string zeros(kMaxLengthDigits - 1, '0');
  EXPECT_EQ(read(zeros + "2:4a"), "4a end");
  EXPECT_EQ(read(zeros + "02:4a"), "malformed");
  const std::string nulls(kMaxLengthDigits - 1, '\0');
  EXPECT_EQ(read_bytes("\x00"s + nulls +
                       "\x02\xff"
                       "4a"s),
            "4a end");
  EXPECT_EQ(read_bytes("\x00"s + nulls +
                       "\x00\x02\xff"
                       "4a"s),
            "malformed");
  // Nothing wraps around.
  EXPECT_EQ(read("18446744073709551618:4a"), "malformed");
  EXPECT_EQ(read(std::string(kMaxLengthDigits, '9') + ":4a"), "malformed");
}

TEST(PayloadV3, ManyPacketsButNotTooMany) {
  std::string payload;
  std::string expected;
  for (std::size_t i = 0; i < kMaxPacketsPerPayload; ++i) {
    payload += "1:6";
    expected += "6 ";
  }
  EXPECT_EQ(read(payload), expected + "end");
  EXPECT_EQ(read(payload + "1:6"), expected + "malformed");
  EXPECT_EQ(read(payload, FormV3::text, true), expected + "end");
  EXPECT_EQ(read(payload + "0:", FormV3::text, true), expected + "malformed");
}

// What we write is read back, in both forms, and sizes are what the limits are reckoned with.
TEST(PayloadV3, WritesWhatItReads) {
  std::mt19937 random(7);
  const std::vector<std::string> texts = {"4", "4hello", "4\xC3\xA9", "4\xF0\x9F\x9A\x80!",
                                          "2", "3probe", "6",         "4" + std::string(2000, 'x')};
  for (int round = 0; round < 300; ++round) {
    const FormV3 form = round % 2 == 0 ? FormV3::text : FormV3::binary;
    std::string payload;
    std::string expected;
    std::size_t most = 0;
    for (auto i = random() % 6 + 1; i > 0; --i) {
      if (random() % 2 == 0) {
        const std::string& text = texts[random() % texts.size()];
        append_text_v3(payload, text, form);
        expected += text + " ";
        most += text_size_v3(text.size());
      } else {
        std::string bytes(random() % 300, '\0');
        for (char& c : bytes) c = static_cast<char>(random());
        append_binary_v3(payload, bytes, form);
        expected += "4bin:" + bytes + " ";
        most += binary_size_v3(bytes.size(), form);
      }
    }
    EXPECT_LE(payload.size(), most);
    EXPECT_EQ(read(payload, form), expected + "end");
    EXPECT_EQ(read(payload, form, true), expected + "end");
  }
}

// covers eio/parser: properly encodes a mixed payload
TEST(PayloadV3, AMixedPayloadIsWrittenInBytes) {
  std::string payload;
  append_text_v3(payload, "4\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC", FormV3::binary);
  append_binary_v3(payload, "\x01\x02\x03", FormV3::binary);
  EXPECT_EQ(payload,
            "\x00\x01\x00\xff"
            "4\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC"
            "\x01\x04\xff\x04\x01\x02\x03"s);
}

// Any damage is found or is another payload; nothing outside is read (ASan sees the bounds).
TEST(PayloadV3, EveryCutOfAPayload) {
  const std::string text =
      "6:4hello3:4\xF0\x9F\x9A\x80"
      "10:b4AQIDBA==";
  for (std::size_t size = 0; size < text.size(); ++size) {
    const std::string cut = read(text.substr(0, size));
    EXPECT_TRUE(cut.ends_with("malformed") || size == 8 || size == 15) << size << " " << cut;
  }
  const std::string bytes =
      "\x00\x06\xff"
      "4hello\x01\x05\xff\x04\x01\x02\x03\x04"s;
  for (std::size_t size = 1; size < bytes.size(); ++size) {
    const std::string cut = read_bytes(bytes.substr(0, size));
    EXPECT_TRUE(cut.ends_with("malformed") || size == 9) << size << " " << cut;
  }
}

}  // namespace
}  // namespace socketio::eio
