// Packets -> text and attachments. One per thread, its scratch memory reused:
//
//   Writer& w = encoder.begin_event("news");  …write the arguments…;  Encoded e =
//   encoder.finish(PacketType::event, "/admin", id);
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "eio/message.hpp"
#include "sio/packet.hpp"
#include "value/json_write.hpp"

namespace socketio::sio {

// Views into the encoder (head, body) and into the arguments (attachments), valid until the next
// begin.
struct Encoded {
  base::Bytes head;  // "2/admin,7" — without Engine.IO's '4'
  base::Bytes body;  // "[\"news\",…]"
  std::span<const base::Bytes> attachments;
};

// The same, kept and shared: for broadcasts and for other threads.
struct SharedPacket {
  eio::Message text;
  std::vector<eio::Message> attachments;
  // For on_any_outgoing, which wants the payload back.
  base::Bytes body() const;
};

class Encoder {
 public:
  Encoder() = default;
  Encoder(const Encoder&) = delete;  // the writer points into it
  Encoder& operator=(const Encoder&) = delete;

  Writer& begin_event(base::Bytes name);
  Writer& begin_ack();
  // One value that is not an array (CONNECT, CONNECT_ERROR).
  Writer& begin_value();
  // More attachments than `max` cannot be decoded by JS peers: then head is empty and the packet
  // must not be sent (the core and share() refuse it).
  Encoded finish(PacketType type, base::Bytes nsp, std::optional<std::uint64_t> id,
                 std::uint32_t max_attachments);

  static SharedPacket share(const Encoded& encoded, base::Ledger* ledger);

 private:
  base::TextBuffer head_;
  base::TextBuffer body_;
  std::vector<base::Bytes> attachments_;
  value::JsonWriter writer_{body_, attachments_};
  bool array_ = false;
};

}  // namespace socketio::sio
