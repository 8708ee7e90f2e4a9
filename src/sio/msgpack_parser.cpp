#include "sio/msgpack_parser.hpp"

#include "sio/decoder.hpp"
#include "value/json_read.hpp"

namespace socketio::sio {

namespace {

constexpr std::size_t kKeptOutput = std::size_t{64} * 1024;

// What every packet begins with; the zeros are filled in.
constexpr base::Bytes kBegin(
    "\0\xa4type\0\xa4"
    "data",
    12);
constexpr std::size_t kTypeAt = 6;
constexpr std::size_t kDataKeyAt = 7;

// The members that count; of duplicate keys the last, as in JS. `undefined`, which is nil in two of
// the dialects, is as good as absent.
struct Members {
  Element type;
  Element nsp;
  Element data;
  Element id;

  explicit Members(const Element& packet) {
    for (auto member = packet.children(); member.next();) {
      const base::Bytes key = member.key();
      const Element value = member.value().is_null() ? Element() : member.value();
      if (key == "type") type = value;
      if (key == "nsp") nsp = value;
      if (key == "data") data = value;
      if (key == "id") id = value;
    }
  }
};

}  // namespace

void MsgpackReader::on_message(base::Bytes bytes, bool binary, const Options& options,
                               Decoded& out) {
  data_ = {};
  // The packet's map is around the data.
  const base::Bytes error =
      binary ? document_.parse(bytes, options.max_depth + 1) : base::Bytes("Could not parse");
  if (!error.empty()) return fail(out, error);
  const Members packet(document_.root());
  std::uint64_t number = 0;
  if (!packet.type.as_unsigned(number) ||
      number > static_cast<std::uint64_t>(PacketType::connect_error))
    return fail(out, "invalid packet type");
  out = {};
  out.status = Decoded::Status::packet;
  out.type = static_cast<PacketType>(number);
  if (!packet.nsp.as_string(out.nsp) || !out.nsp.starts_with('/'))
    return fail(out, "invalid namespace");
  check_payload(packet.data, out);
  if (out.status == Decoded::Status::error) return;
  if (packet.id.exists()) {
    if (!packet.id.as_unsigned(number) || number > kMaxAckId) return fail(out, "invalid packet id");
    out.id = number;
  }
  data_ = packet.data;
}

Writer& MsgpackPacketWriter::begin(bool array) {
  out_.clear(kKeptOutput);
  out_.append(kBegin);
  writer_.restart();
  data_end_ = 0;
  if (array) writer_.begin_array();
  return writer_;
}

std::span<const MessageBytes> MsgpackPacketWriter::finish(PacketType type, base::Bytes nsp,
                                                          std::optional<std::uint64_t> id) {
  if (data_end_ == 0) {
    writer_.finish();
    data_end_ = out_.size() == kBegin.size() ? kDataKeyAt : out_.size();
  }
  out_.to(out_.data() + data_end_);
  const bool has_data = data_end_ != kDataKeyAt;
  out_.data()[0] = static_cast<char>(0x82 + (has_data ? 1 : 0) + (id ? 1 : 0));
  out_.data()[kTypeAt] = static_cast<char>(type);
  if (id) {
    writer_.key("id");
    writer_.unsigned_integer(*id);
  }
  writer_.key("nsp");
  writer_.string(nsp);
  message_[0] = {out_.view(), true};
  return message_;
}

}  // namespace socketio::sio
