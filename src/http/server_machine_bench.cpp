#include <benchmark/benchmark.h>

#include "http/server_machine.hpp"

namespace socketio::http {
namespace {

const std::string kBrowserHead =
    "Host: example.com:3000\r\n"
    "Connection: keep-alive\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/126.0.0.0 Safari/537.36\r\n"
    "Accept: */*\r\n"
    "Sec-Fetch-Site: same-origin\r\n"
    "Sec-Fetch-Mode: cors\r\n"
    "Sec-Fetch-Dest: empty\r\n"
    "Referer: http://example.com:3000/chat/room?id=12\r\n"
    "Accept-Encoding: gzip, deflate, br\r\n"
    "Accept-Language: en-GB,en;q=0.9,de;q=0.8\r\n"
    "Cookie: io=0123456789abcdefghij; theme=dark\r\n";
const std::string kTarget =
    "/socket.io/?EIO=4&transport=polling&t=P0x1y2z&sid=0123456789abcdefghij HTTP/1.1\r\n";

void run(benchmark::State& state, const std::string& request) {
  const Limits limits;
  base::Ledger ledger;
  base::Arena arena(&ledger);
  base::OutQueue out;
  base::Time now{};
  ServerMachine machine(limits, now);
  const Env env{out, arena, ledger};
  std::string memory = request + std::string(base::kPadding, '\0');
  for (auto _ : state) {
    machine.feed({memory.data(), request.size()}, now);
    for (;;) {
      const Event event = machine.next(env, now);
      if (event.kind == EventKind::none) break;
      if (event.kind == EventKind::complete)
        machine.respond(200, "Content-Type: text/plain; charset=UTF-8\r\n", "ok", env, now);
    }
    out.consume(out.bytes());
    machine.on_progress(now, true);
    arena.recycle();
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(request.size()));
}

void BM_BrowserGet(benchmark::State& state) {
  run(state, "GET " + kTarget + kBrowserHead + "\r\n");
}
BENCHMARK(BM_BrowserGet);

void BM_BrowserPost(benchmark::State& state) {
  run(state, "POST " + kTarget + kBrowserHead +
                 "Content-Type: text/plain;charset=UTF-8\r\nContent-Length: 28\r\n\r\n"
                 "42[\"chat message\",\"hi there\"]");
}
BENCHMARK(BM_BrowserPost);

void BM_SmallGet(benchmark::State& state) {
  run(state, "GET " + kTarget + "Host: localhost:3000\r\n\r\n");
}
BENCHMARK(BM_SmallGet);

}  // namespace
}  // namespace socketio::http
