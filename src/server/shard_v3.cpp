// What old clients want differently from the driver: Engine.IO 3 (Socket.IO 2), and JSONP.
#include "eio/jsonp.hpp"
#include "http/url.hpp"
#include "server/shard.hpp"

namespace socketio::server {
namespace {

constexpr base::Bytes kBytesType = "application/octet-stream";
constexpr base::Bytes kBytesHeaders =
    "Content-Type: application/octet-stream\r\nCache-Control: no-store\r\n";
constexpr base::Bytes kScriptType = "text/javascript; charset=UTF-8";
constexpr base::Bytes kScriptHeaders =
    "Content-Type: text/javascript; charset=UTF-8\r\nX-Content-Type-Options: nosniff\r\n"
    "Cache-Control: no-store\r\n";

// Long enough for a client that is waiting to read what has come.
constexpr base::Duration kApart = std::chrono::milliseconds(5);

}  // namespace

// The reference sends the answer to a WebSocket's request and the handshake behind it in two steps.
// Programs of that time wait for the one before they listen for the other, and miss what comes in
// the same segment. The answer leaves now; what follows is kept until the timer says so.
void Shard::send_apart(Connection& c) {
  flush_connection(c);
  if (c.in_flight || !c.out.empty()) return;  // it has not left, and will take its time
  c.apart = c.in_flight = true;
  arm_at(c, base::after(now(), kApart));
}

void Shard::end_apart(Connection& c) {
  if (!c.apart) return;
  c.apart = c.in_flight = false;
  mark_dirty(c);
}

// A client of Socket.IO 2 is in the main namespace without asking. (It is told so behind the open
// packet, as by servers of its own time.)
void Shard::join_root(SessionRecord& record) {
  if (engine_ != nullptr) return;
  core_.join_root(record.client, now());
  dispatcher_.pump(now());
}

// The answer to a poll, in scratch_, which is not the usual text.
void Shard::answer_old_client(Connection& c, const SessionRecord& record, eio::FormV3 form) {
  revisit(c);  // a pipelined request may wait behind this one
  if (form == eio::FormV3::binary) return answer_engine(c, kBytesType, kBytesHeaders, scratch_);
  scratch_ = eio::jsonp_script(http::query_value(record.head.open().query(), "j").value, scratch_);
  // A script is what the type says, and nothing else of ours is one.
  if (c.http->headers) answer_headers(c).set("X-Content-Type-Options", "nosniff");
  answer_engine(c, kScriptType, kScriptHeaders, scratch_);
}

}  // namespace socketio::server
