#include "server/route_call.hpp"

#include "server/hub.hpp"
#include "server/tls_side.hpp"

namespace socketio::server {
namespace {

// Of max_input_bytes: the rest is for what has not come whole.
constexpr std::size_t kPart = 2;
// About what one costs besides: the coroutine, and what the request's parts are kept in.
constexpr std::size_t kPerCall = 1024;

std::size_t bytes_of(const HttpRequest::Content& content) {
  std::size_t bytes = kPerCall + content.body.capacity() + content.url.size() +
                      content.path.size() + content.address.size() +
                      kept_bytes(content.certificate);
  for (const Params* pairs : {&content.headers, &content.params, &content.query}) {
    for (const auto& [name, value] : *pairs)
      bytes += sizeof(Params::value_type) + name.size() + value.size();
  }
  return bytes;
}

}  // namespace

RouteCall::RouteCall(const std::shared_ptr<detail::Hub>& hub,
                     std::shared_ptr<const HttpRoutes::Table::Action> action,
                     std::shared_ptr<const HttpRequest::Content> content)
    : hub_(hub),
      action_(std::move(action)),
      bytes_(bytes_of(*content)),
      request_(std::move(content)) {
  hub->route_bytes.fetch_add(bytes_, std::memory_order_relaxed);
  hub->ledger.charge_input(bytes_);
}

RouteCall::~RouteCall() {
  const std::shared_ptr<detail::Hub> hub = hub_.lock();
  if (hub == nullptr) return;
  hub->route_bytes.fetch_sub(bytes_, std::memory_order_relaxed);
  hub->ledger.credit_input(bytes_);
}

bool RouteCall::has_room() const {
  if (!action_->may_wait) return true;
  const std::shared_ptr<detail::Hub> hub = hub_.lock();
  if (hub == nullptr) return false;
  const std::size_t all = hub->route_bytes.load(std::memory_order_relaxed);
  return all == bytes_ || all <= hub->settings.options.max_input_bytes / kPart;
}

}  // namespace socketio::server
