#include "load/process_stat.hpp"

#include <ctime>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>

#include <unistd.h>

namespace load {

namespace {

// The kernel's own account of all threads of a process, in nanoseconds, where /proc counts in ticks
// of 10 ms.
std::optional<double> cpu_clock(int pid) {
  clockid_t clock{};
  timespec time{};
  if (::clock_getcpuclockid(pid, &clock) != 0 || ::clock_gettime(clock, &time) != 0) return {};
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

}  // namespace

bool process_exists(int pid) {
  return std::ifstream("/proc/" + std::to_string(pid) + "/stat").good();
}

ProcessStat process_stat(int pid) {
  ProcessStat stat;
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  if (!std::getline(file, line)) return stat;
  // The name in parentheses may hold anything; the fields are counted behind it.
  std::istringstream fields(line.substr(line.rfind(')') + 1));
  std::string skipped;
  for (int field = 3; field < 14; ++field) fields >> skipped;
  double user = 0;
  double system = 0;
  fields >> user >> system;
  for (int field = 16; field < 24; ++field) fields >> skipped;
  std::uint64_t pages = 0;
  fields >> pages;
  const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  stat.user = user / ticks;
  stat.system = system / ticks;
  stat.total = cpu_clock(pid).value_or(stat.user + stat.system);
  stat.rss = pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  return stat;
}

double own_cpu_seconds() {
  return cpu_clock(::getpid()).value_or(0);
}

}  // namespace load
