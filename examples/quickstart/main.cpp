// The server of the README, as a program and project of its own.
#include <socketio/server.hpp>

int main() {
  socketio::Server io;
  io.on_connection([&io](socketio::Socket socket) {
    socket.join("lobby");
    socket.on("chat", [&io](std::string_view text) { io.to("lobby").emit("chat", text); });
    socket.on("add", [](int a, int b) { return a + b; });  // the return value is the ack
  });
  io.listen(3000);
  io.run();
}
