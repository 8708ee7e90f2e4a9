#include "server/closing.hpp"

#include <exception>
#include <new>

#include "server/shard.hpp"

namespace socketio::server {
namespace {

// A question is on its way to others for one round, and its answer home for another: these are two,
// one after the other.
constexpr int kLastRounds = 4;

}  // namespace

// On the shards from `from` on. One that cannot be reached has ended.
void Closing::ask(Step step, std::size_t from) {
  const std::size_t size = hub_.size();
  step_ = step;
  if (from == size) return next();
  left_.store(size - from);
  for (std::size_t i = from; i < size; ++i) {
    if (!hub_.post_step(i, *this)) done();
  }
}

void Closing::step(Shard& shard) {
  switch (step_) {
    case Step::close:
      return shard.close([this] { done(); });
    case Step::hear_out:  // all shards do what is in their mailboxes, and what that has led to
      shard.dispatcher().pump(shard.now());
      return done();
    case Step::end:
      return shard.end([this] { done(); });
    case Step::end_first:  // who waits for it is told by run() or process()
      return shard.end([] {});
  }
}

void Closing::done() {
  if (left_.fetch_sub(1) == 1) next();
}

void Closing::next() {
  switch (step_) {
    case Step::close:
    case Step::hear_out:
      if (hub_.size() > 1 && rounds_++ < kLastRounds) return ask(Step::hear_out, 0);
      close_adapters();  // every socket has left its rooms
      return ask(Step::end, 1);
    case Step::end:
      step_ = Step::end_first;
      hub_.post_step(0, *this);
      break;
    case Step::end_first:
      break;
  }
}

void Closing::close_adapters() {
  // Of namespaces that are made from now on nobody would close them.
  hub_.names.refuse_adapters();
  std::size_t place = 0;
  while (const std::shared_ptr<Adapter> adapter = hub_.names.take_adapter(place)) {
    try {
      adapter->close();
    } catch (...) {
      const std::exception_ptr error = std::current_exception();
      try {
        hub_.logger.write(
            base::LogLevel::warn, base::LogKind::general,
            "an adapter failed to close: " + Dispatcher::failure_of(error, {}).message,
            net::system_now());
      } catch (const std::bad_alloc&) {  // what it failed for, most likely
      }
    }
  }
}

}  // namespace socketio::server
