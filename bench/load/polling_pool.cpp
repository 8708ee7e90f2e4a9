// Clients over HTTP long-polling, each with two connections that stay open, as a browser has:
//
//   get:   handshake -> GET ........ answer -> GET ........ answer    (there is always one waiting)
//   post:              POST -> ok     POST -> ok                      (one at a time)
//
// What is to be sent while a POST is under way goes into the next one, as the official client does.
#include <array>
#include <string>
#include <utility>

#include "load/client_pool.hpp"
#include "load/http_reader.hpp"
#include "load/message.hpp"

namespace load {

namespace base = socketio::base;
namespace net = socketio::net;

namespace {

constexpr char kSeparator = '\x1e';
constexpr std::size_t kShown = 300;  // of what a server said, in an error

class PollingPool final : public ClientPool {
 public:
  PollingPool(const Options& options, net::Loop& loop)
      : ClientPool(options, loop),
        headers_(request_headers(options)),
        message_(polling_payload(make_message(options, options.payload))),
        clients_(options.clients) {}

  void connect(std::uint32_t index) override {
    Client& client = clients_[index];
    client.query.clear();
    client.extra.clear();
    client.pending = 0;
    client.posting = false;
    client.state = State::opening;
    open_line(index, kGet);
  }

  void leave(std::uint32_t index) override {
    Client& client = clients_[index];
    if (client.state != State::ready) return;
    client.state = State::closing;
    ceased_ready();
    post_extra(index, "41");
    post_extra(index, "1");
  }

  void send(std::uint32_t index) override {
    ++clients_[index].pending;
    mark_dirty(index, clients_[index].dirty);
  }

  void send_burst(std::uint32_t index) override {
    post_extra(index, polling_payload(make_message(options_, options_.burst)));
  }

 private:
  enum Which : std::uint8_t { kGet, kPost };
  enum class State : std::uint8_t { closed, opening, ready, closing };
  struct Line {
    Channel channel;
    HttpReader reader;
    bool alive = false;
  };
  struct Client {
    std::array<Line, 2> lines;
    std::string query;          // behind "GET " or "POST ": path and version
    std::string extra;          // packets that are not messages, to be sent first
    std::uint32_t pending = 0;  // messages to send
    State state = State::closed;
    bool posting = false;  // an answer is awaited
    bool dirty = false;
  };

  static std::uint32_t index_of(net::Owner owner) {
    return static_cast<std::uint32_t>(owner >> 1U);
  }
  Line& line_of(net::Owner owner) { return clients_[index_of(owner)].lines[owner & 1U]; }

  void open_line(std::uint32_t index, Which which) {
    Line& line = clients_[index].lines[which];
    line.reader = {};
    reset(line.channel);
    line.alive = true;
    const net::Owner owner = (net::Owner{index} << 1U) | which;
    line.channel.stream = loop_.backend().connect(options_.server, owner);
  }

  void on_connected(net::StreamId id, net::Owner owner, std::error_code error) override {
    if (error) return;  // on_closed follows
    const std::uint32_t index = index_of(owner);
    begin(line_of(owner).channel);
    loop_.backend().recv_start(id);
    if ((owner & 1U) == kPost) return post_extra(index, "40");
    write(index, kGet, "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\n" + headers_ + "\r\n");
  }

  void on_received(net::StreamId, net::Owner owner, base::MutBytes received) override {
    const std::uint32_t index = index_of(owner);
    const bool get = (owner & 1U) == kGet;
    const auto on_response = [&](unsigned status, std::string_view body) {
      const bool leaving = clients_[index].state == State::closing;
      if (status != 200 && !(leaving && get)) {
        refuse(index, "the server answers " + std::to_string(status) + ": " +
                          std::string(body.substr(0, kShown)));
      } else if (get) {
        on_poll(index, body);
      } else {
        on_posted(index);
      }
    };
    const base::Bytes bytes = base::as_bytes(opened(line_of(owner).channel, received));
    if (line_of(owner).channel.tls) mark_dirty(index, clients_[index].dirty);
    if (!line_of(owner).reader.feed(bytes, on_response)) {
      const auto text = bytes.substr(0, kShown);
      refuse(index, "that is no response with a length that it may have: " + std::string(text));
    }
  }

  void on_poll(std::uint32_t index, std::string_view body) {
    Client& client = clients_[index];
    while (!body.empty()) {
      const std::size_t end = std::min(body.find(kSeparator), body.size());
      on_packet(index, body.substr(0, end));
      body.remove_prefix(std::min(end + 1, body.size()));
    }
    if (client.state != State::closing && !client.query.empty())
      write(index, kGet, "GET " + client.query + headers_ + "\r\n");
  }

  void on_packet(std::uint32_t index, std::string_view text) {
    Client& client = clients_[index];
    if (text.starts_with('b')) return traffic_->on_message(index);
    switch (classify(text)) {
      case Incoming::message:
        return traffic_->on_message(index);
      case Incoming::ping:
        return post_extra(index, "3");
      case Incoming::open:
        return on_open(index, text);
      case Incoming::connected:
        client.state = State::ready;
        return became_ready(index);
      case Incoming::announcement:
      case Incoming::nothing:
        return;
      case Incoming::unexpected:
        if (client.state != State::closing)
          refuse(index, "unexpected packet: " + std::string(text.substr(0, kShown)));
    }
  }

  void on_open(std::uint32_t index, std::string_view text) {
    constexpr std::string_view kName = "\"sid\":\"";
    const std::size_t at = text.find(kName);
    const std::size_t end = at == text.npos ? at : text.find('"', at + kName.size());
    if (end == text.npos) return refuse(index, "a handshake without sid: " + std::string(text));
    clients_[index].query = "/socket.io/?EIO=4&transport=polling&sid=";
    clients_[index].query += text.substr(at + kName.size(), end - at - kName.size());
    clients_[index].query += " HTTP/1.1\r\n";
    open_line(index, kPost);
  }

  void on_posted(std::uint32_t index) {
    Client& client = clients_[index];
    client.posting = false;
    if (client.state != State::closing || !client.extra.empty())
      return mark_dirty(index, client.dirty);
    for (Line& line : client.lines) {
      if (line.alive) loop_.backend().close(line.channel.stream);
    }
  }

  void on_sent(net::StreamId, net::Owner owner, std::size_t n) override {
    Channel& channel = line_of(owner).channel;
    channel.in_flight = false;
    channel.wire().consume(n);
    const std::uint32_t index = index_of(owner);
    mark_dirty(index, clients_[index].dirty);
  }

  void on_closed(net::StreamId, net::Owner owner, std::error_code error) override {
    const std::uint32_t index = index_of(owner);
    Client& client = clients_[index];
    Line& line = line_of(owner);
    line.alive = false;
    reset(line.channel);
    if (client.state != State::closing) {
      fail("a connection was lost: " + (error ? error.message() : "the server closed it"));
      if (std::exchange(client.state, State::closing) == State::ready) ceased_ready();
    }
    Line& other = client.lines[(owner & 1U) ^ 1U];
    // Once the POST that says goodbye cannot be answered any more, there is nothing to wait for.
    if (other.alive && (owner & 1U) == kPost) loop_.backend().close(other.channel.stream);
    if (other.alive) return;
    client.state = State::closed;
    traffic_->on_closed(index);
  }

  void refuse(std::uint32_t index, std::string why) {
    fail(std::move(why));
    for (Line& line : clients_[index].lines) {
      if (line.alive) loop_.backend().close(line.channel.stream);
    }
  }

  void write(std::uint32_t index, Which which, const std::string& bytes) {
    clients_[index].lines[which].channel.out.append(arena_, bytes);
    mark_dirty(index, clients_[index].dirty);
  }

  void post_extra(std::uint32_t index, std::string_view packet) {
    Client& client = clients_[index];
    if (!client.extra.empty()) client.extra += kSeparator;
    client.extra += packet;
    mark_dirty(index, client.dirty);
  }

  void flush_client(std::uint32_t index) override {
    Client& client = clients_[index];
    client.dirty = false;
    Line& get = client.lines[kGet];
    Line& post = client.lines[kPost];
    if (get.alive) flush_channel(get.channel);
    if (!post.alive) return;
    if (!client.posting && (client.pending > 0 || !client.extra.empty())) {
      client.posting = true;
      write_post(client, post.channel);
    }
    flush_channel(post.channel);
  }

  void write_post(Client& client, Channel& channel) {
    std::string body = std::exchange(client.extra, {});
    for (; client.pending > 0; --client.pending) {
      if (!body.empty() && body.size() + message_.size() > kMaxBody) break;
      if (!body.empty()) body += kSeparator;
      body += message_;
    }
    request_ = "POST ";
    request_ += client.query;
    request_ += headers_;
    request_ += "Content-Type: text/plain;charset=UTF-8\r\nContent-Length: ";
    request_ += std::to_string(body.size());
    request_ += "\r\n\r\n";
    request_ += body;
    channel.out.append(arena_, request_);
  }

  // Servers take bodies of up to 1 MB unless told otherwise.
  static constexpr std::size_t kMaxBody = 900'000;

  std::string headers_;
  std::string message_;
  std::string request_;  // room to write in
  std::vector<Client> clients_;
};

}  // namespace

std::unique_ptr<ClientPool> make_polling_pool(const Options& options, net::Loop& loop) {
  return std::make_unique<PollingPool>(options, loop);
}

}  // namespace load
