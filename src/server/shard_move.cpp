// Which shard a connection lives on: the emptiest when it is accepted, and from its first request
// for a session of another shard on, that one. Nothing is lost on the way: the request goes along
// unread.
#include <tuple>

#include <unistd.h>

#include "http/url.hpp"
#include "server/shard.hpp"

namespace socketio::server {

void Shard::on_accepted(std::uint32_t, int fd, const net::Address& peer) {
  const bool full = closing_ || hub_->connection_count() >= settings_.options.max_connections;
  if (full || (hub_->peers != nullptr && !counts_in(peer))) {
    // Through the backend, whose descriptor it is; nobody owns the stream, so its end is not
    // noticed.
    loop_.backend().close(loop_.backend().adopt(fd, net::Owner{0}));
    counters_.refused.add();
    return spare(ConnectionId{}, [&] {
      log(base::LogLevel::warn, base::LogKind::accept,
          full ? "connection refused: max_connections reached or closing"
               : "connection refused: max_connections_per_address reached",
          {{"peer", peer.host()}});
    });
  }
  counters_.accepted.add();
  const std::size_t shard = emptiest_shard();
  hub_->connections[shard].fetch_add(1, std::memory_order_relaxed);
  hand_over(shard, fd, peer, {}, nullptr);
}

void Shard::on_accept_paused(std::uint32_t, std::error_code why) {
  // Memory that has run out may be why.
  spare(ConnectionId{}, [&] {
    log(base::LogLevel::error, base::LogKind::accept, "accepting paused: " + why.message());
  });
}

std::size_t Shard::emptiest_shard() const {
  std::size_t best = index_;
  for (std::size_t i = 0; i < hub_->size(); ++i) {
    if (hub_->connections[i].load(std::memory_order_relaxed) <
        hub_->connections[best].load(std::memory_order_relaxed)) {
      best = i;
    }
  }
  return best;
}

std::string Shard::counted_as(const net::Address& peer) const {
  return hub_->peers == nullptr ? std::string() : hub_->peers->counted_as(peer);
}

bool Shard::counts_in(const net::Address& peer) {
  try {
    return hub_->peers->connect(counted_as(peer));
  } catch (const std::bad_alloc&) {
    out_of_memory();
    return false;
  }
}

std::string Shard::take_count(ConnectionId id) {
  if (counted_.empty()) return {};
  const auto entry = counted_.extract(id.packed());
  return entry.empty() ? std::string() : std::move(entry.mapped());
}

// The descriptor belongs to the job, so that one dropped unrun closes it.
void Shard::hand_over(std::size_t shard, int fd, const net::Address& peer, base::InBuffer bytes,
                      std::unique_ptr<TlsSide> tls) {
  if (shard == index_) return adopt(fd, peer, base::as_bytes(bytes.view()), std::move(tls));
  try {
    send_over(shard, fd, peer, std::move(bytes), std::move(tls));
  } catch (const std::bad_alloc&) {
    out_of_memory();
  }
}

void Shard::send_over(std::size_t shard, int fd, const net::Address& peer, base::InBuffer bytes,
                      std::unique_ptr<TlsSide> tls) {
  struct Parcel {
    int fd = -1;
    net::Address peer;
    base::InBuffer bytes;
    std::shared_ptr<detail::Hub> hub;  // before what is charged to its ledger
    std::unique_ptr<TlsSide> tls;
    std::size_t shard = 0;
    std::string counted_as;
    ~Parcel() {
      if (fd < 0) return;
      ::close(fd);
      hub->forget_connection(shard, counted_as);
    }
  };
  std::shared_ptr<Parcel> parcel;
  try {
    parcel = std::make_shared<Parcel>();
  } catch (...) {
    ::close(fd);
    hub_->forget_connection(shard, counted_as(peer));
    throw;
  }
  parcel->fd = fd;
  parcel->peer = peer;
  parcel->bytes = std::move(bytes);
  parcel->hub = hub_;
  parcel->tls = std::move(tls);
  parcel->shard = shard;
  parcel->counted_as = counted_as(peer);
  hub_->post(shard, detail::Mail::always, [parcel](Shard& to) {
    to.adopt(std::exchange(parcel->fd, -1), parcel->peer, base::as_bytes(parcel->bytes.view()),
             std::move(parcel->tls));
  });
}

void Shard::adopt(int fd, const net::Address& peer, base::Bytes already_read,
                  std::unique_ptr<TlsSide> tls) {
  Connection* c = nullptr;
  ConnectionId id;
  try {
    std::tie(id, c) = connections_.emplace();
    if (hub_->peers != nullptr) counted_.emplace(id.packed(), counted_as(peer));
  } catch (const std::bad_alloc&) {
    out_of_memory();
    if (c != nullptr) connections_.erase(id);
    hub_->forget_connection(index_, counted_as(peer));
    return loop_.backend().close(loop_.backend().adopt(fd, net::Owner{0}));
  }
  c->self = id;
  c->stream = loop_.backend().adopt(fd, id.packed());
  if (!c->stream) {
    out_of_memory();
    connections_.erase(id);
    hub_->forget_connection(index_, take_count(id));
    return finish_closing();
  }
  if (closing_) return drop(*c);
  spare(id, [&] { begin(*c, peer, already_read, std::move(tls)); });
}

void Shard::begin(Connection& connection, const net::Address& peer, base::Bytes already_read,
                  std::unique_ptr<TlsSide> tls) {
  Connection* c = &connection;
  const ConnectionId id = c->self;
  loop_.backend().recv_start(c->stream);
  if (tls_ && !tls) return begin_tls(*c, peer);
  c->http = std::make_unique<HttpSide>(settings_.http, now(), peer);
  arm(*c);
  if (tls) resume_tls(*c, std::move(tls));
  if (!already_read.empty()) {
    // The machine may unmask and unescape in place, so it gets memory of its own.
    base::InBuffer bytes;
    bytes.append(already_read, ledger_);
    on_plaintext(*c, bytes.view());
  }
  if (Connection* still = connections_.get(id); still != nullptr && still->tls) end_of_tls(*still);
}

// A session of another shard: the connection goes there. Only a known method with a sid of ours can
// name one.
bool Shard::move_to_owner(Connection& c, const http::Request& request) {
  if (hub_->size() == 1) return false;
  const std::string text = http::query_value(request.query, "sid").value;
  std::size_t owner = index_;
  if (settings_.options.engine.generate_id) {
    if (const auto place = hub_->custom_ids.find(text)) owner = place->shard;
  } else if (const std::optional<eio::Sid> sid = eio::parse_sid(text)) {
    owner = eio::shard_of(*sid, hub_->sid_key);
  }
  if (owner == index_ || owner >= hub_->size()) return false;
  move(c, owner);
  return true;
}

void Shard::move(Connection& c, std::size_t shard) {
  counters_.moved.add();
  c.move = std::make_unique<Move>(Move{shard, c.http->peer, c.http->machine.take_request(ledger_)});
  c.http.reset();
  arm_stall(c);
  loop_.backend().recv_stop(c.stream);
  mark_dirty(c);  // leaves when earlier answers have been sent
}

void Shard::on_detached(net::StreamId, net::Owner owner, int fd) {
  Connection* c = connection(owner);
  const std::unique_ptr<Move> parcel = std::move(c->move);
  std::unique_ptr<TlsSide> tls = std::move(c->tls);
  counted_.erase(c->self.packed());  // as it is: it only moves
  connections_.erase(c->self);
  hub_->connections[index_].fetch_sub(1, std::memory_order_relaxed);
  hub_->connections[parcel->shard].fetch_add(1, std::memory_order_relaxed);
  hand_over(parcel->shard, fd, parcel->peer, std::move(parcel->bytes), std::move(tls));
  finish_closing();
}

}  // namespace socketio::server
