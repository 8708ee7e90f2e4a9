// bench-server --port N --mode echo|broadcast|rooms:K [--backend epoll|io_uring] [--threads N]
// [--tls PEM] [--deflate on]
//
// PEM is a file with a certificate and its key. --deflate: permessage-deflate with its defaults.
// Event "m" with any arguments, both transports, binary included. echo: emitted back (or
// acknowledged with them when an acknowledgement is asked for); broadcast: to everyone; rooms:K: to
// the sender's room, socket number modulo K.
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <string>

#include <socketio/server.hpp>

#include "support/on_signal.hpp"

namespace {

using socketio::Ack;
using socketio::EventView;
using socketio::Socket;

struct Options {
  std::uint16_t port = 0;
  std::string mode = "echo";
  unsigned long rooms = 0;
  std::size_t threads = 1;
  socketio::Backend backend = socketio::Backend::automatic;
  std::string tls;
  bool deflate = false;
};

bool parse(int argc, char** argv, Options& options) {
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    const std::string value = argv[i + 1];
    if (name == "--port") {
      options.port = static_cast<std::uint16_t>(std::strtoul(value.c_str(), nullptr, 10));
    } else if (name == "--mode") {
      options.mode = value;
    } else if (name == "--tls") {
      options.tls = value;
    } else if (name == "--deflate" && value == "on") {
      options.deflate = true;
    } else if (name == "--threads") {
      options.threads = std::strtoul(value.c_str(), nullptr, 10);
    } else if (name == "--backend" && value == "epoll") {
      options.backend = socketio::Backend::epoll;
    } else if (name == "--backend" && value == "io_uring") {
      options.backend = socketio::Backend::io_uring;
    } else {
      return false;
    }
  }
  if (options.mode.starts_with("rooms:"))
    options.rooms = std::strtoul(options.mode.c_str() + 6, nullptr, 10);
  return argc % 2 == 1 &&
         (options.mode == "echo" || options.mode == "broadcast" || options.rooms > 0);
}

// The arguments go out as they came in: unparsed text, or values where they hold binary.
template <class Send>
void pass_on(const EventView& event, Send&& send) {
  if (event.raw().empty() && event.size() > 0) {
    const socketio::Args values = event.values();
    send(socketio::Spread(values));
  } else {
    send(socketio::RawView{event.raw()});
  }
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (!parse(argc, argv, options)) {
    std::fprintf(stderr,
                 "usage: bench-server --port N --mode echo|broadcast|rooms:K [--backend "
                 "epoll|io_uring] [--threads N] [--tls PEM] [--deflate on]\n");
    return 2;
  }
  socketio::ServerOptions settings;
  settings.threads = options.threads;
  settings.backend = options.backend;
  if (!options.tls.empty())
    settings.tls = socketio::TlsOptions{.certificates = {{options.tls, options.tls}}};
  if (options.deflate) settings.per_message_deflate = socketio::PerMessageDeflate{};
  socketio::Server io(std::move(settings));
  if (options.mode == "echo") {
    io.on_event("m", [](Socket socket, EventView event, Ack ack) {
      pass_on(event, [&](const auto& arguments) {
        event.wants_ack() ? ack(arguments) : socket.emit("m", arguments);
      });
    });
  } else if (options.mode == "broadcast") {
    io.on_event("m", [&io](EventView event) {
      pass_on(event, [&](const auto& arguments) { io.emit("m", arguments); });
    });
  } else {
    std::atomic<unsigned long> number = 0;
    io.on_connection([&](Socket socket) {
      socket.data<std::string>() = "room" + std::to_string(number++ % options.rooms);
      socket.join(socket.data<std::string>());
    });
    io.on_event("m", [&io](Socket socket, EventView event) {
      pass_on(event, [&](const auto& arguments) {
        io.to(socket.data<std::string>()).emit("m", arguments);
      });
    });
  }
  io.listen(options.port);
  std::printf("listening on %u\n", static_cast<unsigned>(io.port()));
  std::fflush(stdout);
  const OnSignal stop([&io] { io.close(); });
  io.run();
}
