// What waits for a client of Engine.IO v3: it waits as for any other and is written in the
// client's way when it is taken.
#include "base/check.hpp"
#include "eio/payload_v3.hpp"
#include "eio/poll_queue.hpp"
#include "ws/frame.hpp"

namespace socketio::eio {

PollQueue::Taken PollQueue::take_v3(std::string& body, std::size_t max, bool base64) {
  const FormV3 binary_form = base64 ? FormV3::text : FormV3::binary;
  Taken taken;
  std::size_t size = 0;
  std::size_t end = head_;
  for (; end < entries_.size(); ++end) {
    const base::Bytes data = payload(entries_[end].frame);
    const bool binary = is_binary(entries_[end].frame);
    const std::size_t more =
        binary ? binary_size_v3(data.size(), binary_form) : text_size_v3(data.size());
    if (end > head_ && (size > max || more > max - size)) break;
    size += more;
    if (binary) taken.form = binary_form;
  }
  body.reserve(body.size() + size);
  for (std::size_t i = head_; i < end; ++i) {
    const base::Bytes data = payload(entries_[i].frame);
    if (is_binary(entries_[i].frame)) {
      append_binary_v3(body, data, taken.form);
    } else {
      append_text_v3(body, data, taken.form);
    }
    bytes_ -= entries_[i].frame.capacity();
    taken.compress = taken.compress || entries_[i].compress;
    entries_[i] = Entry{};
  }
  head_ = end;
  charge(bookkeeping());
  return taken;
}

void PollQueue::move_to_v3(base::OutQueue& out, bool base64) {
  std::string packet;
  for (std::size_t i = head_; i < entries_.size(); ++i) {
    base::Chunk frame = entries_[i].frame;
    if (is_binary(frame)) {
      packet.clear();
      base64 ? append_base64_packet(packet, payload(frame))
             : append_binary_packet(packet, payload(frame));
      frame = ws::make_frame(base64 ? ws::Opcode::text : ws::Opcode::binary, packet, ledger_);
    }
    out.push(frame, 0, static_cast<std::uint32_t>(frame.capacity()));
  }
  clear();
}

}  // namespace socketio::eio
