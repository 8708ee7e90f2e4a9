// Packets -> text and attachments. One per thread, its scratch memory reused:
//
//   Writer& w = encoder.begin_event("news");  …write the arguments…;
//   Encoded e = encoder.finish(PacketType::event, "/admin", id);
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "eio/message.hpp"
#include "sio/packet.hpp"
#include "sio/parser.hpp"
#include "value/json_write.hpp"

namespace socketio::sio {

// Views into the encoder (head, body, bytes that were given to it) and into the arguments (other
// attachments), valid until the next begin.
struct Encoded {
  base::Bytes head;  // "2/admin,7" — without Engine.IO's '4'
  base::Bytes body;  // "[\"news\",…]"
  std::span<const base::Bytes> attachments;
  // Of another parser than the default, instead of the three above.
  std::span<const MessageBytes> messages{};
  // Where the body lies; a long one is taken from there when it is sent. Null: it may not be.
  base::TextBuffer* text = nullptr;

  bool can_be_sent() const { return !head.empty() || !messages.empty(); }
};

// The same, kept and shared: for broadcasts and for other threads.
struct SharedPacket {
  eio::Message text;  // of another parser than the default: the first message, whatever it is
  std::vector<eio::Message> attachments;
  // For on_any_outgoing, which wants the payload back (of the default parser's packets).
  base::Bytes body() const;
};

class Encoder {
 public:
  Encoder() = default;
  explicit Encoder(const Parser& parser) : other_(make_writer(parser)) {}
  Encoder(const Encoder&) = delete;  // the writer points into it
  Encoder& operator=(const Encoder&) = delete;

  Writer& begin_event(base::Bytes name);
  Writer& begin_ack();
  // One value that is not an array (CONNECT, CONNECT_ERROR).
  Writer& begin_value();
  // A part of it that may hold binary, in a packet that has no attachments: for the default parser
  // a placeholder stands for it, for others it is what it is.
  void write_part(Writer& to, const Value& value) const;
  // More attachments than `max` cannot be decoded by JS peers: then the packet cannot be sent (the
  // core and share() refuse it).
  Encoded finish(PacketType type, base::Bytes nsp, std::optional<std::uint64_t> id,
                 std::uint32_t max_attachments) {
    if (other_ != nullptr || id || !attachments_.empty() || !is_root(nsp)) [[unlikely]]
      return finish_long(type, nsp, id, max_attachments);
    // Most packets: a type and nothing more.
    static constexpr const char* kTypes = "0123456";
    if (std::exchange(array_, false)) writer_.end_array();
    return {{kTypes + static_cast<int>(type), 1}, body_.view(), {}, {}, &body_};
  }

  // Gives back what the last packet took.
  void release();

  static SharedPacket share(const Encoded& encoded, base::Ledger* ledger);

 private:
  void start();
  // At the beginning of each packet; hardly ever there are some.
  void forget_attachments() {
    if (!attachments_.empty()) [[unlikely]]
      forget_all_attachments();
  }
  [[gnu::noinline]] void forget_all_attachments();
  void start_array();
  [[gnu::noinline]] Encoded finish_long(PacketType type, base::Bytes nsp,
                                        std::optional<std::uint64_t> id,
                                        std::uint32_t max_attachments);

  base::TextBuffer head_;
  base::TextBuffer body_{eio::kFrameFront};
  std::vector<base::Bytes> attachments_;
  value::JsonWriter writer_{body_, attachments_};
  bool array_ = false;
  std::unique_ptr<PacketWriter> other_;  // null: the default parser
};

}  // namespace socketio::sio
