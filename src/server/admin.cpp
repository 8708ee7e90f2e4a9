#include "server/admin.hpp"

#include <atomic>
#include <condition_variable>
#include <stdexcept>

#include <unistd.h>

#include "server/engine_options.hpp"
#include "server/metrics_text.hpp"
#include "server/shard.hpp"
#include "ws/handshake.hpp"

namespace socketio {

namespace {

void require(bool ok, const char* what) {
  if (!ok) throw std::invalid_argument(std::string("socketio::AdminOptions::") + what);
}

void validate(const AdminOptions& o) {
  require(o.auth || o.allow_anyone, "auth: has to be set, or allow_anyone to be true");
  require(!o.auth || !o.allow_anyone, "allow_anyone: auth is set");
  if (o.auth) {
    require(!o.auth->username.empty(), "auth: the username is empty");
    require(o.auth->password.empty() != o.auth->password_hash.empty(),
            "auth: one of password and password_hash has to be set");
    require(o.auth->password_hash.empty() || server::is_bcrypt_hash(o.auth->password_hash),
            "auth: password_hash has to be a bcrypt hash");
    require(o.auth->username.size() <= server::Admin::kMaxCredential &&
                o.auth->password.size() <= server::Admin::kMaxCredential,
            "auth: at most 512 bytes");
  }
  require(!o.namespace_name.empty() && o.namespace_name != "/",
          "namespace_name: has to be a namespace of its own");
  server::check_duration(o.stats_interval, "socketio::AdminOptions::stats_interval");
  server::check_duration(o.session_duration, "socketio::AdminOptions::session_duration");
  require(o.max_sessions > 0, "max_sessions: has to be positive");
  require(o.max_failed_logins > 0, "max_failed_logins: has to be positive");
  require(o.max_waiting_logins > 0, "max_waiting_logins: has to be positive");
}

}  // namespace

void instrument(Server& io, AdminOptions options) {
  validate(options);
  bool& installed = io.sockets().target_for_emit().hub->hooks.admin.installed;
  if (installed) throw std::logic_error("socketio::instrument: called twice for one server");
  installed = true;
  server::Admin::start(std::make_shared<server::Admin>(io, std::move(options)));
}

}  // namespace socketio

namespace socketio::server {

namespace {

constexpr std::string_view kPolling = "polling";

std::string host_name() {
  char name[256] = "";
  if (gethostname(name, sizeof name - 1) != 0) return "unknown";
  return name;
}

std::int64_t unix_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::string now_text() {
  return iso_date(unix_ms());
}

// Not the reference's, which shows the admins most of the session's id: whoever has that is the
// client. A hash of it, with a key.
std::string client_id_of(const eio::Sid& sid, const eio::SidKey& key) {
  std::string text(sid.view());
  for (const std::uint64_t word : key.words) text += std::to_string(word);
  return ws::accept_key(text).substr(0, AdminConnection::kClientIdSize);
}

// Those there are.
std::vector<Namespace> namespaces_of(const std::shared_ptr<detail::Hub>& hub) {
  std::vector<sio::NamespaceIndex> all = hub->names.children(kNoParent);
  for (const Parent& parent : *hub->names.parents()) {
    const std::vector<sio::NamespaceIndex> children = hub->names.children(parent.index);
    all.insert(all.end(), children.begin(), children.end());
  }
  std::vector<Namespace> found;
  for (const sio::NamespaceIndex index : all) found.emplace_back(hub, index);
  return found;
}

}  // namespace

Admin::Admin(Server& io, AdminOptions options)
    : io_(io),
      hub_(io.sockets().target_for_emit().hub),
      options_(std::move(options)),
      nsp_(io.of(options_.namespace_name)),
      host_(host_name()),
      attempts_(options_.max_failed_logins, std::chrono::seconds(1), kMaxPeers),
      sessions_(options_.max_sessions, options_.session_duration) {
  options_.namespace_name = nsp_.name();
  server_id_ = options_.server_id.empty() ? host_ : options_.server_id;
}

// Every handler of the admin namespace owns us; nobody else does.
void Admin::start(const std::shared_ptr<Admin>& self) {
  Admin& admin = *self;
  admin.self_ = self;
  admin.nsp_.use([self](const Socket& socket, const Next& next) { self->admit(socket, next); });
  if (!admin.options_.readonly) admin.add_commands();
  const std::weak_ptr<Admin> weak = self;
  if (admin.detailed()) {
    for (const Namespace& nsp : namespaces_of(admin.hub_)) admin.watch(nsp);
    AdminHooks& hooks = admin.hub_->hooks.admin;
    hooks.new_namespace = [weak](const Namespace& nsp) {
      if (const auto owner = weak.lock()) owner->watch(nsp);
    };
    hooks.data_touched = [weak](const Socket& socket) {
      if (const auto owner = weak.lock()) owner->on_data_touched(socket);
    };
    hooks.upgraded = [weak](const Shard& shard, const SessionRecord& record) {
      if (const auto owner = weak.lock()) owner->on_upgraded(shard, record);
    };
  }
  // Behind watch(): the list that welcomes an admin holds his own connection too.
  admin.nsp_.on_connection([self](const Socket& socket) { self->welcome(socket); });
  // It only posts, and never owns us. A loop that is late gets one of them, not all it has missed.
  const auto posted = std::make_shared<std::atomic<bool>>(false);
  admin.clock_ = std::jthread([hub = admin.hub_, weak, posted,
                               every = admin.options_.stats_interval](const std::stop_token& stop) {
    std::mutex mutex;
    std::condition_variable_any wake;
    std::unique_lock lock(mutex);
    while (!stop.stop_requested()) {
      wake.wait_for(lock, stop, every, [] { return false; });
      if (stop.stop_requested()) return;
      if (posted->exchange(true)) continue;
      const bool taken = hub->post(0, [weak, posted](Shard&) {
        posted->store(false);
        if (const auto owner = weak.lock()) owner->send_stats();
      });
      if (!taken) posted->store(false);
    }
  });
}

bool Admin::watched() const {
  return nsp_.size() > 0 || nsp_.adapter() != nullptr;
}

void Admin::watch(const Namespace& nsp) {
  const std::weak_ptr<Admin> weak = self_;
  const std::string name = nsp.name();
  nsp.on_connection([weak](const Socket& socket) {
    if (const auto self = weak.lock()) self->connected(socket);
  });
  nsp.on_disconnect([weak, name](const Socket& socket, DisconnectReason reason) {
    if (const auto self = weak.lock()) self->disconnected(name, socket.id(), reason);
  });
  const auto on_room = [weak, name](const char* event) {
    return [weak, name, event](std::string_view room, std::string_view id) {
      const auto self = weak.lock();
      if (self && self->watched()) self->nsp_.emit(event, name, shown_name(room), id, now_text());
    };
  };
  nsp.on_join_room(on_room("room_joined"));
  nsp.on_leave_room(on_room("room_left"));
  if (name == options_.namespace_name) return;
  nsp.on_any([weak](const Socket& socket, EventView event) {
    if (const auto self = weak.lock()) self->show_event("event_received", socket, event);
  });
}

void Admin::disconnected(std::string_view nsp, std::string_view id, DisconnectReason reason) {
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = known_.find(id); found != known_.end()) {
      const auto [first, last] = polling_.equal_range(found->second.session);
      for (auto it = first; it != last; ++it) {
        if (it->second != id) continue;
        polling_.erase(it);
        break;
      }
      known_.erase(found);
    }
  }
  if (watched()) nsp_.emit("socket_disconnected", nsp, id, to_string(reason), now_text());
}

const SessionRecord* Admin::record_of(const std::shared_ptr<detail::Hub>& hub,
                                      const Socket& socket) {
  Shard* shard = hub->here(socket.shard());
  if (shard == nullptr) return nullptr;
  const sio::Socket* found = shard->dispatcher().core().get(sio::SocketId::unpack(socket.self()));
  return found == nullptr ? nullptr : shard->session_of(found->client);
}

AdminConnection Admin::connection_of(const SessionRecord& record) const {
  return {client_id_of(record.session.sid(), hub_->sid_key),
          std::string(eio::name(record.session.transport()))};
}

// Socket::data(), which we do not touch in the sense of the hook. Null when it is gone, so
// never of one that is connected.
Value* Admin::data_of(const Socket& socket) const {
  Shard* shard = hub_->here(socket.shard());
  SocketExtras* own =
      shard == nullptr ? nullptr : shard->dispatcher().extras(sio::SocketId::unpack(socket.self()));
  if (own == nullptr) return nullptr;
  return static_cast<Value*>(
      own->slot(typeid(Value), [] { return std::shared_ptr<void>(std::make_shared<Value>()); }));
}

// Other servers list this one's sockets by what fetch_sockets() tells them.
void Admin::share(const Socket& socket, const AdminConnection& connection) const {
  if (socket.nsp().adapter() == nullptr) return;
  Value* data = data_of(socket);
  if (data != nullptr && (data->is_null() || data->get_if<Object>() != nullptr))
    (*data)[kAdminMember] =
        Value::object({{"clientId", connection.client_id}, {"transport", connection.transport}});
}

void Admin::connected(const Socket& socket) {
  const SessionRecord* record = record_of(hub_, socket);
  if (!socket.connected() || record == nullptr) return;
  const AdminConnection connection = connection_of(*record);
  {
    const std::lock_guard lock(mutex_);
    const Session session{socket.shard(), record->session.owner()};
    known_[std::string(socket.id())] = {connection, socket, session, shown_data(*data_of(socket))};
    if (connection.transport == kPolling) polling_.emplace(session, socket.id());
  }
  share(socket, connection);
  const std::string nsp = socket.nsp().name();
  if (watched())
    nsp_.emit("socket_connected",
              shown_socket(socket.id(), nsp, connection, *data_of(socket), socket.handshake(),
                           socket.rooms()),
              now_text());
  if (nsp == options_.namespace_name) return;
  socket.on_any_outgoing([weak = self_](const Socket& to, EventView event) {
    if (const auto self = weak.lock()) self->show_event("event_sent", to, event);
  });
}

// Volatile: a busy server must not fill the queues of its admins.
void Admin::show_event(std::string_view what, const Socket& socket, const EventView& event) {
  if (!watched()) return;
  const std::string_view name = shown_name(event.name());
  const std::string_view raw = event.raw();
  const auto tell = [&](const auto& args) {
    nsp_.volatile_().emit(what, socket.nsp().name(), socket.id(), args, now_text());
  };
  if (raw.size() > options_.max_event_bytes)
    return tell(
        Value::array({name, "(" + std::to_string(raw.size()) + " bytes of arguments, not shown)"}));
  if (!raw.empty() || event.size() == 0) {
    std::string json = "[" + Value(name).to_json();
    if (!raw.empty()) json.append(",").append(raw);
    return tell(Raw{json + "]"});
  }
  // Binary among them.
  Array shown{name};
  std::size_t bytes = 0;
  for (Value& value : event.values()) {
    bytes += wire_size(value);
    shown.push_back(std::move(value));
  }
  if (bytes > options_.max_event_bytes) shown = {name, "(binary arguments, not shown)"};
  tell(shown);
}

void Admin::on_upgraded(const Shard& shard, const SessionRecord& record) {
  std::vector<Socket> sockets;
  const AdminConnection connection = connection_of(record);
  {
    const std::lock_guard lock(mutex_);
    const auto [first, last] = polling_.equal_range({shard.index(), record.session.owner()});
    for (auto it = first; it != last; ++it) {
      const auto known = known_.find(it->second);
      if (known == known_.end()) continue;  // an adapter gave its id to another one, which left
      known->second.connection = connection;
      sockets.push_back(known->second.socket);
    }
    polling_.erase(first, last);
  }
  for (const Socket& socket : sockets) {
    share(socket, connection);
    if (watched())
      nsp_.emit("socket_updated", Value::object({{"id", socket.id()},
                                                 {"nsp", socket.nsp().name()},
                                                 {"transport", connection.transport}}));
  }
}

// Whoever asked for the reference writes to it behind our back, mostly before his handler ends: we
// look when it has.
void Admin::on_data_touched(const Socket& socket) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = known_.find(socket.id());
    if (found == known_.end() || found->second.data_touched) return;
    found->second.data_touched = true;
  }
  const bool posted = socket.post([weak = self_, socket] {
    if (const auto self = weak.lock()) self->tell_data(socket);
  });
  if (posted) return;
  const std::lock_guard lock(mutex_);
  if (const auto found = known_.find(socket.id()); found != known_.end())
    found->second.data_touched = false;
}

void Admin::tell_data(const Socket& socket) {
  const SessionRecord* record = record_of(hub_, socket);
  if (!socket.connected() || record == nullptr) return;
  share(socket, connection_of(*record));  // new data may be without it
  Value shown = shown_data(*data_of(socket));
  {
    const std::lock_guard lock(mutex_);
    const auto found = known_.find(socket.id());
    if (found == known_.end()) return;
    found->second.data_touched = false;
    if (found->second.data == shown) return;
    found->second.data = shown;
  }
  if (watched())
    nsp_.emit("socket_updated",
              Value::object(
                  {{"id", socket.id()}, {"nsp", socket.nsp().name()}, {"data", std::move(shown)}}));
}

void Admin::welcome(const Socket& admin) {
  if (options_.auth) {
    const std::string& id = admin.data<NewSession>().id;
    if (!id.empty()) admin.emit("session", id);
  }
  Array features;
  if (!options_.readonly)
    features = {"EMIT", "JOIN", "LEAVE", "DISCONNECT", "MJOIN", "MLEAVE", "MDISCONNECT"};
  features.emplace_back("AGGREGATED_EVENTS");
  if (detailed()) features.emplace_back("ALL_EVENTS");
  admin.emit("config", Value::object({{"supportedFeatures", std::move(features)}}));
  if (detailed()) list_sockets(admin);
}

// What is gathered while the namespaces answer one after the other, wherever they are. In one
// packet, because the page forgets all others when it gets one; half the queue is left for what is
// told next.
void Admin::list_sockets(const Socket& admin) {
  struct Listing {
    std::mutex mutex;
    Array sockets;
    std::size_t namespaces_left = 0;
    std::size_t sockets_left = 0;  // to be looked at
    std::size_t bytes_left = 0;
  };
  const std::vector<Namespace> all = namespaces_of(hub_);
  const auto listing = std::make_shared<Listing>();
  listing->namespaces_left = all.size();
  listing->sockets_left = options_.max_listed_sockets;
  listing->bytes_left = hub_->settings.options.send_queue_hard / 2;
  for (const Namespace& nsp : all) {
    nsp.fetch_sockets().then([self = self_.lock(), listing, admin,
                              name = nsp.name()](const Result<std::vector<RemoteSocket>>& found) {
      std::unique_lock lock(listing->mutex);
      if (found) {
        for (const RemoteSocket& socket : *found) {
          if (listing->sockets_left == 0) break;
          --listing->sockets_left;
          AdminConnection connection;
          {
            const std::lock_guard own(self->mutex_);
            const auto here = self->known_.find(socket.id());
            if (here != self->known_.end()) connection = here->second.connection;
          }
          if (connection.client_id.empty()) connection = connection_in(socket.data());
          Value shown = shown_socket(socket.id(), name, connection, socket.data(),
                                     socket.handshake(), socket.rooms());
          const std::size_t bytes = wire_size(shown) + 1;  // and a comma
          if (bytes > listing->bytes_left) continue;
          listing->bytes_left -= bytes;
          listing->sockets.push_back(std::move(shown));
        }
      }
      if (--listing->namespaces_left > 0) return;
      lock.unlock();  // an emit may run anything
      admin.emit("all_sockets", Value(std::move(listing->sockets)));
    });
  }
}

void Admin::send_stats() {
  if (hub_->closing) return;
  const Stats now = io_.stats();
  if (watched()) {
    Array namespaces;
    for (const Namespace& nsp : namespaces_of(hub_)) {
      if (namespaces.size() == kMaxNamespaces) break;
      namespaces.push_back(Value::object({{"name", nsp.name()}, {"socketsCount", nsp.size()}}));
    }
    constexpr double kMilli = 1e-3;
    nsp_.volatile_().emit(
        "server_stats", Value::object({{"serverId", server_id_},
                                       {"hostname", host_},
                                       {"pid", getpid()},
                                       {"uptime", static_cast<double>(now.uptime.count()) * kMilli},
                                       {"clientsCount", now.clients},
                                       {"pollingClientsCount", polling_clients(now)},
                                       {"aggregatedEvents", aggregated(told_, now, unix_ms())},
                                       {"namespaces", std::move(namespaces)}}));
  }
  told_ = now;
}

}  // namespace socketio::server
