#include "server/holding.hpp"

#include <new>

#include "server/shard.hpp"

namespace socketio::server {

std::size_t memory_of(const Value& value) {
  std::size_t bytes = sizeof value;
  if (const auto* text = value.get_if<std::string>()) return bytes + text->size();
  if (const auto* binary = value.get_if<Binary>()) return bytes + binary->size();
  if (const auto* items = value.get_if<Array>()) {
    for (const Value& item : *items) bytes += memory_of(item);
  } else if (const auto* members = value.get_if<Object>()) {
    for (const auto& [key, member] : *members) bytes += sizeof key + key.size() + memory_of(member);
  }
  return bytes;
}

Holding::Holding(Dispatcher& dispatcher, std::uint64_t session, std::size_t bytes, bool as_handler)
    : hub_(dispatcher.shard().hub()),
      shard_(dispatcher.shard().index()),
      session_(session),
      bytes_(bytes),
      as_handler_(as_handler) {
  dispatcher.hold(session_, bytes_);
  hub_->ledger.charge_input(bytes_);
}

Holding::~Holding() {
  hub_->ledger.credit_input(bytes_);
  const auto let_go = [session = session_, bytes = bytes_, as_handler = as_handler_](Shard& on) {
    on.dispatcher().let_go(session, bytes);
    if (as_handler) on.handler_ended(session);
  };
  if (Shard* here = hub_->enter(shard_); here != nullptr) {
    let_go(*here);
    return;
  }
  try {
    hub_->post(shard_, detail::Mail::always, let_go);
  } catch (const std::bad_alloc&) {  // its client has one less to run, from now on
  }
}

}  // namespace socketio::server
