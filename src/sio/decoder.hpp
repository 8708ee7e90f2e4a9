// Text and attachments -> packets, strictly (socket.io-parser 4.2.7, and stricter where the
// reference is wrong). One per client, small; the JSON tape is the shard's. Error texts are part of
// the protocol's surface.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "base/in_buffer.hpp"
#include "base/time.hpp"
#include "sio/options.hpp"
#include "sio/packet.hpp"
#include "value/json_read.hpp"

namespace socketio::sio {

struct Decoded {
  enum class Status : std::uint8_t { packet, incomplete, error };
  Status status = Status::incomplete;
  base::Bytes error{};  // "unknown packet type 9", "Illegal attachments", "too many attachments",
                        // "invalid payload", …
  PacketType type = PacketType::event;  // binary_event and binary_ack are reported as event and ack
  base::Bytes nsp = "/";
  std::optional<std::uint64_t> id{};
  bool has_payload = false;  // then the document holds it
  // An event's name, which lives as long as the document; null data when it is a number.
  base::Bytes event{};
  // Above 0, what the views show is held by the decoder until release().
  std::uint32_t attachments = 0;
};

// `out` is an error and nothing else.
void fail(Decoded& out, base::Bytes error);

// What most packets are, in short: an event of "/" without attachments.
struct PlainEvent {
  base::Bytes name{};
  base::Bytes rest{};  // JSON text behind the event's name ("1,\"two\"")
  std::optional<std::uint64_t> ack_id{};

  Decoded packet() const;  // the same as what on_text() makes of it
};

class Decoder {
 public:
  // `connected` (the client has joined the packet's namespace) is asked before a binary header may
  // hold attachments: not one byte is kept before CONNECT; a header for a namespace not joined is
  // reported at once as a packet without payload (the core closes).
  class Joined {
   public:
    virtual bool joined(base::Bytes nsp) const = 0;

   protected:
    ~Joined() = default;
  };

  // Views in `out` live as long as `text` and until the next call. The payload is parsed into
  // `document`, shape-checked, with attachments bound.
  void on_text(base::MutBytes text, const Options& options, const Joined& joined,
               value::JsonDocument& document, base::Ledger& ledger, base::Time now, Decoded& out);
  // False, and nothing has been decided: it is for on_text().
  bool on_plain_event(base::Bytes text, value::JsonDocument& document, PlainEvent& out) const;
  // The last attachment completes the packet: views then point into the decoder until release() or
  // the next call, and those of the last attachment into `bytes`, which is not copied.
  void on_binary(base::MutBytes bytes, const Options& options, value::JsonDocument& document,
                 base::Ledger& ledger, base::Time now, Decoded& out);
  // Frees a completed binary packet after its dispatch.
  void release() {
    if (complete_) free_packet();
  }

  bool waiting() const { return pending_ != nullptr && !complete_; }
  // Bytes of memory that an unfinished packet takes; what the ledger was charged.
  std::size_t held() const;
  // When the attachments must be there.
  base::Time deadline() const;

 private:
  struct Pending;
  void free_packet();
  std::unique_ptr<Pending> pending_;
  bool complete_ = false;

 public:
  Decoder();
  ~Decoder();
};

}  // namespace socketio::sio
