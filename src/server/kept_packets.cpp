#include "server/kept_packets.hpp"

#include <algorithm>
#include <vector>

namespace socketio::server {
namespace {

std::size_t size_of(const sio::LogEntry& entry) {
  std::size_t size = sizeof(entry) + wire_size(entry.packet);
  for (const auto* rooms : {&entry.selection.rooms, &entry.selection.except}) {
    for (const std::string& room : *rooms) size += sizeof(room) + room.size();
  }
  return size;
}

// By the rooms it is in now.
bool is_for(const sio::RecoverySession& session, const sio::LogEntry& entry) {
  const auto in = [&](const std::string& room) {
    return room == sio::view(session.sid) || session.rooms().contains(room);
  };
  const sio::Selection& to = entry.selection;
  return entry.nsp == session.nsp && std::none_of(to.except.begin(), to.except.end(), in) &&
         (to.rooms.empty() || std::any_of(to.rooms.begin(), to.rooms.end(), in));
}

// What tells a packet from others: a parser may put the offset into any of its messages.
std::vector<base::Bytes> messages_of(const sio::SharedPacket& packet) {
  std::vector<base::Bytes> all{packet.text.payload()};
  for (const eio::Message& attachment : packet.attachments) all.push_back(attachment.payload());
  return all;
}

}  // namespace

std::size_t wire_size(const sio::SharedPacket& packet) {
  std::size_t size = packet.text.wire_size();
  for (const eio::Message& attachment : packet.attachments) size += attachment.wire_size();
  return size;
}

void KeptPackets::wait(sio::SocketId socket) {
  if (waiting_.contains(socket.packed())) return;
  const auto number = from_.insert(end());
  try {
    waiting_.emplace(socket.packed(), *number);
  } catch (...) {
    from_.erase(number);
    throw;
  }
}

void KeptPackets::forget(sio::SocketId socket) {
  const auto found = waiting_.find(socket.packed());
  if (found == waiting_.end()) return;
  from_.erase(from_.find(found->second));
  waiting_.erase(found);
  const std::uint64_t wanted = from_.empty() ? end() : *from_.begin();
  while (first_ < wanted && !packets_.empty()) drop_first();
}

void KeptPackets::add(sio::LogEntry packet) noexcept {
  try {
    packet.size = size_of(packet);
    const std::size_t size = packet.size;
    packets_.push_back(std::make_shared<const sio::LogEntry>(std::move(packet)));
    bytes_ += size;
    while (bytes_ > most_) drop_first();
  } catch (const std::bad_alloc&) {
    while (!packets_.empty()) drop_first();
    ++first_;  // this one
  }
}

bool KeptPackets::give(sio::SocketId socket, sio::RecoverySession& session) {
  const auto found = waiting_.find(socket.packed());
  if (found == waiting_.end()) return true;
  const bool given = found->second >= first_ && append(found->second, session);
  forget(socket);
  return given;
}

// An adapter that looks late has some of it among what was missed: the same bytes, which end with
// an offset.
bool KeptPackets::append(std::uint64_t from, sio::RecoverySession& session) const {
  if (from == end()) return true;
  std::vector<std::vector<base::Bytes>> known;
  std::size_t bytes = 0;
  for (const sio::LogEntryPtr& entry : session.missed) {
    known.push_back(messages_of(entry->packet));
    bytes += wire_size(entry->packet);
  }
  std::sort(known.begin(), known.end());
  for (std::uint64_t number = from; number < end(); ++number) {
    const sio::LogEntryPtr& entry = packets_[static_cast<std::size_t>(number - first_)];
    if (!is_for(session, *entry)) continue;
    if (std::binary_search(known.begin(), known.end(), messages_of(entry->packet))) continue;
    bytes += wire_size(entry->packet);
    session.missed.push_back(entry);
  }
  return bytes <= most_;
}

void KeptPackets::drop_first() {
  bytes_ -= packets_.front()->size;
  packets_.pop_front();
  ++first_;
}

}  // namespace socketio::server
