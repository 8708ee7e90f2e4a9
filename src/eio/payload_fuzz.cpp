// Any payload: reading never leaves it, and its packets, written again by PollQueue, read the same.
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/check.hpp"
#include "eio/poll_queue.hpp"
#include "eio/test_peer.hpp"

namespace {

using namespace socketio;

using Record = std::pair<std::string, bool>;

std::vector<Record> read(base::Bytes payload) {
  eio::test::Input input(payload);
  eio::PayloadReader reader(input.view());
  std::vector<Record> records;
  eio::Packet packet;
  while (reader.next(packet) == eio::PayloadReader::Status::packet) {
    SIO_CHECK(!packet.binary || packet.type == eio::PacketType::message);
    std::string text(base::as_bytes(packet.data));
    if (!packet.binary) text.insert(0, 1, static_cast<char>('0' + static_cast<int>(packet.type)));
    records.emplace_back(std::move(text), packet.binary);
  }
  SIO_CHECK(records.size() <= eio::kMaxPacketsPerPayload);
  SIO_CHECK(reader.next(packet) == eio::PayloadReader::Status::end);
  return records;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::vector<Record> records = read({reinterpret_cast<const char*>(data), size});
  if (records.empty()) return 0;
  base::Ledger ledger;
  {
    eio::PollQueue queue(&ledger);
    for (const auto& [text, binary] : records) {
      if (binary) {
        queue.push_binary(text);
      } else {
        queue.push_text(static_cast<eio::PacketType>(text[0] - '0'), base::Bytes(text).substr(1),
                        {});
      }
    }
    std::string payload;
    queue.take(payload, SIZE_MAX);
    SIO_CHECK(queue.empty() && queue.bytes() == 0);
    SIO_CHECK(read(payload) == records);
  }
  SIO_CHECK(ledger.output() == 0);
  return 0;
}
