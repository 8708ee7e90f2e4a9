#include "sio/user_parser.hpp"

#include <exception>

#include "sio/decoder.hpp"
#include "value/json_read.hpp"

namespace socketio::sio {

void UserReader::fail(std::string text, Decoded& out) {
  parts_ = 0;
  held_.set(0);
  error_ = std::move(text);
  if (error_.empty()) error_ = "parser failed";
  out = {};
  out.status = Decoded::Status::error;
  out.error = error_;
}

void UserReader::on_message(base::Bytes bytes, bool binary, const Options& options, Decoded& out) {
  packet_ = {};
  out = {};
  if (decoder_ == nullptr) return fail("there is no decoder", out);
  const std::size_t in_all = held_.bytes() + bytes.size();
  parser::Decoded decoded;
  try {
    decoded = decoder_->add({bytes, binary});
  } catch (const std::bad_alloc&) {
    throw;  // as anywhere: it costs the connection
  } catch (const std::exception& error) {
    return fail(error.what(), out);
  } catch (...) {
    return fail({}, out);
  }
  if (auto* packet = std::get_if<parser::Packet>(&decoded)) return take(std::move(*packet), out);
  if (auto* error = std::get_if<parser::Error>(&decoded)) return fail(std::move(error->text), out);
  if (parts_ == options.max_attachments) return fail("too many attachments", out);
  if (in_all > options.max_attachment_bytes) return fail("attachments too large", out);
  held_.set(in_all);
  ++parts_;
}

void UserReader::take(parser::Packet packet, Decoded& out) {
  parts_ = 0;
  held_.set(0);
  packet_ = std::move(packet);
  if (packet_.type > parser::PacketType::connect_error) return fail("invalid packet type", out);
  if (!packet_.nsp.starts_with('/')) return fail("invalid namespace", out);
  if (packet_.id && *packet_.id > kMaxAckId) return fail("invalid packet id", out);
  out.status = Decoded::Status::packet;
  out.type = static_cast<PacketType>(packet_.type);
  out.nsp = packet_.nsp;
  out.id = packet_.id;
  out.attachments = 1;  // the Values
  if (packet_.data) document_.show(*packet_.data);
  check_payload(root(), out);
}

Writer& UserPacketWriter::begin(bool array) {
  writer_.take();
  array_ = array;
  writing_ = true;
  return writer_;
}

std::span<const MessageBytes> UserPacketWriter::finish(PacketType type, base::Bytes nsp,
                                                       std::optional<std::uint64_t> id) {
  if (std::exchange(writing_, false)) {
    Args written = writer_.take();
    packet_.data.reset();
    if (array_) {
      packet_.data = std::move(written);
    } else if (!written.empty()) {
      packet_.data = std::move(written.front());
    }
  }
  packet_.type = static_cast<parser::PacketType>(type);
  packet_.nsp = nsp;
  packet_.id = id;
  messages_.clear();
  if (encoder_ == nullptr) return {};
  try {
    encoded_ = encoder_->encode(packet_);
  } catch (const std::bad_alloc&) {
    throw;
  } catch (...) {
    return {};
  }
  for (const parser::Message& message : encoded_) {
    // A text that is not UTF-8 would make the client close the connection.
    if (message.bytes.empty() || (!message.binary && !value::valid_utf8(message.bytes))) return {};
    messages_.push_back({message.bytes, message.binary});
  }
  return messages_;
}

}  // namespace socketio::sio
