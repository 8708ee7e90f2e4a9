// What a session that is watched has to tell besides its messages: packets of every kind in both
// directions, when they left, and that an upgrade is tried. Nearly no session is watched, and the
// others do not pay for it: they do not even ask whether they are (see Session::watch).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "eio/packet.hpp"

namespace socketio::eio {

struct Note {
  enum class Kind : std::uint8_t {
    received,   // a packet that is no message; those are events of the session
    created,    // a packet was queued
    flushing,   // `count` packets are on their way to the transport
    drained,    // the first `count` packets of this session have left
    upgrading,  // the client probes
  };
  Kind kind;
  PacketType type = PacketType::message;
  bool binary = false;
  std::string data{};
  std::uint64_t count = 0;
};

// Packets are counted from the moment on at which the watch began; what was queued then comes
// first. No more notes are held than packets are queued in one turn.
struct Watch {
  std::vector<Note> notes;
  std::uint64_t created = 0;
  std::uint64_t flushed = 0;
  std::uint64_t drained = 0;
};

}  // namespace socketio::eio
