// The one message that all clients send, over and over, in the form of each transport.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "load/options.hpp"

namespace load {

struct Packet {
  bool binary = false;
  std::string data;
};

// A Socket.IO event "m" with `payload` bytes of text, or with an attachment of options.binary bytes
// instead, or JSON of that size with options.deflate; the payload alone with Transport::raw.
std::vector<Packet> make_message(const Options& options, std::uint32_t payload);

// As masked WebSocket frames.
std::string websocket_frame(std::uint8_t opcode, std::string payload);
std::string websocket_frames(const std::vector<Packet>& packets);
// As the body of a POST.
std::string polling_payload(const std::vector<Packet>& packets);

// The header lines of a request that are the same for every client.
std::string request_headers(const Options& options);

// What a text that a Socket.IO server sends (behind the WebSocket, or between two separators of a
// poll) means to a load generator.
enum class Incoming : std::uint8_t {
  message,       // an event or an acknowledgement
  announcement,  // the same, whose attachment follows
  ping,
  open,
  connected,  // to the namespace
  nothing,    // noop
  unexpected,
};
Incoming classify(std::string_view text);

}  // namespace load
