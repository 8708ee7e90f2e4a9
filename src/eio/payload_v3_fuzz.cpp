// Any payload of Engine.IO 3, in either form: reading never leaves it, and its messages, written
// again by PollQueue, read the same. (The first byte chooses.)
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/check.hpp"
#include "eio/jsonp.hpp"
#include "eio/payload.hpp"
#include "eio/poll_queue.hpp"
#include "eio/test_peer.hpp"

namespace {

using namespace socketio;

using Record = std::pair<std::string, bool>;

std::vector<Record> read(base::MutBytes payload, eio::FormV3 form) {
  eio::PayloadReaderV3 reader(payload, form);
  std::vector<Record> records;
  eio::Packet packet;
  while (reader.next(packet) == eio::PayloadReaderV3::Status::packet) {
    if (packet.type == eio::PacketType::message)
      records.emplace_back(base::as_bytes(packet.data), packet.binary);
  }
  SIO_CHECK(records.size() <= eio::kMaxPacketsPerPayload);
  SIO_CHECK(reader.next(packet) == eio::PayloadReaderV3::Status::end);
  return records;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const unsigned choice = data[0];
  eio::test::Input input({reinterpret_cast<const char*>(data) + 1, size - 1});
  base::MutBytes body = input.view();
  if ((choice & 4U) != 0) {
    const auto payload = eio::decode_jsonp_form(body);
    if (!payload) return 0;
    SIO_CHECK(payload->size() <= body.size());
    body = *payload;
  }
  const auto form = (choice & 1U) != 0 ? eio::FormV3::binary : eio::FormV3::text;
  const std::vector<Record> records = read(body, form);
  if (records.empty()) return 0;
  base::Ledger ledger;
  {
    eio::PollQueue queue(&ledger);
    for (const auto& [message, binary] : records) {
      if (binary) {
        queue.push_binary(message);
      } else {
        queue.push_text(eio::PacketType::message, message, {});
      }
    }
    std::string payload;
    const eio::FormV3 written = queue.take_v3(payload, SIZE_MAX, (choice & 2U) != 0).form;
    SIO_CHECK(queue.empty() && queue.bytes() == 0);
    eio::test::Input again(payload);
    SIO_CHECK(read(again.view(), written) == records);
  }
  SIO_CHECK(ledger.output() == 0);
  return 0;
}
