// What old clients want differently from the driver: Engine.IO 3 (Socket.IO 2), and JSONP.
#include "eio/jsonp.hpp"
#include "http/url.hpp"
#include "server/shard.hpp"

namespace socketio::server {
namespace {

constexpr base::Bytes kBytesHeaders =
    "Content-Type: application/octet-stream\r\nCache-Control: no-store\r\n";
// A browser that is told to look at the type runs a script only if it is one.
constexpr base::Bytes kScriptHeaders =
    "Content-Type: text/javascript; charset=UTF-8\r\nX-Content-Type-Options: nosniff\r\n"
    "Cache-Control: no-store\r\n";

}  // namespace

// A client of Socket.IO 2 is in the main namespace without asking. (It is told so behind the open
// packet, as by servers of its own time.)
void Shard::join_root(SessionRecord& record) {
  if (engine_ != nullptr) return;
  core_.join_root(record.client, now());
  dispatcher_.pump(now());
}

// The answer to a poll lies in scratch_ and is not the usual text: its headers, and perhaps a
// script around it.
base::Bytes Shard::dress_answer(const SessionRecord& record, eio::FormV3 form) {
  if (form == eio::FormV3::binary) return kBytesHeaders;
  scratch_ = eio::jsonp_script(http::query_value(record.head.query(), "j").value, scratch_);
  return kScriptHeaders;
}

}  // namespace socketio::server
