#include "support/sio_client.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <stdexcept>

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "support/upgrade_request.hpp"

namespace socketio::test {
namespace {

constexpr int kIdleMilliseconds = 10;
constexpr std::size_t kReadSize = 65536;

int connect_unix(std::string_view path) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  path.copy(to.sun_path, sizeof to.sun_path - 1);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0)
    throw std::runtime_error("cannot connect to the Unix socket");
  return fd;
}

int connect_tcp(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0)
    throw std::runtime_error("cannot connect to the server");
  return fd;
}

}  // namespace

// -- World

World::World(ServerOptions options, Mode mode) : io(std::move(options)), mode_(mode) {
  io.listen(0, "127.0.0.1");
  if (mode_ == Mode::here)
    io.on_error([this](const ErrorReport& report) { errors.push_back(report); });
}

World::~World() {
  stop();
}

void World::start() {
  if (mode_ == Mode::here || thread_.joinable()) return;
  // The loop is the new thread's from its first job on; until then nothing else may be called.
  Pending<void> running;
  io.post([running] { running.state()->finish(Result<void>()); });
  thread_ = std::jthread([this] { io.run(); });
  static_cast<void>(running.get());
}

void World::stop() {
  if (!thread_.joinable()) return;
  static_cast<void>(io.close().get());
  thread_.join();
}

void World::turn() {
  std::vector<pollfd> watched;
  if (mode_ == Mode::here) {
    // Only when it asks: every test in this mode also proves that nothing counts on a period.
    watched.push_back({io.poll_fd(), POLLIN, 0});
    if (::poll(watched.data(), 1, 0) == 1) io.process();
  }
  for (Peer* peer : peers_) {
    peer->turn();
    if (peer->closed_) continue;
    const int events = (peer->reading ? POLLIN : 0) | (peer->out_.empty() ? 0 : POLLOUT);
    if (events != 0) watched.push_back({peer->fd_, static_cast<short>(events), 0});
  }
  ::poll(watched.data(), watched.size(), kIdleMilliseconds);
  if (mode_ == Mode::here) return;  // the server's next turn comes first
  for (Peer* peer : peers_) peer->turn();
}

void World::settle() {
  for (int i = 0; i < 4; ++i) {
    if (mode_ == Mode::here) io.process();
    for (Peer* peer : peers_) peer->turn();
  }
}

// -- Peer

Peer::Peer(World& world, std::string_view unix_path)
    : world_(world),
      fd_(unix_path.empty() ? connect_tcp(world.io.port()) : connect_unix(unix_path)) {
  ::fcntl(fd_, F_SETFL, O_NONBLOCK);
  world_.peers_.push_back(this);
  if (world_.tls == nullptr) return;
  tls_ = std::make_unique<TlsClient>(world_.tls);
  tls_->write({}, out_);
}

Peer::~Peer() {
  cut();
  std::erase(world_.peers_, this);
}

void Peer::cut(bool reset) {
  if (fd_ < 0) return;
  if (reset) {
    const linger now{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  }
  ::close(std::exchange(fd_, -1));
  closed_ = true;
}

void Peer::shrink_receive_buffer() {
  const int size = 128 * 1024;
  ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
}

void Peer::write(std::string_view bytes) {
  tls_ ? tls_->write(bytes, out_) : write_raw(bytes);
}

void Peer::end_writing() {
  turn();
  ::shutdown(fd_, SHUT_WR);
}

bool Peer::wait_closed() {
  return world_.until([this] { return closed_; });
}

void Peer::turn() {
  if (closed_) return;
  while (!out_.empty()) {
    const ssize_t n = ::send(fd_, out_.data(), out_.size(), MSG_NOSIGNAL);
    if (n <= 0) break;
    out_.erase(0, static_cast<std::size_t>(n));
  }
  std::vector<char>& memory = world_.memory_;
  memory.resize(kReadSize + base::kPadding);
  while (reading && !closed_) {
    const ssize_t n = ::recv(fd_, memory.data(), kReadSize, 0);
    if (n > 0) {
      base::MutBytes bytes(memory.data(), static_cast<std::size_t>(n));
      if (tls_) bytes = tls_->take(base::as_bytes(bytes), out_);
      if (!bytes.empty()) on_bytes(bytes.data(), bytes.size());
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
      cut();
    } else {
      break;
    }
  }
}

// -- HTTP

std::string HttpAnswer::header(std::string_view name) const {
  const std::string line = "\r\n" + std::string(name) + ": ";
  const std::size_t at = head.find(line);
  if (at == std::string::npos) return {};
  const std::size_t begin = at + line.size();
  return head.substr(begin, head.find("\r\n", begin) - begin);
}

void HttpPeer::send(std::string_view method, std::string_view target, std::string_view headers,
                    std::string_view body) {
  std::string text(method);
  text.append(" ").append(target).append(" HTTP/1.1\r\nHost: test\r\n").append(headers);
  if (!body.empty() || method == "POST")
    text.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n");
  text.append("\r\n").append(body);
  heads_.push_back(method == "HEAD");
  write(text);
}

// The size of the first answer, when it is there.
std::optional<std::size_t> HttpPeer::whole() const {
  const std::size_t end = in_.find("\r\n\r\n");
  if (end == std::string::npos) return std::nullopt;
  const HttpAnswer answer{0, in_.substr(0, end + 2), {}};
  const std::string length = answer.header("Content-Length");
  const bool bare = (!heads_.empty() && heads_.front()) || length.empty();
  const std::size_t size = end + 4 + (bare ? 0 : std::stoul(length));
  return in_.size() < size ? std::nullopt : std::optional(size);
}

bool HttpPeer::answered() const {
  return whole().has_value();
}

HttpAnswer HttpPeer::answer() {
  world().until([this] { return whole() || closed(); });
  const auto size = whole();
  if (!size) return {};
  const std::size_t end = in_.find("\r\n\r\n") + 4;
  HttpAnswer answer{std::stoi(in_.substr(9, 3)), in_.substr(0, end - 2),
                    in_.substr(end, *size - end)};
  in_.erase(0, *size);
  if (!heads_.empty()) heads_.pop_front();
  return answer;
}

HttpAnswer HttpPeer::request(std::string_view method, std::string_view target,
                             std::string_view headers, std::string_view body) {
  send(method, target, headers, body);
  return answer();
}

HttpAnswer http_get(World& world, std::string_view target, std::string_view headers) {
  HttpPeer peer(world);
  return peer.request("GET", target, headers);
}

// -- Polling

PollingClient::PollingClient(World& world)
    : target_("/socket.io/?EIO=4&transport=polling"), get_(world), post_(world) {
  const std::string body = get_.request("GET", target_).body;
  const std::size_t at = body.find("\"sid\":\"");
  sid = at == std::string::npos ? std::string() : body.substr(at + 7, 20);
  target_ += "&sid=" + sid;
}

int PollingClient::post(std::string_view body) {
  return post_.request("POST", target_, "Content-Type: text/plain\r\n", body).status;
}

void PollingClient::start_poll() {
  get_.send("GET", target_);
}

std::string PollingClient::poll() {
  return get_.answer().body;
}

bool PollingClient::join(std::string_view packet) {
  post(packet);
  start_poll();
  return poll().find("\"sid\"") != std::string::npos;
}

// -- WebSocket

Client::Client(World& world, const ClientOptions& options)
    : Peer(world, options.unix_path), machine_(ws::Role::client, limits_) {
  limits_.max_message = 64 * 1024 * 1024;
  if (options.small_buffer) shrink_receive_buffer();
  const std::string sid = options.upgrades.empty() ? "" : "&sid=" + options.upgrades;
  write(upgrade_request(options.path + "?EIO=4&transport=websocket" + options.query + sid,
                        options.headers));
  if (!sid.empty()) {
    world.until([this] { return upgraded_ || closed(); });
    send_engine("2probe");
  }
  world.until([this] { return !open_packet.empty() || closed(); });
  if (!sid.empty()) send_engine("5");
}

std::string Client::join(std::string_view nsp, std::string_view auth) {
  const std::string prefix = nsp == "/" ? "" : std::string(nsp) + ",";
  send("0" + prefix + std::string(auth));
  const std::string answer = next();
  const std::string accepted = "0" + prefix + "{\"sid\":\"";
  if (!answer.starts_with(accepted)) {
    refusal = answer;
    return {};
  }
  return answer.substr(accepted.size(), 20);
}

void Client::send(std::string_view packet) {
  send_engine("4" + std::string(packet));
}

void Client::send_engine(std::string_view packet) {
  machine_.send_text(packet, env());
  flush();
}

void Client::send_binary(std::string_view bytes) {
  machine_.send_binary(bytes, env());
  flush();
}

void Client::close() {
  machine_.close(1000, "", env(), base::Time{});
  flush();
}

std::string Client::next() {
  world().until([this] { return !packets_.empty() || closed(); });
  if (packets_.empty()) return closed() ? "(closed)" : "(none)";
  std::string packet = std::move(packets_.front());
  packets_.pop_front();
  return packet;
}

std::vector<std::string> Client::rest() {
  const std::size_t before = pongs_;
  machine_.ping("", env());
  flush();
  world().until([this, before] { return pongs_ > before || closed(); });
  std::vector<std::string> all(packets_.begin(), packets_.end());
  packets_.clear();
  return all;
}

void Client::flush() {
  std::array<base::Bytes, 16> parts;
  while (!out_.empty()) {
    std::size_t size = 0;
    for (std::size_t i = 0, count = out_.gather(parts); i < count; ++i) {
      write(parts[i]);
      size += parts[i].size();
    }
    out_.consume(size);
  }
  machine_.on_drained();
}

void Client::on_bytes(char* bytes, std::size_t size) {
  std::string rest;
  if (!upgraded_) {
    head_.append(bytes, size);
    const std::size_t end = head_.find("\r\n\r\n");
    if (end == std::string::npos) return;
    if (!head_.starts_with("HTTP/1.1 101")) return cut();
    upgraded_ = true;
    rest = head_.substr(end + 4);
    size = rest.size();
    rest.resize(size + base::kPadding);
    bytes = rest.data();
  }
  machine_.feed({bytes, size}, base::Time{});
  drain();
}

void Client::drain() {
  for (;;) {
    const ws::Event event = machine_.next(env(), base::Time{});
    if (event.kind == ws::EventKind::none) break;
    take(event);
  }
  flush();
}

void Client::take(const ws::Event& event) {
  const std::string_view payload = base::as_bytes(event.payload);
  if (event.kind == ws::EventKind::binary) {
    packets_.push_back("<" + std::string(payload) + ">");
  } else if (event.kind == ws::EventKind::pong) {
    ++pongs_;
  } else if (event.kind == ws::EventKind::text && !payload.empty()) {
    if (payload.front() == '0' || payload == "3probe") open_packet = payload;
    if (payload.front() == '2' && answers_pings) machine_.send_text("3", env());
    if (payload.front() == '4') packets_.emplace_back(payload.substr(1));
  }
}

Socket only(World& world) {
  const auto all = world.io.sockets().sockets();
  return all.empty() ? Socket() : all.front();
}

}  // namespace socketio::test
