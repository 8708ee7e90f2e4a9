// Property: the same bytes, whole and in pieces, give the same events and the same output; every
// complete request can be answered; nothing is held once the machine is gone.
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>

#include "base/check.hpp"
#include "http/server_machine.hpp"
#include "http/stored_head.hpp"

namespace {

using namespace socketio;

// The first byte of the input seeds the pieces and how requests are answered.
class Run {
 public:
  Run(unsigned seed, bool split) : seed_(seed), split_(split), machine_(limits(), now_) {}

  void feed(base::Bytes bytes) {
    do {
      const std::size_t n = split_ ? next_piece() : bytes.size();
      const base::Bytes piece = bytes.substr(0, n);
      bytes.remove_prefix(piece.size());
      const auto memory = std::make_unique<char[]>(piece.size() + base::kPadding);
      piece.copy(memory.get(), piece.size());
      machine_.feed({memory.get(), piece.size()}, now_);
      drain();
    } while (!bytes.empty());
    machine_.on_eof();
    drain();
    SIO_CHECK(over_);
  }

  const std::string& transcript() const { return transcript_; }
  bool holds_nothing() const { return ledger_.input() == 0; }

 private:
  static const http::Limits& limits() {
    static const http::Limits limits{.max_head = 2048, .max_line = 512, .max_body = 4096};
    return limits;
  }

  std::size_t next_piece() {
    seed_ = seed_ * 1103515245 + 12345;
    return (seed_ >> 16) % ((seed_ >> 8) % 4 == 0 ? 200 : 7) + 1;
  }

  void drain() {
    const http::Env env{out_, arena_, ledger_};
    for (;;) {
      const http::Event event = machine_.next(env, now_);
      if (event.kind == http::EventKind::none) break;
      transcript_ += std::to_string(static_cast<int>(event.kind)) + "/";
      transcript_ += std::to_string(event.status) + " ";
      transcript_ += base::as_bytes(event.body);
      if (event.request != nullptr) answer(event, env);
      if (event.kind == http::EventKind::failed || event.kind == http::EventKind::closed)
        over_ = true;
      collect();
    }
    SIO_CHECK(!machine_.has_input());
  }

  void answer(const http::Event& event, http::Env env) {
    const http::Request& request = *event.request;
    transcript_.append(request.method).append(request.path).append(request.query);
    for (const http::Header& header : request.headers)
      transcript_.append(header.name).append(header.value);
    const bool early = request.header("x").size() % 2 == 1;
    if (early != (event.kind == http::EventKind::head)) return;
    const http::HeadCopy stored = http::StoredHead(request).open();
    SIO_CHECK(stored.text() == request.head && stored.path() == request.path &&
              stored.headers().size() == request.headers.size());
    if (request.method == "PUT") {
      machine_.respond({}, env, now_);
    } else {
      machine_.respond(200, "X: y\r\n", base::as_bytes(event.body), env, now_);
    }
    SIO_CHECK(!machine_.answering());
  }

  void collect() {
    base::Bytes part;
    while (out_.gather({&part, 1}) > 0) {
      transcript_ += part;
      out_.consume(part.size());
    }
  }

  unsigned seed_;
  bool split_;
  bool over_ = false;
  base::Time now_{};
  base::Ledger ledger_;
  base::Arena arena_;
  base::OutQueue out_;
  http::ServerMachine machine_;
  std::string transcript_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const base::Bytes input(reinterpret_cast<const char*>(data) + 1, size - 1);
  Run whole(data[0], false);
  whole.feed(input);
  Run split(data[0], true);
  split.feed(input);
  SIO_CHECK(whole.transcript() == split.transcript());
  SIO_CHECK(whole.holds_nothing() && split.holds_nothing());
  return 0;
}
