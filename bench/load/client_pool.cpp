#include "load/client_pool.hpp"

#include <array>
#include <cstring>

#include "ws/frame.hpp"
#include "ws/mask.hpp"

namespace load {

namespace base = socketio::base;
namespace net = socketio::net;
namespace ws = socketio::ws;

namespace {

constexpr std::string_view kBrowserHead =
    "Pragma: no-cache\r\nCache-Control: no-cache\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/126.0.0.0 Safari/537.36\r\n"
    "Origin: http://localhost:3000\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n"
    "Accept-Language: en-GB,en-US;q=0.9,en;q=0.8\r\n"
    "Cookie: session=0123456789abcdef0123456789abcdef; theme=dark; consent=yes\r\n";

std::string make_request(const Options& options) {
  std::string request = "GET ";
  request += options.raw ? "/" : "/socket.io/?EIO=4&transport=websocket";
  request += " HTTP/1.1\r\nHost: " + options.server.to_string() + "\r\n";
  if (options.browser) request += kBrowserHead;
  request +=
      "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
  return request;
}

std::string make_text(const Options& options, std::uint32_t payload) {
  std::string letters;
  for (std::uint32_t i = 0; i < payload; ++i) letters += static_cast<char>('a' + i % 26);
  if (options.raw) return letters;
  return std::string("42") + (options.ack ? "0" : "") + "[\"m\",\"" + letters + "\"]";
}

std::string make_frame(std::string text) {
  constexpr std::uint32_t kKey = 0x5AA5C33C;
  std::array<char, ws::kMaxHeader> header;
  const std::size_t size =
      ws::write_header(header.data(), ws::Opcode::text, text.size(), true, false, kKey);
  std::uint32_t key = 0;  // in wire order, wherever write_header() put it
  std::memcpy(&key, header.data() + size - sizeof key, sizeof key);
  ws::apply_mask({text.data(), text.size()}, key);
  return std::string(header.data(), size) + text;
}

}  // namespace

ClientPool::ClientPool(const Options& options, net::Loop& loop)
    : options_(options), loop_(loop), request_(make_request(options)) {
  limits_.max_message = std::size_t{1} << 26;
  clients_.reserve(options.clients);
  for (std::uint32_t i = 0; i < options.clients; ++i) clients_.emplace_back(limits_);
  const std::string frame = make_frame(make_text(options, options.payload));
  frame_size_ = static_cast<std::uint32_t>(frame.size());
  batch_ = base::Chunk::allocate(frame.size() * kBatch);
  for (std::uint32_t i = 0; i < kBatch; ++i)
    std::memcpy(batch_.data() + i * frame.size(), frame.data(), frame.size());
}

void ClientPool::open(std::uint32_t at_a_time) {
  next_to_open_ = 0;
  may_open_ = at_a_time;
  connect_more();
}

void ClientPool::connect_more() {
  for (; may_open_ > 0 && next_to_open_ < clients_.size(); --may_open_) connect(next_to_open_++);
}

void ClientPool::connect(std::uint32_t index) {
  Client& client = clients_[index];
  client.ws = ws::Machine(ws::Role::client, limits_);
  client.out.clear();
  client.pending = 0;
  client.in_flight = false;
  client.state = State::connecting;
  client.stream = loop_.backend().connect(options_.server, index);
}

void ClientPool::leave(std::uint32_t index) {
  Client& client = clients_[index];
  if (client.state != State::ready) return;
  if (!options_.raw) client.ws.send_text("41", env(client));
  client.ws.close(1000, "", env(client), loop_.now());
  client.state = State::closing;
  --ready_;
  mark_dirty(index);
}

void ClientPool::send(std::uint32_t index) {
  ++clients_[index].pending;
  mark_dirty(index);
}

void ClientPool::send_burst(std::uint32_t index, std::uint32_t bytes) {
  Client& client = clients_[index];
  client.out.append(arena_, make_frame(make_text(options_, bytes)));
  mark_dirty(index);
}

void ClientPool::start_ticks(base::Duration interval) {
  interval_ = interval;
  loop_.timers().arm(tick_, base::after(net::system_now(), interval_));
}

// -- Facts.

void ClientPool::on_connected(net::StreamId id, net::Owner owner, std::error_code error) {
  if (error) return;  // on_closed follows
  Client& client = clients_[owner];
  client.state = State::upgrading;
  loop_.backend().recv_start(id);
  client.out.append(arena_, request_);
  mark_dirty(static_cast<std::uint32_t>(owner));
}

void ClientPool::on_received(net::StreamId, net::Owner owner, base::MutBytes bytes) {
  const auto index = static_cast<std::uint32_t>(owner);
  Client& client = clients_[index];
  if (client.state == State::upgrading && !upgrade(index, bytes)) return;
  if (!bytes.empty()) {
    client.ws.feed(bytes, loop_.now());
    drain(index);
  }
  if (client.dirty) flush_client(index);
}

// True when the response is complete; `bytes` is then what follows it.
bool ClientPool::upgrade(std::uint32_t index, base::MutBytes& bytes) {
  constexpr std::string_view kEnd = "\r\n\r\n";
  const std::string_view text = base::as_bytes(bytes);
  const std::size_t end = text.find(kEnd);
  if (end == std::string_view::npos || !text.starts_with("HTTP/1.1 101")) {
    fail(index, "the server refuses to upgrade: " + std::string(text.substr(0, 300)));
    return false;
  }
  bytes = bytes.subspan(end + kEnd.size());
  clients_[index].state = State::opening;
  if (options_.raw) become_ready(index);
  return true;
}

void ClientPool::drain(std::uint32_t index) {
  Client& client = clients_[index];
  while (true) {
    const ws::Event event = client.ws.next(env(client), loop_.now());
    switch (event.kind) {
      case ws::EventKind::none:
        if (!client.out.empty()) mark_dirty(index);
        return;
      case ws::EventKind::text:
      case ws::EventKind::binary:
        on_text(index, base::as_bytes(event.payload));
        break;
      case ws::EventKind::closed:
        if (client.state != State::closing) fail(index, "the server closed a WebSocket");
        break;
      default:
        break;
    }
  }
}

void ClientPool::on_text(std::uint32_t index, base::Bytes text) {
  Client& client = clients_[index];
  if (options_.raw || text.starts_with("42") || text.starts_with("43")) {
    traffic_->on_message(index);
  } else if (text == "2") {
    client.ws.send_text("3", env(client));
  } else if (text.starts_with("0")) {
    client.ws.send_text("40", env(client));
  } else if (text.starts_with("40")) {
    become_ready(index);
  } else if (text != "6" && client.state != State::closing) {
    fail(index, "unexpected message: " + std::string(text));
  }
}

void ClientPool::become_ready(std::uint32_t index) {
  clients_[index].state = State::ready;
  ++ready_;
  ++may_open_;
  connect_more();
  traffic_->on_ready(index);
}

void ClientPool::on_eof(net::StreamId id, net::Owner) {
  loop_.backend().close(id);
}

void ClientPool::on_sent(net::StreamId, net::Owner owner, std::size_t n) {
  Client& client = clients_[owner];
  client.in_flight = false;
  client.out.consume(n);
  mark_dirty(static_cast<std::uint32_t>(owner));
}

void ClientPool::on_closed(net::StreamId, net::Owner owner, std::error_code error) {
  const auto index = static_cast<std::uint32_t>(owner);
  const State before = std::exchange(clients_[index].state, State::closed);
  clients_[index].out.clear();
  if (before != State::closing && error_.empty())
    error_ = "a connection was lost: " + (error ? error.message() : "the server closed it");
  if (before == State::ready) --ready_;
  traffic_->on_closed(index);
}

void ClientPool::fail(std::uint32_t index, std::string why) {
  if (error_.empty()) error_ = std::move(why);
  loop_.backend().close(clients_[index].stream);
}

void ClientPool::on_timer(net::Timer& timer) {
  loop_.timers().arm(timer, base::after(loop_.now(), interval_));
  traffic_->on_tick();
}

// -- Output.

void ClientPool::mark_dirty(std::uint32_t index) {
  if (std::exchange(clients_[index].dirty, true)) return;
  dirty_.push_back(index);
}

void ClientPool::flush() {
  traffic_->on_turn();
  for (const std::uint32_t index : dirty_) {
    if (clients_[index].dirty) flush_client(index);
  }
  dirty_.clear();
  arena_.recycle();
}

void ClientPool::flush_client(std::uint32_t index) {
  Client& client = clients_[index];
  client.dirty = false;
  if (client.in_flight || client.state == State::closed) return;
  while (client.pending > 0 || !client.out.empty()) {
    if (client.out.empty()) {
      const std::uint32_t n = std::min(client.pending, kBatch);
      client.out.push(batch_, 0, n * frame_size_);
      client.pending -= n;
    }
    std::array<base::Bytes, net::Backend::kMaxParts> parts;
    const std::size_t count = client.out.gather(parts);
    const std::size_t taken = loop_.backend().send(client.stream, std::span(parts.data(), count));
    std::size_t total = 0;
    for (std::size_t i = 0; i < count; ++i) total += parts[i].size();
    client.out.consume(taken);
    if (taken < total) {
      client.in_flight = true;
      client.out.settle(&ledger_);
      return;
    }
  }
}

}  // namespace load
