// Engine and what its hooks are given: AnswerHeaders, EngineRequest.
#include <algorithm>
#include <array>
#include <stdexcept>

#include <socketio/server.hpp>

#include "http/message.hpp"
#include "server/hub.hpp"

namespace socketio {
namespace {

bool is_ours(std::string_view name) {
  constexpr std::array<std::string_view, 5> kOurs = {"Connection", "Content-Length", "Content-Type",
                                                     "Transfer-Encoding", "Upgrade"};
  constexpr std::string_view kHandshake = "Sec-WebSocket-";
  for (const std::string_view ours : kOurs) {
    if (http::iequals(name, ours)) return true;
  }
  return http::iequals(name.substr(0, kHandshake.size()), kHandshake);
}

void check(std::string_view name, std::string_view value) {
  if (is_ours(name) || !http::valid_header(name, value))
    throw std::invalid_argument("not a header for an answer: " + std::string(name));
}

}  // namespace

AnswerHeaders& AnswerHeaders::set(std::string_view name, std::string_view value) {
  check(name, value);
  std::erase_if(list_, [name](const auto& header) { return http::iequals(header.first, name); });
  list_.emplace_back(name, value);
  return *this;
}

AnswerHeaders& AnswerHeaders::add(std::string_view name, std::string_view value) {
  check(name, value);
  list_.emplace_back(name, value);
  return *this;
}

bool AnswerHeaders::contains(std::string_view name) const {
  return std::any_of(list_.begin(), list_.end(),
                     [name](const auto& header) { return http::iequals(header.first, name); });
}

std::string_view AnswerHeaders::get(std::string_view name) const {
  for (const auto& [key, value] : list_) {
    if (http::iequals(key, name)) return value;
  }
  return {};
}

const EngineRequest& EngineRequest::set_header(std::string_view name,
                                               std::string_view value) const {
  check(name, value);
  const std::lock_guard lock(answer_->mutex);
  if (!answer_->over) answer_->headers.set(name, value);
  return *this;
}

const EngineRequest& EngineRequest::add_header(std::string_view name,
                                               std::string_view value) const {
  check(name, value);
  const std::lock_guard lock(answer_->mutex);
  if (!answer_->over) answer_->headers.add(name, value);
  return *this;
}

Engine& Engine::add_middleware(EngineMiddleware middleware) {
  hub_->may_register("socketio::Engine::use");
  hub_->engine.middlewares.push_back(std::move(middleware));
  hub_->engine.gated = true;
  return *this;
}

Engine& Engine::on_initial_headers(HeadersHook hook) {
  hub_->may_register("socketio::Engine::on_initial_headers");
  hub_->engine.initial_headers.push_back(std::move(hook));
  hub_->engine.gated = true;
  return *this;
}

Engine& Engine::on_headers(HeadersHook hook) {
  hub_->may_register("socketio::Engine::on_headers");
  hub_->engine.headers.push_back(std::move(hook));
  hub_->engine.gated = true;
  return *this;
}

Engine& Engine::on_connection(std::function<void(EngineSocket)> hook) {
  hub_->may_register("socketio::Engine::on_connection");
  hub_->engine.connection.push_back(std::move(hook));
  return *this;
}

Engine& Engine::on_connection_error(std::function<void(const ConnectionError&)> hook) {
  hub_->may_register("socketio::Engine::on_connection_error");
  hub_->engine.connection_error.push_back(std::move(hook));
  return *this;
}

std::size_t Engine::clients_count() const {
  return server_->stats().clients;
}

}  // namespace socketio
