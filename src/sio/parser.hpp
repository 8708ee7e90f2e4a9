// What stands in for the default parser when a server speaks another one. The default is not behind
// this: Decoder and Encoder have it at hand, and its packets pay for no virtual call.
//
//   PacketReader   messages -> packets    user_parser: one per client; msgpack_parser: one per
//                                         shard, since each packet is one message
//   PacketWriter   packets -> messages    one per thread
#pragma once

#include <memory>
#include <optional>
#include <span>

#include <socketio/parser.hpp>

#include "base/ledger.hpp"
#include "sio/options.hpp"
#include "sio/packet.hpp"

namespace socketio::sio {

struct Decoded;

// Bytes of one Engine.IO message on its way out.
struct MessageBytes {
  base::Bytes bytes;
  bool binary = false;
};

class PacketReader {
 public:
  virtual ~PacketReader() = default;
  // Views in `out` live as long as `bytes` and until the next call or release().
  virtual void on_message(base::Bytes bytes, bool binary, const Options& options, Decoded& out) = 0;
  // The payload of the packet that was read last.
  virtual Element root() const = 0;
  // More messages of its packet have to come.
  virtual bool waiting() const { return false; }
  // Bytes of those that have come; what the ledger was charged.
  virtual std::size_t held() const { return 0; }
  // Gives back what the packet held, if Decoded::attachments says that it holds something.
  virtual void release() {}
};

class PacketWriter {
 public:
  virtual ~PacketWriter() = default;
  // An event or an acknowledgement: the items of an array. Else one value, or none.
  virtual Writer& begin(bool array) = 0;
  // The messages, valid until the next call; none when the packet cannot be sent. May be called
  // again, for another id.
  virtual std::span<const MessageBytes> finish(PacketType type, base::Bytes nsp,
                                               std::optional<std::uint64_t> id) = 0;
};

// Null for the default parser.
std::unique_ptr<PacketReader> make_reader(const Parser& parser, base::Ledger& ledger);
std::unique_ptr<PacketWriter> make_writer(const Parser& parser);

// The payload has the shape its packet type wants (never true of a disconnect, which has none).
// Tells the name of an event: null data when it is a number.
bool fits(PacketType type, const Element& root, base::Bytes& event);

// Of a packet whose type is known: sets has_payload and event, or makes it an error.
void check_payload(const Element& root, Decoded& out);

}  // namespace socketio::sio
