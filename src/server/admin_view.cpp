#include "server/admin_view.hpp"

#include <ctime>

#include "eio/session.hpp"

namespace socketio::server {

namespace {

constexpr std::int64_t kSecond = 1'000;

constexpr std::size_t kDateSize = 80;

std::tm utc(std::int64_t unix_ms) {
  const auto seconds = static_cast<std::time_t>(unix_ms / kSecond);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  return parts;
}

// The first that fit of a stranger's: a look-up in an Object is linear.
class ShownPairs {
 public:
  void add(std::string_view name, std::string_view value) {
    const std::size_t size = name.size() + value.size();
    if (shown_.size() == kMaxShownPairs || size > bytes_left_) return;
    bytes_left_ -= size;
    shown_[name] = value;
  }
  Object take() { return std::move(shown_); }

 private:
  Object shown_;
  std::size_t bytes_left_ = kMaxShownPart;
};

std::string_view shown_text(std::string_view text) {
  return text.substr(0, kMaxShownPart);
}

std::size_t binary_in(const Value& value) {
  std::size_t bytes = 0;
  if (const auto* binary = value.get_if<Binary>()) return binary->size();
  if (const auto* items = value.get_if<Array>()) {
    for (const Value& item : *items) bytes += binary_in(item);
  } else if (const auto* members = value.get_if<Object>()) {
    for (const auto& [name, member] : *members) bytes += binary_in(member);
  }
  return bytes;
}

}  // namespace

std::size_t wire_size(const Value& value) {
  return value.to_json().size() + binary_in(value);
}

std::string iso_date(std::int64_t unix_ms) {
  const std::tm parts = utc(unix_ms);
  char text[kDateSize];
  const std::size_t size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S.", &parts);
  return std::string(text, size) + std::to_string(kSecond + unix_ms % kSecond).substr(1) + "Z";
}

std::string js_date(std::int64_t unix_ms) {
  const std::tm parts = utc(unix_ms);
  char text[kDateSize];
  const std::size_t size = std::strftime(
      text, sizeof text, "%a %b %d %Y %H:%M:%S GMT+0000 (Coordinated Universal Time)", &parts);
  return {text, size};
}

std::string_view shown_name(std::string_view name) {
  return name.substr(0, kMaxShownName);
}

bool is_secret_header(std::string_view name) {
  return name == "cookie" || name == "authorization" || name == "proxy-authorization";
}

Value shown_data(const Value& data) {
  if (data.is_null()) return Object();
  Value shown = data;
  if (auto* object = shown.get_if<Object>()) object->erase(kAdminMember);
  return shown;
}

AdminConnection connection_in(const Value& data) {
  const Value& own = data[kAdminMember];
  return {std::string(own["clientId"].to_string()), std::string(own["transport"].to_string())};
}

Value shown_socket(std::string_view id, std::string_view nsp, const AdminConnection& connection,
                   const Value& data, const Handshake& handshake,
                   const std::vector<std::string>& rooms) {
  ShownPairs headers;
  for (const auto& [name, value] : handshake.headers) {
    if (!is_secret_header(name)) headers.add(name, value);
  }
  ShownPairs query;
  for (const auto& [name, value] : handshake.query) query.add(name, value);
  std::string_view address = handshake.header("cf-connecting-ip");
  if (address.empty()) address = handshake.header("x-forwarded-for");
  if (address.empty()) address = handshake.address;
  Array in;
  for (const std::string& room : rooms) in.emplace_back(shown_name(room));
  Value shown = Value::object({{"id", id}});
  if (!connection.client_id.empty()) {
    shown["clientId"] = connection.client_id;
    shown["transport"] = connection.transport;
  }
  shown["nsp"] = nsp;
  shown["data"] = shown_data(data);
  shown["handshake"] = Value::object({{"address", shown_text(address)},
                                      {"headers", headers.take()},
                                      {"query", query.take()},
                                      {"issued", handshake.issued},
                                      {"secure", handshake.secure},
                                      {"time", js_date(handshake.issued)},
                                      {"url", shown_text(handshake.url)},
                                      {"xdomain", handshake.xdomain}});
  shown["rooms"] = std::move(in);
  return shown;
}

Array aggregated(const Stats& before, const Stats& now, std::int64_t unix_ms) {
  Array all;
  const auto add = [&](std::string_view type, std::uint64_t then, std::uint64_t count,
                       std::string_view sub_type = {}) {
    if (count <= then) return;
    Value event = Value::object({{"timestamp", unix_ms - unix_ms % kSecond}, {"type", type}});
    if (!sub_type.empty()) event["subType"] = sub_type;
    event["count"] = count - then;
    all.push_back(std::move(event));
  };
  const auto opened = [](const Stats& s) { return s.polling_opened + s.websocket_opened; };
  add("rawConnection", opened(before), opened(now));
  for (std::size_t i = 0; i < Stats::kCloses; ++i)
    add("rawDisconnection", before.closed_clients[i], now.closed_clients[i],
        eio::text(static_cast<eio::CloseReason>(i)));
  add("packetsIn", before.events_in, now.events_in);
  add("bytesIn", before.bytes_in, now.bytes_in);
  add("packetsOut", before.events_out, now.events_out);
  add("bytesOut", before.bytes_out, now.bytes_out);
  return all;
}

}  // namespace socketio::server
