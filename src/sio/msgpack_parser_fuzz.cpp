// Property: any messages are read without fault; what is accepted as a packet has the shape its
// type promises and comes back the same when it is written and read again. A core that gets them
// all closes its client or goes on, and everything is given back at the end.
//
// Input: messages, each behind two bytes with its length, the first one's highest bit set when it
// is text.
#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/check.hpp"
#include "sio/msgpack_parser.hpp"
#include "sio/testing.hpp"
#include "value/json_read.hpp"
#include "value/msgpack_testing.hpp"

namespace {

using namespace socketio;

// NaN is not equal to itself; the bytes are compared then.
bool equal(const Value& a, const Value& b) {
  return a == b || value::testing::packed(a) == value::testing::packed(b);
}

void check_again(const sio::Decoded& packet, const Element& root) {
  sio::MsgpackPacketWriter packet_writer;
  const Value data = Value::read(root);
  const auto* items = data.get_if<Array>();
  Writer& writer = packet_writer.begin(items != nullptr);
  if (items != nullptr) {
    for (const Value& item : *items) item.write(writer);
  } else if (packet.has_payload) {
    data.write(writer);
  }
  const auto written = packet_writer.finish(packet.type, packet.nsp, packet.id);
  SIO_CHECK(written.size() == 1 && written[0].binary);
  sio::MsgpackReader reader;
  sio::Decoded again;
  reader.on_message(written[0].bytes, true, {}, again);
  SIO_CHECK(again.status == sio::Decoded::Status::packet);
  SIO_CHECK(again.type == packet.type && again.nsp == packet.nsp && again.id == packet.id);
  SIO_CHECK(again.has_payload == packet.has_payload);
  SIO_CHECK(equal(Value::read(reader.root()), data));
}

void check(base::Bytes message, bool binary) {
  const std::unique_ptr<char[]> copy(new char[message.size()]);
  message.copy(copy.get(), message.size());
  sio::MsgpackReader reader;
  sio::Decoded packet;
  reader.on_message({copy.get(), message.size()}, binary, {}, packet);
  if (packet.status == sio::Decoded::Status::error) {
    SIO_CHECK(!packet.error.empty() && !reader.root().exists());
    return;
  }
  SIO_CHECK(packet.status == sio::Decoded::Status::packet && binary);
  SIO_CHECK(packet.nsp.starts_with('/') && value::valid_utf8(packet.nsp));
  SIO_CHECK(!packet.id || *packet.id <= sio::kMaxAckId);
  const Element root = reader.root();
  SIO_CHECK(packet.has_payload == root.exists());
  if (packet.type == sio::PacketType::event || packet.type == sio::PacketType::ack)
    SIO_CHECK(root.kind() == Kind::array);
  std::string_view name;
  if (packet.type == sio::PacketType::event && root.at(0).as_string(name))
    SIO_CHECK(!sio::reserved_event(name) && name == packet.event);
  check_again(packet, root);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  base::Bytes rest(reinterpret_cast<const char*>(data), size);
  sio::testing::World world(1, parser::message_pack());
  world.create_all = true;
  const std::size_t peer = world.connect();
  while (rest.size() >= 2) {
    const auto first = static_cast<unsigned char>(rest[0]);
    const std::size_t length =
        std::size_t{first & 0x7fU} << 8 | static_cast<unsigned char>(rest[1]);
    const bool text = first >= 0x80;
    const base::Bytes message = rest.substr(2, length);
    rest.remove_prefix(2 + message.size());
    check(message, !text);
    text ? world.text(peer, message) : world.binary(peer, message);
  }
  world.drop(peer);
  SIO_CHECK(world.core().clients() == 0);
  SIO_CHECK(world.ledger.input() == 0);
  return 0;
}
