// The client's transports: connections, HTTP, WebSocket, upgrade. What packets mean is in
// client_packets.cpp.
#include "sim/client.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>

#include "base/base64.hpp"
#include "base/check.hpp"
#include "support/upgrade_request.hpp"

namespace socketio::sim {

Client::Client(net::SimWorld& world, const net::Address& server, ClientScript script,
               Listener& listener, std::size_t number)
    : world_(world),
      server_(server),
      script_(script),
      listener_(listener),
      number_(number),
      masks_(number) {
  if (script_.polling) {
    request(Use::poll, "GET");
  } else {
    current_websocket_ = true;
    start_websocket();
  }
}

Client::~Client() {
  for (const Use use : {Use::poll, Use::post, Use::websocket}) hang_up(use);
}

std::size_t Client::unsent() const {
  std::size_t bytes = queue_.size() + out_.bytes();
  for (const Connection& c : connections_) bytes += c.tx.size() + c.wire.size();
  return bytes;
}

std::size_t Client::connections() const {
  if (vanished()) return 0;
  std::size_t n = 0;
  for (const Connection& c : connections_) n += c.fd >= 0 ? 1 : 0;
  return n;
}

// -- Connections.

void Client::dial(Use use) {
  Connection& c = connection(use);
  c = Connection();
  c.fd = world_.connect(server_, script_.link);
  if (script_.tls) c.tls = std::make_unique<test::TlsClient>(script_.tls);
  world_.watch(c.fd, [this, use] { ready(use); });
}

void Client::hang_up(Use use) {
  Connection& c = connection(use);
  if (c.fd >= 0 && state_ != State::vanished) world_.close(c.fd);
  c = Connection();
}

void Client::ready(Use use) {
  const int fd = connection(use).fd;
  if (fd < 0 || over()) return;
  if (world_.error(fd) != 0) {
    // What had come before the reset is still read.
    while (connection(use).fd == fd && read(use)) {
    }
    if (connection(use).fd == fd && !over()) lost(use, "reset");
    return;
  }
  if (world_.connecting(fd)) return;
  write(use);
  if (script_.slow_bytes > 0) {
    if (!connection(use).resting) read(use);
    return;
  }
  while (connection(use).fd == fd && read(use)) {
  }
}

void Client::write(Use use) {
  Connection& c = connection(use);
  if (use == Use::websocket && switched_) {
    std::array<base::Bytes, 16> parts;
    while (const std::size_t n = out_.gather(parts)) {
      std::size_t total = 0;
      for (std::size_t i = 0; i < n; ++i) {
        c.tx += parts[i];
        total += parts[i].size();
      }
      out_.consume(total);
    }
  }
  if (c.fd < 0 || world_.connecting(c.fd)) return;
  if (c.tls) {
    c.tls->write(c.tx, c.wire);
    c.tx.clear();
  }
  std::string& wire = c.tls ? c.wire : c.tx;
  while (!wire.empty()) {
    const std::int64_t n = world_.send(c.fd, wire);
    if (n <= 0) return;  // an error is seen when reading
    wire.erase(0, static_cast<std::size_t>(n));
  }
}

// True when there may be more.
bool Client::read(Use use) {
  Connection& c = connection(use);
  const int fd = c.fd;
  std::array<char, 65536> room;
  const std::span<char> wanted = std::span(room).first(
      script_.slow_bytes > 0 ? std::min(script_.slow_bytes, room.size()) : room.size());
  const std::int64_t n = world_.recv(fd, wanted);
  if (n == -EAGAIN) return false;
  if (n <= 0) {
    if (world_.error(fd) == 0) lost(use, "end");
    return false;
  }
  if (script_.slow_bytes > 0) {
    c.resting = true;
    world_.in(script_.slow_rest, [this, use, fd] {
      if (over() || connection(use).fd != fd) return;
      connection(use).resting = false;
      ready(use);
    });
  }
  std::string bytes(room.data(), static_cast<std::size_t>(n));
  if (c.tls) {
    bytes = base::as_bytes(c.tls->take(bytes, c.wire));
    write(use);
  }
  c.rx += bytes;
  if (use == Use::websocket) {
    on_websocket_bytes();
    return true;
  }
  int status = 0;
  std::string body;
  bool close = false;
  if (!take_response(c, status, body, close)) return true;
  c.busy = false;
  c.last_use = world_.now();
  if (close || !script_.keep_alive) hang_up(use);
  on_response(use, status, body);
  return true;
}

void Client::lost(Use use, const std::string& why) {
  const bool busy = connection(use).busy;
  hang_up(use);
  if (use != Use::websocket) {
    if (busy) end("transport: " + why);
    return;
  }
  if (current_websocket_) return end("websocket: " + why);
  // The upgrade has failed: polling goes on.
  ws_.reset();
  deflate_.reset();
  out_.clear();
  switched_ = probing_ = pausing_ = false;
  poll();
  post();
}

void Client::end(const std::string& why) {
  if (over()) return;
  state_ = State::over;
  for (const Use use : {Use::poll, Use::post, Use::websocket}) hang_up(use);
  listener_.ended(*this, why);
}

void Client::kill() {
  if (over()) return;
  for (Connection& c : connections_) {
    if (c.fd >= 0) world_.reset(c.fd);
    c = Connection();
  }
  state_ = State::over;
  listener_.ended(*this, "killed");
}

void Client::vanish() {
  if (over()) return;
  state_ = State::vanished;
  for (const Connection& c : connections_) {
    if (c.fd >= 0) world_.vanish(c.fd);
  }
  listener_.ended(*this, "vanished");
}

void Client::close() {
  if (state_ != State::open || closing_) return;
  closing_ = true;
  if (current_websocket_) {
    ws_->close(1000, "", env(), world_.now());
    return write(Use::websocket);
  }
  hang_up(Use::websocket);
  ws_.reset();
  probing_ = pausing_ = false;
  queue_.push_back({false, "1"});
  post();
}

// -- HTTP.

void Client::request(Use use, const std::string& head, const std::string& body) {
  Connection& c = connection(use);
  // A kept connection may be closed by the server just now: not used shortly before it would be.
  if (c.fd >= 0 && world_.now() - c.last_use > std::chrono::seconds(60)) hang_up(use);
  if (c.fd < 0) dial(use);
  c.busy = true;
  c.tx += head + " /socket.io/?EIO=4&transport=polling" + (sid_.empty() ? "" : "&sid=" + sid_) +
          " HTTP/1.1\r\nHost: sim\r\n";
  if (!script_.keep_alive) c.tx += "Connection: close\r\n";
  if (head == "POST") {
    c.tx +=
        "Content-Type: text/plain;charset=UTF-8\r\nContent-Length: " + std::to_string(body.size()) +
        "\r\n";
  }
  c.tx += "\r\n" + body;
  write(use);
}

bool Client::take_response(Connection& c, int& status, std::string& body, bool& close) {
  const std::size_t end = c.rx.find("\r\n\r\n");
  if (end == std::string::npos) return false;
  const std::string head = c.rx.substr(0, end + 2);
  status = std::stoi(head.substr(9, 3));
  std::size_t length = 0;
  if (const std::size_t at = head.find("Content-Length: "); at != std::string::npos)
    length = std::stoul(head.substr(at + 16));
  if (c.rx.size() < end + 4 + length) return false;
  body = c.rx.substr(end + 4, length);
  c.rx.erase(0, end + 4 + length);
  close = head.find("Connection: close\r\n") != std::string::npos;
  return true;
}

void Client::on_response(Use use, int status, const std::string& body) {
  if (status != 200) return end("status " + std::to_string(status) + " " + body);
  if (use == Use::poll) on_payload(body);
  if (over()) return;
  if (use == Use::post && closing_ && queue_.empty()) return end("closed");
  maybe_finish_upgrade();
  if (over() || current_websocket_) return;
  poll();
  post();
}

void Client::on_payload(const std::string& body) {
  std::size_t at = 0;
  while (at <= body.size() && !over()) {
    const std::size_t end = std::min(body.find('\x1e', at), body.size());
    on_engine(body.substr(at, end - at));
    at = end + 1;
  }
}

void Client::poll() {
  if (state_ != State::open || current_websocket_ || pausing_ || connection(Use::poll).busy) return;
  request(Use::poll, "GET");
}

void Client::post() {
  if (state_ != State::open || current_websocket_ || pausing_ || queue_.empty() ||
      connection(Use::post).busy)
    return;
  std::string body;
  std::size_t taken = 0;
  for (const Message& message : queue_) {
    const std::string record =
        message.binary ? "b" + base::base64_encode(message.bytes) : message.bytes;
    if (!body.empty() && body.size() + 1 + record.size() > max_payload_) break;
    if (!body.empty()) body += '\x1e';
    body += record;
    ++taken;
  }
  queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(taken));
  request(Use::post, "POST", body);
}

// -- WebSocket.

void Client::start_websocket() {
  dial(Use::websocket);
  connection(Use::websocket).tx = test::upgrade_request(
      test::kEngineSocket + (sid_.empty() ? "" : "&sid=" + sid_),
      script_.deflate ? "Sec-WebSocket-Extensions: permessage-deflate\r\n" : "");
}

void Client::on_websocket_bytes() {
  Connection& c = connection(Use::websocket);
  if (!switched_) {
    const std::size_t end = c.rx.find("\r\n\r\n");
    if (end == std::string::npos) return;
    if (c.rx.substr(9, 3) != "101") return lost(Use::websocket, "refused");
    if (c.rx.find("permessage-deflate") < end)
      deflate_.emplace(ws::Role::client, ws::DeflateParams{true, true}, deflate_pool_);
    c.rx.erase(0, end + 4);
    switched_ = true;
    ws_.emplace(ws::Role::client, limits_);
    if (!current_websocket_) {
      probing_ = true;
      ws_->send_text("2probe", env());
    }
  }
  std::string bytes = std::exchange(c.rx, {});
  const std::size_t size = bytes.size();
  bytes.resize(size + base::kPadding);
  ws_->feed({bytes.data(), size}, world_.now());
  drain_websocket();
  if (ws_) ws_->keep(ledger_);
  if (!over()) write(Use::websocket);
}

void Client::drain_websocket() {
  while (ws_ && !over()) {
    const ws::Event event = ws_->next(env(), world_.now());
    if (event.kind == ws::EventKind::none) return;
    const std::string payload(event.payload.data(), event.payload.size());
    if (event.kind == ws::EventKind::closed) {
      write(Use::websocket);
      return lost(Use::websocket,
                  event.failed ? "violation: " + std::string(event.reason) : "close");
    }
    if (event.kind == ws::EventKind::binary) {
      on_binary(payload);
    } else if (event.kind == ws::EventKind::text) {
      if (current_websocket_) {
        on_engine(payload);
      } else {
        on_probe_text(payload);
      }
    }
  }
}

void Client::on_probe_text(const std::string& text) {
  if (text != "3probe" || !probing_) return end("unexpected on the probe: " + text);
  probing_ = false;
  if (script_.give_up_upgrade) return;  // silent from here: the server's upgrade timeout ends it
  pausing_ = true;
  maybe_finish_upgrade();
}

// The poll and the post in flight end first: then nothing can come over two transports at once.
void Client::maybe_finish_upgrade() {
  if (!pausing_ || connection(Use::poll).busy || connection(Use::post).busy) return;
  pausing_ = false;
  hang_up(Use::poll);
  hang_up(Use::post);
  ws_->send_text("5", env());
  current_websocket_ = true;
  listener_.upgraded(*this);
  flush();
}

void Client::flush() {
  if (state_ != State::open) return;
  if (!current_websocket_) return post();
  for (const Message& message : std::exchange(queue_, {})) {
    if (message.binary) {
      ws_->send_binary(message.bytes, env());
    } else {
      ws_->send_text(message.bytes, env());
    }
  }
  write(Use::websocket);
}

}  // namespace socketio::sim
