// The user's HTTP routes and folders, matched in order.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <socketio/http.hpp>

#include "http/message.hpp"

namespace socketio::detail {
struct Hub;
}
namespace socketio::server {
class Monitor;
struct PlainRoute;
}  // namespace socketio::server

namespace socketio {

struct HttpRequest::Content {
  std::string method;
  std::string url;
  std::string path;
  std::string body;
  std::string address;
  std::unique_ptr<ClientCertificate> certificate;
  bool secure = false;
  std::vector<std::pair<std::string, std::string>> headers;
  std::vector<std::pair<std::string, std::string>> params;
  std::vector<std::pair<std::string, std::string>> query;
};

struct HttpRoutes::Table {
  // Kept by those that run.
  struct Action {
    Handler handler;
    bool may_wait;  // false: it has answered when it returns
  };
  struct Route {
    std::string method;  // "*": any
    std::vector<std::string> segments;
    std::shared_ptr<const Action> action;
  };
  // Shared with those who read its files, on another thread.
  struct Folder {
    std::string prefix;
    std::string directory;
    std::vector<std::pair<std::string, std::string>> headers;
  };
  struct WebSocketEntry {
    std::vector<std::string> segments;
    std::shared_ptr<const server::PlainRoute> route;
  };
  std::vector<Route> routes;
  std::vector<WebSocketEntry> websockets;
  std::vector<std::shared_ptr<const Folder>> folders;  // looked at when no route has the path
  std::shared_ptr<const Action> fallback;
  // Of a Server; routes may also stand alone.
  std::shared_ptr<const detail::Hub> hub;
  std::shared_ptr<server::Monitor> monitor;

  void may_register() const;
};

}  // namespace socketio

namespace socketio::server {

using Params = std::vector<std::pair<std::string, std::string>>;

// A file that may be in a folder.
struct FileInFolder {
  std::shared_ptr<const HttpRoutes::Table::Folder> folder;
  std::string file;  // below it
};

struct Match {
  std::shared_ptr<const HttpRoutes::Table::Action> action;
  Params params;
  std::vector<FileInFolder> files;  // the first that is there
  std::string allow;                // routes have the path, but only for these methods
};

std::shared_ptr<HttpRequest::Content> copy_request(const http::Request& request, std::string path,
                                                   base::MutBytes body);
// A larger body than kMaxReplyBody makes it a 500.
http::Response to_response(const HttpReply& reply);
inline constexpr std::size_t kMaxReplyBody = std::size_t{1} << 30;
// What there is no room for now: to be tried again in a second.
http::Response busy();

// `path` is normalised and decoded; `encoded_path` as it came (folders decode it once, themselves).
Match match(const HttpRoutes::Table& table, std::string_view method, std::string_view path,
            std::string_view encoded_path);
// Null: none has the path (as match() is given it; empty: it is none).
std::shared_ptr<const PlainRoute> match_websocket(const HttpRoutes::Table& table,
                                                  std::string_view path, Params& params);

}  // namespace socketio::server
