#include "load/message.hpp"

#include <array>
#include <cstring>

#include "base/base64.hpp"
#include "ws/frame.hpp"
#include "ws/mask.hpp"

namespace load {

namespace base = socketio::base;
namespace ws = socketio::ws;

namespace {

constexpr std::string_view kBrowserHead =
    "Pragma: no-cache\r\nCache-Control: no-cache\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/126.0.0.0 Safari/537.36\r\n"
    "Origin: http://localhost:3000\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n"
    "Accept-Language: en-GB,en-US;q=0.9,en;q=0.8\r\n"
    "Cookie: session=0123456789abcdef0123456789abcdef; theme=dark; consent=yes\r\n";

std::string letters(std::uint32_t count) {
  std::string text;
  text.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) text += static_cast<char>('a' + i % 26);
  return text;
}

// A list of records as applications send them, of exactly `count` bytes if it can be that small.
std::string records(std::uint32_t count) {
  std::string text = "[";
  std::uint32_t state = 1;
  const auto number = [&state](std::uint32_t below) {
    state = state * 1'664'525 + 1'013'904'223;
    return std::to_string((state >> 8) % below);
  };
  for (;;) {
    const std::string record = R"({"id":)" + number(1'000'000) + R"(,"user":"player)" +
                               number(1'000) + R"(","x":)" + number(1'000) + "." + number(100) +
                               R"(,"y":)" + number(1'000) + "." + number(100) +
                               R"(,"online":true},)";
    if (text.size() + record.size() + 3 > count) break;
    text += record;
  }
  return text + '"' + std::string(count > text.size() + 3 ? count - text.size() - 3 : 0, ' ') +
         "\"]";
}

}  // namespace

std::vector<Packet> make_message(const Options& options, std::uint32_t payload) {
  if (options.transport == Transport::raw) {
    if (options.deflate) return {{false, records(payload)}};
    return {{options.binary > 0, letters(options.binary > 0 ? options.binary : payload)}};
  }
  const std::string id = options.ack ? "0" : "";
  if (options.deflate) return {{false, "42" + id + "[\"m\"," + records(payload) + "]"}};
  if (options.binary == 0) return {{false, "42" + id + "[\"m\",\"" + letters(payload) + "\"]"}};
  return {{false, "451-" + id + R"(["m",{"_placeholder":true,"num":0}])"},
          {true, letters(options.binary)}};
}

std::string websocket_frame(std::uint8_t opcode, std::string payload) {
  constexpr std::uint32_t kKey = 0x5AA5C33C;
  std::array<char, ws::kMaxHeader> header;
  const std::size_t size = ws::write_header(header.data(), static_cast<ws::Opcode>(opcode),
                                            payload.size(), true, false, kKey);
  std::uint32_t key = 0;  // in wire order, wherever write_header() put it
  std::memcpy(&key, header.data() + size - sizeof key, sizeof key);
  ws::apply_mask({payload.data(), payload.size()}, key);
  return std::string(header.data(), size) + payload;
}

std::string websocket_frames(const std::vector<Packet>& packets) {
  std::string frames;
  for (const Packet& packet : packets) {
    const auto opcode = packet.binary ? ws::Opcode::binary : ws::Opcode::text;
    frames += websocket_frame(static_cast<std::uint8_t>(opcode), packet.data);
  }
  return frames;
}

std::string polling_payload(const std::vector<Packet>& packets) {
  std::string payload;
  for (const Packet& packet : packets) {
    if (!payload.empty()) payload += '\x1e';
    payload += packet.binary ? "b" + base::base64_encode(packet.data) : packet.data;
  }
  return payload;
}

std::string request_headers(const Options& options) {
  std::string headers = "Host: " + options.server.to_string() + "\r\n";
  if (options.browser) headers += kBrowserHead;
  return headers;
}

Incoming classify(std::string_view text) {
  if (text.starts_with('4') && text.size() > 1) {
    switch (text[1]) {
      case '0':
        return Incoming::connected;
      case '2':
      case '3':
        return Incoming::message;
      case '5':
      case '6':
        return Incoming::announcement;
      default:
        return Incoming::unexpected;
    }
  }
  if (text.starts_with('2')) return Incoming::ping;
  if (text.starts_with('0')) return Incoming::open;
  if (text.starts_with('6')) return Incoming::nothing;
  return Incoming::unexpected;
}

}  // namespace load
