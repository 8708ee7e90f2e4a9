// The server inside a plain poll(2) loop that also serves descriptors of the program's own: a clock
// that ticks ten times a second, and the signals that end it.
//
//   embedding_poll [--port N] [--backend automatic|epoll|io_uring]    (port 0: any free one)
#include <array>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <exception>
#include <string_view>

#include <poll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <socketio/server.hpp>

int main(int argc, char** argv) try {
  std::uint16_t port = 0;
  socketio::ServerOptions options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i], value = argv[i + 1];
    if (name == "--port") std::from_chars(value.data(), value.data() + value.size(), port);
    if (value == "epoll") options.backend = socketio::Backend::epoll;
    if (value == "io_uring") options.backend = socketio::Backend::io_uring;
  }

  // Our own descriptors. Signals are blocked, so that they come through one of them.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  const int signal_fd = signalfd(-1, &signals, SFD_CLOEXEC);
  const int clock_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
  constexpr long kTick = 100'000'000;  // ns
  const itimerspec every_tick{{0, kTick}, {0, kTick}};
  timerfd_settime(clock_fd, 0, &every_tick, nullptr);

  // The server. Handlers run inside process(), so they share this thread and need no locks.
  socketio::Server io(options);
  io.on_event("echo", [](std::string text) { return text; });  // answers the client's ack
  io.on_event("ask me", [](socketio::Socket socket) {
    // An ack the other way: the client's answer comes back as an event.
    socket.emit("6 * 7", [socket](int answer) { socket.emit("you said", answer); });
  });
  io.listen(port);
  std::printf("listening on http://localhost:%u\n", unsigned{io.port()});
  std::fflush(stdout);

  // The loop. poll_fd() is readable when the server has anything to do: traffic, a deadline, work
  // from another thread, what we have just emitted. So poll() may sleep for ever.
  std::array<pollfd, 3> watched{{
      {io.poll_fd(), POLLIN, 0},
      {clock_fd, POLLIN, 0},
      {signal_fd, POLLIN, 0},
  }};
  unsigned ticks = 0;
  for (bool closed = false; !closed;) {
    if (poll(watched.data(), watched.size(), -1) < 0) continue;  // interrupted
    if (watched[0].revents != 0) io.process();                   // never blocks
    if (watched[1].revents != 0) {
      std::uint64_t expired = 0;
      if (read(clock_fd, &expired, sizeof expired) > 0) io.emit("tick", ++ticks);
    }
    if (watched[2].revents != 0) {
      signalfd_siginfo info{};
      if (read(signal_fd, &info, sizeof info) > 0)
        // Says good-bye to every client, which takes some more turns of this loop.
        io.close().then([&closed](const socketio::Result<void>&) { closed = true; });
    }
  }
} catch (const std::exception& e) {
  std::fprintf(stderr, "embedding_poll: %s\n", e.what());
  return 1;
}
