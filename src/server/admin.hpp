// The server's side of the admin UI: looks on at everything, tells the sockets of one namespace,
// and does what they say.
//
//   handlers of /admin (one for each shard) -> Admin <- (weak) handlers of all others
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include <socketio/admin.hpp>

#include "base/random.hpp"
#include "net/sys.hpp"
#include "server/admin_login.hpp"
#include "server/admin_view.hpp"
#include "server/rate_by_address.hpp"

namespace socketio::server {

class Shard;
struct SessionRecord;

class Admin {
 public:
  // Of a list; more rooms in one command are refused.
  static constexpr std::size_t kMaxRoomsAtOnce = 1'000;
  // Networks whose failed logins are remembered.
  static constexpr std::size_t kMaxPeers = 1'024;
  // In server_stats.
  static constexpr std::size_t kMaxNamespaces = 1'000;
  // Bytes of a name or a password; a longer one is wrong.
  static constexpr std::size_t kMaxCredential = 512;
  // Of a socket that has just logged in.
  struct NewSession {
    std::string id;
  };

  // A client's, by shard.
  using Session = std::pair<std::uint32_t, std::uint64_t>;

  Admin(Server& io, AdminOptions options);
  static void start(const std::shared_ptr<Admin>& self);

 private:
  // admin.cpp
  void on_upgraded(const Shard& shard, const SessionRecord& record);
  void on_data_touched(const Socket& socket);
  void tell_data(const Socket& socket);
  void watch(const Namespace& nsp);
  void connected(const Socket& socket);
  void show_event(std::string_view what, const Socket& socket, const EventView& event);
  void welcome(const Socket& admin);
  void list_sockets(const Socket& admin);
  void disconnected(std::string_view nsp, std::string_view id, DisconnectReason reason);
  void send_stats();
  static const SessionRecord* record_of(const std::shared_ptr<detail::Hub>& hub,
                                        const Socket& socket);
  AdminConnection connection_of(const SessionRecord& record) const;
  Value* data_of(const Socket& socket) const;
  void share(const Socket& socket, const AdminConnection& connection) const;
  bool watched() const;  // somebody would get what we emit
  bool detailed() const { return options_.mode == AdminMode::development; }
  // admin_commands.cpp
  void admit(const Socket& socket, const Next& next);
  struct WaitingLogin;
  void check(const Socket& socket, const Next& next, std::string username, std::string password);
  void accept(const Socket& socket, const Next& next);
  void add_commands();

  Server& io_;
  std::weak_ptr<Admin> self_;
  std::shared_ptr<detail::Hub> hub_;
  AdminOptions options_;
  Namespace nsp_;
  std::string server_id_;
  std::string host_;
  RateByAddress attempts_;
  AdminSessions sessions_;
  std::atomic<std::size_t> waiting_logins_{0};
  std::mutex random_mutex_;
  net::SystemRandom random_;
  Stats told_;  // the first shard's
  std::mutex mutex_;
  // Of this server's sockets.
  struct Known {
    AdminConnection connection;
    Socket socket;
    Session session;
    Value data{};               // as the admins know it
    bool data_touched = false;  // and is to be looked at
  };
  std::map<std::string, Known, std::less<>> known_;  // by id
  std::multimap<Session, std::string> polling_;      // ids of those that may yet be upgraded
  std::jthread clock_;                               // the last: it ends before what it uses
};

}  // namespace socketio::server
