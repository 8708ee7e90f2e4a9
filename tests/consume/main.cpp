// The program of every user in this folder: a server that listens on a free port and closes.
#include <cstdio>

#include <socketio/server.hpp>

int main() {
  socketio::Server io;
  io.on_connection([](socketio::Socket socket) { socket.join("lobby"); });
  io.listen(0, "127.0.0.1");
  const auto port = io.port();
  const auto closed = io.close();
  io.run();
  std::printf("listened on %d and closed\n", port);
  return port > 0 && closed.ready() ? 0 : 1;
}
