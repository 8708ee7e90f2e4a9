// A polling payload of Engine.IO v3: packets one behind the other, each with its length in front.
// Two forms:
//
//   text    6:4hello10:b4AQIDBA==        the length counts UTF-16 units, as JavaScript does
//   binary  00 06 ff "4hello"            0 text, 1 binary; the length's digits as bytes 0..9, ff;
//           01 05 ff 04 01 02 03 04      the length counts bytes
//
// A client chooses with the Content-Type; the server answers in the binary form when there is a
// binary message to tell and the client takes bytes.
#pragma once

#include <string>

#include "eio/packet_v3.hpp"
#include "eio/payload.hpp"

namespace socketio::eio {

enum class FormV3 : std::uint8_t { text, binary };

// Of a length field, as in the reference: the digits of the largest number of JavaScript.
inline constexpr std::size_t kMaxLengthDigits = 310;

// Pulled one packet at a time, decoded in place; as PayloadReader.
class PayloadReaderV3 {
 public:
  PayloadReaderV3(base::MutBytes body, FormV3 form, std::uint32_t packets = 0,
                  std::uint32_t most = kMaxPacketsPerPayload);

  enum class Status : std::uint8_t { packet, end, malformed };
  // Packets before a malformed one are delivered; nothing after it. An empty text payload is
  // malformed, an empty binary one has no packets; a text packet of length 0 is skipped.
  Status next(Packet& out);

  // Where to go on, unless it is over.
  bool over() const { return over_; }
  base::MutBytes rest() const { return rest_; }
  std::uint32_t packets() const { return packets_; }

 private:
  Status fail();
  bool read_length(char end, std::size_t& length);
  bool skip_units(std::size_t units, base::MutBytes& record);
  std::optional<Packet> next_text(bool& skipped);
  std::optional<Packet> next_binary();

  base::MutBytes rest_;
  std::uint32_t packets_;
  std::uint32_t most_;
  FormV3 form_;
  bool over_;
};

// What JavaScript calls the length of a text.
std::size_t utf16_length(base::Bytes utf8);

// A text packet (type digit and data), and a binary message.
void append_text_v3(std::string& out, base::Bytes packet, FormV3 form);
void append_binary_v3(std::string& out, base::Bytes data, FormV3 form);
// The same in bytes of payload, at most.
std::size_t text_size_v3(std::size_t packet);
std::size_t binary_size_v3(std::size_t data, FormV3 form);

}  // namespace socketio::eio
