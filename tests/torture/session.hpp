// Scripted sessions with a server in the simulator: one client (or several) goes through everything
// a transport can do, while another sits beside it and must notice nothing. One fault befalls the
// server on the way.
//
//   bystander ---- connected all the time, silent while faults may happen ----
//   victims        the script; they may be closed by the server, never forgotten by it
#pragma once

#include <string>
#include <vector>

#include "torture/faulty_backend.hpp"

namespace socketio::torture {

enum class Script : std::uint8_t {
  websocket,
  polling,
  upgrade,
  deflate,
  tls,
  recovery,
  old_client,
  plain,
  http,
  admission,
  named,
  child,
};
const char* name_of(Script script);
const std::vector<Script>& all_scripts();

struct Report {
  std::string failure;  // empty: all is well
  std::uint64_t allocations = 0;
  std::uint64_t sends = 0;
  std::uint64_t receives = 0;
  std::uint64_t accepts = 0;
  std::uint64_t steps = 0;  // what the victims got done
  std::int64_t live = 0;    // pieces of memory more than before
};

// The allocation of that number fails (kNever: none), and `fault` happens.
Report run(Script script, std::uint64_t allocation, Fault fault = {});

}  // namespace socketio::torture
