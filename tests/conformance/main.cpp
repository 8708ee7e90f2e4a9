// conformance-server --suite SUITE --port N [--fast] [--deflate] [--backend epoll|io_uring]
// [--threads N] [--options JSON]
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

#include "suites.hpp"

void announce(std::uint16_t port) {
  std::printf("listening on %u\n", static_cast<unsigned>(port));
  std::fflush(stdout);
}

namespace {

constexpr std::pair<std::string_view, void (*)(const SuiteOptions&)> kSuites[] = {
    {"ws", run_ws},
    {"eio4", run_eio4},
    {"eio3", run_eio3},
    {"sio5", run_sio5},
    {"probe", run_probe},
    {"lab", run_lab},
    {"client", run_client},
    {"engine-client", run_engine_client},
    {"ws-client", run_ws_client}};

int usage() {
  std::fprintf(stderr,
               "usage: conformance-server --suite SUITE --port N [--fast] [--deflate] [--backend "
               "epoll|io_uring] [--threads N] [--options JSON]\n");
  return 2;
}
}  // namespace

int main(int argc, char** argv) {
  std::string suite;
  SuiteOptions options;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--fast" || name == "--deflate") {
      (name == "--fast" ? options.fast : options.deflate) = true;
      continue;
    }
    if (i + 1 >= argc) return usage();
    const std::string value = argv[++i];
    if (name == "--suite") {
      suite = value;
    } else if (name == "--port") {
      options.port = static_cast<std::uint16_t>(std::strtoul(value.c_str(), nullptr, 10));
    } else if (name == "--threads") {
      options.threads = std::strtoul(value.c_str(), nullptr, 10);
    } else if (name == "--options") {
      options.options = value;
    } else if (name == "--backend" && value == "epoll") {
      options.backend = socketio::Backend::epoll;
    } else if (name == "--backend" && value == "io_uring") {
      options.backend = socketio::Backend::io_uring;
    } else {
      return usage();
    }
  }
  for (const auto& [name, run] : kSuites) {
    if (name != suite) continue;
    run(options);
    return 0;
  }
  return usage();
}
