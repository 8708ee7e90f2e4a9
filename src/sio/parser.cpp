#include "sio/parser.hpp"

#include <stdexcept>

#include "sio/decoder.hpp"
#include "sio/msgpack_parser.hpp"
#include "sio/user_parser.hpp"

namespace socketio {

Parser Parser::message_pack() {
  Parser parser;
  parser.kind_ = Kind::message_pack;
  return parser;
}

Parser Parser::custom(MakeEncoder encoder, MakeDecoder decoder) {
  if (!encoder || !decoder)
    throw std::invalid_argument("socketio::Parser::custom needs two functions");
  Parser parser;
  parser.kind_ = Kind::custom;
  parser.factory_ =
      std::make_shared<const Factory>(Factory{std::move(encoder), std::move(decoder)});
  return parser;
}

std::unique_ptr<parser::Encoder> Parser::make_encoder() const {
  return factory_ == nullptr ? nullptr : factory_->encoder();
}

std::unique_ptr<parser::Decoder> Parser::make_decoder() const {
  return factory_ == nullptr ? nullptr : factory_->decoder();
}

}  // namespace socketio

namespace socketio::sio {

std::unique_ptr<PacketReader> make_reader(const Parser& parser, base::Ledger& ledger) {
  switch (parser.kind()) {
    case Parser::Kind::json:
      break;
    case Parser::Kind::message_pack:
      return std::make_unique<MsgpackReader>();
    case Parser::Kind::custom:
      return std::make_unique<UserReader>(parser.make_decoder(), ledger);
  }
  return nullptr;
}

std::unique_ptr<PacketWriter> make_writer(const Parser& parser) {
  switch (parser.kind()) {
    case Parser::Kind::json:
      break;
    case Parser::Kind::message_pack:
      return std::make_unique<MsgpackPacketWriter>();
    case Parser::Kind::custom:
      return std::make_unique<UserPacketWriter>(parser.make_encoder());
  }
  return nullptr;
}

bool fits(PacketType type, const Element& root, base::Bytes& event) {
  const Kind kind = root.kind();
  switch (type) {
    case PacketType::connect:
      return kind == Kind::object;
    case PacketType::disconnect:
      return false;
    case PacketType::connect_error:
      return kind == Kind::object || kind == Kind::string;
    case PacketType::ack:
    case PacketType::binary_ack:
      return kind == Kind::array;
    case PacketType::event:
    case PacketType::binary_event:
      break;
  }
  const Element name = root.at(0);
  if (name.as_string(event)) return !reserved_event(event);
  const Kind of_name = name.kind();  // JS peers may emit(1, …)
  return of_name == Kind::integer || of_name == Kind::unsigned_integer || of_name == Kind::number;
}

void check_payload(const Element& root, Decoded& out) {
  out.has_payload = root.exists();
  if (out.has_payload ? fits(out.type, root, out.event)
                      : out.type == PacketType::connect || out.type == PacketType::disconnect)
    return;
  out.status = Decoded::Status::error;
  out.error = "invalid payload";
}

}  // namespace socketio::sio
