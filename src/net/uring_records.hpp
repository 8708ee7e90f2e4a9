// What the io_uring backend remembers about each descriptor. Private to uring_*.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "net/backend.hpp"

namespace socketio::net {

// What a completion belongs to.
enum class UringOp : std::uint8_t {
  receive,   // multishot, into the ring's buffers
  readable,  // one poll instead, for a stream in bulk
  out,       // one poll for "writable"
  hangup,    // multishot poll for errors and the end of both directions, while nothing is received
  cancel,    // of one of those above; speaks only when it found nothing
  send,      // speaks only when it fell short
  wake,
  timer,
  listener,
};

constexpr std::uint8_t bit(UringOp op) {
  return static_cast<std::uint8_t>(1U << static_cast<unsigned>(op));
}

// A hundred thousand of these are idle at a time, so they own nothing and stay small.
struct UringStream {
  enum class State : std::uint8_t {
    open,
    connecting,
    refused,    // connect failed at once: on_connected and on_closed at the next wait()
    detaching,  // on_detached when the kernel has let go
    closing,    // on_closed when the kernel has let go
  };

  UringStream(int descriptor, Owner who) : owner(who), fd(descriptor) {}
  bool may_batch(std::uint32_t in_wave) const {
    return state == State::open && !sending && wave != in_wave && rest == nullptr;
  }

  Owner owner;
  // Of a send that was copied and taken: what the kernel has not taken yet.
  std::unique_ptr<std::string> rest{};
  int fd;
  std::uint32_t wave = 0;      // of the last batched send (UringBackend::wave_)
  std::uint32_t turn = 0;      // the wait() that `received` counts in
  std::uint32_t received = 0;  // bytes delivered
  std::uint16_t error = 0;     // errno for on_closed
  State state = State::open;
  std::uint8_t armed = 0;      // bit(op): the kernel holds it, or we hold its completion
  std::uint8_t cancelled = 0;  // bit(op): a cancel is under way
  // What we want.
  bool receiving : 1 = false;
  bool bulk : 1 = false;      // more than kBulk came at a time
  bool sending : 1 = false;   // the owner waits for on_sent()
  bool want_out : 1 = false;  // to be told when it is writable
  bool starved : 1 = false;   // the kernel had no memory: tried again when the timer rings
  bool shut_later : 1 = false;
  // What has ended.
  bool eof : 1 = false;
  bool write_shut : 1 = false;
  // Which lists it is in.
  bool changed : 1 = false;
  bool leaving : 1 = false;
  bool held : 1 = false;  // completions of it wait for the next wait()
};
static_assert(sizeof(UringStream) <= 48);

}  // namespace socketio::net
