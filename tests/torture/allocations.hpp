// One allocation that fails: malloc's callers (operator new, zlib, OpenSSL) get nothing, once.
// Sanitizers bring their own malloc, so that under them only operator new fails.
#pragma once

#include <cstdint>

namespace socketio::torture {

// The thread's allocations count, and one of them fails, while somebody holds one of these: the
// server is at work. Nests with Exempt.
class Armed {
 public:
  Armed();
  ~Armed();
  Armed(const Armed&) = delete;
  Armed& operator=(const Armed&) = delete;

 private:
  bool before_;
};

// As if somebody held one for this thread from now on, or no more: a thread that is at work all the
// time. Only one thread at a time may count.
void arm_thread(bool on);

// What the simulated kernel, the clients and the test itself allocate does not count.
class Exempt {
 public:
  Exempt();
  ~Exempt();
  Exempt(const Exempt&) = delete;
  Exempt& operator=(const Exempt&) = delete;

 private:
  bool before_;
};

inline constexpr std::uint64_t kNever = ~std::uint64_t{0};

// Counts from zero again; the allocation of that number fails.
void fail_allocation(std::uint64_t number);
// How many were asked for since then.
std::uint64_t allocations();
bool allocation_failed();
// Pieces of memory that are in use, whoever has them; 0 where only operator new is ours.
std::int64_t live_pieces();

}  // namespace socketio::torture
