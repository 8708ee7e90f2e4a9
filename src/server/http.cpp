// HttpRequest and HttpReply: what a route's handler gets and gives.
#include <algorithm>
#include <stdexcept>

#include <socketio/http.hpp>

#include "http/message.hpp"
#include "server/routes.hpp"

namespace socketio {
namespace {

std::string_view find_pair(const server::Params& pairs, std::string_view name) {
  for (const auto& [key, value] : pairs) {
    if (key == name) return value;
  }
  return {};
}

}  // namespace

std::string_view HttpRequest::method() const {
  return content_->method;
}
std::string_view HttpRequest::path() const {
  return content_->path;
}
std::string_view HttpRequest::url() const {
  return content_->url;
}
std::string_view HttpRequest::body() const {
  return content_->body;
}
std::string_view HttpRequest::address() const {
  return content_->address;
}
bool HttpRequest::secure() const {
  return content_->secure;
}
const ClientCertificate* HttpRequest::certificate() const {
  return content_->certificate.get();
}
std::string_view HttpRequest::param(std::string_view name) const {
  return find_pair(content_->params, name);
}
std::string_view HttpRequest::query(std::string_view name) const {
  const auto last = std::find_if(content_->query.rbegin(), content_->query.rend(),
                                 [name](const auto& pair) { return pair.first == name; });
  return last == content_->query.rend() ? std::string_view() : last->second;
}

std::string_view HttpRequest::header(std::string_view name) const {
  for (const auto& [key, value] : content_->headers) {
    if (http::iequals(key, name)) return value;
  }
  return {};
}

HttpReply HttpReply::text(std::string body, int status) {
  return {status, {{"Content-Type", "text/plain; charset=utf-8"}}, std::move(body)};
}
HttpReply HttpReply::html(std::string body, int status) {
  return {status, {{"Content-Type", "text/html; charset=utf-8"}}, std::move(body)};
}
HttpReply HttpReply::json(const Value& value, int status) {
  return {status, {{"Content-Type", "application/json"}}, value.to_json()};
}
HttpReply HttpReply::not_found() {
  return {404, {}, {}};
}
HttpReply HttpReply::redirect(std::string location, int status) {
  HttpReply reply{status, {}, {}};
  reply.set("Location", location);
  return reply;
}

HttpReply& HttpReply::set(std::string_view name, std::string_view value) {
  if (!http::valid_header(name, value))
    throw std::invalid_argument("invalid HTTP header: " + std::string(name));
  std::erase_if(headers, [name](const auto& header) { return http::iequals(header.first, name); });
  headers.emplace_back(name, value);
  return *this;
}

}  // namespace socketio
