// HTTP in the shard: which requests are Engine.IO's, the client bundle's, the user's routes or
// files, and how each is answered.
#include <new>

#include "http/static_file.hpp"
#include "http/url.hpp"
#include "server/admission.hpp"
#include "server/client_bundle.hpp"
#include "server/file_reader.hpp"
#include "server/route_call.hpp"
#include "server/shard.hpp"

namespace socketio::server {
namespace {

bool destroys(const EngineOptions& options, const http::Request& request) {
  return options.destroy_upgrade && eio::asks_for_websocket(request);
}

}  // namespace

void Shard::turn_http(Connection& c) {
  int requests = 0;
  while (c.http) {
    // A peer that does not read is not answered further; nor is anybody before too much is shed, or
    // when this turn has answered much.
    const bool unread = c.out.bytes() > settings_.options.send_queue_soft &&
                        (requests > 0 || c.http->machine.has_request());
    const bool spent = requests >= events_per_turn_ || (requests == 0 && c.spent == kSpent);
    if (spent || unread || shedder_.too_much_output() || answers_spent()) {
      c.http->machine.keep(ledger_);
      set_paused(c, true);
      if (spent) spend(c, events_per_turn_);
      if (!unread) later(c);
      return arm(c);
    }
    const http::Event event = c.http->machine.next(http_env(c), now());
    if (!c.out.empty()) mark_dirty(c);
    switch (event.kind) {
      case http::EventKind::none:
        spend(c, requests);
        set_paused(c, !c.http->machine.has_room());
        return arm(c);
      case http::EventKind::head:
        ++c.http->request;
        on_head(c, *event.request);
        break;
      case http::EventKind::complete:
        requests += 1 + on_request(c, *event.request, event.body);
        break;
      case http::EventKind::failed:
        if (c.http->exchange == Exchange::post) {
          if (SessionRecord* record = sessions_.get(std::exchange(c.http->session, SessionId{}));
              record != nullptr) {
            c.http->exchange = Exchange::none;
            record->post = {};
            if (!record->unread) record->session.on_post_failed(event.status == 413, now());
            pump(*record);
          }
        }
        if (c.http->exchange == Exchange::admission) end_admission(c);
        counters_.http_errors.add();
        log(base::LogLevel::debug, base::LogKind::http, event.detail,
            {{"peer", c.http->peer.host()}});
        return close_when_sent(c);
      case http::EventKind::closed:
        lost(c, false);
        return close_when_sent(c);
    }
  }
}

void Shard::on_head(Connection& c, const http::Request& request) {
  const bool post = request.method == "POST";
  if (!post && hub_->size() == 1) return;  // decided when it is complete
  std::string room;
  const std::optional<base::Bytes> path = http::normalise_path(request.path, room);
  if (!path || !eio::under_path(*path, settings_.options.path)) return;
  if (move_to_owner(c, request)) return;
  if (!post) return;
  hub_->engine.gated ? on_gated_head(c, request, *path) : on_engine_head(c, request);
}

int Shard::on_request(Connection& c, const http::Request& request, base::MutBytes body) {
  counters_.http_requests.add();
  std::string room;
  const std::optional<base::Bytes> path = http::normalise_path(request.path, room);
  if (path && eio::under_path(*path, settings_.options.path)) {
    if (hub_->engine.gated) [[unlikely]]
      return on_gated_request(c, request, *path, body);
    if (c.http->exchange == Exchange::none && serve_client(c, request, *path)) return 0;
    return on_engine_request(c, request, body);
  }
  on_user_request(c, std::string(path.value_or(base::Bytes())), body);
  return 0;
}

std::optional<std::string_view> Shard::client_file(std::string_view path) const {
  if (!settings_.options.serve_client) return std::nullopt;
  std::string_view name = path.substr(settings_.options.path.size());
  if (name.starts_with('/') && !settings_.options.path.ends_with('/')) name.remove_prefix(1);
  if (!ClientBundle::has(name)) return std::nullopt;
  return name;
}

bool Shard::serve_client(Connection& c, const http::Request& request, std::string_view path) {
  const std::optional<std::string_view> name = client_file(path);
  if (!name) return false;
  auto job = std::make_shared<ClientJob>(hub_->client_bundle, *name, request);
  if (job->known()) {
    respond(c, job->response(), false, std::move(job->body()));
  } else {
    answer_from_disk(c, std::move(job));
  }
  return true;
}

void Shard::on_user_request(Connection& c, std::string path, base::MutBytes body) {
  const http::Request& request = c.http->machine.request();
  if (eio::asks_for_websocket(request)) {
    Params params;
    if (const auto websocket = match_websocket(routes_.table(), path, params))
      return plain_websockets_.start(c, request, std::move(path), websocket, std::move(params));
  }
  Match found = path.empty() ? Match{} : match(routes_.table(), request.method, path, request.path);
  if (found.action == nullptr) {
    // W26: what no route takes is no upgrade, and what follows it is not read as requests.
    c.http->last = destroys(settings_.options.engine, request);
    if (!found.files.empty()) {
      if (routes_.table().fallback != nullptr && !body.empty())
        c.http->machine.keep_body(body, ledger_);
      return answer_from_disk(c, std::make_shared<FileJob>(std::move(found.files), request));
    }
    http::Response none{404, {}, {}};
    // RFC 9110 §15.5.6: a 405 says what is allowed.
    if (!found.allow.empty()) none = {405, {{"Allow", found.allow}}, {}};
    return answer_unknown(c, body, none);
  }
  run_route(c, std::move(found), std::move(path), body);
}

// For what is no route's and in no folder; `none` says so when nobody else answers.
void Shard::answer_unknown(Connection& c, base::MutBytes body, const http::Response& none) {
  const HttpRoutes::Table& table = routes_.table();
  std::string path = http::normalise_path(c.http->machine.request().path).value_or(std::string());
  Params params;
  if (match_websocket(table, path, params) != nullptr)
    return respond(c, http::Response{426, {{"Upgrade", "websocket"}}, {}}, c.http->last);
  if (table.fallback == nullptr || none.status != 404) return respond(c, none, c.http->last);
  Match rest;
  rest.action = table.fallback;
  run_route(c, std::move(rest), std::move(path), body);
}

void Shard::run_route(Connection& c, Match found, std::string path, base::MutBytes body) {
  auto content = copy_request(c.http->machine.request(), std::move(path), body);
  show_connection(c, *content);
  content->params = std::move(found.params);
  const auto call =
      std::make_shared<const RouteCall>(hub_, std::move(found.action), std::move(content));
  if (!call->has_room()) return respond(c, busy(), c.http->last);
  c.http->exchange = Exchange::user;
  if (destroys(settings_.options.engine, c.http->machine.request()))
    c.http->patience = base::after(now(), settings_.options.engine.destroy_upgrade_timeout);
  const ConnectionId id = c.self;
  const std::uint32_t number = c.http->request;
  const std::weak_ptr<detail::Hub> hub = hub_;
  const std::size_t shard = index_;
  const auto done = [hub, shard, id, number](const HttpReply& reply) {
    const auto alive = hub.lock();
    if (!alive) return;
    alive->run(shard, detail::Mail::always,
               [id, number, reply](Shard& on) { on.answer_user(id, number, reply); });
  };
  const auto end = [hub, shard, id, number, call](const std::exception_ptr& error) {
    const auto alive = hub.lock();
    if (!error || !alive) return;
    const auto give_up = [id, number](Shard& on) {
      on.answer_user(id, number, HttpReply{500, {}, {}});
    };
    try {
      alive->run(
          shard, detail::Mail::always,
          [give_up, failure = Dispatcher::failure_of(error, call->request().path())](Shard& on) {
            on.dispatcher().report_failure(failure);
            give_up(on);
          });
    } catch (const std::bad_alloc&) {
      // It is not told why. That takes no memory here, and on another thread a hundred bytes; when
      // even those are not to be had, the request waits until its client leaves.
      alive->run(shard, detail::Mail::always, give_up);
    }
  };
  const bool began = dispatcher_.guarded(
      call->request().path(), [&] { detail::detach<HttpReply>(call->task(), done, end); });
  if (!began) answer_user(id, number, HttpReply{500, {}, {}});
}

void Shard::answer_user(ConnectionId id, std::uint32_t request, const HttpReply& reply) {
  Connection* c = connections_.get(id);
  if (c == nullptr || !c->http || c->http->exchange != Exchange::user ||
      c->http->request != request)
    return;
  c->http->exchange = Exchange::none;
  c->http->patience = base::kNever;
  spare(id, [&] {
    respond(*c, to_response(reply), c->http->last);
    revisit(*c);  // a pipelined request may wait behind this one
  });
}

}  // namespace socketio::server
