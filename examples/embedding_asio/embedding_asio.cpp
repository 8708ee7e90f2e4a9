// The server inside Asio's io_context, beside the program's own timer, signals and thread pool.
// With Boost.Asio it is the same: include <boost/asio.hpp> and say boost::asio.
//
//   embedding_asio [--port N] [--backend automatic|epoll|io_uring]    (port 0: any free one)
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <exception>
#include <string_view>

#include <asio.hpp>
#include <unistd.h>

#include <socketio/server.hpp>

// Calls process() whenever the server has something to do, until the descriptor is closed.
void serve(socketio::Server& io, asio::posix::stream_descriptor& ready) {
  ready.async_wait(asio::posix::stream_descriptor::wait_read, [&](std::error_code error) {
    if (error) return;
    io.process();  // never blocks; handlers run in here
    serve(io, ready);
  });
}

// Ten times a second, by Asio's clock: everybody gets a tick.
void tick(socketio::Server& io, asio::steady_timer& timer, unsigned ticks = 1) {
  timer.expires_after(std::chrono::milliseconds(100));
  timer.async_wait([&io, &timer, ticks](std::error_code error) {
    if (error) return;
    io.emit("tick", ticks);  // makes poll_fd() readable, so it leaves with the next turn
    tick(io, timer, ticks + 1);
  });
}

int main(int argc, char** argv) try {
  std::uint16_t port = 0;
  socketio::ServerOptions options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i], value = argv[i + 1];
    if (name == "--port") std::from_chars(value.data(), value.data() + value.size(), port);
    if (value == "epoll") options.backend = socketio::Backend::epoll;
    if (value == "io_uring") options.backend = socketio::Backend::io_uring;
  }

  socketio::Server io(options);
  asio::thread_pool pool(1);
  io.on_event("echo", [](std::string text) { return text; });  // answers the client's ack
  io.on_event("ask me", [](socketio::Socket socket) {
    // An ack the other way: the client's answer comes back as an event.
    socket.emit("6 * 7", [socket](int answer) { socket.emit("you said", answer); });
  });
  // Slow work belongs on other threads. An Ack may be answered from any of them.
  io.on_event("sum to", [&pool](std::uint32_t n, socketio::Ack ack) {
    asio::post(pool, [n, ack] {
      std::uint64_t sum = 0;
      for (std::uint64_t i = 1; i <= n; ++i) sum += i;
      ack(sum);
    });
  });
  io.listen(port);
  std::printf("listening on http://localhost:%u\n", unsigned{io.port()});
  std::fflush(stdout);

  asio::io_context loop(1);  // run() on one thread: that of the handlers
  asio::posix::stream_descriptor ready(loop, dup(io.poll_fd()));  // Asio closes this copy
  serve(io, ready);
  asio::steady_timer timer(loop);
  tick(io, timer);
  asio::signal_set signals(loop, SIGINT, SIGTERM);
  signals.async_wait([&](std::error_code, int) {
    // Says good-bye to every client, which takes some more turns; then nothing is left to run for.
    io.close().then([&loop](const socketio::Result<void>&) { loop.stop(); });
  });
  loop.run();
} catch (const std::exception& e) {
  std::fprintf(stderr, "embedding_asio: %s\n", e.what());
  return 1;
}
