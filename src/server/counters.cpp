#include "server/counters.hpp"

namespace socketio::server {

void Counters::add_to(Stats& all) const {
  all.accepted_connections += accepted.get();
  all.refused_connections += refused.get();
  all.moved_connections += moved.get();
  all.shed_clients += shed.get();
  all.bytes_in += bytes_in.get();
  all.bytes_out += bytes_out.get();
  all.http_requests += http_requests.get();
  all.http_errors += http_errors.get();
  all.clients += clients.get();
  all.websocket_clients += websocket_clients.get();
  all.polling_opened += polling_opened.get();
  all.websocket_opened += websocket_opened.get();
  all.upgrades += upgrades.get();
  for (std::size_t i = 0; i < closes.size(); ++i) all.closed_clients[i] += closes[i].get();
  for (std::size_t i = 0; i < rejects.size(); ++i) {
    all.rejects[i] += rejects[i].get();
    all.rejected_requests += rejects[i].get();
  }
  all.sockets += sockets.get();
  all.events_in += events_in.get();
  all.events_out += events_out.get();
  all.acks_pending += acks_pending.get();
  all.acks_timed_out += acks_timed_out.get();
  all.mismatched_events += mismatches.get();
  all.handler_errors += failures.get();
  for (std::size_t i = 0; i < disconnects.size(); ++i) all.disconnects[i] += disconnects[i].get();
  all.plain_websockets += plain_websockets.get();
  all.plain_messages_in += plain_in.get();
  all.plain_messages_out += plain_out.get();
  turns.add_to(all.turns);
}

}  // namespace socketio::server
