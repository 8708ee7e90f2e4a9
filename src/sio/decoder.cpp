#include "sio/decoder.hpp"

#include "base/check.hpp"

namespace socketio::sio {

namespace {

Decoded failed(base::Bytes error) {
  Decoded result;
  result.status = Decoded::Status::error;
  result.error = error;
  return result;
}

PacketType plain(PacketType type) {
  if (type == PacketType::binary_event) return PacketType::event;
  if (type == PacketType::binary_ack) return PacketType::ack;
  return type;
}

// The JSON has the shape its packet type wants. Tells the name of an event.
bool fits(PacketType type, const value::JsonDocument& document, base::Bytes& event) {
  const Element root = document.root();
  if (type == PacketType::event || type == PacketType::binary_event) {
    if (document.first_string(event)) return !reserved_event(event);
    const Kind of_name = root.at(0).kind();  // JS peers may emit(1, …)
    return of_name == Kind::integer || of_name == Kind::unsigned_integer || of_name == Kind::number;
  }
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
  return false;
}

bool parse(PacketType type, base::Bytes payload, value::JsonDocument& document,
           base::Bytes& event) {
  // No packet's payload begins with white space: "2 [...]" is a broken id (the reference reads 0).
  const char first = payload.front();
  if (first != '[' && first != '{' && first != '"') return false;
  return document.parse(payload) && fits(type, document, event);
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

void Decoder::release() {
  if (!complete_) return;
  complete_ = false;
  pending_.reset();
}

Decoded Decoder::on_text(base::MutBytes input, const Options& options, const Joined& joined,
                         value::JsonDocument& document, base::Ledger& ledger, base::Time now) {
  if (waiting()) {
    pending_.reset();
    return failed("got plaintext data when reconstructing a packet");
  }
  release();
  const base::Bytes text = base::as_bytes(input);
  Header header;
  if (const base::Bytes error = parse_header(text, options.max_attachments, header); !error.empty())
    return failed(error);

  Decoded result;
  result.status = Decoded::Status::packet;
  result.type = plain(header.type);
  result.nsp = header.nsp;
  result.id = header.id;
  const base::Bytes payload = text.substr(header.size);
  if (header.attachments > 0 && !joined.joined(header.nsp)) return result;
  if (payload.empty()) {
    if (result.type == PacketType::event || header.attachments > 0)
      return failed("invalid payload");
    return result;
  }
  if (!parse(header.type, payload, document, result.event)) return failed("invalid payload");
  result.has_payload = true;
  if (header.attachments == 0) return result;

  pending_ = std::make_unique<Pending>();
  pending_->text.append(text, ledger, text.size());
  SIO_CHECK(
      parse_header(base::as_bytes(pending_->text.view()), options.max_attachments, pending_->header)
          .empty());
  pending_->deadline = base::after(now, options.packet_timeout);
  return Decoded{};
}

Decoded Decoder::on_binary(base::MutBytes bytes, const Options& options,
                           value::JsonDocument& document, base::Ledger& ledger, base::Time) {
  if (!waiting()) {
    release();
    return failed("got binary data when not reconstructing a packet");
  }
  Pending& pending = *pending_;
  if (bytes.size() > options.max_attachment_bytes - pending.bytes) {
    pending_.reset();
    return failed("attachments too large");
  }
  pending.bytes += bytes.size();
  const std::uint32_t expected = pending.header.attachments;
  if (pending.parts.size() + 1 < expected) {
    if (pending.parts.empty()) pending.parts.reserve(expected - 1);
    pending.parts.emplace_back().append(base::as_bytes(bytes), ledger, bytes.size());
    return Decoded{};
  }
  pending.views.reserve(expected);
  for (base::InBuffer& part : pending.parts) pending.views.push_back(base::as_bytes(part.view()));
  pending.views.push_back(base::as_bytes(bytes));

  const base::Bytes payload = base::as_bytes(pending.text.view()).substr(pending.header.size);
  const bool parsed = document.parse(payload);
  SIO_CHECK(parsed);
  if (!document.bind_attachments(pending.views)) {
    pending_.reset();
    return failed("illegal attachments");
  }
  complete_ = true;
  Decoded result;
  result.status = Decoded::Status::packet;
  result.type = plain(pending.header.type);
  result.nsp = pending.header.nsp;
  result.id = pending.header.id;
  result.has_payload = true;
  document.first_string(result.event);
  result.attachments = expected;
  return result;
}

}  // namespace socketio::sio
