// Clients over WebSocket, with or without Socket.IO in it.
//
//   connecting -> upgrading (HTTP) -> opening (Engine.IO and Socket.IO) -> ready -> closing
#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "load/client_pool.hpp"
#include "load/frame_reader.hpp"
#include "load/message.hpp"

namespace load {

namespace base = socketio::base;
namespace net = socketio::net;

namespace {

constexpr std::uint8_t kPong = 10;
// As browsers offer it.
constexpr const char* kOffer =
    "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";

std::string make_request(const Options& options) {
  const std::string path =
      options.transport == Transport::raw ? "/" : "/socket.io/?EIO=4&transport=websocket";
  return "GET " + path + " HTTP/1.1\r\n" + request_headers(options) +
         "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
         (options.deflate ? kOffer : "") + "\r\n";
}

class WebSocketPool final : public ClientPool {
 public:
  WebSocketPool(const Options& options, net::Loop& loop)
      : ClientPool(options, loop), request_(make_request(options)), clients_(options.clients) {
    const std::string message = websocket_frames(make_message(options, options.payload));
    message_size_ = static_cast<std::uint32_t>(message.size());
    batch_size_ = std::clamp(kBatchBytes / message_size_, 1U, kMaxBatch);
    batch_ = base::Chunk::allocate(message.size() * batch_size_);
    for (std::uint32_t i = 0; i < batch_size_; ++i)
      std::memcpy(batch_.data() + i * message.size(), message.data(), message.size());
  }

  void connect(std::uint32_t index) override {
    Client& client = clients_[index];
    client.reader = FrameReader(options_.deflate);
    client.head.clear();
    client.pending = 0;
    client.greeted = false;
    reset(client.channel);
    client.state = State::connecting;
    client.channel.stream = loop_.backend().connect(options_.server, index);
  }

  void leave(std::uint32_t index) override {
    Client& client = clients_[index];
    if (client.state != State::ready) return;
    if (options_.transport != Transport::raw)
      write(index, websocket_frame(FrameReader::kText, "41"));
    write(index, websocket_frame(FrameReader::kClose, std::string("\x03\xe8", 2)));
    client.state = State::closing;
    ceased_ready();
  }

  void send(std::uint32_t index) override {
    ++clients_[index].pending;
    mark_dirty(index, clients_[index].dirty);
  }

  void send_burst(std::uint32_t index) override {
    write(index, websocket_frames(make_message(options_, options_.burst)));
  }

 private:
  enum class State : std::uint8_t { closed, connecting, upgrading, opening, ready, closing };
  struct Client {
    Channel channel;
    FrameReader reader;
    std::string head;           // of a response to the upgrade that came in pieces
    std::uint32_t pending = 0;  // messages to send
    State state = State::closed;
    bool dirty = false;
    bool greeted = false;  // by Engine.IO, with compression
  };

  // Messages that lie side by side, so that many leave in one piece.
  static constexpr std::uint32_t kMaxBatch = 64;
  static constexpr std::uint32_t kBatchBytes = 256 * 1024;

  void on_connected(net::StreamId id, net::Owner owner, std::error_code error) override {
    if (error) return;  // on_closed follows
    const auto index = static_cast<std::uint32_t>(owner);
    clients_[index].state = State::upgrading;
    begin(clients_[index].channel);
    loop_.backend().recv_start(id);
    write(index, request_);
  }

  void on_received(net::StreamId, net::Owner owner, base::MutBytes received) override {
    const auto index = static_cast<std::uint32_t>(owner);
    Client& client = clients_[index];
    base::Bytes bytes = base::as_bytes(opened(client.channel, received));
    if (client.channel.tls) mark_dirty(index, client.dirty);
    if (client.state == State::upgrading && !upgrade(index, bytes)) return;
    const auto on_message = [&](std::uint8_t opcode, std::string_view front) {
      if (opcode == FrameReader::kClose) {
        if (client.state != State::closing) refuse(index, "the server closed a WebSocket");
      } else if (opcode == FrameReader::kPing) {
        write(index, websocket_frame(kPong, std::string(front)));
      } else if (opcode == FrameReader::kBinary || options_.transport == Transport::raw) {
        if (client.state == State::opening) return on_unread(index);
        if (opcode != kPong) traffic_->on_message(index);
      } else if (opcode == FrameReader::kText) {
        on_text(index, front);
      }
    };
    if (!client.reader.feed(bytes, on_message)) refuse(index, "that is no WebSocket frame");
  }

  // True when the response is complete; `bytes` is then what follows it.
  bool upgrade(std::uint32_t index, base::Bytes& bytes) {
    constexpr std::string_view kEnd = "\r\n\r\n";
    Client& client = clients_[index];
    const std::size_t before = client.head.size();
    client.head.append(bytes);
    const std::size_t end = client.head.find(kEnd);
    if (end == std::string::npos) return false;
    if (!client.head.starts_with("HTTP/1.1 101")) {
      refuse(index, "the server refuses to upgrade: " + client.head.substr(0, 300));
      return false;
    }
    if (options_.deflate && client.head.find("permessage-deflate") > end) {
      refuse(index, "the server does not compress");
      return false;
    }
    bytes.remove_prefix(end + kEnd.size() - before);
    client.head = {};
    client.state = State::opening;
    if (options_.transport == Transport::raw) become_ready(index);
    return true;
  }

  void on_text(std::uint32_t index, std::string_view text) {
    Client& client = clients_[index];
    switch (classify(text)) {
      case Incoming::message:
        return traffic_->on_message(index);
      case Incoming::ping:
        return write(index, websocket_frame(FrameReader::kText, "3"));
      case Incoming::open:
        return write(index, websocket_frame(FrameReader::kText, "40"));
      case Incoming::connected:
        return become_ready(index);
      case Incoming::announcement:
      case Incoming::nothing:
        return;
      case Incoming::unexpected:
        if (client.state != State::closing)
          refuse(index, "unexpected message: " + std::string(text));
    }
  }

  // Compressed handshakes, as Node sends them: told apart by their order.
  void on_unread(std::uint32_t index) {
    if (std::exchange(clients_[index].greeted, true)) return become_ready(index);
    write(index, websocket_frame(FrameReader::kText, "40"));
  }

  void become_ready(std::uint32_t index) {
    clients_[index].state = State::ready;
    became_ready(index);
  }

  void on_sent(net::StreamId, net::Owner owner, std::size_t n) override {
    const auto index = static_cast<std::uint32_t>(owner);
    Client& client = clients_[index];
    client.channel.in_flight = false;
    client.channel.wire().consume(n);
    mark_dirty(index, client.dirty);
  }

  void on_closed(net::StreamId, net::Owner owner, std::error_code error) override {
    const auto index = static_cast<std::uint32_t>(owner);
    const State before = std::exchange(clients_[index].state, State::closed);
    reset(clients_[index].channel);
    if (before != State::closing)
      fail("a connection was lost: " + (error ? error.message() : "the server closed it"));
    if (before == State::ready) ceased_ready();
    traffic_->on_closed(index);
  }

  void refuse(std::uint32_t index, std::string why) {
    fail(std::move(why));
    loop_.backend().close(clients_[index].channel.stream);
  }

  void write(std::uint32_t index, const std::string& bytes) {
    clients_[index].channel.out.append(arena_, bytes);
    mark_dirty(index, clients_[index].dirty);
  }

  void flush_client(std::uint32_t index) override {
    Client& client = clients_[index];
    client.dirty = false;
    if (client.state == State::closed) return;
    while (flush_channel(client.channel) && client.pending > 0) {
      const std::uint32_t n = std::min(client.pending, batch_size_);
      client.channel.out.push(batch_, 0, n * message_size_);
      client.pending -= n;
    }
  }

  std::string request_;
  std::vector<Client> clients_;
  base::Chunk batch_;
  std::uint32_t message_size_ = 0;
  std::uint32_t batch_size_ = 1;
};

}  // namespace

std::unique_ptr<ClientPool> make_websocket_pool(const Options& options, net::Loop& loop) {
  return std::make_unique<WebSocketPool>(options, loop);
}

}  // namespace load
