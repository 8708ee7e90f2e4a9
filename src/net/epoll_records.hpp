// What the epoll backend remembers about each descriptor. Private to epoll_backend.*.
#pragma once

#include <cstdint>

#include "net/backend.hpp"

namespace socketio::net {

// A hundred thousand of these are idle at a time, so they own nothing and stay small.
struct EpollStream {
  enum class State : std::uint8_t {
    open,
    connecting,
    refused,    // connect failed at once: on_connected and on_closed at the next wait()
    detaching,  // on_detached at the next wait()
    closing,    // on_closed at the next wait(); the descriptor is closed already
  };

  EpollStream(int descriptor, Owner who) : owner(who), fd(descriptor) {}
  bool may_send() const { return state == State::open && !sending; }

  Owner owner;
  int fd;
  std::uint16_t error = 0;  // errno for on_closed
  State state = State::open;
  // What the kernel has been told; it may be more than we want (see EpollBackend::ready).
  bool registered : 1 = false;
  bool armed_in : 1 = false;
  bool armed_out : 1 = false;
  // What we want.
  bool receiving : 1 = false;
  bool sending : 1 = false;  // a send is in flight
  bool starved : 1 = false;  // … and the kernel had no memory for it: the timer ends it
  // What has ended.
  bool eof : 1 = false;
  bool write_shut : 1 = false;
};
static_assert(sizeof(EpollStream) <= 16);

}  // namespace socketio::net
