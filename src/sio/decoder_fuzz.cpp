// Property: any sequence of texts and attachments is decoded without fault; what is accepted has
// the shape its type promises, can be encoded and decoded again to the same value, and nothing
// stays charged when the decoder is gone.
//
// Input: lines; one that begins with '<' is an attachment, any other a text packet.
#include <cstddef>
#include <cstdint>

#include "base/check.hpp"
#include "sio/encoder.hpp"
#include "sio/testing.hpp"

namespace {

using namespace socketio;
using sio::testing::Padded;

struct Everywhere final : sio::Decoder::Joined {
  bool joined(base::Bytes nsp) const override { return nsp != "/no"; }
};

class Run {
 public:
  void line(base::Bytes line) {
    const bool is_text = !line.starts_with('<');
    Padded input(is_text ? line : line.substr(1));
    const bool was_waiting = decoder_.waiting();
    sio::Decoded packet;
    if (is_text) {
      decoder_.on_text(input.view(), options_, everywhere_, document_, ledger_, base::Time{},
                       packet);
    } else {
      decoder_.on_binary(input.view(), options_, document_, ledger_, base::Time{}, packet);
    }
    switch (packet.status) {
      case sio::Decoded::Status::error:
        SIO_CHECK(!packet.error.empty());
        SIO_CHECK(!decoder_.waiting());
        return;
      case sio::Decoded::Status::incomplete:
        SIO_CHECK(decoder_.waiting());
        return;
      case sio::Decoded::Status::packet:
        SIO_CHECK(!decoder_.waiting());
        SIO_CHECK(was_waiting == !is_text);
        check(packet);
        decoder_.release();
    }
  }
  base::Ledger& ledger() { return ledger_; }

 private:
  void check(const sio::Decoded& packet) {
    SIO_CHECK(!packet.id || *packet.id <= sio::kMaxAckId);
    if (!packet.has_payload) return;
    const Element root = document_.root();
    const Value value = Value::read(root);
    if (packet.type != sio::PacketType::event && packet.type != sio::PacketType::ack) return;
    SIO_CHECK(root.kind() == Kind::array);
    std::string_view name;
    if (packet.type == sio::PacketType::event && root.at(0).as_string(name))
      SIO_CHECK(!sio::reserved_event(name));

    Writer& writer = encoder_.begin_ack();
    for (const Value& child : *value.get_if<Array>()) child.write(writer);
    const sio::Encoded again =
        encoder_.finish(sio::PacketType::ack, packet.nsp, packet.id, ~std::uint32_t{0});
    sio::Decoder other;
    sio::Options options;
    options.max_attachments = ~std::uint32_t{0};
    Padded text(std::string(again.head) + std::string(again.body));
    sio::Decoded second;
    other.on_text(text.view(), options, everywhere_, document_, ledger_, base::Time{}, second);
    for (const base::Bytes attachment : again.attachments) {
      SIO_CHECK(second.status == sio::Decoded::Status::incomplete);
      bytes_ = Padded(attachment);
      other.on_binary(bytes_.view(), options, document_, ledger_, base::Time{}, second);
    }
    SIO_CHECK(second.status == sio::Decoded::Status::packet);
    SIO_CHECK(second.nsp == packet.nsp && second.id == packet.id);
    SIO_CHECK(Value::read(document_.root()) == value || has_non_finite(value));
  }
  // They become null on the way out. NaN cannot come in; -0 equals 0.
  static bool has_non_finite(const Value& value) {
    return value.to_json().find("null") != std::string::npos;
  }

  sio::Options options_;
  Everywhere everywhere_;
  value::JsonDocument document_;
  base::Ledger ledger_;
  sio::Encoder encoder_;
  Padded bytes_{""};
  sio::Decoder decoder_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  base::Bytes rest(reinterpret_cast<const char*>(data), size);
  auto run = std::make_unique<Run>();
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    run->line(rest.substr(0, end));
    rest = end == base::Bytes::npos ? base::Bytes{} : rest.substr(end + 1);
  }
  run->line("x");  // an error, whatever came before: what was pending is given back
  SIO_CHECK(run->ledger().input() == 0);
  return 0;
}
