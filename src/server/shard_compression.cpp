// Compression in the shard: permessage-deflate of a new WebSocket, and answers to polls.
//
// An answer to a poll is compressed here, in the turn, when it is short: it costs less than handing
// it to another thread and back. A long one goes to the worker, since one client's megabyte would
// hold up all others of the shard for 10 ms. When that has too much to do, the answer is sent as it
// is.
#include <algorithm>
#include <new>

#include "server/shard.hpp"
#include "ws/extensions.hpp"

namespace socketio::server {
namespace {

constexpr base::Bytes kPollType = "text/plain; charset=UTF-8";
constexpr base::Bytes kPollHeaders =
    "Content-Type: text/plain; charset=UTF-8\r\nCache-Control: no-store\r\n";
// Less than a millisecond of a core.
constexpr std::size_t kMostInTurn = std::size_t{64} * 1024;
// Of longer ones, that wait for the worker: a tenth of a second of its time, which files wait for.
constexpr std::size_t kMostAtWorker = std::size_t{8} * 1024 * 1024;
// Of long messages, in a turn, or one piece: what made the turn long may have been such a message.
constexpr base::Duration kMostCompressing = std::chrono::microseconds(250);
constexpr std::array kPollCodings = {http::Coding::gzip, http::Coding::deflate};

std::string poll_headers(http::Coding coding) {
  std::string lines(kPollHeaders);
  lines += "Vary: Accept-Encoding\r\n";
  if (coding != http::Coding::identity)
    lines.append("Content-Encoding: ").append(http::coding_name(coding)).append("\r\n");
  return lines;
}

// It may outlive its connection, so what it holds is counted here.
struct PollJob {
  PollJob(base::Ledger& ledger, std::string& answer) : counted(ledger) {
    body.swap(answer);
    counted.set(body.capacity());
  }
  // On the worker.
  void pack(http::Coding coding, int level) {
    try {
      packed = http::Compressor(level).compress(coding, body);
      std::string().swap(body);
    } catch (const std::bad_alloc&) {
      failed = true;
    }
    counted.set(body.capacity() + packed.capacity());
  }
  std::string body;
  std::string packed;
  bool failed = false;
  base::OutputCharge counted;
};

}  // namespace

// The answer to the client's offer, if there was one, is added to `head`. False: none of what it
// offers can be accepted.
bool Shard::agree_on_deflate(Connection& c, base::Bytes extensions, std::string& head) {
  const ws::DeflateOptions& options = *settings_.deflate;
  ws::DeflateAnswer answer = ws::answer_deflate(extensions, options);
  if (answer.kind == ws::DeflateAnswer::Kind::none) return true;
  if (answer.kind == ws::DeflateAnswer::Kind::refused) return false;
  ws::DeflateBudget& budget = hub_->deflate_budget;
  std::size_t bytes = ws::Deflate::context_bytes(answer.params, options);
  if (bytes > 0 && !budget.take(bytes, options.max_context_bytes)) {
    bytes = 0;
    answer = ws::answer_deflate(extensions, options, true);
  }
  try {
    c.deflate = std::make_unique<ws::Deflate>(ws::Role::server, answer.params, *deflate_pool_,
                                              &budget, bytes, c.self.packed());
  } catch (...) {
    budget.give_back(bytes);
    throw;
  }
  head += "Sec-WebSocket-Extensions: " + answer.header + "\r\n";
  return true;
}

// False: refused, and answered.
bool Shard::agree_on_extensions(Connection& c, base::Bytes offered, std::string& head) {
  if (!deflate_pool_ || offered.empty() || agree_on_deflate(c, offered, head)) return true;
  respond(c,
          {400,
           {{"Content-Type", "text/html"}},
           "Invalid or unacceptable Sec-WebSocket-Extensions header"},
          true);
  return false;
}

// The payload lies in scratch_.
void Shard::answer_poll(Connection& c, bool compress) {
  http::Coding coding = http::Coding::identity;
  const bool eligible = compress && poll_compressor_ &&
                        scratch_.size() >= settings_.options.http_compression->threshold;
  if (eligible) {
    const auto accepted = c.http->machine.request().header("accept-encoding");
    coding = http::choose_coding(accepted, kPollCodings);
  }
  if (coding != http::Coding::identity && scratch_.size() > kMostInTurn) {
    if (answer_poll_later(c, coding)) return;
    coding = http::Coding::identity;
  }
  const base::Bytes body = coding == http::Coding::identity
                               ? base::Bytes(scratch_)
                               : poll_compressor_->compress(coding, scratch_);
  eligible ? answer_coded(c, coding, body) : answer_engine(c, kPollType, kPollHeaders, body);
  revisit(c);  // a pipelined request may wait behind this one
}

// An answer whose coding was chosen by the request.
void Shard::answer_coded(Connection& c, http::Coding coding, base::Bytes body) {
  if (c.http->headers != nullptr) {
    answer_headers(c).add("Vary", "Accept-Encoding");
    if (coding != http::Coding::identity)
      answer_headers(c).set("Content-Encoding", http::coding_name(coding));
  }
  answer_engine(c, kPollType, poll_headers(coding), body);
}

// False: the worker has too much to do.
bool Shard::answer_poll_later(Connection& c, http::Coding coding) {
  const std::size_t bytes = scratch_.size();
  if (at_worker_ > 0 && at_worker_ + bytes > kMostAtWorker) return false;
  auto job = std::make_shared<PollJob>(ledger_, scratch_);
  const int level = settings_.options.http_compression->level;
  const bool queued =
      offload_.run([job, coding, level] { job->pack(coding, level); },
                   [this, job, coding, bytes, id = c.self, number = c.http->request] {
                     at_worker_ -= bytes;
                     Connection* still = connections_.get(id);
                     if (still == nullptr || !still->http || still->http->request != number) return;
                     still->http->exchange = Exchange::none;
                     spare(id, [&] {
                       const http::Coding used = job->failed ? http::Coding::identity : coding;
                       answer_coded(*still, used, job->failed ? job->body : job->packed);
                       revisit(*still);
                     });
                   });
  if (queued) {
    at_worker_ += bytes;
    c.http->exchange = Exchange::user;  // not the session's any more
  } else {
    scratch_.swap(job->body);
  }
  return queued;
}

// Long messages to it come first: what it says meanwhile is not read, or the answers would pile up.
// Nor is what comes after more than its share was inflated. True: it is one of these.
bool Shard::holds_back(Connection& c) {
  const bool rests = c.deflate->must_rest(now());
  if (!rests && !c.compressing()) return false;
  c.ws->keep(ledger_);
  set_paused(c, true);
  if (rests) arm(c);
  return true;
}

// A piece of one message; more only in a turn that took as long with everything else, and not for
// long: it may be others that took the core. Connections take turns.
void Shard::compress_long_messages() {
  if (!deflate_pool_ || !deflate_pool_->is_compressing()) return;
  base::List<ws::Deflate>& waiting = deflate_pool_->compressing();
  const base::Duration rest = loop_.in_turn();
  const base::Duration until = rest + std::min(rest, kMostCompressing);
  const ws::Deflate* idle = nullptr;  // the first of those for whom others compress
  while (ws::Deflate* next = waiting.front()) {
    if (next == idle) return;
    next->unlink();
    bool worked = true;
    const ConnectionId id = ConnectionId::unpack(next->owner());
    if (Connection* c = connections_.get(id); c != nullptr)
      spare(id, [&] { worked = compress_piece(*c) > 0; });
    if (worked && loop_.in_turn() >= until) return;
    if (worked) {
      idle = nullptr;
    } else if (idle == nullptr && next->linked()) {
      idle = next;
    }
  }
}

std::size_t Shard::compress_piece(Connection& c) {
  const std::size_t bytes = c.deflate->go_on_compressing(c.out);
  if (c.closing) arm_stall(c);
  if (!c.out.empty()) mark_dirty(c);
  if (c.compressing()) {
    deflate_pool_->compressing().push_back(*c.deflate);
  } else {
    revisit(c);  // it may have said something
  }
  return bytes;
}

void Shard::release_compression() {
  if (deflate_pool_) deflate_pool_->release();
  if (poll_compressor_) poll_compressor_->release();
}

}  // namespace socketio::server
