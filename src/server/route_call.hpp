// One call of a route: its handler and its request, which live as long as the handler's coroutine
// does. Whoever has sent the request may have left long since, so what it takes is counted here,
// and bounded for all calls together.
#pragma once

#include <memory>

#include "server/routes.hpp"

namespace socketio::detail {
struct Hub;
}

namespace socketio::server {

class RouteCall {
 public:
  RouteCall(const std::shared_ptr<detail::Hub>& hub,
            std::shared_ptr<const HttpRoutes::Table::Action> action,
            std::shared_ptr<const HttpRequest::Content> content);
  ~RouteCall();
  RouteCall(const RouteCall&) = delete;
  RouteCall& operator=(const RouteCall&) = delete;

  const HttpRequest& request() const { return request_; }
  // False: with this one, all calls hold more than their part of max_input_bytes, and it may do so
  // for long.
  bool has_room() const;
  // Starts when awaited; the call has to be kept until it has ended.
  Task<HttpReply> task() const { return action_->handler(request_); }

 private:
  const std::weak_ptr<detail::Hub> hub_;  // may end before: then nobody counts any more
  const std::shared_ptr<const HttpRoutes::Table::Action> action_;
  const std::size_t bytes_;
  const HttpRequest request_;
};

}  // namespace socketio::server
