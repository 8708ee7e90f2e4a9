// How packets become messages and back, for a whole server: JSON (the default, what every client
// speaks), MessagePack (clients with socket.io-msgpack-parser), or your own. Both sides have to
// use the same one.
//
//   ServerOptions options;
//   options.parser = parser::message_pack();
//   options.parser = parser::custom<MyEncoder, MyDecoder>();
//
// A parser is pure: bytes to packets and packets to bytes, without I/O, clocks or callbacks. It is
// socket.io-parser's pair of Encoder and Decoder, with errors as values.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <socketio/export.hpp>
#include <socketio/value.hpp>

namespace socketio {

namespace parser {

// Socket.IO protocol 5. Binary needs no types of its own: it is in `data`.
enum class PacketType : std::uint8_t { connect, disconnect, event, ack, connect_error };

struct Packet {
  PacketType type = PacketType::event;
  std::string nsp = "/";
  std::optional<std::uint64_t> id{};  // of an acknowledgement, at most 2^53-1
  // connect: an object, or nothing. disconnect: nothing. event: an array that begins with the name
  // (a string, or a number). ack: an array. connect_error: an object or a string.
  std::optional<Value> data{};
};

// One Engine.IO message: a text has to be UTF-8.
struct Message {
  std::string bytes;
  bool binary = false;
};
struct MessageView {
  std::string_view bytes;
  bool binary = false;
};

// Packets to messages. Each thread that sends has an encoder of its own.
class SOCKETIO_EXPORT Encoder {
 public:
  virtual ~Encoder() = default;
  // The messages of a packet, in order; none when it cannot be sent (emit then returns false, and
  // so it does when this throws). May be called more than once for one packet, and the messages
  // may go to many clients. Not empty strings: a message has at least one byte.
  virtual std::vector<Message> encode(const Packet& packet) = 0;
};

struct Incomplete {};
// The client cannot be understood: Socket::on_error sees the text, then the client is closed with
// "forced close".
struct Error {
  std::string text;
};
using Decoded = std::variant<Packet, Incomplete, Error>;

// One for each client: it remembers what of a packet has come. A packet may have at most
// ServerOptions::max_attachments messages behind its first and as many bytes as they may have, and
// only a client that has joined a namespace may send one in several.
class SOCKETIO_EXPORT Decoder {
 public:
  virtual ~Decoder() = default;
  // The next message, valid for the call. Every message belongs to one packet. The packet's shape
  // is checked by the server ("invalid payload"); an exception counts as an Error with its what().
  virtual Decoded add(MessageView message) = 0;
};

}  // namespace parser

// Which parser a server speaks: parser::json(), parser::message_pack() or parser::custom(). A cheap
// value.
class SOCKETIO_EXPORT Parser {
 public:
  enum class Kind : std::uint8_t { json, message_pack, custom };
  using MakeEncoder = std::function<std::unique_ptr<parser::Encoder>()>;
  using MakeDecoder = std::function<std::unique_ptr<parser::Decoder>()>;

  Parser() = default;
  // The functions are called on any thread, possibly on several at once, and return no null.
  // Throws std::invalid_argument when one of them is empty.
  static Parser custom(MakeEncoder encoder, MakeDecoder decoder);
  static Parser message_pack();

  Kind kind() const { return kind_; }
  // Of a custom parser.
  std::unique_ptr<parser::Encoder> make_encoder() const;
  std::unique_ptr<parser::Decoder> make_decoder() const;

 private:
  struct Factory {
    MakeEncoder encoder;
    MakeDecoder decoder;
  };
  Kind kind_ = Kind::json;
  std::shared_ptr<const Factory> factory_;
};

namespace parser {

// Text with binary attachments: protocol 5 as every client speaks it by default.
inline Parser json() {
  return {};
}

// One binary message per packet, as npm's socket.io-msgpack-parser 3 has it: smaller, and binary
// needs no attachments (so max_attachments does not apply). What differs in the data: NaN and
// infinities arrive, a JS Date arrives as the string that JSON would have given, and Raw is
// translated.
inline Parser message_pack() {
  return Parser::message_pack();
}

// Yours, from two classes that can be made without arguments, or from two functions that make them.
template <class MyEncoder, class MyDecoder>
Parser custom() {
  return Parser::custom([] { return std::make_unique<MyEncoder>(); },
                        [] { return std::make_unique<MyDecoder>(); });
}
inline Parser custom(Parser::MakeEncoder encoder, Parser::MakeDecoder decoder) {
  return Parser::custom(std::move(encoder), std::move(decoder));
}

}  // namespace parser
}  // namespace socketio
