// System calls of the server that fail once, on the real kernels. The linker puts ours in the place
// of the calls that src/net makes (--wrap; decision 23), so that production code has no seam for
// it:
//
//   epoll      syscall(2) for send and receive, accept4: ours return -1 and errno
//   io_uring   a submission becomes a NOP, and its completion says -errno: as if it had failed at
//              once, and nothing of it stays in the ring; io_uring_enter() itself, and the making
//              of a ring, return -errno
#pragma once

#include <cstdint>

namespace socketio::torture {

enum class KernelCall : std::uint8_t { send, receive, accept, enter, ring };

// Before the server's thread starts. Counts from zero again; the `number`th call of that kind
// fails. Only calls made while armed count.
void fail_call(KernelCall which, std::uint64_t number, int error);
// That one and all after it, until there is another plan.
void fail_calls_from(KernelCall which, std::uint64_t number, int error);
// Any thread.
void arm_calls(bool on);
// When the server's thread has ended.
std::uint64_t calls(KernelCall which);
bool call_failed();

}  // namespace socketio::torture
