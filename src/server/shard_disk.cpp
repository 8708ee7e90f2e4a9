// Answers from the disk: files, and what has to be made of them. So what has been read and belongs
// to no connection is bounded and charged, a turn answers a bounded part of the line, and nothing
// is read for those who are gone.
//
//   answer_from_disk -> DiskLine -> read_on_disk (end of turn) -> worker -> answer_read -> respond
#include <algorithm>
#include <new>

#include "server/shard.hpp"

namespace socketio::server {
namespace {

constexpr std::size_t kMaxLine = net::Offload::kMaxJobs;

// What the worker is given.
struct Batch {
  std::vector<std::shared_ptr<DiskJob>> jobs;
  std::size_t done = 0;

  void read(DiskLine& line, base::Ledger& ledger) {
    for (std::size_t bytes = 0; done < jobs.size() && bytes < DiskLine::kReadAhead; ++done) {
      DiskJob& job = *jobs[done];
      try {
        job.read();
      } catch (const std::bad_alloc&) {
        job.fail(std::make_error_code(std::errc::not_enough_memory));
      } catch (const std::system_error& e) {
        job.fail(e.code());
      }
      base::Span& body = job.body();
      bytes += body.length + job.response().body.size();
      if (!body.chunk.unique()) continue;
      job.charged = body.length;
      line.ahead.fetch_add(job.charged, std::memory_order_relaxed);
      body.chunk.charge(&ledger);
    }
  }
};

}  // namespace

// The answer comes back like a slow user handler's.
void Shard::answer_from_disk(Connection& c, std::shared_ptr<DiskJob> job) {
  if (disk_.places.size() >= kMaxLine) return respond(c, busy(), c.http->last);
  disk_.places.push_back({c.self, c.http->request, std::move(job)});
  counters_.disk_jobs.set(disk_.places.size() - disk_.reading);
  c.http->exchange = Exchange::user;
}

Connection* Shard::awaiting(const DiskLine::Place& place) {
  Connection* c = connections_.get(place.connection);
  return c != nullptr && c->http && c->http->request == place.request &&
                 c->http->machine.answering()
             ? c
             : nullptr;
}

void Shard::read_on_disk() {
  if (disk_.places.empty() || disk_.reading > 0 || shedder_.too_much_output()) return;
  std::erase_if(disk_.places, [this](const auto& place) { return awaiting(place) == nullptr; });
  const std::size_t n = std::min(disk_.places.size(), static_cast<std::size_t>(events_per_turn_));
  try {
    if (n > 0) {
      auto batch = std::make_shared<Batch>();
      for (std::size_t i = 0; i < n; ++i) batch->jobs.push_back(disk_.places[i].job);
      const bool queued = offload_.run([this, batch] { batch->read(disk_, ledger_); },
                                       [this, batch] { answer_read(batch->done); });
      disk_.reading = n;
      if (!queued) answer_read(0);
    }
  } catch (const std::bad_alloc&) {  // tried again by the next turn
    out_of_memory();
  }
  counters_.disk_jobs.set(disk_.places.size() - disk_.reading);
}

void Shard::answer_read(Connection& c, const DiskLine::Place& place, bool done) {
  DiskJob& job = *place.job;
  if (const std::error_code why = job.error())
    log(base::LogLevel::warn, base::LogKind::http, "a file cannot be read",
        {{"error", why.message()}});
  if (!done || job.error()) return respond(c, busy(), c.http->last);
  if (job.absent()) {
    base::InBuffer body = c.http->machine.take_body();
    return answer_unknown(c, body.view(), job.response());
  }
  respond(c, job.response(), c.http->last, std::move(job.body()));
}

// `done` of those that were to be read have been. None: the worker has too much to do.
void Shard::answer_read(std::size_t done) {
  const std::size_t n = done > 0 ? done : disk_.reading;
  disk_.reading = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const DiskLine::Place place = std::move(disk_.places[i]);
    const std::int64_t bytes = place.job->charged;
    disk_.ahead.fetch_sub(bytes, std::memory_order_relaxed);
    Connection* c = awaiting(place);
    if (c == nullptr) continue;
    answers_until_ += bytes;  // they have a share of their own
    c->http->exchange = Exchange::none;
    spare(place.connection, [&] {
      answer_read(*c, place, done > 0);
      revisit(*c);
    });
  }
  disk_.places.erase(disk_.places.begin(), disk_.places.begin() + static_cast<std::ptrdiff_t>(n));
  counters_.disk_jobs.set(disk_.places.size());
}

}  // namespace socketio::server
