// A broadcast with acknowledgements that an adapter carries, perhaps to several servers: collects
// what comes and decides when it is over.
//
//   servers that told how many they asked == servers there are, and
//   answers == clients asked                                         -> done
//   the time is over                                                 -> done, with Errc::timeout
#pragma once

#include <memory>
#include <mutex>
#include <optional>

#include <socketio/adapter.hpp>

#include "server/fan_in.hpp"
#include "server/owned_args.hpp"

namespace socketio::server {

class ClusterQuestion {
 public:
  // `single`: one client is asked, and its answer is what the receiver finishes with.
  ClusterQuestion(std::shared_ptr<detail::Hub> hub, bool single,
                  std::unique_ptr<detail::AckReceiver> receiver);

  // False: it could not be asked; the receiver has been told.
  static bool ask(const std::shared_ptr<ClusterQuestion>& self, Adapter& adapter,
                  const Packet& packet, const Delivery& delivery);

 private:
  void servers(std::size_t count);
  void clients(std::size_t count);
  void reply(const Args& args);
  void end(std::error_code error);
  void end_if_complete(std::unique_lock<std::mutex>& lock);

  std::shared_ptr<detail::Hub> hub_;
  const bool single_;
  Home home_;
  std::mutex mutex_;
  std::unique_ptr<detail::AckReceiver> receiver_;  // null: over
  std::optional<std::size_t> servers_;
  std::size_t told_ = 0;
  std::size_t clients_ = 0;
  std::size_t replies_ = 0;
  std::shared_ptr<const OwnedArgs> answer_;  // the first one, of a single client
};

}  // namespace socketio::server
