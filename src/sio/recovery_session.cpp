#include "sio/recovery_session.hpp"

#include <algorithm>

#include "sio/recovery_log.hpp"

namespace socketio::sio {

std::optional<RecoveryRequest> read_recovery_request(const Value& auth) {
  const std::string* pid = auth["pid"].get_if<std::string>();
  if (pid == nullptr) return std::nullopt;
  RecoveryRequest request{*pid, std::nullopt};
  const Value& offset = auth["offset"];
  if (offset.is_null()) return request;
  const std::string* text = offset.get_if<std::string>();
  if (text == nullptr) return std::nullopt;
  request.offset = *text;
  return request;
}

void RecoverySession::join(base::Bytes room, std::uint64_t at) {
  open_.emplace(room, at);
}

void RecoverySession::leave(base::Bytes room, std::uint64_t at) {
  const auto found = open_.find(room);
  if (found == open_.end()) return;
  // A stay without a packet is none.
  if (found->second < at) {
    if (past_.size() == kMaxStays) {
      forgotten_ = past_.front().to;
      past_.erase(past_.begin());
    }
    past_.push_back({found->first, found->second, at});
  }
  open_.erase(found);
}

bool RecoverySession::in_room(base::Bytes room, std::uint64_t number) const {
  if (room == view(sid)) return true;
  if (const auto found = open_.find(room); found != open_.end() && found->second < number)
    return true;
  return std::any_of(past_.begin(), past_.end(), [&](const Stay& stay) {
    return stay.from < number && number <= stay.to && stay.room == room;
  });
}

bool RecoverySession::wants(const LogEntry& entry) const {
  if (entry.nsp != nsp || entry.number <= start) return false;
  const auto in = [&](const std::string& room) { return in_room(room, entry.number); };
  const Selection& to = entry.selection;
  if (std::any_of(to.except.begin(), to.except.end(), in)) return false;
  return to.rooms.empty() || std::any_of(to.rooms.begin(), to.rooms.end(), in);
}

std::vector<base::Bytes> RecoverySession::all_rooms() const {
  std::vector<base::Bytes> all{view(sid)};
  for (const auto& [room, since] : open_) all.emplace_back(room);
  for (const Stay& stay : past_) all.emplace_back(stay.room);
  return all;
}

std::optional<std::uint64_t> RecoverySession::resume(std::uint64_t offset) const {
  offset = std::max(offset, start);
  // It has everything it was sent: between that and the end of the connection nothing was its own.
  if (offset >= sent) return std::max(offset, detached);
  if (offset < forgotten_) return std::nullopt;
  return offset;
}

}  // namespace socketio::sio
