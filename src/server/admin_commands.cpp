// What admins may ask for: to be let in, and the commands.
#include "server/admin.hpp"
#include "server/network.hpp"
#include "server/shard.hpp"

namespace socketio::server {

namespace {

// Nothing when it is not a room, or a list of too many.
std::vector<std::string> rooms_in(const Value& value) {
  if (value.kind() == Kind::string) return {std::string(value.to_string())};
  std::vector<std::string> rooms;
  const auto* list = value.get_if<Array>();
  if (list == nullptr || list->size() > Admin::kMaxRoomsAtOnce) return rooms;
  for (const Value& room : *list) {
    if (room.kind() != Kind::string) return {};
    rooms.emplace_back(room.to_string());
  }
  return rooms;
}

const Value& at(const Args& args, std::size_t i) {
  static const Value none;
  return i < args.size() ? args[i] : none;
}

// Those a command is for: a room or everybody of a namespace that exists.
std::optional<Broadcast> receivers(const std::shared_ptr<detail::Hub>& hub, const Value& nsp,
                                   const Value& filter) {
  const std::optional<sio::NamespaceIndex> index = hub->names.find(nsp.to_string());
  if (!index) return std::nullopt;
  const std::string_view room = filter.to_string();
  if (room.empty() && !filter.is_null() && filter.kind() != Kind::string) return std::nullopt;
  Broadcast to(Namespace(hub, *index).target_for_emit());
  return room.empty() ? to : to.in(room);
}

}  // namespace

void Admin::admit(const Socket& socket, const Next& next) {
  if (!options_.auth) return next();
  const Handshake handshake = socket.handshake();
  const base::Time now = net::system_now();
  if (sessions_.has(handshake.auth["sessionId"].to_string(), now)) return next();
  if (!attempts_.take(network_of(handshake.address), now))
    return next(ConnectError{"too many failed logins"});
  const Value& username = handshake.auth["username"];
  const Value& password = handshake.auth["password"];
  if (username.kind() != Kind::string || password.kind() != Kind::string ||
      username.to_string().size() > kMaxCredential || password.to_string().size() > kMaxCredential)
    return next(ConnectError{"invalid credentials"});
  check(socket, next, std::string(username.to_string()), std::string(password.to_string()));
}

struct Admin::Login {
  Socket socket;
  Next next;
  bool known;  // by its name
  std::string password;
  bool right = false;
  std::exception_ptr failure{};
};

// The password is looked at whatever the name is, so that the time tells nothing of it.
void Admin::check(const Socket& socket, const Next& next, std::string username,
                  std::string password) {
  const bool known = equal_in_constant_time(username, options_.auth->username);
  if (options_.auth->password_hash.empty()) {
    const bool right = equal_in_constant_time(password, options_.auth->password);
    return known && right ? accept(socket, next) : next(ConnectError{"invalid credentials"});
  }
  std::shared_ptr<Logins> line;
  {
    std::unique_lock lock(mutex_);
    line = logins_.lock();
    const bool begins = line == nullptr;
    if (begins) logins_ = line = std::make_shared<Logins>();
    if (line->size() >= options_.max_waiting_logins) {
      lock.unlock();
      return next(ConnectError{"too many logins at once"});
    }
    line->push_back({socket, next, known, std::move(password)});
    if (!begins) return;
  }
  hash_first(line);
}

// One at a time, since files and answers to polls wait for the same worker. The line belongs to the
// job that computes the hash of its first: when that is lost, it is too, and the next login begins
// another.
void Admin::hash_first(const std::shared_ptr<Logins>& line) {
  for (;;) {
    Login* first = nullptr;  // stays where it is while others come behind it
    {
      const std::lock_guard lock(mutex_);
      if (line->empty()) return logins_.reset();
      first = &line->front();
    }
    const auto self = self_.lock();
    const bool begun = io_.offload(
        [self, line, first] {
          try {
            first->right = matches_bcrypt(first->password, self->options_.auth->password_hash);
          } catch (const std::bad_alloc&) {
            first->failure = std::current_exception();
          }
        },
        [self, line] { self->hashed(line); });
    if (begun) return;
    const Next next = first->next;
    {
      const std::lock_guard lock(mutex_);
      line->pop_front();
    }
    next(ConnectError{"too many logins at once"});
  }
}

void Admin::hashed(const std::shared_ptr<Logins>& line) {
  std::unique_lock lock(mutex_);
  Login login = std::move(line->front());
  line->pop_front();
  lock.unlock();
  hash_first(line);
  const std::size_t home = login.socket.shard();
  hub_->run(home, detail::Mail::always,
            [self = self_.lock(), login = std::move(login)](Shard&) { self->answer(login); });
}

void Admin::answer(const Login& login) {
  if (record_of(hub_, login.socket) == nullptr) return;  // it has gone
  if (login.failure) return login.next.fail(login.failure);
  if (login.known && login.right) return accept(login.socket, login.next);
  login.next(ConnectError{"invalid credentials"});
}

// The page keeps the id and comes back with it instead of the password. It is told when it is
// connected, because only then it listens.
void Admin::accept(const Socket& socket, const Next& next) {
  attempts_.give_back(network_of(socket.handshake().address));
  std::string& id = socket.data<NewSession>().id;
  {
    const std::lock_guard lock(random_mutex_);
    id = sessions_.add(random_, net::system_now());
  }
  next();
}

void Admin::add_commands() {
  const auto hub = std::weak_ptr(hub_);
  nsp_.on_event("emit", [hub](const Args& args) {
    const auto to = receivers(hub.lock(), at(args, 0), at(args, 1));
    if (!to || at(args, 2).kind() != Kind::string) return;
    to->emit(args[2].to_string(), Spread(Args(args.begin() + 3, args.end())));
  });
  nsp_.on_event("join", [hub](const Args& args) {
    if (const auto to = receivers(hub.lock(), at(args, 0), at(args, 2)))
      to->sockets_join(rooms_in(at(args, 1)));
  });
  nsp_.on_event("leave", [hub](const Args& args) {
    if (const auto to = receivers(hub.lock(), at(args, 0), at(args, 2)))
      to->sockets_leave(rooms_in(at(args, 1)));
  });
  nsp_.on_event("_disconnect", [hub](const Args& args) {
    if (const auto to = receivers(hub.lock(), at(args, 0), at(args, 2)))
      to->disconnect_sockets(at(args, 1).to_bool());
  });
}

}  // namespace socketio::server
