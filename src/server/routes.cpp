#include "server/routes.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>

#include <sys/stat.h>

#include "http/static_file.hpp"
#include "http/url.hpp"
#include "server/file_reader.hpp"
#include "server/hub.hpp"
#include "server/plain_websocket.hpp"

namespace socketio {
namespace {

std::vector<std::string> split(std::string_view path) {
  std::vector<std::string> segments;
  while (!path.empty()) {
    path.remove_prefix(1);  // the slash
    const std::size_t end = std::min(path.find('/'), path.size());
    segments.emplace_back(path.substr(0, end));
    path.remove_prefix(end);
  }
  return segments;
}

using server::Params;

// Headers that say how a body is sent, which is not for those who serve a folder to decide.
constexpr std::array<std::string_view, 5> kOfTheBody{
    "connection", "content-encoding", "content-length", "content-range", "transfer-encoding"};

bool fits(const std::vector<std::string>& pattern, const std::vector<std::string>& path,
          Params& params) {
  params.clear();
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == "*" && i + 1 == pattern.size()) {
      std::string rest;
      for (std::size_t j = i; j < path.size(); ++j) rest += (j > i ? "/" : "") + path[j];
      params.emplace_back("*", std::move(rest));
      return true;
    }
    if (i >= path.size()) return false;
    if (pattern[i].size() > 1 && pattern[i].front() == ':') {
      if (path[i].empty()) return false;
      params.emplace_back(pattern[i].substr(1), path[i]);
    } else if (pattern[i] != path[i]) {
      return false;
    }
  }
  return pattern.size() == path.size();
}

}  // namespace

HttpRoutes::HttpRoutes() : table_(std::make_unique<Table>()) {}
HttpRoutes::~HttpRoutes() = default;

void HttpRoutes::Table::may_register() const {
  if (hub != nullptr) hub->may_register("socketio::HttpRoutes");
}

HttpRoutes& HttpRoutes::add(std::string method, std::string pattern, Handler handler,
                            bool may_wait) {
  table_->may_register();
  auto kept = std::make_shared<const Table::Action>(Table::Action{std::move(handler), may_wait});
  if (method.empty()) {
    table_->fallback = std::move(kept);
    return *this;
  }
  if (pattern.empty() || pattern.front() != '/')
    throw std::invalid_argument("an HTTP route begins with '/': " + pattern);
  table_->routes.push_back({std::move(method), split(pattern), std::move(kept)});
  return *this;
}

HttpRoutes& HttpRoutes::websocket(std::string pattern, WebSocketRoute route) {
  table_->may_register();
  if (pattern.empty() || pattern.front() != '/')
    throw std::invalid_argument("an HTTP route begins with '/': " + pattern);
  table_->websockets.push_back(
      {split(pattern), std::make_shared<const server::PlainRoute>(std::move(route))});
  return *this;
}

HttpRoutes& HttpRoutes::serve(std::string prefix, std::string directory,
                              std::vector<std::pair<std::string, std::string>> headers) {
  table_->may_register();
  for (const auto& [name, value] : headers) {
    const auto is_name = [&name = name](std::string_view one) { return http::iequals(name, one); };
    if (std::ranges::any_of(kOfTheBody, is_name) || !http::valid_header(name, value))
      throw std::invalid_argument("socketio::HttpRoutes::serve: no header to set: " + name);
  }
  struct stat facts {};
  if (stat(directory.c_str(), &facts) != 0 || !S_ISDIR(facts.st_mode)) {
    throw std::invalid_argument("socketio::HttpRoutes::serve: not a directory: " + directory);
  }
  if (prefix.empty() || prefix.front() != '/')
    throw std::invalid_argument("an HTTP route begins with '/': " + prefix);
  if (const std::error_code error = server::files_refused())
    throw std::system_error(error, "socketio::HttpRoutes::serve: files need openat2");
  if (prefix.back() != '/') prefix += '/';
  table_->folders.push_back(std::make_shared<const Table::Folder>(
      Table::Folder{std::move(prefix), std::move(directory), std::move(headers)}));
  return *this;
}

}  // namespace socketio

namespace socketio::server {

std::shared_ptr<HttpRequest::Content> copy_request(const http::Request& request, std::string path,
                                                   base::MutBytes body) {
  auto content = std::make_shared<HttpRequest::Content>();
  content->method = request.method;
  content->url = request.target;
  content->path = std::move(path);
  if (!body.empty()) content->body.assign(body.data(), body.size());
  for (const http::Header& header : request.headers)
    content->headers.emplace_back(header.name, header.value);
  content->query = http::parse_query(request.query);
  return content;
}

http::Response to_response(const HttpReply& reply) {
  if (reply.body.size() > kMaxReplyBody) return {500, {}, {}};
  return {reply.status, reply.headers, reply.body};
}

http::Response busy() {
  return {503, {{"Retry-After", "1"}}, {}};
}

Match match(const HttpRoutes::Table& table, std::string_view method, std::string_view path,
            std::string_view encoded_path) {
  Match found;
  const std::vector<std::string> segments = split(path);
  for (const HttpRoutes::Table::Route& route : table.routes) {
    if (!fits(route.segments, segments, found.params)) continue;
    if (route.method == "*" || route.method == method ||
        (route.method == "GET" && method == "HEAD")) {
      found.action = route.action;
      return found;
    }
    for (const std::string& allowed : route.method == "GET"
                                          ? std::vector<std::string>{"GET", "HEAD"}
                                          : std::vector<std::string>{route.method}) {
      if (found.allow.find(allowed) == std::string::npos)
        found.allow += (found.allow.empty() ? "" : ", ") + allowed;
    }
  }
  found.params.clear();
  if (!found.allow.empty()) return found;
  for (const auto& folder : table.folders) {
    std::optional<std::string> file = http::file_for(encoded_path, folder->prefix);
    if (file) found.files.push_back({folder, *std::move(file)});
  }
  return found;
}

std::shared_ptr<const PlainRoute> match_websocket(const HttpRoutes::Table& table,
                                                  std::string_view path, Params& params) {
  if (table.websockets.empty() || path.empty()) return nullptr;
  const std::vector<std::string> segments = split(path);
  for (const HttpRoutes::Table::WebSocketEntry& entry : table.websockets) {
    if (fits(entry.segments, segments, params)) return entry.route;
  }
  return nullptr;
}

}  // namespace socketio::server
