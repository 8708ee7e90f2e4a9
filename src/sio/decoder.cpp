#include "sio/decoder.hpp"

#include "base/check.hpp"
#include "sio/parser.hpp"

namespace socketio::sio {

void fail(Decoded& out, base::Bytes error) {
  out = {};
  out.status = Decoded::Status::error;
  out.error = error;
}

namespace {

PacketType plain(PacketType type) {
  if (type == PacketType::binary_event) return PacketType::event;
  if (type == PacketType::binary_ack) return PacketType::ack;
  return type;
}

bool parse(PacketType type, base::Bytes payload, value::JsonDocument& document,
           base::Bytes& event) {
  // No packet's payload begins with white space: "2 [...]" is a broken id (the reference reads 0).
  const char first = payload.front();
  if (first != '[' && first != '{' && first != '"') return false;
  if (!document.parse(payload)) return false;
  // Most packets are events whose name is a string, which the document finds at once.
  const bool is_event = type == PacketType::event || type == PacketType::binary_event;
  if (is_event && document.first_string(event)) return !reserved_event(event);
  return fits(type, document.root(), event);
}

}  // namespace

// A binary packet between its header and its end.
struct Decoder::Pending {
  base::InBuffer text;                // the whole header packet; the views below point into it
  std::vector<base::InBuffer> parts;  // attachments received, except the last
  std::vector<base::Bytes> views;
  Header header;
  std::size_t bytes = 0;
  base::Time deadline = base::kNever;
};

Decoder::Decoder() = default;
Decoder::~Decoder() = default;

base::Time Decoder::deadline() const {
  return waiting() ? pending_->deadline : base::kNever;
}

std::size_t Decoder::held() const {
  if (pending_ == nullptr) return 0;
  std::size_t bytes = pending_->text.capacity();
  for (const base::InBuffer& part : pending_->parts) bytes += part.capacity();
  return bytes;
}

void Decoder::free_packet() {
  complete_ = false;
  pending_.reset();
}

void Decoder::on_text(base::MutBytes input, const Options& options, const Joined& joined,
                      value::JsonDocument& document, base::Ledger& ledger, base::Time now,
                      Decoded& out) {
  if (waiting()) {
    pending_.reset();
    return fail(out, "got plaintext data when reconstructing a packet");
  }
  release();
  const base::Bytes text = base::as_bytes(input);
  Header header;
  if (const base::Bytes error = parse_header(text, options.max_attachments, header); !error.empty())
    return fail(out, error);

  out = {};
  out.status = Decoded::Status::packet;
  out.type = plain(header.type);
  out.nsp = header.nsp;
  out.id = header.id;
  const base::Bytes payload = text.substr(header.size);
  if (header.attachments > 0 && !joined.joined(header.nsp)) return;
  if (payload.empty()) {
    if (out.type == PacketType::event || header.attachments > 0) fail(out, "invalid payload");
    return;
  }
  if (!parse(header.type, payload, document, out.event)) return fail(out, "invalid payload");
  out.has_payload = true;
  if (header.attachments == 0) return;

  pending_ = std::make_unique<Pending>();
  pending_->text.append(text, ledger, text.size());
  SIO_CHECK(
      parse_header(base::as_bytes(pending_->text.view()), options.max_attachments, pending_->header)
          .empty());
  pending_->deadline = base::after(now, options.packet_timeout);
  out = {};
}

bool Decoder::on_plain_event(base::Bytes text, value::JsonDocument& document,
                             PlainEvent& out) const {
  if (text.size() < 2 || text[0] != '2' || pending_ != nullptr) return false;
  std::size_t at = 1;
  if (text[1] != '[') {
    constexpr std::size_t kDigits = 15;  // always below kMaxAckId
    std::uint64_t id = 0;
    for (; at < text.size() && at <= kDigits && text[at] >= '0' && text[at] <= '9'; ++at)
      id = id * 10 + static_cast<std::uint64_t>(text[at] - '0');
    if (at == 1 || at == text.size() || text[at] != '[') return false;
    out.ack_id = id;
  } else {
    out.ack_id.reset();
  }
  return document.parse_event({text.data() + at, text.size() - at}, out.name, out.rest) &&
         !reserved_event(out.name);
}

Decoded PlainEvent::packet() const {
  Decoded packet;
  packet.status = Decoded::Status::packet;
  packet.id = ack_id;
  packet.has_payload = true;
  packet.event = name;
  return packet;
}

void Decoder::on_binary(base::MutBytes bytes, const Options& options, value::JsonDocument& document,
                        base::Ledger& ledger, base::Time, Decoded& out) {
  if (!waiting()) {
    release();
    return fail(out, "got binary data when not reconstructing a packet");
  }
  Pending& pending = *pending_;
  if (bytes.size() > options.max_attachment_bytes - pending.bytes) {
    pending_.reset();
    return fail(out, "attachments too large");
  }
  pending.bytes += bytes.size();
  const std::uint32_t expected = pending.header.attachments;
  out = {};
  if (pending.parts.size() + 1 < expected) {
    if (pending.parts.empty()) pending.parts.reserve(expected - 1);
    pending.parts.emplace_back().append(base::as_bytes(bytes), ledger, bytes.size());
    return;
  }
  pending.views.reserve(expected);
  for (base::InBuffer& part : pending.parts) pending.views.push_back(base::as_bytes(part.view()));
  pending.views.push_back(base::as_bytes(bytes));

  const base::Bytes payload = base::as_bytes(pending.text.view()).substr(pending.header.size);
  const bool parsed = document.parse(payload);
  SIO_CHECK(parsed);
  if (!document.bind_attachments(pending.views)) {
    pending_.reset();
    return fail(out, "illegal attachments");
  }
  complete_ = true;
  out.status = Decoded::Status::packet;
  out.type = plain(pending.header.type);
  out.nsp = pending.header.nsp;
  out.id = pending.header.id;
  out.has_payload = true;
  document.first_string(out.event);
  out.attachments = expected;
}

}  // namespace socketio::sio
