// What /proc says about a process: CPU time of all its threads and resident memory.
#pragma once

#include <cstdint>

namespace load {

struct ProcessStat {
  double user = 0;  // seconds
  double system = 0;
  std::uint64_t rss = 0;  // bytes

  double cpu() const { return user + system; }
};

// All zero when there is no such process.
ProcessStat process_stat(int pid);
// CPU seconds of this process, finer than /proc's ticks.
double own_cpu_seconds();

}  // namespace load
