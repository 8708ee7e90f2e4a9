// The parser of npm's socket.io-msgpack-parser 3: each packet is one map in one binary message.
//
//   {type: 0…4, data: …, id: …, nsp: "/…"}   as the JS server writes it; read in any order, other
//                                            keys (clients send `options`) ignored
//
// A packet is written in one piece: the map's head and the type are filled in at the end.
#pragma once

#include <array>

#include "base/text_buffer.hpp"
#include "sio/parser.hpp"
#include "value/msgpack_read.hpp"
#include "value/msgpack_write.hpp"

namespace socketio::sio {

class MsgpackReader final : public PacketReader {
 public:
  void on_message(base::Bytes bytes, bool binary, const Options& options, Decoded& out) override;
  Element root() const override { return data_; }

 private:
  value::MsgpackDocument document_;
  Element data_;
};

class MsgpackPacketWriter final : public PacketWriter {
 public:
  MsgpackPacketWriter() = default;
  MsgpackPacketWriter(const MsgpackPacketWriter&) = delete;  // the writer points into it
  MsgpackPacketWriter& operator=(const MsgpackPacketWriter&) = delete;

  Writer& begin(bool array) override;
  std::span<const MessageBytes> finish(PacketType type, base::Bytes nsp,
                                       std::optional<std::uint64_t> id) override;

 private:
  base::TextBuffer out_;
  value::MsgpackWriter writer_{out_};
  std::size_t data_end_ = 0;  // 0: the data is being written
  std::array<MessageBytes, 1> message_{};
};

}  // namespace socketio::sio
