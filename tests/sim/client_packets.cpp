// What the packets mean to the client: Engine.IO's handshake and heartbeat, Socket.IO's packets.
#include "base/base64.hpp"
#include "sim/client.hpp"

namespace socketio::sim {

void Client::on_engine(const std::string& packet) {
  if (packet.empty()) return end("empty packet");
  switch (packet[0]) {
    case '0':
      return on_handshake(packet.substr(1));
    case '1':
      return end("closed by the server");
    case '2':
      queue_.push_back({false, "3" + packet.substr(1)});
      return flush();
    case '4':
      return on_text(packet.substr(1));
    case '6':
      return;
    case 'b': {
      std::string bytes(packet.size(), '\0');
      const std::ptrdiff_t n = base::base64_decode(base::Bytes(packet).substr(1), bytes.data());
      if (n < 0) return end("bad base64");
      bytes.resize(static_cast<std::size_t>(n));
      return on_binary(std::move(bytes));
    }
    default:
      return end("unexpected packet: " + packet.substr(0, 20));
  }
}

void Client::on_handshake(const std::string& json) {
  const std::optional<Value> handshake = Value::parse(json);
  if (!handshake || !sid_.empty()) return end("bad handshake");
  sid_ = (*handshake)["sid"].to_string();
  max_payload_ = static_cast<std::size_t>((*handshake)["maxPayload"].to_integer());
  state_ = State::open;
  listener_.opened(*this);
  if (!over() && !current_websocket_ && script_.upgrade && (*handshake)["upgrades"].size() > 0)
    start_websocket();
}

void Client::on_text(const std::string& text) {
  if (partial_) return end("text among attachments");
  Heard heard;
  std::size_t at = 1;
  heard.type = text.empty() ? '?' : text[0];
  std::size_t attachments = 0;
  if (heard.type == '5' || heard.type == '6') {
    for (; at < text.size() && text[at] != '-'; ++at)
      attachments = attachments * 10 + static_cast<std::size_t>(text[at] - '0');
    ++at;
    heard.type = heard.type == '5' ? '2' : '3';
  }
  if (at < text.size() && text[at] == '/') {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    heard.nsp = text.substr(at, comma - at);
    at = comma + 1;
  }
  for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at)
    heard.id = heard.id.value_or(0) * 10 + static_cast<std::uint64_t>(text[at] - '0');
  if (at < text.size()) {
    std::optional<Value> payload = Value::parse(base::Bytes(text).substr(at));
    if (!payload) return end("bad payload: " + text);
    heard.payload = *std::move(payload);
  }
  if (attachments > 0) {
    partial_ = std::move(heard);
    missing_ = attachments;
    return;
  }
  listener_.heard(*this, heard);
}

void Client::on_binary(std::string bytes) {
  if (!partial_) return end("binary out of place");
  partial_->attachments.push_back(std::move(bytes));
  if (--missing_ > 0) return;
  const Heard heard = *std::exchange(partial_, std::nullopt);
  listener_.heard(*this, heard);
}

void Client::send(const std::string& text, const std::vector<std::string>& attachments) {
  if (state_ != State::open || closing_) return;
  queue_.push_back({false, "4" + text});
  for (const std::string& bytes : attachments) queue_.push_back({true, bytes});
  flush();
}

}  // namespace socketio::sim
