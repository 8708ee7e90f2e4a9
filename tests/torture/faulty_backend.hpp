// A backend whose calls fail once: stands before the simulator's and counts what a kernel may
// refuse. Facts and verbs are also where the server's allocations begin and end to count.
//
//   server --verbs--> FaultyBackend --verbs--> SimBackend      a send that fails: broken or later
//   server <--facts-- FaultyBackend <--facts-- SimBackend      a receive that fails: broken
#pragma once

#include <cstdint>
#include <memory>
#include <set>

#include "net/backend.hpp"

namespace socketio::torture {

enum class Call : std::uint8_t { send, receive, accept };

// The plan for one run: the `number`th call of that kind fails with `error`.
struct Fault {
  Call call = Call::send;
  std::uint64_t number = ~std::uint64_t{0};
  int error = 0;
  std::uint64_t counts[3] = {0, 0, 0};
  bool on = false;  // calls count
  bool happened = false;
  net::StreamId victim{};

  // True when it is this one.
  bool strikes(Call which);
};

// `fault` outlives it.
std::unique_ptr<net::Backend> make_faulty(std::unique_ptr<net::Backend> below, Fault& fault);

}  // namespace socketio::torture
