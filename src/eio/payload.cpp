#include "eio/payload.hpp"

#include <cstring>

namespace socketio::eio {

PayloadReader::Status PayloadReader::next(Packet& out) {
  if (over_) return Status::end;
  base::MutBytes record = rest_;
  const auto* separator = static_cast<const char*>(
      rest_.empty() ? nullptr : std::memchr(rest_.data(), kSeparator, rest_.size()));
  if (separator != nullptr) {
    record = rest_.first(static_cast<std::size_t>(separator - rest_.data()));
    rest_ = rest_.subspan(record.size() + 1);
  } else {
    over_ = true;
  }

  if (++packets_ <= most_) {
    if (const auto packet = parse_packet(record)) {
      out = *packet;
      return Status::packet;
    }
  }
  over_ = true;
  return Status::malformed;
}

}  // namespace socketio::eio
