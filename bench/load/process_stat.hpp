// What /proc says about a process: CPU time of all its threads and resident memory.
#pragma once

#include <cstdint>

namespace load {

struct ProcessStat {
  double user = 0;  // seconds, in the kernel's ticks
  double system = 0;
  double total = 0;       // user and system, to the nanosecond where the kernel tells
  std::uint64_t rss = 0;  // bytes

  double cpu() const { return total; }
  // What was spent since.
  ProcessStat since(const ProcessStat& before) const {
    return {user - before.user, system - before.system, total - before.total, rss};
  }
};

bool process_exists(int pid);
// All zero when there is no such process.
ProcessStat process_stat(int pid);
// CPU seconds of this process, finer than /proc's ticks.
double own_cpu_seconds();

}  // namespace load
