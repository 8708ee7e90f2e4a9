// A user's parser between the core and the wire: Values in and out, what it throws turned into
// errors, and the limits of packets that come in several messages.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sio/parser.hpp"
#include "value/value_document.hpp"
#include "value/value_writer.hpp"

namespace socketio::sio {

class UserReader final : public PacketReader {
 public:
  UserReader(std::unique_ptr<parser::Decoder> decoder, base::Ledger& ledger)
      : decoder_(std::move(decoder)), held_(ledger) {}

  void on_message(base::Bytes bytes, bool binary, const Options& options, Decoded& out) override;
  Element root() const override { return packet_.data ? document_.root() : Element(); }
  bool waiting() const override { return parts_ > 0; }
  std::size_t held() const override { return held_.bytes(); }
  void release() override { packet_ = {}; }

 private:
  void take(parser::Packet packet, Decoded& out);
  void fail(std::string text, Decoded& out);

  std::unique_ptr<parser::Decoder> decoder_;
  std::uint32_t parts_ = 0;  // messages of an unfinished packet
  base::InputCharge held_;   // bytes in them: what the decoder keeps of them, it does not say
  parser::Packet packet_;
  value::ValueDocument document_;
  std::string error_;
};

class UserPacketWriter final : public PacketWriter {
 public:
  explicit UserPacketWriter(std::unique_ptr<parser::Encoder> encoder)
      : encoder_(std::move(encoder)) {}

  Writer& begin(bool array) override;
  std::span<const MessageBytes> finish(PacketType type, base::Bytes nsp,
                                       std::optional<std::uint64_t> id) override;

 private:
  std::unique_ptr<parser::Encoder> encoder_;
  value::ValueWriter writer_;
  bool array_ = false;
  bool writing_ = false;
  parser::Packet packet_;
  std::vector<parser::Message> encoded_;
  std::vector<MessageBytes> messages_;
};

}  // namespace socketio::sio
