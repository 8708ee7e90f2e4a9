// Nanoseconds per frame, in and out. The masks are zero, so that unmasking in place leaves the
// input as it was for the next round; it costs the same.
#include <benchmark/benchmark.h>

#include "ws/machine.hpp"
#include "ws/testing.hpp"

namespace socketio::ws::testing {
namespace {

constexpr std::string_view kNoMask("\0\0\0\0", 4);
constexpr std::size_t kFrames = 100;

void decode(benchmark::State& state, unsigned opcode, char fill) {
  base::Ledger ledger;
  base::OutQueue out;
  base::Arena arena(&ledger);
  SeededRandom random(1);
  const Limits limits;
  Machine machine(Role::server, limits);
  std::string input;
  std::string payload(static_cast<std::size_t>(state.range(0)), fill);
  if (fill < 0) {
    for (std::size_t i = 0; i + 1 < payload.size(); i += 2) payload.replace(i, 2, "\xce\xba");
  }
  for (std::size_t i = 0; i < kFrames; ++i) input += frame(opcode, payload, {.key = kNoMask});
  const std::size_t size = input.size();
  input.append(base::kPadding, '\0');
  for (auto _ : state) {
    machine.feed({input.data(), size}, base::Time{});
    for (;;) {
      Event event = machine.next({out, arena, ledger, random}, base::Time{});
      if (event.kind == EventKind::none) break;
      benchmark::DoNotOptimize(event);
    }
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kFrames));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(size));
}

void BM_DecodeText(benchmark::State& state) {
  decode(state, 1, 'x');
}
void BM_DecodeGreek(benchmark::State& state) {
  decode(state, 1, '\xce');
}
void BM_DecodeBinary(benchmark::State& state) {
  decode(state, 2, 'x');
}
BENCHMARK(BM_DecodeText)->Arg(1)->Arg(40)->Arg(125)->Arg(1024)->Arg(16384);
BENCHMARK(BM_DecodeGreek)->Arg(40)->Arg(1024);
BENCHMARK(BM_DecodeBinary)->Arg(40)->Arg(16384);

void BM_SendText(benchmark::State& state) {
  base::Ledger ledger;
  base::OutQueue out;
  base::Arena arena(&ledger);
  SeededRandom random(1);
  const Limits limits;
  Machine machine(Role::server, limits);
  const std::string payload(static_cast<std::size_t>(state.range(0)), 'x');
  for (auto _ : state) {
    for (std::size_t i = 0; i < kFrames; ++i)
      machine.send_text(payload, {out, arena, ledger, random});
    out.clear();
    arena.recycle();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kFrames));
}
BENCHMARK(BM_SendText)->Arg(40)->Arg(1024);

// 16 KiB messages arriving in reads of 4 KiB: the copying path.
void BM_DecodeInPieces(benchmark::State& state) {
  base::Ledger ledger;
  base::OutQueue out;
  base::Arena arena(&ledger);
  SeededRandom random(1);
  const Limits limits;
  Machine machine(Role::server, limits);
  std::string input = frame(1, std::string(16384, 'x'), {.key = kNoMask});
  const std::size_t size = input.size();
  input.append(base::kPadding, '\0');
  for (auto _ : state) {
    for (std::size_t from = 0; from < size; from += 4096) {
      machine.feed({input.data() + from, std::min<std::size_t>(4096, size - from)}, base::Time{});
      while (machine.next({out, arena, ledger, random}, base::Time{}).kind != EventKind::none) {
      }
    }
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(size));
}
BENCHMARK(BM_DecodeInPieces);

}  // namespace
}  // namespace socketio::ws::testing
